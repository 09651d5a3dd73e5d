"""How does a value of a spreadsheet read as text?"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

DAMAGED_NUMBER = (
    "{} stands here as a number: a spreadsheet keeps 15 digits of one, the others are lost.",
    "Make the column text before ids are put into it, or export as CSV.",
)
ERROR = ("{} is an error of the spreadsheet, not a value.", "Correct the formula, or export the values.")
NO_RESULT = ("a formula stands here, and its result was not saved.", "Open the workbook, save it again, and export the values.")

_DIGITS_MAX = 15
_SPAN_MS = 24 * 60 * 60 * 1000
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
# The formats that every workbook has without saying so; 27 to 36 and 50 to 58 are dates in East Asia.
_BUILT_IN = {
    **dict.fromkeys((*range(14, 18), *range(27, 32), 36, *range(50, 59)), "date"),
    **dict.fromkeys((*range(18, 22), *range(32, 36), 45, 47), "time"),
    22: "datetime",
}
_GENERAL = ("general", "standard", "g/\u901a\u7528\u683c\u5f0f")  # as some programs translate it
_NOT_SHOWN = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]')


def unescaped(text: str) -> str:
    """Return a text with the characters that workbooks write as _x000D_; halves of a pair stay as they are."""
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda found: found[0] if "D800" <= found[1].upper() <= "DFFF" else chr(int(found[1], 16)), text)


def boolean(written: str) -> str:
    """Return TRUE or FALSE."""
    return {"1": "TRUE", "0": "FALSE"}.get(written.strip(), written)


def number(written: str) -> tuple[str, bool]:
    """Return a number in plain digits, and whether a spreadsheet could keep all of them."""
    if written.isdecimal() and written.isascii() and len(written) <= _DIGITS_MAX:
        return str(int(written)), True
    try:
        value = float(written)
    except ValueError:
        return written, True
    if not math.isfinite(value):
        return written, True
    if value.is_integer() and abs(value) >= 10**_DIGITS_MAX:
        return f"{value:.{_DIGITS_MAX - 1}E}", False
    plain = f"{Decimal(repr(value)):f}"
    return (plain.rstrip("0").rstrip(".") or "0") if "." in plain else plain, True


def format_kind(code: str) -> str | None:
    """Tell from a number format whether it shows a date, a time or both; None when it shows a number."""
    shown = _NOT_SHOWN.sub("", code.split(";")[0]).casefold()
    if any(word in shown for word in _GENERAL) or re.search(r"\[[hms]+\]", shown):
        return None
    has_date, has_time = bool(re.search("[dyge]|mmm", shown) and "0e" not in shown), bool(re.search("[hs]", shown))
    if not has_date and not has_time:
        return "date" if re.fullmatch(r"m+[-/. ]*", shown) else None
    return "datetime" if has_date and has_time else "date" if has_date else "time"


def built_in_kind(format_id: int) -> str | None:
    """Tell the same of one of the formats that are numbered."""
    return _BUILT_IN.get(format_id)


def moment(written: str, kind: str, *, is_1904: bool) -> str | None:
    """Return the ISO form of a day count; None when it is none. A format that shows a time gives one, midnight too.

    Source: day 1 is 1900-01-01, and 1900 had a February 29 there, day 60; or day 0 is 1904-01-01.
    """
    try:
        value = float(written)
        if not 0 <= value < 2_958_466:
            return None
        since_ms = round(value * _SPAN_MS)
        first = date(1904, 1, 1) if is_1904 else date(1899, 12, 31 if value < 60 else 30)
        days, rest_ms = divmod(since_ms, _SPAN_MS)
        at = datetime.combine(first + timedelta(days), time(), UTC) + timedelta(milliseconds=rest_ms)
    except (ValueError, OverflowError):
        return None
    clock = at.replace(tzinfo=None).isoformat(timespec="milliseconds" if at.microsecond else "seconds")
    if kind == "time" and value < 1:
        return clock[11:]
    return clock[:10] if kind == "date" and not rest_ms else clock
