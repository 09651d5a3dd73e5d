"""Does Sales' word that a person is left alone count from whichever record it stands on, and until its day?"""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from syncd.core.holds import Carried, Hold, carried_from, carried_text, carried_to, hold_of
from syncd.core.kin import Person
from syncd.core.values import OrgRecord

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
FIELDS = {"Contact": "Hold__c", "Lead": "Quiet__c"}
EARLY, LATE = "2026-11-05", "2026-12-24"
Brief = tuple[str, str, tuple[str | None, ...]]


def at_length(holds: list[Brief]) -> list[Carried]:
    return [Carried(date.fromisoformat(until), "Hold__c", "Contact", id, known) for id, until, known in holds]


def contact(id: str, until: str | None) -> OrgRecord:
    return OrgRecord("Contact", id, NOW, {"Hold__c": until})


def person(*records: OrgRecord) -> Person:
    return Person(records, frozenset(), frozenset())


def lead(until: str | None) -> OrgRecord:
    return OrgRecord("Lead", "00Q1", NOW, {"Quiet__c": until, "Hold__c": "2030-01-01"})


@pytest.mark.parametrize(
    ("own", "others", "hold"),
    [
        (None, [], None),
        (EARLY, [], Hold(date(2026, 11, 5))),
        (None, [contact("0032", EARLY)], Hold(date(2026, 11, 5), "Contact 0032")),
        (EARLY, [contact("0032", EARLY)], Hold(date(2026, 11, 5))),
        (EARLY, [contact("0032", None), lead(LATE)], Hold(date(2026, 12, 24), "Lead 00Q1")),
        (None, [lead("when Ada says so")], Hold(date.max, "Lead 00Q1")),
        (LATE, [lead(EARLY)], Hold(date(2026, 12, 24))),
        (EARLY, [contact("0031", LATE)], Hold(date(2026, 11, 5))),  # the same record as it was mirrored before
    ],
)
def test_the_hold_that_ends_last_on_any_record_of_a_person_counts(
    own: str | None, others: list[OrgRecord], hold: Hold | None
) -> None:
    assert hold_of(contact("0031", own), Person(tuple(others), frozenset(), frozenset()), FIELDS) == hold


def test_a_hold_says_on_which_other_record_it_stands() -> None:
    assert Hold(date(2026, 11, 5)).text == "on hold by sales until 2026-11-05"
    assert Hold(date.max).text == "hold can't be read"
    assert Hold(date(2026, 11, 5), "Lead 00Q1").text == "on hold by sales until 2026-11-05 (Lead 00Q1)"


TODAY = date(2026, 11, 2)
MERGED = Carried(date(2026, 12, 24), "Hold__c", "Contact", "0039", (None,))
TOLD = Hold(date(2026, 12, 24), "Contact 0039, merged")


@pytest.mark.parametrize(
    ("own", "others", "fields", "hold"),
    [
        (None, [], FIELDS, TOLD),
        (EARLY, [], FIELDS, Hold(date(2026, 11, 5))),  # Sales has said something else since
        (None, [contact("0039", None)], FIELDS, None),  # it came back from the bin: what it says itself counts
        (None, [], {"Contact": "Quiet__c"}, None),
        (None, [], {}, None),
    ],
)
def test_the_hold_of_a_merged_record_counts_for_the_one_that_is_left_until_sales_says_something_else(
    own: str | None, others: list[OrgRecord], fields: dict[str, str], hold: Hold | None
) -> None:
    assert hold_of(contact("0031", own), person(*others), fields, {"0031": [MERGED], "0032": [MERGED]}) == hold


def test_a_hold_that_went_over_to_another_record_of_the_person_counts() -> None:
    assert hold_of(contact("0031", None), person(contact("0032", None)), FIELDS, {"0032": [MERGED]}) == TOLD


@pytest.mark.parametrize(
    ("lost", "of_loser", "of_winner", "winner", "carried"),
    [
        (LATE, [], [], contact("0031", None), [("0039", LATE, (None,))]),
        (LATE, [], [], contact("0031", EARLY), [("0039", LATE, (EARLY,))]),
        (LATE, [], [], contact("0031", LATE), []),  # it was taken over in the org
        (LATE, [], [], None, [("0039", LATE, ())]),
        ("2026-11-01", [], [], contact("0031", None), []),
        ("2026-11-02", [], [], contact("0031", None), [("0039", "2026-11-02", (None,))]),
        (None, [], [], contact("0031", None), []),
        ("till Ada says so", [], [], contact("0031", None), [("0039", "9999-12-31", (None,))]),
        (None, [("0038", LATE, (None,))], [], contact("0031", EARLY), [("0038", LATE, (EARLY,))]),
        (EARLY, [("0038", LATE, (None,))], [], contact("0031", None), [("0039", EARLY, (None,))]),  # Sales had spoken there
        (EARLY, [], [("0037", LATE, (None,))], contact("0031", None), [("0037", LATE, (None,)), ("0039", EARLY, (None,))]),
        (EARLY, [], [("0039", EARLY, (None,))], contact("0031", None), [("0039", EARLY, (None,))]),  # a crash said it twice
    ],
)
def test_holds_go_over_with_every_merge_while_they_last(
    lost: str | None, of_loser: list[Brief], of_winner: list[Brief], winner: OrgRecord | None, carried: list[Brief]
) -> None:
    found = carried_to(winner, contact("0039", lost), at_length(of_loser), at_length(of_winner), FIELDS, TODAY)
    assert [(one.id, one.until.isoformat(), one.known) for one in found] == carried
    assert carried_from(carried_text(found)) == found
