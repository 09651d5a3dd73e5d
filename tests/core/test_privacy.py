"""What do individuals and consents say against mail, from when to when, and for which mail?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncd.core.privacy import BY_POINT, BY_TYPE, INDIVIDUAL, PrivacySources, said_by_consent, said_by_individual
from syncd.core.values import GLOBAL, OrgRecord, Scalar

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SOURCES = PrivacySources(
    {"ShouldForget": GLOBAL, "HasOptedOutTracking": "topic:ads"}, {BY_TYPE: {"news": "topic:news"}, BY_POINT: {}}
)
PURPOSES = {"0ZW1": "News", "0ZW2": "Surveys"}


def consent(object: str = BY_TYPE, **fields: Scalar) -> OrgRecord:
    given = {"PrivacyConsentStatus": "OptOut"} | ({"ContactPointType": "Email"} if object == BY_TYPE else {})
    return OrgRecord(object, "0ZY1", NOW, given | fields)


def at(hours: float) -> str:
    return f"{NOW + timedelta(hours=hours):%Y-%m-%dT%H:%M:%S}.000+0000"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("OptOut", "opted out (ContactPointTypeConsent 0ZY1)"),
        ("OptIn", None),
        ("NotSeen", None),
        ("Seen", None),
        (None, "opt-out can't be read (ContactPointTypeConsent 0ZY1 PrivacyConsentStatus is empty)"),
        ("Revoked", "opt-out can't be read (ContactPointTypeConsent 0ZY1 PrivacyConsentStatus is 'Revoked')"),
    ],
)
def test_what_is_no_known_status_counts_as_opted_out(status: str | None, reason: str | None) -> None:
    said = said_by_consent(consent(PrivacyConsentStatus=status), SOURCES, {}, NOW)
    assert (said and said.reason.text) == reason
    assert said is None or said.reason.keeps_out(frozenset({"topic:other"}))


@pytest.mark.parametrize(
    ("begins", "ends", "is_in_force"),
    [
        (None, None, True),
        (0, None, True),
        (1, None, False),
        (None, 0, False),
        (None, 1, True),
        (-2, -1, False),
        (-1, 1, True),
    ],
)
def test_a_consent_is_in_force_from_its_first_moment_until_right_before_its_last(
    begins: float | None, ends: float | None, is_in_force: bool
) -> None:
    dates = {name: at(value) for name, value in (("EffectiveFrom", begins), ("EffectiveTo", ends)) if value is not None}
    assert (said_by_consent(consent(**dates), SOURCES, {}, NOW) is not None) == is_in_force


@pytest.mark.parametrize(
    ("object", "purpose", "scope"),
    [
        (BY_TYPE, "0ZW1", "topic:news"),
        (BY_TYPE, "0ZW2", GLOBAL),
        (BY_TYPE, "0ZW9", GLOBAL),
        (BY_TYPE, None, GLOBAL),
        (BY_POINT, "0ZW1", GLOBAL),
    ],
)
def test_a_consent_covers_what_its_purpose_is_mapped_to_and_else_everything(object: str, purpose: str | None, scope: str) -> None:
    said = said_by_consent(consent(object, DataUsePurposeId=purpose), SOURCES, PURPOSES, NOW)
    assert said is not None
    assert said.scope == scope


@pytest.mark.parametrize(("kind", "counts"), [("Email", True), (None, True), ("Phone", False), ("MailingAddress", False)])
def test_a_consent_counts_when_it_is_about_mail_or_does_not_say_about_what(kind: str | None, counts: bool) -> None:
    assert (said_by_consent(consent(ContactPointType=kind), SOURCES, {}, NOW) is not None) == counts


def test_the_boxes_of_an_individual_each_speak_for_themselves() -> None:
    row = OrgRecord(INDIVIDUAL, "0PK1", NOW, {"ShouldForget": False, "HasOptedOutTracking": True, "HasOptedOutProfiling": True})
    assert [one.reason.text for one in said_by_individual(row, SOURCES)] == [
        "opted out of topic ads (Individual 0PK1 HasOptedOutTracking)"
    ]
    unread = OrgRecord(INDIVIDUAL, "0PK1", NOW, {"ShouldForget": None})
    assert [one.reason.text for one in said_by_individual(unread, SOURCES)] == [
        "opt-out can't be read (Individual 0PK1 ShouldForget is empty)"
    ]
