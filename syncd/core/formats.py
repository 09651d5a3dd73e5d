"""Which day or time does a cell mean that is written as people write dates, by the formats that its mapping declares?

A format is strict: every sign stands where the format has it, days and months may lack their zero, years have four digits, names
of months are English. Where two formats of a column fit one cell and mean different times, the cell is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from functools import lru_cache

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_DAY = ("d", "m", "Y", "b", "B")
_PARTS = {
    "d": r"(?P<d>\d{1,2})",
    "m": r"(?P<m>\d{1,2})",
    "Y": r"(?P<Y>\d{4})",
    "b": rf"(?P<b>{'|'.join(name[:3] for name in MONTHS)})",
    "B": rf"(?P<B>{'|'.join(MONTHS)})",
    "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<I>\d{1,2})",
    "M": r"(?P<M>\d\d)",
    "S": r"(?P<S>\d\d)",
    "p": r"(?P<p>[ap]\.?m\.?)",
    "z": r"(?P<z>Z|[+-]\d\d:?\d\d)",
}
KNOWN = tuple(f"%{letter}" for letter in _PARTS)


def format_fault(form: str, *, has_time: bool) -> str | None:
    """Say what is wrong with a format, or None. A date has a day, a month and a year; a time also an hour and minutes."""
    letters = re.findall(r"%(.?)", form)
    unknown = next((letter for letter in letters if letter not in (*_PARTS, "%")), None)
    if unknown == "y":
        return "%y has no century: write %Y, and export years with four digits."
    if unknown is not None:
        return f"%{unknown} is no part of a date; known are {' '.join(KNOWN)}."
    if len(set(letters) - {"%"}) < len([one for one in letters if one != "%"]):
        return "a part stands in it twice."
    months = {"m", "b", "B"} & set(letters)
    if len(months) != 1 or not {"d", "Y"} <= set(letters):
        return "a date needs one day (%d), one month (%m, %b or %B) and one year (%Y)."
    clock = set(letters) - set(_DAY) - {"%"}
    if not has_time:
        return "a date has no time of day; make the column datetime." if clock else None
    if not clock:
        return None
    if "M" not in clock or len(clock & {"H", "I"}) != 1:
        return "a time needs one hour (%H, or %I with %p) and minutes (%M)."
    return "%I and %p belong together." if ("I" in clock) != ("p" in clock) else None


def read_by(formats: Iterable[str], cell: str) -> list[datetime]:
    """Return each different time that a cell may mean, with its offset where the cell has one; none when no format fits."""
    found: dict[str, datetime] = {}
    for form in formats:
        moment = _by_one(form, cell.strip())
        if moment is not None:
            found.setdefault(moment.isoformat(), moment)
    return list(found.values())


def _by_one(form: str, cell: str) -> datetime | None:
    fitted = _pattern(form).fullmatch(cell)
    if fitted is None or not cell.isascii():
        return None
    parts = {key: value for key, value in fitted.groupdict().items() if value is not None}
    hour = int(parts.get("H") or parts.get("I") or 0)
    if "I" in parts:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if parts["p"][0] in "pP" else 0)
    try:
        zone = _offset(parts["z"]) if "z" in parts else None
        clock = hour, int(parts.get("M", 0)), int(parts.get("S", 0))
        return datetime(int(parts["Y"]), _month(parts), int(parts["d"]), *clock, tzinfo=zone)
    except ValueError:
        return None


def _month(parts: dict[str, str]) -> int:
    if "m" in parts:
        return int(parts["m"])
    name = (parts.get("b") or parts["B"]).casefold()
    return next(index for index, month in enumerate(MONTHS, 1) if month.startswith(name))


def _offset(written: str) -> timezone:
    if written in "Zz":
        return timezone(timedelta(0))
    digits = written[1:].replace(":", "")
    span = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-span if written[0] == "-" else span)


@lru_cache(maxsize=256)
def _pattern(form: str) -> re.Pattern[str]:
    """Return what a cell of a format looks like; parts without a sign between them have all their digits."""
    pattern = ""
    pieces = re.split(r"(%.)", form)
    for index, piece in enumerate(pieces):
        if not piece.startswith("%"):
            pattern += re.escape(piece)
            continue
        touches = (index + 2 < len(pieces) and not pieces[index + 1]) or (index >= 2 and not pieces[index - 1])
        pattern += "%" if piece == "%%" else _PARTS[piece[1]].replace("{1,2}", "{2}" if touches else "{1,2}")
    return re.compile(pattern, re.IGNORECASE)
