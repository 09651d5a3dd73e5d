"""What does a mapping file say of each column and of each computed field, and what is wrong with that?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from syncd.core.mapping import Column, Formula
from syncd.core.mapping_file.checks import OPT_OUT, Reading, never_written
from syncd.core.mapping_file.column_checks import column_problems, computed_problems
from syncd.core.mapping_file.consent import read_scopes
from syncd.core.mapping_file.formulas import Formulas
from syncd.core.mapping_file.keys import (
    BLANKS,
    COLUMN,
    COMPUTED,
    CONFLICTS,
    FLAGS,
    PEOPLE,
    SIDES,
    TRANSFORMS,
    TYPES,
    names,
)
from syncd.core.tables import Path
from syncd.core.values import Flag

API_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What [file] says for all columns."""

    null: frozenset[str]
    decimal: str
    thousands: str
    region: str


def read_columns(reading: Reading, formulas: Formulas, defaults: Defaults, *, is_needed: bool) -> tuple[Column, ...]:
    """Read [column]."""
    table = reading.table
    values = reading.table_at((), table.values, "column")
    if not values:
        if not is_needed and "column" not in table.values:
            return ()
        if "column" not in table.values or values is not None:
            reading.say(
                ("column",), "MAP-103", "No column is mapped: nothing would ever be read.",
                'Write a table such as [column."leadScore"] for each column to use.',
            )  # fmt: skip
        return ()
    columns = []
    for name in values:
        one = reading.table_at(("column",), values, name)
        if not name.strip():
            text = "A column has no name: a cell of it could not be told from another."
            reading.say(("column", name), "MAP-119", text, "Write the name that stands in the header, and export with names.")
        if one is not None:
            columns.append(_column(reading, formulas, name, one, defaults))
    return tuple(columns)


def read_computed(reading: Reading, formulas: Formulas) -> tuple[Column, ...]:
    """Read [computed]: fields that a formula works out, written as a column's would be."""
    found = []
    values = reading.table_at((), reading.table.values, "computed") or {}
    for name in values:
        one = reading.table_at(("computed",), values, name)
        if one is not None:
            found.append(_computed(reading, formulas, name, one))
    return tuple(found)


def _computed(reading: Reading, formulas: Formulas, name: str, values: Mapping[str, object]) -> Column:
    base: Path = ("computed", name)
    reading.keys(base, values, names(COMPUTED))
    if name.casefold() == OPT_OUT.casefold():
        reading.say(base, "MAP-111", f"{OPT_OUT} is written only from an opt-out column.", "Give the column a flag instead.")
    elif not API_NAME.fullmatch(name):
        reading.say(base, "MAP-119", f"{name!r} is no field name.", "Use the API name, such as [computed.Full_Name__c].")
    else:
        never_written(reading, base, name)
    objects = reading.texts(base, values, "objects")
    for index, object in enumerate(objects or ()):
        if object not in PEOPLE:
            text = f"Only leads and contacts are written from an export, not {object!r}."
            reading.say((*base, "objects", index), "MAP-110", text, f"Known are: {', '.join(PEOPLE)}.")
    if objects == []:
        reading.say((*base, "objects"), "MAP-102", "objects names nothing.", 'Write objects = ["Lead"], or remove the line.')
    if "formula" not in values:
        shown = "Write a line such as: formula = 'first_name & \" \" & last_name'"
        reading.say(base, "MAP-103", f"Computed field {name!r} has no formula.", shown)
    formula = formulas.at(base, "formula", values)
    column = Column(
        name, "text" if formula is None else formula.gives, reading.table.rule(name, *base),
        fields=dict.fromkeys(PEOPLE if objects is None else [one for one in PEOPLE if one in objects], name),
        side=reading.choice(base, values, "side", SIDES) or "marketing",
        conflict=reading.choice(base, values, "conflict", CONFLICTS) or "overwrite",
        blank=reading.choice(base, values, "blank", BLANKS) or "leave",
        exclusive=reading.truth(base, values, "exclusive"),
        formula=formula, when=formulas.at(base, "when", values, is_condition=True),
    )  # fmt: skip
    computed_problems(reading, base, column, values)
    return column


