"""Which day, time or time of day does a cell say? They come back as text in Salesforce's own form."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from syncd.core.formats import read_by
from syncd.core.mapping import Column
from syncd.core.unreadable import Unreadable, short
from syncd.core.values import Scalar

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?) ?(Z|[+-]\d\d:?\d\d)?")
_CLOCK = re.compile(r"(\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)Z?")
_SERIAL = re.compile(r"[1-7][0-9]{4}([.,][0-9]+)?")
_FIRST = date(1899, 12, 30)
_ZEROS = (date(1900, 1, 1), date(1970, 1, 1))


def read_day(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    """Read a date, by its ISO form or by the column's formats."""
    written = cell.strip()
    if column.formats:
        day = _by_formats(column.formats, cell).date()
        _refuse_zero(day, cell)
        return day.isoformat()
    try:
        value = date.fromisoformat(written) if _DATE.fullmatch(written) else None
    except ValueError:
        value = None
    if value is None:
        _refuse_serial(written)
        raise Unreadable(f"{short(cell)} is no date.", "Export dates as 2026-11-30.")
    _refuse_zero(value, cell)
    return value.isoformat()


def read_time(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    """Read a time of a day in the org's form."""
    return salesforce_time(read_moment(cell, zone, column.formats))


def read_clock(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    """Read a time of day without a day."""
    found = _CLOCK.fullmatch(cell.strip())
    try:
        return salesforce_clock(time.fromisoformat(found[1])) if found else _no_clock(cell)
    except ValueError:
        return _no_clock(cell)


def _no_clock(cell: str) -> Scalar:
    raise Unreadable(f"{short(cell)} is no time of day.", "Export times of day as 08:15 or 08:15:00.")


def read_moment(cell: str, zone: ZoneInfo, formats: tuple[str, ...] = ()) -> datetime:
    """Read a time, by its ISO form or by formats; one without offset is in `zone`, and the hour that occurs twice or never is
    unreadable."""
    if formats:
        written = _by_formats(formats, cell)
        _refuse_zero(written.date(), cell)
        return _in_zone(written, cell, zone)
    found = _TIME.fullmatch(cell.strip())
    try:
        local = datetime.fromisoformat(f"{found[1]}T{found[2]}{found[3] or ''}") if found else None
    except ValueError:
        local = None
    if local is None:
        _refuse_serial(cell.strip())
        raise Unreadable(f"{short(cell)} is no time.", "Export times as 2026-11-30T08:15:00Z.")
    _refuse_zero(local.date(), cell)
    return _in_zone(local, cell, zone)


def _by_formats(formats: tuple[str, ...], cell: str) -> datetime:
    found = read_by(formats, cell)
    declared = ", ".join(map(repr, formats))
    if not found:
        _refuse_serial(cell.strip())
        raise Unreadable(f"{short(cell)} is not written as {declared}.", "Correct formats in the mapping, or the source.")
    if len(found) > 1:
        days = " or ".join(f"{one:%Y-%m-%d %H:%M}" for one in found)
        raise Unreadable(f"{short(cell)} may mean {days}: it fits {declared}.", "Leave one of the two in formats.")
    return found[0]


def _in_zone(local: datetime, cell: str, zone: ZoneInfo) -> datetime:
    try:
        if local.tzinfo is not None:
            return local.astimezone(UTC)
        first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    except OverflowError:
        raise Unreadable(f"{short(cell)} is no time.", "Export times as 2026-11-30T08:15:00Z.") from None
    if first != second:
        word = "occurs twice" if first < second else "never occurs"
        raise Unreadable(f"{short(cell)} {word} in {zone.key}: clocks change then.", "Export times with Z or an offset.")
    return first


def _refuse_zero(value: date, cell: str) -> None:
    if value in _ZEROS or value.year < 1900:
        raise Unreadable(f"{short(cell)} is what software writes for no date.", "Add it to the column's null list if so.")


def _refuse_serial(written: str) -> None:
    """Say of a number of days that it is one: spreadsheets count them from the last day but one of 1899, and show them so."""
    if _SERIAL.fullmatch(written):
        day = _FIRST + timedelta(days=int(written[:5]))
        text = f"{short(written)} is a date that a spreadsheet turned into a number, probably {day.isoformat()}."
        raise Unreadable(text, "Export the file again and do not save it from a spreadsheet.")


def salesforce_time(moment: datetime) -> str:
    """Write a time as Salesforce does, in whole seconds: it keeps no fractions."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def salesforce_clock(clock: time) -> str:
    """Write a time of day as Salesforce does."""
    return f"{clock.isoformat(timespec='milliseconds')}Z"
