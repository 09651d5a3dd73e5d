"""What does one cell of an export say, once its column's type is known?

Every function returns a JSON scalar or raises `Unreadable` with words for marketing ops; dates and times come back as text
in Salesforce's own form.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from syncd.core.mapping import Column
from syncd.core.values import Scalar

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_MANGLED = re.compile(r"\d([.,]\d+)?[eE]\+\d+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?) ?(Z|[+-]\d\d:?\d\d)?")
_ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]+")
_ID = re.compile(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?")
_DIGITS_MAX = 18
_ZEROS = (date(1900, 1, 1), date(1970, 1, 1))


class Unreadable(Exception):
    """A cell that does not fit its column: the words for it, and what to do."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(text)
        self.text = text
        self.remedy = remedy


def read_cell(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    """Read a cell by its column's type; None when it is one of the column's null spellings."""
    if cell in column.null:
        return None
    transform = _TRANSFORMS.get(column.transform or "")
    return _READERS[column.type](column, transform(cell) if transform else cell, zone)


def normal_address(text: str) -> str:
    """Return an e-mail address as people are matched by it: without spaces around, in one case and Unicode form."""
    return unicodedata.normalize("NFC", text.strip()).casefold()


def long_id(text: str) -> str:
    """Return a lead's or contact's id with 18 characters, from 15 or 18.

    Source: the last three characters tell which of the first fifteen are capitals, five each, lowest bit first.
    """
    written = text.strip()
    if _MANGLED.fullmatch(written):
        raise Unreadable(f"{text!r} is an id that a spreadsheet turned into a number.", _EXPORT_AGAIN)
    if not _ID.fullmatch(written):
        raise Unreadable(f"{text!r} is no Salesforce id (15 or 18 letters and digits).", "Correct the id in the source.")
    whole = written[:15] + "".join(_check_letter(written[start : start + 5]) for start in (0, 5, 10))
    if len(written) == 18 and written.upper() != whole.upper():
        raise Unreadable(f"{text!r} is a damaged id: its capitals and its last three characters differ.", _EXPORT_AGAIN)
    if whole[:3] not in ("00Q", "003"):
        raise Unreadable(f"{text!r} is the id of neither a lead (00Q) nor a contact (003).", "Name another column under [match].")
    return whole


def external_id(text: str) -> str:
    """Return an external id as it is looked up; one that a spreadsheet rounded is unreadable."""
    written = text.strip()
    if _MANGLED.fullmatch(written):
        raise Unreadable(f"{text!r} is an id that a spreadsheet turned into a number.", _EXPORT_AGAIN)
    if len(written) > 255:
        raise Unreadable(f"An id of {len(written)} characters is longer than any external id (255).", "Name another column.")
    return written


_EXPORT_AGAIN = "Export the file again and do not save it from a spreadsheet."


def _check_letter(five: str) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[sum(1 << bit for bit, char in enumerate(five) if "A" <= char <= "Z")]


def _text(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    # Salesforce drops blanks around a text and stores a blank one as null.
    return cell if cell.strip() else None


def _address(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    written = cell.strip()
    if not _ADDRESS.fullmatch(written):
        raise Unreadable(f"{_short(cell)} is not one e-mail address.", "Correct it in the source, or map the column as text.")
    return written


def _number(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    written = cell.strip()
    if not _NUMBER.fullmatch(written) or not written.isascii():
        raise Unreadable(f"{_short(cell)} is no number.", "Export plain numbers such as 1117.5, without units or thousands.")
    if sum(char.isdigit() for char in re.split("[eE]", written)[0].strip("+-0")) > _DIGITS_MAX or abs(float(written)) >= 1e18:
        raise Unreadable(f"{_short(cell)} has more than {_DIGITS_MAX} digits.", "Map the column as text.")
    return float(written)


def _integer(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    written = cell.strip()
    if _MANGLED.fullmatch(written):
        raise Unreadable(f"{_short(cell)} was rounded by a spreadsheet.", _EXPORT_AGAIN)
    value = _number(column, cell, zone)
    whole, _, rest = written.partition(".")
    if not isinstance(value, float) or not value.is_integer() or rest.strip("0"):
        raise Unreadable(f"{_short(cell)} is no whole number.", 'Write type = "number" when fractions are meant.')
    return int(whole) if whole.strip("+-") else 0


def _boolean(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    if cell in column.true:
        return True
    if cell in column.false:
        return False
    known = ", ".join(repr(one) for one in sorted(column.true | column.false | column.null))
    raise Unreadable(f"{_short(cell)} is neither yes nor no; known are {known}.", "Add the spelling to true, false or null.")


def _day(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    written = cell.strip()
    try:
        value = date.fromisoformat(written) if _DATE.fullmatch(written) else None
    except ValueError:
        value = None
    if value is None:
        raise Unreadable(f"{_short(cell)} is no date.", "Export dates as 2026-11-30.")
    _refuse_zero(value, cell)
    return value.isoformat()


def _moment(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    return salesforce_time(read_moment(cell, zone))


def salesforce_time(moment: datetime) -> str:
    """Write a time as Salesforce does, in whole seconds: it keeps no fractions."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def read_moment(cell: str, zone: ZoneInfo) -> datetime:
    """Read a time; one without offset is in `zone`, and the hour that occurs twice or never is unreadable."""
    found = _TIME.fullmatch(cell.strip())
    try:
        local = datetime.fromisoformat(f"{found[1]}T{found[2]}{found[3] or ''}") if found else None
    except ValueError:
        local = None
    if local is None:
        raise Unreadable(f"{_short(cell)} is no time.", "Export times as 2026-11-30T08:15:00Z.")
    _refuse_zero(local.date(), cell)
    if local.tzinfo is None:
        first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first != second:
            word = "occurs twice" if first < second else "never occurs"
            raise Unreadable(f"{_short(cell)} {word} in {zone.key}: clocks change then.", "Export times with Z or an offset.")
        return first
    try:
        return local.astimezone(UTC)
    except OverflowError:
        raise Unreadable(f"{_short(cell)} is no time.", "Export times as 2026-11-30T08:15:00Z.") from None


def _refuse_zero(value: date, cell: str) -> None:
    if value in _ZEROS or value.year < 1900:
        raise Unreadable(f"{_short(cell)} is what software writes for no date.", "Add it to the column's null list if so.")


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:40] + "…")


_READERS: dict[str, Callable[[Column, str, ZoneInfo], Scalar]] = {
    "text": _text,
    "email": _address,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "date": _day,
    "datetime": _moment,
}
_TRANSFORMS: dict[str, Callable[[str], str]] = {"trim": str.strip, "lower": str.lower, "upper": str.upper}
