"""May an export create people, and what is such a person made of? Off, until a mapping has a [create] table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from syncd.core.mapping_file.checks import Reading
from syncd.core.mapping_file.keys import CREATE, CREATED, names
from syncd.core.tables import Path
from syncd.core.values import Rule

PER_DAY_MAX = 10_000
NEEDED = "LastName"
"""The one field without which Salesforce saves no lead, in any org."""


@dataclass(frozen=True, slots=True)
class Creation:
    """What a mapping allows: `filled` columns need a value, at most `per_day` people a day (UTC) are created, and the org's
    assignment rules run for them only with `assign`."""

    object: str
    filled: tuple[str, ...]
    per_day: int
    assign: bool
    rule: Rule


def read_creation(reading: Reading, written: Collection[str], named: Collection[str], keys: Collection[str]) -> Creation | None:
    """Read [create] of a mapping; None without one.

    Shapes: `written` names the fields of a lead that the mapping writes, `named` the columns that it knows, `keys` what it
            matches by.
    """
    base: Path = ("create",)
    values = reading.table_at((), reading.table.values, "create")
    if values is None:
        return None
    reading.keys(base, values, names(CREATE))
    object = reading.choice(base, values, "object", CREATED)
    if "object" not in values:
        reading.say(base, "MAP-103", "[create] has no object.", 'Write object = "Lead": nothing else is created.')
    filled = tuple(reading.texts(base, values, "filled") or ())
    for place, name in enumerate(filled):
        if name not in named:
            text = f"filled names {name!r}, which is no column of this mapping.{reading.near(name, named)}"
            reading.say((*base, "filled", place), "MAP-140", text, f"Known are: {', '.join(sorted(named))}.")
    per_day = _per_day(reading, base, values)
    if NEEDED not in written:
        text = f"[create] needs a column that writes {NEEDED}: Salesforce saves no lead without it."
        reading.say(base, "MAP-142", text, f'Add a column with field = {{ Lead = "{NEEDED}" }}, side = "marketing".')
    if not {"external", "email"} & set(keys):
        text = "[create] needs external or email under [match]: a person who was created has to be found again."
        reading.say(base, "MAP-143", text, 'Write under [match] a line such as: email = "email"')
    assign = reading.truth(base, values, "assign")
    return Creation(object or CREATED[0], filled, per_day, assign, reading.table.rule("create", *base))


def _per_day(reading: Reading, base: Path, values: Mapping[str, object]) -> int:
    value = values.get("per_day")
    if value is None:
        shown = "Write per_day = 50, or whatever a person would notice if it went wrong."
        reading.say(base, "MAP-103", "[create] has no per_day: how many people a day may be created at most.", shown)
    elif isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= PER_DAY_MAX:
        text = f"per_day is {value!r}, not a whole number from 1 to {PER_DAY_MAX:,}."
        reading.say((*base, "per_day"), "MAP-141", text, "Write per_day = 50.")
    else:
        return value
    return 1


def creation_faults(creation: Creation, key: str, createable: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """Hold [create] against the org: code, text and remedy of what is wrong.

    Shapes: `key` is the field by which a created person is found again, `createable` the fields that syncd's user may set on a
            new record: none of them where it may not create any.
    """
    name = creation.object
    if not createable:
        remedy = f"Grant Create on {name} to syncd's user, or remove [create]."
        yield "MAP-144", f"[create]: syncd's user may not create a {name}.", remedy
    elif missing := [field for field in dict.fromkeys((key, NEEDED)) if field not in createable]:
        fields = ", ".join(f"{name}.{field}" for field in missing)
        text = f"[create]: syncd's user may not set {fields} on a new record: nobody could be created and found again."
        yield "MAP-145", text, "Grant read and edit access, or remove [create]."
