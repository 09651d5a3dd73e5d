"""How does a formula that stands in a mapping file become one that can be asked of a row?

The formula language is no business of core: whoever reads the file hands in what compiles a text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from syncd.core.mapping import Formula
from syncd.core.mapping_file.checks import Reading
from syncd.core.mapping_file.keys import TYPES
from syncd.core.tables import Path
from syncd.core.values import Problem, Rule

Named = Sequence[tuple[str, str]]


class Compile(Protocol):
    """What compiles a formula: `columns` has name and type of each column that the mapping names."""

    def __call__(self, text: str, rule: Rule, columns: Named, *, is_condition: bool = False) -> Formula | Problem:
        """Return the formula, or the first thing that is wrong with it, with its place within the text."""
        ...


@dataclass(slots=True)
class Formulas:
    """Reads formulas out of a file and keeps those that are right. Without `compile` a file that has any is refused."""

    reading: Reading
    columns: Named
    compile: Compile | None = None
    found: list[Formula] = field(default_factory=list)

    def at(self, base: Path, key: str, values: Mapping[str, object], *, is_condition: bool = False) -> Formula | None:
        """Return the formula that stands behind a key, or None when there is none or it is wrong."""
        written = self.reading.text(base, values, key)
        if written is None:
            return None
        path = (*base, key)
        if self.compile is None:
            self.reading.say(path, "MAP-138", f"{key} cannot be read here.", "Read the file with a formula compiler.")
            return None
        rule = self.reading.table.rule(f"{key} of {base[-1]}", *path)
        made = self.compile(written, rule, self.columns, is_condition=is_condition)
        if isinstance(made, Problem):
            where = f"line {made.line}, character {made.column}" if made.line > 1 else f"character {made.column}"
            text = f"{key}, {where}: {made.text}"
            self.reading.problems.append(
                self.reading.table.problem_within(path, made.line, made.column, made.code, text, made.remedy)
            )
            return None
        self.found.append(made)
        return made

    @property
    def references(self) -> tuple[str, ...]:
        """Return what only formulas name: columns of the file that stand nowhere else in the mapping."""
        return tuple(dict.fromkeys(name for one in self.found for name, column in one.columns.items() if column is None))

    @property
    def used(self) -> frozenset[str]:
        """Return the columns of the mapping that formulas read."""
        return frozenset(column for one in self.found for column in one.columns.values() if column is not None)


def columns_named(values: Mapping[str, object], match: Mapping[str, str], newest: str | None) -> Named:
    """Return each column that a mapping names, with its type; text where it has none."""
    tables = values.get("column")
    found: dict[str, str] = {}
    for name, table in tables.items() if isinstance(tables, Mapping) else ():
        kind = table.get("type") if isinstance(table, Mapping) else None
        found[name] = kind if isinstance(kind, str) and kind in TYPES else "text"
    for name in (*match.values(), *([newest] if newest else [])):
        found.setdefault(name, "text")
    return tuple(found.items())
