"""What does a formula come to for one record, part by part?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syncd.core.values import Problem
from syncd.formula.checking import check
from syncd.formula.generating import generate, pieces
from syncd.formula.syntax import Reference, parse, walk
from syncd.formula.typed import Literal, Part
from syncd.formula.values import FieldKinds, FormulaError, Moment


@dataclass(frozen=True, slots=True)
class Shown:
    """One part of a formula as it is written, and its value, or the reason why it has none."""

    text: str
    value: Any
    fault: str | None = None


def fields_of(text: str) -> tuple[str, ...]:
    """Name the fields that a formula looks at, each once, as they are written; none when it can't be read."""
    tree, _ = parse(text)
    found = (node.path for node in walk(tree) if isinstance(node, Reference)) if tree is not None else ()
    return tuple({path.lower(): path for path in found}.values())


def shown(
    text: str, kinds: FieldKinds, values: Mapping[str, Any], moment: Moment, *, blank_as_zero: bool = False
) -> tuple[list[Shown], list[Problem]]:
    """Work out every part of a formula, the inner ones first and the whole last.

    Shapes: the parts and no problem, or none and every problem. `values` holds the record's fields by name; nothing changed.
    """
    tree, problems = parse(text)
    part, problems = (None, problems) if tree is None else check(text, tree, kinds)
    if part is None:
        return [], problems
    whole = pieces(part) if not isinstance(part, Literal) else [part]
    found = {each.place: _one(text, each, values, moment, blank_as_zero) for each in whole}
    return list(found.values()), []


def _one(text: str, part: Part, values: Mapping[str, Any], moment: Moment, blank_as_zero: bool) -> Shown:
    written = " ".join(text[part.place.start : part.place.end].split())
    compiled = generate(part, blank_as_zero=blank_as_zero)
    try:
        return Shown(written, compiled.one(moment, *(values.get(slot.path) for slot in compiled.slots)))
    except FormulaError as fault:
        return Shown(written, None, str(fault))


def caret(text: str, problem: Problem) -> str:
    """Return the line of a formula that a problem stands in, with a caret under the place."""
    lines = text.splitlines() or [""]
    line = lines[min(problem.line, len(lines)) - 1]
    return f"{line}\n{' ' * (problem.column - 1)}^"
