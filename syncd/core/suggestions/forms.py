"""In which form does a tool write its dates and its numbers, when not in the plain one?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice

from syncd.core.formats import read_by

FITS_FROM = 0.95
_TRIED = 60
_DAYS = (
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d %b %Y", "%d %B %Y", "%b %d, %Y",
    "%B %d, %Y", "%d %b, %Y",
)  # fmt: skip
_CLOCKS = (" %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S", ", %I:%M %p")
_LIKE_DATE = re.compile(r"(?=.*\d{4})\S.{6,30}")
_COMMA = re.compile(r"[+-]?(\d{1,3}(?P<sign>[. '])\d{3}(?:(?P=sign)\d{3})*|\d+),\d+")
_POINT = re.compile(r"[+-]?\d+\.\d+")


def date_formats(values: Mapping[str, int]) -> tuple[tuple[str, ...], bool]:
    """Return the formats by which nearly all of a column's values can be read, and whether they have a time of day.

    Two formats mean that days and months cannot be told apart by these values.
    """
    tried = dict(islice(values.items(), _TRIED))
    if not tried or not all(_LIKE_DATE.fullmatch(value.strip()) for value in islice(tried, 3)):
        return (), False
    days = tuple(form for form in _DAYS if _fits(form, tried))
    if days:
        return days, False
    return tuple(day + clock for day in _DAYS for clock in _CLOCKS if _fits(day + clock, tried)), True


def _fits(form: str, values: Mapping[str, int]) -> bool:
    weight = sum(values.values())
    return sum(count for value, count in values.items() if read_by((form,), value)) >= FITS_FROM * weight


def number_signs(columns: Iterable[Mapping[str, int]]) -> tuple[str, str]:
    """Return what stands before fractions and between thousands: a comma where a column has it and none has a point."""
    thousands, commas, points = "", 0, 0
    for values in columns:
        weight = sum(values.values())
        found = [(_COMMA.fullmatch(value.strip()), count) for value, count in islice(values.items(), _TRIED)]
        hits = sum(count for match, count in found if match)
        seen = sum(count for _, count in found)
        if weight and hits >= 0.5 * seen:
            commas += 1
            thousands = next((match["sign"] for match, _ in found if match and match["sign"]), thousands)
        elif any(_POINT.fullmatch(value.strip()) for value in islice(values, _TRIED)):
            points += 1
    return (",", thousands) if commas and not points else (".", "")
