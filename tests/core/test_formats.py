"""Which day or time does a cell mean that is written as people write dates? One that could mean two is refused."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from syncd.core.cells import read_cell
from syncd.core.formats import format_fault
from syncd.core.mapping import Column
from syncd.core.unreadable import Unreadable
from syncd.core.values import Rule, Scalar

RULE = Rule("some", "m.toml", 1)
BERLIN = ZoneInfo("Europe/Berlin")


def cell(kind: str, written: str, *formats: str, **more: str) -> Scalar:
    return read_cell(Column("c", kind, RULE, formats=formats, **more), written, BERLIN)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "form", "written", "value"),
    [
        ("date", "%d.%m.%Y", "3.4.2026", "2026-04-03"),
        ("date", "%m/%d/%Y", " 12/31/2026 ", "2026-12-31"),
        ("date", "%d %b %Y", "15 Apr 2021", "2021-04-15"),
        ("date", "%B %d, %Y", "april 15, 2021", "2021-04-15"),
        ("date", "%Y%m%d", "20260403", "2026-04-03"),
        ("datetime", "%d %b, %Y %H:%M:%S", "15 Apr, 2021 00:03:00", "2021-04-14T22:03:00.000+0000"),
        ("datetime", "%m/%d/%Y %I:%M %p", "3/15/2024 2:30 PM", "2024-03-15T13:30:00.000+0000"),
        ("datetime", "%m/%d/%Y %I:%M %p", "3/15/2024 12:05 AM", "2024-03-14T23:05:00.000+0000"),
        ("datetime", "%d.%m.%Y %H:%M %z", "15.03.2024 14:30 -0500", "2024-03-15T19:30:00.000+0000"),
        ("datetime", "%d.%m.%Y", "15.07.2024", "2024-07-14T22:00:00.000+0000"),
    ],
)
def test_a_cell_is_read_by_the_declared_format(kind: str, form: str, written: str, value: str) -> None:
    assert cell(kind, written, form) == value


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("%d.%m.%Y", "31.02.2026"),
        ("%d.%m.%Y", "2026-02-03"),
        ("%d.%m.%Y", "3.4.26"),
        ("%d.%m.%Y", "3.4.2026 10:00"),
        ("%d.%m.%Y", "٣.٤.2026"),
        ("%Y%m%d", "202643"),
        ("%d %b %Y", "15 Avr 2021"),
        ("%d.%m.%Y", "01.01.1900"),
    ],
)
def test_what_is_written_otherwise_is_refused(form: str, written: str) -> None:
    with pytest.raises(Unreadable):
        cell("date", written, form)


def test_a_cell_that_may_mean_two_days_is_refused_and_one_that_means_one_is_not() -> None:
    both = ("%d/%m/%Y", "%m/%d/%Y")
    assert (cell("date", "13/04/2026", *both), cell("date", "04/04/2026", *both)) == ("2026-04-13", "2026-04-04")
    with pytest.raises(Unreadable, match="may mean 2026-04-03 00:00 or 2026-03-04 00:00"):
        cell("date", "03/04/2026", *both)


def test_the_hour_that_occurs_twice_is_refused_in_any_format() -> None:
    with pytest.raises(Unreadable, match="occurs twice"):
        cell("datetime", "25.10.2026 02:30", "%d.%m.%Y %H:%M")


@pytest.mark.parametrize(
    ("form", "has_time", "fault"),
    [
        ("%d.%m.%Y", False, None),
        ("%d.%m.%Y %H:%M", True, None),
        ("%d.%m.%Y %H:%M", False, "a date has no time of day; make the column datetime."),
        ("%d.%m.%y", False, "%y has no century: write %Y, and export years with four digits."),
        ("%d.%d.%Y", False, "a part stands in it twice."),
        ("%m.%Y", False, "a date needs one day (%d), one month (%m, %b or %B) and one year (%Y)."),
        ("%d.%m.%Y %H", True, "a time needs one hour (%H, or %I with %p) and minutes (%M)."),
        ("%d.%m.%Y %H:%M %p", True, "%I and %p belong together."),
    ],
)
def test_a_format_says_a_whole_date(form: str, has_time: bool, fault: str | None) -> None:
    assert format_fault(form, has_time=has_time) == fault


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        ("time", "08:15", "08:15:00.000Z"),
        ("time", "08:15:30.5", "08:15:30.500Z"),
        ("phone", " +49 30 901820 ", "+49 30 901820"),
        ("multipicklist", "B; A;;B", "B;A"),
        ("multipicklist", ";", None),
    ],
)
def test_times_of_day_phones_and_lists_are_read(kind: str, written: str, value: Scalar) -> None:
    assert cell(kind, written) == value


@pytest.mark.parametrize(
    ("kind", "written", "more"), [("time", "25:00", {}), ("time", "8:15 pm", {}), ("phone", "call me", {}),
                                  ("multipicklist", "A,B;C", {"split": ","})],
)  # fmt: skip
def test_what_is_no_time_no_phone_and_no_list_is_refused(kind: str, written: str, more: dict[str, str]) -> None:
    with pytest.raises(Unreadable):
        cell(kind, written, **more)
