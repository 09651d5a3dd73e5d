"""What does a checked formula consist of, when every part's kind is known?"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from syncd.formula.catalogue import Run
from syncd.formula.syntax import Place
from syncd.formula.values import Kind


@dataclass(frozen=True, slots=True)
class Slot:
    """One value that a formula asks of a record: a field as it is now, or as it was before the change."""

    path: str
    is_prior: bool = False


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands in the formula."""

    value: Decimal | str | bool | None
    kind: Kind
    place: Place


@dataclass(frozen=True, slots=True)
class FieldValue:
    """The value of a field."""

    slot: Slot
    kind: Kind
    is_percent: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Applied:
    """A function of the catalogue, or an operator, with its parts."""

    name: str
    run: Run
    parts: tuple[Part, ...]
    kind: Kind
    place: Place
    needs_moment: bool = False


@dataclass(frozen=True, slots=True)
class Special:
    """A part that Python's own syntax carries: `if`, `case`, `and`, `or`, `not`, `blank`, `either`, `try`, or a comparison
    sign. `case` has its subject first, then values and results by turns, and the last result."""

    name: str
    parts: tuple[Part, ...]
    kind: Kind
    place: Place


Part = Literal | FieldValue | Applied | Special


def parts_of(part: Part) -> tuple[Part, ...]:
    """Return what a part is made of."""
    return part.parts if isinstance(part, Applied | Special) else ()