def _column(reading: Reading, formulas: Formulas, name: str, values: Mapping[str, object], defaults: Defaults) -> Column:
    base: Path = ("column", name)
    reading.keys(base, values, names(COLUMN))
    kind = reading.choice(base, values, "type", TYPES)
    if kind is None and "type" not in values:
        reading.say(base, "MAP-103", f"Column {name!r} has no type.", f"Add one of: {', '.join(TYPES)}.")
    flag = reading.choice(base, values, "flag", FLAGS)
    own = reading.texts(base, values, "null")
    true, false = reading.texts(base, values, "true"), reading.texts(base, values, "false")
    null = defaults.null
    word, formula = _transform(reading, formulas, base, values)
    column = Column(
        name, kind or "text", reading.table.rule(name, *base),
        # What a blank opt-out means has to be said in its own column: an undeclared blank counts as opted out (promise 4).
        frozenset(own if own is not None else () if flag == Flag.OPTED_OUT else null - set(true or ()) - set(false or ())),
        frozenset(("true",) if true is None else true), frozenset(("false",) if false is None else false),
        _fields(reading, base, values),
        reading.choice(base, values, "side", SIDES) or "marketing",
        reading.choice(base, values, "conflict", CONFLICTS) or "overwrite",
        reading.choice(base, values, "blank", BLANKS) or "leave",
        word,
        Flag(flag) if flag else None,
        frozenset(reading.texts(base, values, "opted_out_when") or ()),
        frozenset(reading.texts(base, values, "unreachable_when") or ()),
        reading.truth(base, values, "exclusive"),
        defaults.decimal, defaults.thousands,
        formula, formulas.at(base, "when", values, is_condition=True),
        reading.truth(base, values, "required") if "required" in values else True,
        tuple(reading.texts(base, values, "formats") or ()),
        reading.text(base, values, "split") or ";",
        reading.text(base, values, "region") or (defaults.region if kind == "phone" else ""),
    )  # fmt: skip
    scope, scopes = read_scopes(reading, base, values, kind)
    column = replace(column, scope=scope, scopes=scopes, region_from=reading.text(base, values, "region_from") or "")
    column_problems(reading, base, column, values, own)
    return column


def _transform(
    reading: Reading, formulas: Formulas, base: Path, values: Mapping[str, object]
) -> tuple[str | None, Formula | None]:
    """Read a transform: one of the short words, or a formula. A single word is no formula."""
    written = values.get("transform")
    if isinstance(written, str) and written.strip() and not re.fullmatch(r"\w+", written.strip()):
        return None, formulas.at(base, "transform", values)
    return reading.choice(base, values, "transform", TRANSFORMS), None


def _fields(reading: Reading, base: Path, values: Mapping[str, object]) -> dict[str, str]:
    """Read `field`: one name for both objects, or one by object."""
    written = values.get("field")
    path = (*base, "field")
    if isinstance(written, Mapping):
        reading.keys(path, written, PEOPLE, code="MAP-110", what="Only leads and contacts are written from an export")
        named = {key: reading.text(path, written, key) for key in written if key in PEOPLE}
        if not written:
            reading.say(path, "MAP-102", "field names nothing.", 'Write field = "Lead_Score__c" or { Lead = "…" }.')
    elif written is None or isinstance(written, str):
        name = reading.text(base, values, "field")
        named = dict.fromkeys(PEOPLE, name) if name else {}
    else:
        reading.say(path, "MAP-102", f"field is {written!r}.", 'Write field = "Lead_Score__c" or { Lead = "…", Contact = "…" }.')
        return {}
    for key, name in named.items():
        where = (*path, key) if isinstance(written, Mapping) else path
        if name is not None and "." not in name and not API_NAME.fullmatch(name):
            reading.say(where, "MAP-119", f"{name!r} is no field name.", "Use the API name, such as Lead_Score__c.")
            break
        if name is not None and never_written(reading, where, name):
            break
    return {key: name for key, name in named.items() if name}
