"""How does a condition that stands in fences.toml become one that can be asked of a record?

The formula language is no business of core: whoever reads the file hands in what compiles a text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from syncd.core.fence_model import Condition
from syncd.core.reading import Reader
from syncd.core.tables import Path
from syncd.core.values import Problem, Rule

Compile = Callable[[str, Rule], Condition | Problem]


@dataclass(frozen=True, slots=True)
class Conditions:
    """Reads conditions out of a file. Without `compile` a file that has any is refused."""

    read: Reader
    compile: Compile | None = None

    def at(self, path: Path, name: str) -> Condition | None:
        """Return the condition that stands at a path, or None when there is none or it is wrong.

        Shapes: `name` says whose condition it is, as in "when of Working -> Nurture".
        """
        text = self.read.value(path)
        if text is None:
            return None
        if not isinstance(text, str) or not text.strip():
            self.read.refuse(path, "MAP-004", f"{path[-1]} = {text!r} is no text.", "Write a formula in quotes.")
            return None
        self.read.plain_text(path, " ".join(text.split()))  # a formula may go over several lines
        if self.compile is None:
            self.read.refuse(path, "MAP-050", f"{path[-1]} can't be read here.", "Read the file with a formula compiler.")
            return None
        found = self.compile(text, self.read.rule(name, *path))
        if isinstance(found, Condition):
            return found
        where = f"{path[-1]}, character {found.column}: "
        if found.line > 1:
            where = f"{path[-1]}, line {found.line}, character {found.column}: "
        self.read.refuse_within(path, found, f"{where}{found.text}")
        return None
