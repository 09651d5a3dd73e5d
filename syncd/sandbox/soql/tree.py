"""What is a SOQL statement made of?"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Path:
    """A field path such as ``Owner.Profile.Name``, where it stands (1-based column), and the date function around it."""

    parts: tuple[str, ...]
    column: int
    function: str = ""

    @property
    def text(self) -> str:
        """Write the path as it was given."""
        inner = ".".join(self.parts)
        return f"{self.function}({inner})" if self.function else inner


@dataclass(frozen=True, slots=True)
class Aggregate:
    """``COUNT(Id) n``; the bare ``COUNT()`` has no path."""

    function: str
    path: Path | None
    alias: str | None
    column: int


@dataclass(frozen=True, slots=True)
class AllFields:
    """``FIELDS(ALL)``, ``FIELDS(STANDARD)`` or ``FIELDS(CUSTOM)``."""

    kind: str
    column: int


@dataclass(frozen=True, slots=True)
class Selected:
    """A selected field with the alias it has in a grouped query."""

    path: Path
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Literal:
    """A value: kind is string, number, date, datetime, boolean, null or relative."""

    kind: str
    value: str
    column: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One condition; `value` is a literal, a list of them, or a semi-join's query."""

    left: Path | Aggregate
    operator: str
    value: Literal | tuple[Literal, ...] | Query
    column: int


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions joined by AND or by OR, never by both."""

    word: str
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """NOT of a condition."""

    part: Condition


Condition = Comparison | Junction | Negation


@dataclass(frozen=True, slots=True)
class Ordering:
    """One ORDER BY term."""

    by: Path | Aggregate
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A whole statement."""

    select: tuple[Selected | Aggregate | AllFields | Query, ...]
    source: str
    source_column: int
    where: Condition | None = None
    group_by: tuple[Path, ...] = ()
    having: Condition | None = None
    order_by: tuple[Ordering, ...] = ()
    limit: int | None = None
    offset: int = 0
    alias: str | None = None
    text: str = field(default="", compare=False)
