"""Which days does LAST_N_DAYS:7 mean?"""

from __future__ import annotations

import re
from datetime import date, timedelta

_COUNTED = re.compile(r"(last|next)_n_(days|weeks|months):(\d+)\Z|(n_days_ago):(\d+)\Z")


def relative_span(word: str, today: date) -> tuple[date, date] | None:
    """Return the first day and the day after the last of a relative date literal, or None for an unknown one.

    Units: whole days in UTC, weeks from Sunday, months and years of the calendar.
    """
    one = timedelta(days=1)
    week = today - timedelta(days=(today.weekday() + 1) % 7)
    month, year = today.replace(day=1), today.replace(month=1, day=1)
    spans = {
        "today": (today, today + one),
        "yesterday": (today - one, today),
        "tomorrow": (today + one, today + 2 * one),
        "this_week": (week, week + 7 * one),
        "last_week": (week - 7 * one, week),
        "next_week": (week + 7 * one, week + 14 * one),
        "this_month": (month, _months(month, 1)),
        "last_month": (_months(month, -1), month),
        "next_month": (_months(month, 1), _months(month, 2)),
        "this_year": (year, _months(year, 12)),
        "last_year": (_months(year, -12), year),
        "last_90_days": (today - 90 * one, today + one),
        "next_90_days": (today + one, today + 91 * one),
    }
    return spans.get(word) or _counted(word, today)


def _counted(word: str, today: date) -> tuple[date, date] | None:
    match = _COUNTED.match(word)
    if match is None:
        return None
    one = timedelta(days=1)
    if match[4]:
        day = today - int(match[5]) * one
        return day, day + one
    count = int(match[3])
    if match[2] == "days":
        return (today - count * one, today + one) if match[1] == "last" else (today + one, today + (count + 1) * one)
    if match[2] == "weeks":
        week = today - timedelta(days=(today.weekday() + 1) % 7)
        return (week - 7 * count * one, week) if match[1] == "last" else (week + 7 * one, week + 7 * (count + 1) * one)
    month = today.replace(day=1)
    return (_months(month, -count), month) if match[1] == "last" else (_months(month, 1), _months(month, count + 1))


def _months(first: date, count: int) -> date:
    number = first.year * 12 + first.month - 1 + count
    return date(number // 12, number % 12 + 1, 1)
