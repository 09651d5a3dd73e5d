"""What do the functions on dates and times do? A date/time is an aware datetime in UTC, a time a time of day.

Source: Salesforce Help, "Formula Operators and Functions", Date and Time Functions; corner cases as in
salesforce/formula-engine.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal

from syncd.formula.catalogue import function
from syncd.formula.values import FormulaError, Kind, Moment

D, DT, TM, N, T = Kind.DATE, Kind.DATETIME, Kind.TIME, Kind.NUMBER, Kind.TEXT
DAYLIKE = frozenset((D, DT))
DAY_S, DAY_MS = 86_400, 86_400_000
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DATETIME = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})[ T](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.\d+)?Z?")
_TIME = re.compile(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,3}))?)?Z?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def shifted(day: date, days: Decimal) -> date:
    """Move a date by whole days; the rest of a day is dropped."""
    try:
        return day + timedelta(days=int(days))
    except OverflowError as fault:
        raise FormulaError("the date is out of range") from fault


def moved(at: datetime, days: Decimal) -> datetime:
    """Move a date/time by days and parts of days, to the whole second."""
    try:
        return at + timedelta(seconds=int((days * DAY_S).quantize(Decimal(1), ROUND_HALF_UP)))
    except ArithmeticError as fault:
        raise FormulaError("the date is out of range") from fault


def days_between(left: date | datetime, right: date | datetime) -> Decimal:
    """Return left less right in days, with parts of days for date/times."""
    if isinstance(left, datetime) and isinstance(right, datetime):
        gap = left - right
        return Decimal(gap.days) + (Decimal(gap.seconds) + Decimal(gap.microseconds) / 1_000_000) / DAY_S
    return Decimal(left.toordinal() - right.toordinal())


def milliseconds(at: time) -> int:
    """Return a time of day as milliseconds since midnight."""
    return ((at.hour * 60 + at.minute) * 60 + at.second) * 1000 + at.microsecond // 1000


def time_of(number: int) -> time:
    """Return the time of day that many milliseconds after some midnight."""
    rest = number % DAY_MS
    return time(rest // 3_600_000, rest // 60_000 % 60, rest // 1000 % 60, rest % 1000 * 1000)


def later(at: time, number: Decimal) -> time:
    """Move a time of day by milliseconds, on past midnight but not back before it."""
    moved_to = milliseconds(at) + int(number)
    if moved_to < 0:
        raise FormulaError(f"{at.isoformat(timespec='seconds')} less that is before midnight")
    return time_of(moved_to)


def time_between(left: time, right: time) -> Decimal:
    """Return the milliseconds from right to left, around midnight."""
    return Decimal((milliseconds(left) - milliseconds(right)) % DAY_MS)


@function("DATE", N, N, N, gives=D, says="DATE(year, month, day)")
def _date(year: Decimal, month: Decimal, day: Decimal) -> date:
    try:
        return date(int(year), int(month), int(day))
    except (ValueError, OverflowError) as fault:
        raise FormulaError(f"there is no day {int(year)}-{int(month)}-{int(day)}") from fault


@function("DATEVALUE", frozenset((D, DT, T)), gives=D)
def _datevalue(value: date | datetime | str) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if not value.strip():
        return None
    found = _DATE.fullmatch(value.strip())
    try:
        if found is not None:
            return date(*map(int, found.groups()))
    except ValueError as fault:
        raise FormulaError(f"there is no day {value[:20]!r}") from fault
    raise FormulaError(f"{value[:40]!r} is no date: write it as 2026-01-31")


@function("DATETIMEVALUE", frozenset((D, DT, T)), gives=DT)
def _datetimevalue(value: date | datetime | str) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not value.strip():
        return None
    found = _DATETIME.fullmatch(value.strip())
    try:
        if found is not None:
            year, month, day, hour, minute, second = map(int, found.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as fault:
        raise FormulaError(f"there is no time {value[:30]!r}") from fault
    raise FormulaError(f"{value[:40]!r} is no date and time: write it as 2026-01-31 17:00:00")


@function("TIMEVALUE", frozenset((DT, TM, T)), gives=TM)
def _timevalue(value: datetime | time | str) -> time | None:
    if isinstance(value, datetime):
        return value.time()
    if isinstance(value, time):
        return value
    if not value.strip():
        return None
    found = _TIME.fullmatch(value.strip())
    try:
        if found is not None:
            hour, minute, second, fraction = found.groups()
            return time(int(hour), int(minute), int(second or 0), int((fraction or "0").ljust(3, "0")) * 1000)
    except ValueError as fault:
        raise FormulaError(f"there is no time {value[:20]!r}") from fault
    raise FormulaError(f"{value[:40]!r} is no time: write it as 17:30:45.125")


@function("ADDMONTHS", DAYLIKE, N, gives=D, says="ADDMONTHS(date, months)")
def _addmonths(day: date, months: Decimal) -> date:
    """Keep the day of the month; the last day of a month stays a last day."""
    number = day.year * 12 + day.month - 1 + int(months)
    year, month = divmod(number, 12)
    if not 1 <= year <= 9999:
        raise FormulaError("the date is out of range")
    last = monthrange(year, month + 1)[1]
    is_last = day.day == monthrange(day.year, day.month)[1]
    return day.replace(year=year, month=month + 1, day=last if is_last else min(day.day, last))


@function("TODAY", gives=D, needs_moment=True)
def _today(moment: Moment) -> date:
    return moment.now.astimezone(moment.zone).date()


@function("NOW", gives=DT, needs_moment=True)
def _now(moment: Moment) -> datetime:
    return moment.now


@function("TIMENOW", gives=TM, needs_moment=True)
def _timenow(moment: Moment) -> time:
    return moment.now.time()


@function("YEAR", DAYLIKE, gives=N)
def _year(day: date) -> Decimal:
    return Decimal(day.year)


@function("MONTH", DAYLIKE, gives=N)
def _month(day: date) -> Decimal:
    return Decimal(day.month)


@function("DAY", DAYLIKE, gives=N)
def _day(day: date) -> Decimal:
    return Decimal(day.day)


@function("WEEKDAY", DAYLIKE, gives=N)
def _weekday(day: date) -> Decimal:
    """Sunday is 1, Saturday 7."""
    return Decimal(day.isoweekday() % 7 + 1)


@function("DAYOFYEAR", DAYLIKE, gives=N)
def _dayofyear(day: date) -> Decimal:
    return Decimal(day.timetuple().tm_yday)


@function("ISOWEEK", DAYLIKE, gives=N)
def _isoweek(day: date) -> Decimal:
    return Decimal(day.isocalendar().week)


@function("ISOYEAR", DAYLIKE, gives=N)
def _isoyear(day: date) -> Decimal:
    return Decimal(day.isocalendar().year)


@function("HOUR", TM, gives=N)
def _hour(at: time) -> Decimal:
    return Decimal(at.hour)


@function("MINUTE", TM, gives=N)
def _minute(at: time) -> Decimal:
    return Decimal(at.minute)


@function("SECOND", TM, gives=N)
def _second(at: time) -> Decimal:
    return Decimal(at.second)


@function("MILLISECOND", TM, gives=N)
def _millisecond(at: time) -> Decimal:
    return Decimal(at.microsecond // 1000)


@function("UNIXTIMESTAMP", frozenset((D, DT, TM)), gives=N)
def _unixtimestamp(value: date | datetime | time) -> Decimal:
    if isinstance(value, time):
        return Decimal(milliseconds(value)) / 1000
    at = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
    return days_between(at, _EPOCH) * DAY_S


@function("FROMUNIXTIME", N, gives=DT)
def _fromunixtime(seconds: Decimal) -> datetime:
    return moved(_EPOCH, seconds / DAY_S)


@function("FORMATDURATION", frozenset((N, DT, TM)), frozenset((Kind.BOOLEAN, DT, TM)), gives=T, optional=1)
def _formatduration(first: Decimal | datetime | time, second: bool | datetime | time = False) -> str:
    """Write a span as days:hours:minutes:seconds; for seconds and times of day the days are left out unless asked for."""
    if isinstance(first, datetime) and isinstance(second, datetime):
        seconds, has_days = abs(int((first - second).total_seconds())), True
    elif isinstance(first, time) and isinstance(second, time):
        seconds, has_days = abs(milliseconds(first) - milliseconds(second)) // 1000, False
    elif isinstance(first, Decimal) and isinstance(second, bool):
        seconds, has_days = abs(int(first)), second
    else:
        raise FormulaError("FORMATDURATION takes seconds, two date/times or two times")
    days, rest = divmod(seconds, DAY_S) if has_days else (0, seconds)
    hours, rest = divmod(rest, 3600)
    clock = f"{rest // 60:02d}:{rest % 60:02d}"
    return f"{days}:{hours:02d}:{clock}" if has_days else f"{hours:02d}:{clock}"
