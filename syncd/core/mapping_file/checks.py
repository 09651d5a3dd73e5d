"""What may a mapping file never say, and how is that told to the person who wrote it?"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from syncd.core.tables import Path, Table
from syncd.core.values import Problem

OPT_OUT = "HasOptedOutOfEmail"

_UNSEEN = ("Cc", "Cf", "Co", "Cn", "Zl", "Zp")
_FENCED = ("Status", "OwnerId", "Owner")
_SYSTEM = (
    "Id", "IsDeleted", "MasterRecordId", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp",
    "LastActivityDate", "LastViewedDate", "LastReferencedDate", "IsConverted", "ConvertedDate", "ConvertedAccountId",
    "ConvertedContactId", "ConvertedOpportunityId",
)  # fmt: skip
_DEAL = ("StageName", "Amount", "CloseDate", "Probability", "ForecastCategory", "ForecastCategoryName", "ExpectedRevenue")


@dataclass(slots=True)
class Reading:
    """Takes values out of a table and keeps the problems met on the way."""

    table: Table
    problems: list[Problem] = field(default_factory=list)

    def say(self, path: Path, code: str, text: str, remedy: str, *, is_key: bool = False) -> None:
        """Keep one problem that points at a path, at its key where that is meant."""
        self.problems.append(self.table.problem(path, code, text, remedy, is_key=is_key))

    def near(self, word: str, choices: Iterable[str]) -> str:
        """Return " Did you mean …?" for a typo, or nothing."""
        by_folded = {choice.casefold(): choice for choice in choices}
        found = get_close_matches(word.casefold(), by_folded, 1)
        return f" Did you mean {by_folded[found[0]]!r}?" if found else ""

    def keys(
        self, base: Path, values: Mapping[str, object], known: Sequence[str], *, code: str = "MAP-101", what: str = ""
    ) -> None:
        """Report each key that does not belong here."""
        for key in values:
            if key in known:
                continue
            if key == "lookup":
                shown = "Write the value to a text field, and let a flow in Salesforce fill the lookup from it."
                self.say(
                    (*base, key),
                    "MAP-124",
                    "syncd writes no lookups: a cell would have to name another record.",
                    shown,
                    is_key=True,
                )
                continue
            if key.startswith("create"):
                shown = "Remove the line; rows that fit nobody are listed by: syncd status"
                self.say(
                    (*base, key), "MAP-114", "Whether people are created is said once, in a table [create].", shown, is_key=True
                )
                continue
            text = f"{what}, not {key!r}." if what else f"{key!r} is not known here.{self.near(key, known)}"
            self.say((*base, key), code, text, f"Known are: {', '.join(known)}.", is_key=True)

    def text(self, base: Path, values: Mapping[str, object], key: str) -> str | None:
        """Return a text, or None when it is absent, empty or no text."""
        value = values.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value:
            self.say((*base, key), "MAP-102", f"{key} is {_shown(value)}, not a text.", f'Write {key} = "…".')
            return None
        return value

    def texts(self, base: Path, values: Mapping[str, object], key: str) -> list[str] | None:
        """Return a list of texts, or None when it is absent or something else."""
        value = values.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.say((*base, key), "MAP-102", f"{key} is {_shown(value)}, not a list of texts.", f'Write {key} = ["…", "…"].')
            return None
        return value

    def truth(self, base: Path, values: Mapping[str, object], key: str) -> bool:
        """Return true or false; false when it is absent or something else."""
        value = values.get(key, False)
        if not isinstance(value, bool):
            self.say((*base, key), "MAP-102", f"{key} is {_shown(value)}, not true or false.", f"Write {key} = true.")
            return False
        return value

    def choice(self, base: Path, values: Mapping[str, object], key: str, choices: Sequence[str]) -> str | None:
        """Return one of the choices, or None when it is absent or none of them."""
        value = self.text(base, values, key)
        if value is not None and value not in choices:
            text = f"{key} is {value!r}.{self.near(value, choices)}"
            self.say((*base, key), "MAP-104", text, f"Choose one of: {', '.join(choices)}.")
            return None
        return value

    def table_at(self, base: Path, values: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
        """Return a table, or None when it is absent or something else."""
        value = values.get(key)
        if value is not None and not isinstance(value, Mapping):
            named = ".".join(part if str(part).isidentifier() else f'"{part}"' for part in map(str, (*base, key)))
            self.say((*base, key), "MAP-102", f"{key} is {_shown(value)}, not a table.", f"Write it as a table: [{named}].")
            return None
        return value


def never_written(reading: Reading, path: Path, name: str) -> bool:
    """Report a field that no export may write, and tell whether it was one."""
    object_name, _, bare = name.rpartition(".")
    folded = bare.casefold()
    if object_name.casefold() == "opportunity" or folded in map(str.casefold, _DEAL):
        reading.say(path, "MAP-110", f"{name} belongs to opportunities: no export writes to them.", "Remove the column.")
    elif folded in map(str.casefold, _FENCED):
        shown = "Remove the column; who may set it stands in fences.toml."
        reading.say(path, "MAP-108", f"{name} is fenced: no export ever writes it.", shown)
    elif folded in map(str.casefold, _SYSTEM):
        reading.say(path, "MAP-109", f"{name} is set by Salesforce alone.", "Remove the column or choose another field.")
    elif object_name:
        shown = f'Write field = {{ {object_name} = "{bare}" }}.'
        reading.say(path, "MAP-119", f"{name!r} is no field name.", shown)
    else:
        return False
    return True


def spelling_problems(reading: Reading, path: Path, value: object) -> None:
    """Report names and values with characters that nobody sees, showing their code points."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _unseen(reading, (*path, key), key)
            spelling_problems(reading, (*path, key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            spelling_problems(reading, (*path, index), inner)
    elif isinstance(value, str) and path[-1:] not in (("delimiter",), ("thousands",), ("split",)):
        if path[-1:] in (("formula",), ("transform",), ("when",)):
            value = " ".join(value.split(None)) if value.strip() else value  # a formula may go over several lines
        # A null spelling may be blanks: some exports really write them.
        _unseen(reading, path, value, may_be_padded="null" in path)


def _unseen(reading: Reading, path: Path, text: str, *, may_be_padded: bool = False) -> None:
    strange = [char for char in text if unicodedata.category(char) in _UNSEEN or char == "\N{NO-BREAK SPACE}"]
    padding = [] if may_be_padded else [*text[: len(text) - len(text.lstrip())], *text[len(text.rstrip()) :]]
    found = list(dict.fromkeys([*strange, *padding]))
    if found:
        points = ", ".join(f"U+{ord(char):04X} {unicodedata.name(char, 'control character')}" for char in found)
        reading.say(path, "MAP-115", f"{text!r} holds characters that nobody sees: {points}.", "Type it again without them.")


def _shown(value: object) -> str:
    words = {bool: "true" if value else "false", dict: "a table", list: "a list"}
    return words.get(type(value), repr(value))
