"""What did a person write in a policy file, and where does each part of it stand?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from syncd.core.values import Problem, Rule

Path = tuple[str | int, ...]

_QUOTED = re.compile(r"'([^'\n]+)'|\"([^\"\n]+)\"")
_WORD = re.compile(r"[\w$.]+|.")


@dataclass(frozen=True, slots=True)
class Span:
    """A key or a value as it stands in a file: where it begins, counted from 1, and its text up to the end of that line."""

    line: int
    column: int
    text: str

    def part(self, start: int, length: int) -> Span:
        """Return a part of it; `start` counts characters from 0."""
        return Span(self.line, self.column + start, self.text[start : start + length])


@dataclass(frozen=True, slots=True)
class Table:
    """One parsed TOML file.

    `values` is what the file says, `positions` the 1-based (line, column) of each key or array element by its path,
    `sha256` the hash of the file's bytes, which goes into the ledger with every decision made under it. `keys` and `written`
    hold each key and each value as the file has them, `lines` its lines; all three are empty where no file was read.
    """

    file: str
    values: Mapping[str, Any]
    positions: Mapping[Path, tuple[int, int]]
    sha256: str
    keys: Mapping[Path, Span] = field(default_factory=dict, repr=False)
    written: Mapping[Path, Span] = field(default_factory=dict, repr=False)
    lines: tuple[str, ...] = field(default=(), repr=False)

    def where(self, *path: str | int) -> tuple[int, int]:
        """Return the (line, column) of a path, or of its nearest ancestor that is in the file."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.positions:
                return self.positions[path[:end]]
        return (1, 1)

    def problem(self, path: Path, code: str, text: str, remedy: str, *, is_key: bool = False) -> Problem:
        """Make a problem that points at a path: at the word that it quotes, else at the value; `is_key`: at the key."""
        span = self._meant(path, text, is_key=is_key)
        line, column = self.where(*path)
        return self._at(span or Span(line, column, " "), code, text, remedy)

    def problem_within(self, path: Path, line: int, column: int, code: str, text: str, remedy: str) -> Problem:
        """Make a problem that points into the text that stands at a path, at its line and column, counted from 1."""
        span = self._within(path, line, column)
        return self.problem(path, code, text, remedy) if span is None else self._at(span, code, text, remedy)

    def rule(self, name: str, *path: str | int) -> Rule:
        """Make the rule that stands at a path."""
        return Rule(name, self.file, self.where(*path)[0])

    def _at(self, span: Span, code: str, text: str, remedy: str) -> Problem:
        source = self.lines[span.line - 1] if 0 < span.line <= len(self.lines) else ""
        return Problem(self.file, span.line, span.column, code, text, remedy, max(len(span.text), 1), source)

    def _meant(self, path: Path, text: str, *, is_key: bool) -> Span | None:
        there = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in self.positions), ())
        key = self.keys.get(there)
        quoted = [first or second for first, second in _QUOTED.findall(text)]
        words = sorted(quoted, key=lambda word: (word,) == path[-1:])  # what is named beside the whole key is meant
        values = [] if is_key or there != path else list(self._values(there))
        for spans in (values, [key] if key else []):
            for word in words:
                for span in spans:
                    if (start := span.text.find(word)) >= 0:
                        return span.part(start, len(word))
        return values[0] if values else key

    def _values(self, path: Path) -> Iterator[Span]:
        """Give the value at a path and what stands within it."""
        if path in self.written:
            yield self.written[path]
            yield from (span for inner, span in self.written.items() if len(inner) > len(path) and inner[: len(path)] == path)

    def _within(self, path: Path, line: int, column: int) -> Span | None:
        whole = self.written.get(path)
        if whole is None or (whole.text[:1] == '"' and "\\" in whole.text):
            return None
        mark = next((each for each in ("'''", '"""', "'", '"') if whole.text.startswith(each)), "")
        begins_below = len(mark) == 3 and whole.text == mark
        at = whole.line + line - 1 + begins_below
        start = column - 1 + (whole.column - 1 + len(mark) if line == 1 and not begins_below else 0)
        source = self.lines[at - 1] if at <= len(self.lines) else ""
        found = _WORD.match(source, start)
        return Span(at, start + 1, found[0] if found else " ")
