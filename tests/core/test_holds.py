"""Does Sales' word that a person is left alone count from whichever record it stands on, and until its day?"""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from syncd.core.holds import Hold, hold_of
from syncd.core.kin import Person
from syncd.core.values import OrgRecord

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
FIELDS = {"Contact": "Hold__c", "Lead": "Quiet__c"}
EARLY, LATE = "2026-11-05", "2026-12-24"


def contact(id: str, until: str | None) -> OrgRecord:
    return OrgRecord("Contact", id, NOW, {"Hold__c": until})


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
