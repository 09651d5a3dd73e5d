"""How is one policy table read so that every mistake in it is named at once?"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from syncd.core.tables import Path, Table
from syncd.core.values import Problem, Rule

FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # drawn as nothing, but letters or marks to Unicode
LOOK_ALIKES = (  # Cyrillic and Greek letters drawn like Latin ones
    "\u0410\u0412\u0415\u0405\u0406\u0408\u041a\u041c\u041d\u041e\u0420\u0421"
    "\u0422\u0425\u0423\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4"
    "\u03a5\u03a7\u03bf\u03bd"
)
OF_PEOPLE = ("by", "user", "profile", "role", "queue", "permission_set", "group", "territory", "user_type")


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _is_invisible(char: str) -> bool:
    is_odd_space = char != " " and char.isspace()
    return is_odd_space or char in FILLERS or unicodedata.category(char) in ("Cf", "Cc", "Co", "Zl", "Zp")


def _is_latin(char: str) -> bool:
    return char.isalpha() and unicodedata.name(char, "").startswith("LATIN ")


def _points(chars: Iterable[str]) -> str:
    return ", ".join(f"U+{ord(char):04X}" for char in dict.fromkeys(chars))


class Reader:
    """Reads typed values out of a table and collects problems instead of stopping at the first.

    Errors: none raise. A missing or wrong value is a problem and reads as None or as empty.
    """

    def __init__(self, table: Table) -> None:
        self.problems: list[Problem] = []
        self._table = table

    def value(self, path: Path) -> Any:
        """Return what stands at a path, or None; a number in it is an element of a list."""
        here: Any = self._table.values
        for part in path:
            is_there = isinstance(here, Mapping) and part in here
            if not is_there and not (isinstance(here, list) and isinstance(part, int) and part < len(here)):
                return None
            here = here[part]
        return here

    def rule(self, name: str, *path: str | int) -> Rule:
        """Return the rule that stands at a path."""
        return self._table.rule(name, *path)

    def refuse(self, path: Path, code: str, text: str, remedy: str, *, is_key: bool = False) -> None:
        """Note a problem at a path, at its key where that is meant."""
        self.problems.append(self._table.problem(path, code, text, remedy, is_key=is_key))

    def refuse_within(self, path: Path, found: Problem, text: str) -> None:
        """Note what was found within the text at a path, at its place there."""
        made = self._table.problem_within(path, found.line, found.column, found.code, text, found.remedy)
        self.problems.append(made)

    def unknown(
        self, path: Path, code: str, text: str, known: Iterable[str], word: str, *, otherwise: str = "", is_key: bool = False
    ) -> None:
        """Note a name that is not known, with the nearest one that is, and what else would put it right."""
        names = sorted(known)
        near = difflib.get_close_matches(word, names, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else "Known: " + (", ".join(names) or "none")
        if otherwise:
            remedy += f"{'' if near else '.'} {otherwise}"
        self.refuse(path, code, text + ".", remedy, is_key=is_key)

    def known_keys(self, path: Path, keys: Iterable[str]) -> None:
        """Refuse every key of a table that is not in `keys`; a table of free names is not asked about."""
        here = self.value(path) if path else self._table.values
        allowed = tuple(keys)
        if here is not None and not isinstance(here, Mapping):
            self.refuse(
                path, "MAP-002", f"{path[-1]!r} must be a table.", "Write it as { key = value } with: " + ", ".join(allowed)
            )
            return
        for key in here or ():
            if key not in allowed:
                self.unknown((*path, key), "MAP-001", f"unknown key {key!r}", allowed, key, is_key=True)

    def table(self, path: Path, *, required: bool = False) -> Mapping[str, Any]:
        """Return a table, empty when it is absent."""
        here = self.value(path)
        if here is None and required:
            self.refuse(path[:-1], "MAP-003", f"[{'.'.join(map(str, path))}] is missing.", "Add the table.")
        if here is not None and not isinstance(here, Mapping):
            self.refuse(path, "MAP-002", f"{path[-1]!r} must be a table.", f"Write [{'.'.join(map(str, path))}].")
            return {}
        return here or {}

    def text(self, path: Path, *, required: bool = False) -> str | None:
        """Return a text, or None."""
        here = self.value(path)
        if here is None:
            if required:
                self._missing(path, '"…"')
            return None
        if not isinstance(here, str) or not here.strip():
            self.refuse(path, "MAP-004", f"{path[-1]} = {here!r} is no text.", "Write a text in quotes.")
            return None
        self.plain_text(path, here)
        return here

    def texts(self, path: Path, *, required: bool = False) -> list[str]:
        """Return a list of texts, empty when it is absent."""
        here = self.value(path)
        if here is None:
            if required:
                self._missing(path, '["…"]')
            return []
        if not isinstance(here, list) or not here or not all(isinstance(item, str) and item.strip() for item in here):
            name = path[-1]
            wrong = f"names {'nobody' if name in OF_PEOPLE else 'nothing'}" if here == [] else "is no list of texts"
            self.refuse(path, "MAP-005", f"{name} = {here!r} {wrong}.", f'Write it as {name} = ["…", "…"].')
            return []
        for item in here:
            self.plain_text(path, item)
        return list(here)

    def flag(self, path: Path) -> bool:
        """Return true or false; false when it is absent."""
        here = self.value(path)
        if here is not None and not isinstance(here, bool):
            self.refuse(
                path, "MAP-016", f"{path[-1]} = {_written(here)} is neither true nor false.", "Write true, without quotes."
            )
        return here is True

    def whole(self, path: Path, *, required: bool = False) -> int | None:
        """Return a whole number of at least 0, or None."""
        here = self.value(path)
        if here is None:
            if required:
                self._missing(path, "30")
            return None
        if not isinstance(here, int) or isinstance(here, bool) or here < 0:
            is_quoted = isinstance(here, str) and here.strip().isdecimal()
            remedy = "Write it without quotes." if is_quoted else "Write a whole number, such as 30."
            self.refuse(path, "MAP-006", f"{path[-1]} = {_written(here)} is no whole number of at least 0.", remedy)
            return None
        return here

    def _missing(self, path: Path, example: str) -> None:
        parent = self.value(path[:-1])
        if isinstance(parent, Mapping):  # what is no table at all was refused as such
            self.refuse(path[:-1] or path, "MAP-003", f"{path[-1]!r} is missing.", f"Add: {path[-1]} = {example}")

    def choice(self, path: Path, choices: tuple[str, ...], *, default: str | None = None) -> str | None:
        """Return one of the allowed words, or the default."""
        here = self.value(path)
        if here is None:
            return default
        if here not in choices:
            self.unknown(path, "MAP-007", f"{path[-1]} = {here!r} is not possible", choices, str(here))
            return default
        return str(here)

    def plain_text(self, path: Path, text: str) -> None:
        """Refuse invisible characters, space around a text and look-alike letters, with their code points."""
        odd = [c for c in text if _is_invisible(c)]
        if not text:
            self.refuse(path, "MAP-004", "an empty name is no text.", "Write a name in quotes.")
        if odd or text != text.strip():
            points = _points(odd) or "space at its begin or end"
            self.refuse(path, "MAP-008", f"{text!r} holds characters that nobody sees: {points}.", "Type the text again.")
        for word in text.split():
            strange = [char for char in word if char in LOOK_ALIKES]
            if strange and any(_is_latin(char) for char in word):
                said = f"{word!r} mixes look-alike letters of two alphabets: {_points(strange)}."
                self.refuse(path, "MAP-009", said, "Type the word again.")
