"""What did a person write in a policy file, and where does each part of it stand?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syncd.core.values import Problem, Rule

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One parsed TOML file.

    `values` is what the file says, `positions` the 1-based (line, column) of each key or array element by its path,
    `sha256` the hash of the file's bytes, which goes into the ledger with every decision made under it.
    """

    file: str
    values: Mapping[str, Any]
    positions: Mapping[Path, tuple[int, int]]
    sha256: str

    def where(self, *path: str | int) -> tuple[int, int]:
        """Return the (line, column) of a path, or of its nearest ancestor that is in the file."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.positions:
                return self.positions[path[:end]]
        return (1, 1)

    def problem(self, path: Path, code: str, text: str, remedy: str) -> Problem:
        """Make a problem that points at a path."""
        line, column = self.where(*path)
        return Problem(self.file, line, column, code, text, remedy)

    def rule(self, name: str, *path: str | int) -> Rule:
        """Make the rule that stands at a path."""
        return Rule(name, self.file, self.where(*path)[0])
