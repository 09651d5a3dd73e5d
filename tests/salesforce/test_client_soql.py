from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.ports import Keyset, Pull
from syncd.salesforce import soql

AT = datetime(2026, 3, 2, 9, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (12, "12"),
        (1.5, "1.5"),
        ("Open", "'Open'"),
        ("O'Neil", r"'O\'Neil'"),
        ("back\\slash", r"'back\\slash'"),
        ("\\' OR Id != '", r"'\\\' OR Id != \''"),
        ('two\nlines\t"quoted"', r"'two\nlines\t\"quoted\"'"),
        (date(2026, 3, 2), "2026-03-02"),
        (AT, "2026-03-02T09:00:05Z"),
        (AT.astimezone(timezone(timedelta(hours=2))), "2026-03-02T09:00:05Z"),
        (AT.replace(microsecond=120_000), "2026-03-02T09:00:05.120Z"),
    ],
)
def test_values_are_bound_and_times_are_bare(value: soql.Value, written: str) -> None:
    assert soql.literal(value) == written


@given(st.text(max_size=60))
def test_no_text_ends_its_own_quotes(text: str) -> None:
    inside = soql.literal(text)[1:-1]
    assert re.fullmatch(r"(?:[^'\\\n\r]|\\.)*", inside, re.DOTALL)


@pytest.mark.parametrize("name", ["", "Id; DELETE", "Name'", "a b", "1st", "Owner.", "Name,Id"])
def test_only_names_become_names(name: str) -> None:
    with pytest.raises(AssertionError, match="API name"):
        soql.name(name)


def test_a_naive_time_is_never_written() -> None:
    with pytest.raises(AssertionError, match="time zone"):
        soql.literal(AT.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("pull", "where"),
    [
        (Pull("Lead", ("Status",)), ""),
        (Pull("Lead", ("Status",), since_at=AT), " WHERE SystemModstamp >= 2026-03-02T09:00:05Z"),
        (
            Pull("Lead", ("Status",), since_at=AT, after=Keyset(AT, "00Q1")),
            " WHERE (SystemModstamp > 2026-03-02T09:00:05Z OR (SystemModstamp = 2026-03-02T09:00:05Z AND Id > '00Q1'))",
        ),
    ],
)
def test_a_pull_resumes_strictly_after_its_keyset_in_stamp_and_id_order(pull: Pull, where: str) -> None:
    before, middle, order = soql.pull_statement(pull).partition(where or " ORDER BY ")
    assert before == "SELECT Id,SystemModstamp,Status FROM Lead"
    assert (middle + order).removeprefix(where) == " ORDER BY SystemModstamp,Id"


def test_history_is_ordered_by_its_own_stamp() -> None:
    statement = soql.pull_statement(Pull("LeadHistory", ("Id", "createddate", "Field"), stamp_field="CreatedDate", since_at=AT))
    assert statement == (
        "SELECT Id,CreatedDate,Field FROM LeadHistory WHERE CreatedDate >= 2026-03-02T09:00:05Z ORDER BY CreatedDate,Id"
    )
    assert soql.stamp_field_of("LeadHistory") == soql.stamp_field_of("OpportunityFieldHistory") == "CreatedDate"
    assert soql.stamp_field_of("OpportunityHistory") == soql.stamp_field_of("Lead") == "SystemModstamp"


def test_an_empty_list_asks_nothing() -> None:
    assert list(soql.in_statements(("Id",), "Lead", {"Id": []})) == []
    assert list(soql.in_statements(("Id",), "Lead", {"Status": ["Open"], "Id": []})) == []
    assert list(soql.in_statements(("Id",), "Lead", {})) == []


def test_long_lists_are_cut_so_that_every_statement_fits_into_a_uri_and_no_value_is_lost() -> None:
    emails = [f"person.{number}+o'hara@example.com" for number in range(3_000)]
    campaigns = [f"7015e{number:010d}AAA" for number in range(40)]
    asked: set[tuple[str, str]] = set()
    for statement in soql.in_statements(("Id", "Status"), "CampaignMember", {"Email": emails, "CampaignId": campaigns}):
        assert len(soql.encoded(statement)) < 15_600
        assert unquote_plus(soql.encoded(statement)) == statement
        found = re.findall(r"'((?:[^'\\]|\\.)*)'", statement)
        asked |= {(mail, each) for mail in found if "@" in mail for each in found if "@" not in each}
    assert len(asked) == len(emails) * len(campaigns)
