"""What was measured, what was promised, and is the promise kept?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure and what it is held to; `at_most` None only tells."""

    name: str
    value: float
    unit: str
    at_most: float | None = None
    note: str = ""

    @property
    def is_reached(self) -> bool:
        """Tell whether the promise holds."""
        return self.at_most is None or self.value <= self.at_most

    def line(self) -> str:
        """Write the figure as one line of the report."""
        promise = "" if self.at_most is None else f"<= {self.at_most:,g}"
        verdict = "" if self.at_most is None else "reached" if self.is_reached else "NOT REACHED"
        return f"{self.name:<58}{_number(self.value):>11} {self.unit:<9}{promise:<9}{verdict:<12}{self.note}".rstrip() + "\n"


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:,.2f}"


Figures = Iterator[Figure]


def tell(text: str) -> None:
    """Write a line of the report at once."""
    sys.stdout.write(text)
    sys.stdout.flush()
