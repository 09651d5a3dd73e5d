"""What does each function and operator give? Examples from Salesforce's documentation, and the corners."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from syncd.formula.checking import NAMES, check
from syncd.formula.generating import generate
from syncd.formula.syntax import Call, parse, walk
from syncd.formula.values import FieldKind, FormulaError, Kind, Moment

FIELDS = {
    "Name": FieldKind(Kind.TEXT),
    "Email": FieldKind(Kind.TEXT),
    "Status": FieldKind(Kind.PICKLIST),
    "Interests__c": FieldKind(Kind.MULTIPICKLIST),
    "Score__c": FieldKind(Kind.NUMBER),
    "Discount__c": FieldKind(Kind.NUMBER, is_percent=True),
    "IsConverted": FieldKind(Kind.BOOLEAN),
    "Born__c": FieldKind(Kind.DATE),
    "CreatedDate": FieldKind(Kind.DATETIME),
    "Opens__c": FieldKind(Kind.TIME),
}
ROW: dict[str, Any] = {
    "Name": "Ada Lovelace",
    "Email": "ada@example.com",
    "Status": "Working",
    "Interests__c": "Looms;Engines",
    "Score__c": 42,
    "Discount__c": 50,
    "IsConverted": True,
    "Born__c": "2024-02-29",
    "CreatedDate": "2026-01-02T03:04:05.000+0000",
    "Opens__c": "09:30:00.000Z",
}
MOMENT = Moment(datetime(2026, 3, 2, 1, 30, tzinfo=UTC), ZoneInfo("America/Los_Angeles"))


def value_of(text: str, row: dict[str, Any] | None = None, prior: dict[str, Any] | None = None, **switches: bool) -> Any:
    tree, problems = parse(text)
    assert tree is not None, problems
    part, problems = check(text, tree, FIELDS)
    assert part is not None, problems
    compiled = generate(part, **switches)
    given = ROW if row is None else row
    values = [((prior or {}) if slot.is_prior else given).get(slot.path) for slot in compiled.slots]
    one = compiled.one(MOMENT, *values)
    assert compiled.each(MOMENT, [values]) == [one], "one record and many give the same"
    return one


D = Decimal
CASES: list[tuple[str, Any]] = [
    ("1 + 2 * 3 ^ 2", D(19)),
    ("(1 + 2) * 3", D(9)),
    ("-2 ^ 2", D(4)),
    ("7 - 2 - 1", D(4)),
    ("10 / 4", D("2.5")),
    ("0.1 + 0.2 = 0.3", True),
    ("2 ^ -2", D("0.25")),
    ("Discount__c * 100", D(50)),
    ("ABS(-3)", D(3)),
    ("CEILING(-2.5)", D(-3)),
    ("FLOOR(-2.5)", D(-2)),
    ("MCEILING(-2.5)", D(-2)),
    ("MFLOOR(-2.5)", D(-3)),
    ("ROUND(1.5, 0)", D(2)),
    ("ROUND(-1.5, 0)", D(-2)),
    ("ROUND(225.49823, 2)", D("225.50")),
    ("TRUNC(-3.579, 1)", D("-3.5")),
    ("TRUNC(3.9)", D(3)),
    ("MAX(1, 3, 2) - MIN(1, 3, 2)", D(2)),
    ("MOD(-7, 3)", D(-1)),
    ("SQRT(9)", D(3)),
    ("LN(EXP(2))", D(2)),
    ("LOG(1000)", D(3)),
    ("SIN(0) + COS(0) + TAN(0)", D(1)),
    ("ACOS(1) + ASIN(0) + ATAN(0) + ATAN2(0, 1)", D(0)),
    ("ROUND(PI(), 4)", D("3.1416")),
    ('ROUND(DISTANCE(GEOLOCATION(37.775, -122.418), GEOLOCATION(40.7128, -74.006), "km"), 0)', D(4129)),
    ("AND(TRUE, 1 < 2, NOT(FALSE))", True),
    ("OR(FALSE, 1 > 2)", False),
    ("TRUE && FALSE || TRUE", True),
    ("!IsConverted", False),
    ('IF(Score__c > 40, "hot", "cold")', "hot"),
    ('CASE(Status, "New", 1, "Working", 2, 3)', D(2)),
    ('CASE(WEEKDAY(DATE(2026, 3, 2)), 1, "Sun", 2, "Mon", "other")', "Mon"),
    ('ISPICKVAL(Status, "Working")', True),
    ('ISPICKVAL(Status, "working")', False),
    ('INCLUDES(Interests__c, "Looms")', True),
    ('INCLUDES(Interests__c, "Loom")', False),
    ("PICKLISTCOUNT(Interests__c)", D(2)),
    ("TEXT(Status)", "Working"),
    ('BLANKVALUE("", "none")', "none"),
    ("NULLVALUE(NULL, 4)", D(4)),
    ("IFERROR(1 / 0, 7)", D(7)),
    ('ISBLANK("")', True),
    ("ISNULL(NULL)", True),
    ('IN("b", "a", "b")', True),
    ('ISNUMBER("-1.5e3")', True),
    ('ISNUMBER("1,5")', False),
    ('VALUE(" 12.50 ")', D("12.50")),
    ('"a" & "b" + "c"', "abc"),
    ("TEXT(1.50)", "1.5"),
    ("TEXT(100)", "100"),
    ("TEXT(Born__c)", "2024-02-29"),
    ("TEXT(CreatedDate)", "2026-01-02 03:04:05Z"),
    ("TEXT(Opens__c)", "09:30:00.000"),
    ('ASCII("A")', D(65)),
    ("CHR(65)", "A"),
    ("BR()", "\n"),
    ('BEGINS(Name, "Ada")', True),
    ('CONTAINS(Name, "Love")', True),
    ('CONTAINS(Name, "love")', False),
    ('FIND("a", Name, 4)', D(10)),
    ('LEFT(Name, 3) & "|" & RIGHT(Name, 4) & "|" & MID(Name, 5, 4)', "Ada|lace|Love"),
    ("LEN(Name)", D(12)),
    ('LEN("\U0001f600")', D(2)),
    ("UPPER(Name)", "ADA LOVELACE"),
    ('LOWER("ÄB")', "äb"),
    ('INITCAP("ada von LOVELACE")', "Ada Von Lovelace"),
    ('LPAD("7", 3, "0") & RPAD("7", 3, "0")', "007700"),
    ('REVERSE("abc")', "cba"),
    ('SUBSTITUTE(Name, "a", "*")', "Ad* Lovel*ce"),
    ('TRIM("  x ")', "x"),
    ('REGEX("94105-1234", "[0-9]{5}(-[0-9]{4})?")', True),
    ('REGEX("x94105", "[0-9]{5}")', False),
    ('CASESAFEID("0015500001QdQWa")', "0015500001QdQWaAAN"),
    ('HTMLENCODE("<b>\'")', "&lt;b&gt;&#39;"),
    ("JSENCODE('a\"b/')", 'a\\"b\\/'),
    ("JSINHTMLENCODE('<\"')", "&lt;\\&quot;"),
    ('URLENCODE("a b&c")', "a+b%26c"),
    ('HYPERLINK("https://example.com", "x")', '<a href="https://example.com" target="_blank">x</a>'),
    ('IMAGE("https://example.com/a.png", "a", 1, 2)', '<img src="https://example.com/a.png" alt="a" height="1" width="2">'),
    ("DATE(2026, 1, 31)", date(2026, 1, 31)),
    ("DATEVALUE(CreatedDate)", date(2026, 1, 2)),
    ('DATEVALUE("2026-1-2")', date(2026, 1, 2)),
    ('DATETIMEVALUE("2026-01-02 03:04:05")', datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ('TIMEVALUE("17:30:45.125")', time(17, 30, 45, 125000)),
    ("ADDMONTHS(Born__c, 12)", date(2025, 2, 28)),
    ("ADDMONTHS(DATE(2026, 1, 31), 1)", date(2026, 2, 28)),
    ("TODAY()", date(2026, 3, 1)),
    ("NOW()", MOMENT.now),
    ("TIMENOW()", time(1, 30)),
    ("YEAR(Born__c) * 10000 + MONTH(Born__c) * 100 + DAY(Born__c)", D(20240229)),
    ("WEEKDAY(DATE(2026, 3, 1))", D(1)),
    ("DAYOFYEAR(DATE(2024, 12, 31))", D(366)),
    ("ISOWEEK(DATE(2027, 1, 1))", D(53)),
    ("ISOYEAR(DATE(2027, 1, 1))", D(2026)),
    ("HOUR(Opens__c) * 60 + MINUTE(Opens__c) + SECOND(Opens__c) + MILLISECOND(Opens__c)", D(570)),
    ("UNIXTIMESTAMP(DATE(1970, 1, 2))", D(86400)),
    ("FROMUNIXTIME(86400)", datetime(1970, 1, 2, tzinfo=UTC)),
    ("FORMATDURATION(100000, TRUE)", "1:03:46:40"),
    ('FORMATDURATION(TIMEVALUE("10:00:00"), TIMEVALUE("11:30:00"))', "01:30:00"),
    ("DATE(2026, 3, 1) - Born__c", D(731)),
    ("Born__c + 1", date(2024, 3, 1)),
    ("CreatedDate + 0.5", datetime(2026, 1, 2, 15, 4, 5, tzinfo=UTC)),
    ("Opens__c + 3600000", time(10, 30)),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_a_formula_gives_what_salesforce_documents(text: str, expected: Any) -> None:
    found = value_of(text)
    assert found == expected
    assert isinstance(found, type(expected))


def test_every_function_has_an_example_here_or_below() -> None:
    called = {node.name for text, _ in CASES if (tree := parse(text)[0]) for node in walk(tree) if isinstance(node, Call)}
    assert set(NAMES) - called == {"ISCHANGED", "PRIORVALUE", "ISNEW", "GEOLOCATION"} - called
    assert len(NAMES) >= 80


@pytest.mark.parametrize(
    ("text", "as_blank", "as_zero"),
    [
        ("Score__c + 1", None, D(1)),
        ("Score__c > -1", False, True),
        ("-1 < Score__c", False, True),
        ("Score__c = 0", False, True),
        ("Score__c <> 1", True, True),
        ("ISBLANK(Score__c)", True, False),
        ("BLANKVALUE(Score__c, 5)", D(5), D(0)),
        ("Discount__c + 1", None, D(1)),
        ("MAX(Score__c, -1)", None, D(0)),
        ("TEXT(Score__c)", "", "0"),
        ("ISBLANK(Name)", True, True),
        ("ISNULL(Name)", False, False),
        ('Name = ""', True, True),
        ('Name <> "x"', True, True),
        ('"a" & Name & "b"', "ab", "ab"),
        ("LEN(Name)", D(0), D(0)),
        ("IsConverted", False, False),
        ("NOT(IsConverted)", True, True),
        ("ISBLANK(Born__c)", True, True),
        ("Born__c + 1", None, None),
        ("Born__c < TODAY()", False, False),
        ('CASE(Status, "New", 1, 2)', D(2), D(2)),
        ("YEAR(Born__c)", None, None),
    ],
)
def test_blank_fields_follow_the_switch(text: str, as_blank: Any, as_zero: Any) -> None:
    assert value_of(text, {}) == as_blank
    assert value_of(text, {}, blank_as_zero=True) == as_zero


@pytest.mark.parametrize(
    ("text", "before", "expected"),
    [
        ("ISCHANGED(Status)", {"Status": "New"}, True),
        ("ISCHANGED(Status)", {"Status": "Working"}, False),
        ('ISPICKVAL(PRIORVALUE(Status), "New")', {"Status": "New"}, True),
        ("ISNEW()", {}, True),
        ("ISNEW()", {"Id": "00Q000000000001AAA"}, False),
    ],
)
def test_a_formula_can_look_at_the_record_before_the_change(text: str, before: dict[str, Any], expected: Any) -> None:
    assert value_of(text, prior=before) is expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 / 0", "division by zero"),
        ("MOD(1, 0)", "division by zero"),
        ("SQRT(-1)", "SQRT of -1 has no value"),
        ("LN(0)", "LN of 0 has no value"),
        ("2 ^ 0.5", "no whole number"),
        ("10 ^ 9999", "too large"),
        ("EXP(9999)", "has no value"),
        ("DATE(2026, 2, 30)", "no day 2026-2-30"),
        ('DATEVALUE("yesterday")', "is no date"),
        ('TIMEVALUE("25:00")', "no time"),
        ('VALUE("twelve")', "is no number"),
        ("CHR(-1)", "no character's code"),
        ('REGEX("aaaa", "(a+)+b")', "repeats something that repeats"),
        ('REGEX("aaaa", "(a|a)*b")', "repeats something that repeats or branches"),
        ('REGEX("aaaa", "(")', "can't be read"),
        ('RPAD("x", 9999999, "y")', "longer than"),
        ('DISTANCE(GEOLOCATION(1, 1), GEOLOCATION(2, 2), "m")', "no unit of distance"),
        ("GEOLOCATION(99, 1)", "no place on earth"),
        ("DATE(9999, 12, 31) + 99999999999", "out of range"),
    ],
)
def test_what_has_no_value_says_why(text: str, reason: str) -> None:
    with pytest.raises(FormulaError, match=reason):
        value_of(text)
