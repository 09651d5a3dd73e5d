"""What does an export come to under a mapping: which columns fit, which cells cannot be read, whom does it flag?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from syncd.core.mapping import SourceMapping
from syncd.core.rows import ParsedRow
from syncd.core.suggestions.cells import is_nullish
from syncd.core.values import Flag, Problem

LINES_MAX = 5


@dataclass(slots=True)
class Fault:
    """What is wrong with some cells or rows in the same way: the first problem of it, how many there are, the first lines."""

    first: Problem
    column: str
    count: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        """Count one more, keeping the first lines."""
        self.count += 1
        if len(self.lines) < LINES_MAX:
            self.lines.append(line)


@dataclass(slots=True)
class Trial:
    """What the rows of one export came to so far. `missing` and `extra` are columns of the mapping or of the file alone;
    `blank` counts the cells without a value by column, `nullish` words that probably mean nothing and are read as values."""

    mapping: SourceMapping
    header: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    rows: int = 0
    whole: int = 0
    flagged: Counter[Flag] = field(default_factory=Counter)
    blank: Counter[str] = field(default_factory=Counter)
    nullish: dict[tuple[str, str], int] = field(default_factory=dict)
    faults: dict[tuple[str, str], Fault] = field(default_factory=dict)

    def take(self, row: ParsedRow | Problem) -> None:
        """Add one row, or what stands in a row's place."""
        self.rows += 1
        if isinstance(row, Problem):
            self._fault(row)
            return
        self.whole += not row.problems
        for problem in row.problems:
            self._fault(problem)
        self.flagged.update(row.flags.keys())
        for name, value in row.values.items():
            if value is None:
                self.blank[name] += 1
            elif isinstance(value, str) and is_nullish(value):
                self.nullish[name, value] = self.nullish.get((name, value), 0) + 1

    def _fault(self, problem: Problem) -> None:
        place = problem.column - 1
        is_cell = problem.code in _OF_CELLS and place < len(self.header)
        column = self.header[place] if is_cell else ""
        known = self.faults.setdefault((problem.code, column), Fault(problem, column))
        known.add(problem.line)

    @property
    def missing(self) -> tuple[str, ...]:
        """Name the columns that the file would need and lacks."""
        return tuple(name for name in self.mapping.required if self.header and name not in self.header)

    def worst(self) -> Sequence[Fault]:
        """Return the faults, the most frequent first."""
        return sorted(self.faults.values(), key=lambda fault: (-fault.count, fault.first.line))

    def counts(self) -> Mapping[str, int]:
        """Return the counts of rows: all, those without a fault, and those that raise each flag."""
        return {"rows": self.rows, "without_fault": self.whole, **{flag.value: count for flag, count in self.flagged.items()}}


_OF_CELLS = frozenset(("ROW-002", "ROW-003", "ROW-004", "ROW-005", "ROW-009"))
