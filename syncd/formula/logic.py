"""What do the functions do that work on every kind of value?

Source: Salesforce Help, "Formula Operators and Functions", Logical Functions; corner cases as in salesforce/formula-engine.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from syncd.formula.catalogue import Run


def blank_if_blank(run: Run) -> Run:
    """Make a blank of what is worked out from a blank."""

    def called(*parts: Any) -> Any:
        return None if None in parts else run(*parts)

    return called


def to_text(value: Any) -> str:
    """Write a value as TEXT does: numbers without thousands' marks, dates and times as ISO 8601 in UTC."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    if isinstance(value, time):
        return value.isoformat(timespec="milliseconds")
    return value.isoformat() if isinstance(value, date) else str(value)


def plain(number: Decimal) -> str:
    """Write a number without exponent and without zeros at its end."""
    written = f"{number:f}"
    written = written.rstrip("0").rstrip(".") if "." in written else written
    return "0" if written in {"-0", ""} else written


def is_among(value: Any, *values: Any) -> bool:
    """Tell whether a value that isn't blank is one of the others."""
    return value is not None and value != "" and value in values


def is_blank(value: Any) -> bool:
    """Tell whether a value is blank; text without characters is."""
    return value is None or value == ""


def is_null(value: Any) -> bool:
    """Tell whether a value is null, as ISNULL and NULLVALUE ask: text never is, and a blank field of text is empty text."""
    return value is None


def is_case(subject: Any, value: Any) -> bool:
    """Tell whether CASE takes a value; a blank is no case of anything."""
    return subject is not None and value is not None and bool(subject == value)


def equal(left: Any, right: Any) -> bool:
    """Compare for =; blanks are equal to blanks."""
    return (left or None) == (right or None) if isinstance(left, str) or isinstance(right, str) else bool(left == right)


def compare(sign: str, left: Any, right: Any) -> bool:
    """Compare for order; with a blank nothing is before or after anything."""
    if left is None or right is None:
        return False
    if sign == "<":
        return bool(left < right)
    if sign == ">":
        return bool(left > right)
    return bool(left <= right) if sign == "<=" else bool(left >= right)
