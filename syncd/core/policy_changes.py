"""What does an edit of the policy files change, rule by rule, in the words of the files?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Tables = Mapping[str, Mapping[str, Any]]
"""What each policy file says, by its name below the folder."""
SHOWN_MAX = 80
_BARE = re.compile(r"[\w-]+")
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Changed:
    """One key that is new (`before` None), gone (`after` None) or says something else; both are TOML-like texts."""

    file: str
    path: tuple[str, ...]
    before: str | None
    after: str | None

    @property
    def text(self) -> str:
        """Return the change as one line, such as `fences.toml [status] "MQL" team: "sdr" -> "sales"`."""
        where = f"{self.file} {_placed(self.path)}".rstrip()
        if self.before is None:
            return f"{where}: added" + (f", {_short(self.after)}" if self.after else "")
        if self.after is None:
            return f"{where}: removed" + (f", was {_short(self.before)}" if self.before else "")
        return f"{where}: {_short(self.before)} -> {_short(self.after)}"


def changes_between(before: Tables, after: Tables) -> list[Changed]:
    """List what differs, in the order of files and keys. A table that is new or gone is one change."""
    found: list[Changed] = []
    for file in sorted({*before, *after}):
        if file not in after:
            found.append(Changed(file, (), "", None))
        elif file not in before:
            found.append(Changed(file, (), None, ""))
        else:
            found += _within(file, (), before[file], after[file])
    return found


def _within(file: str, path: tuple[str, ...], before: Any, after: Any) -> Iterator[Changed]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            here, there = before.get(key, _MISSING), after.get(key, _MISSING)
            if here is _MISSING:
                yield Changed(file, (*path, key), None, written(there))
            elif there is _MISSING:
                yield Changed(file, (*path, key), written(here), None)
            else:
                yield from _within(file, (*path, key), here, there)
    elif before != after or type(before) is not type(after):
        yield Changed(file, path, written(before), written(after))


def written(value: Any) -> str:
    """Return a value as one would write it in a TOML file, on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {written(one)}" for key, one in value.items()) + " }" if value else "{ }"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _placed(path: tuple[str, ...]) -> str:
    """Return where a key stands: its table in brackets, then the keys of a line in it."""
    if len(path) < 2:
        return " ".join(map(_key, path))
    return " ".join([f"[{_key(path[0])}]", *map(_key, path[1:])])


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def _short(text: str | None) -> str:
    told = text or ""
    return told if len(told) <= SHOWN_MAX else told[: SHOWN_MAX - 2] + " …"
