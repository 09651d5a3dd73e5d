"""Is nobody mailed who opted out anywhere, by any of the things that a person is known by?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from syncd.core.consent import Consent, opted_out_of, scope_of
from syncd.core.flags import Reason, reasons_against
from syncd.core.kin import Found, Link, Person, handle_of_record, handles_of, people_of
from syncd.core.latching import Kept, cleared, kept_of
from syncd.core.values import Flag, FlagFact, OrgRecord, Scalar

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEYS = ("MA__c",)
LEAD, CONTACT = "00Q1", "0031"
OUT, UNREADABLE, BAD = Flag.OPTED_OUT, Flag.OPT_OUT_UNREADABLE, Flag.UNREACHABLE


def contact(id: str = CONTACT, **fields: Scalar) -> OrgRecord:
    return OrgRecord("Contact", id, NOW, {"HasOptedOutOfEmail": False, **fields})


def lead(id: str = LEAD, **fields: Scalar) -> OrgRecord:
    return OrgRecord("Lead", id, NOW, {"HasOptedOutOfEmail": False, **fields})


def fact(flag: Flag, person_id: str | None = None, address: str | None = None, scope: str = "global") -> FlagFact:
    return FlagFact(flag, person_id, address, "marketo", "a.csv:2", NOW, scope)


def consent(person_id: str | None, address: str | None = None, *, after: timedelta = HOUR, scope: str = "global") -> Consent:
    return Consent(person_id, address, scope, NOW + after, "web form", "Yes, send me mail.", "dana@host", NOW + after)


def person_of(target: OrgRecord, *others: OrgRecord, links: Sequence[Link] = ()) -> Person:
    rows = (target, *others)

    def look(ids: frozenset[str], handles: frozenset[str]) -> Found:
        hits = [r for r in rows if r.id in ids or (not r.is_deleted and handles & {*handles_of(r, KEYS)})]
        hits += [row for row in rows if row.text("ConvertedContactId") in ids]
        return Found(hits, [link for link in links if link[0] in ids or link[1] in handles])

    return people_of([target.id], look, KEYS)[target.id]


def texts(
    target: OrgRecord,
    *others: OrgRecord,
    facts: Sequence[FlagFact] = (),
    consents: Sequence[Consent] = (),
    links: Sequence[Link] = (),
) -> list[str]:
    return [one.text for one in reasons_against(target, person_of(target, *others, links=links), facts, consents)]


CONVERTED = lead(IsConverted=True, ConvertedContactId=CONTACT)


@pytest.mark.parametrize(
    ("target", "others", "facts", "reasons"),
    [
        (contact(Email="ana@example.com"), [], [], []),
        (contact(HasOptedOutOfEmail=True), [], [], ["opted out (Contact HasOptedOutOfEmail)"]),
        (contact(HasOptedOutOfEmail=None), [], [], ["opt-out can't be read (HasOptedOutOfEmail is empty)"]),
        (OrgRecord("Contact", CONTACT, NOW, {}), [], [], ["opt-out can't be read (HasOptedOutOfEmail is not visible)"]),
        (contact(), [], [fact(OUT, CONTACT)], ["opted out (marketo, a.csv:2)"]),
        (contact(Email="ANA@example.com "), [], [fact(OUT, None, "ana@example.com")], ["opted out (marketo, a.csv:2)"]),
        (contact(), [CONVERTED], [fact(OUT, LEAD)], ["opted out (marketo, a.csv:2)"]),
        (contact(), [lead()], [fact(OUT, LEAD)], []),
        (contact(), [], [fact(UNREADABLE, CONTACT)], ["opt-out can't be read (marketo, a.csv:2)"]),
        (contact(Email="a@b.cd"), [], [fact(BAD, None, "a@b.cd")], ["unreachable (marketo, a.csv:2)"]),
        (contact(Email="new@b.cd"), [], [fact(BAD, CONTACT, "a@b.cd")], []),
        (contact(), [], [fact(BAD, CONTACT, None)], ["unreachable (marketo, a.csv:2)"]),
        (contact(Email="new@b.cd"), [], [fact(BAD, CONTACT, None)], []),
        (contact(), [replace(CONVERTED, fields={**CONVERTED.fields, "HasOptedOutOfEmail": True})], [], [
            "opted out (Lead HasOptedOutOfEmail)",
        ]),
        (contact(Email="a@b.cd"), [lead(Email="A@b.cd", HasOptedOutOfEmail=True)], [], ["opted out (Lead HasOptedOutOfEmail)"]),
        (contact(MA__c="7"), [lead(MA__c="7")], [fact(OUT, LEAD)], ["opted out (marketo, a.csv:2)"]),
        (contact(MA__c="7"), [], [fact(OUT, None, "MA__c=7")], ["opted out (marketo, a.csv:2)"]),
        (contact(Email="a@b.cd"), [OrgRecord("Lead", LEAD, NOW, {"Email": "a@b.cd"})], [], [
            "opt-out can't be read (HasOptedOutOfEmail is not visible)",
        ]),
    ],
)  # fmt: skip
def test_nobody_who_opted_out_or_might_have_is_mailed(
    target: OrgRecord, others: list[OrgRecord], facts: list[FlagFact], reasons: list[str]
) -> None:
    assert texts(target, *others, facts=facts) == reasons


def test_what_a_hidden_box_said_before_it_was_hidden_is_no_no() -> None:
    target = contact(No_News__c=True)
    more, hidden = {"Contact": {"No_News__c": "topic:news"}}, {"Contact": frozenset({"HasOptedOutOfEmail", "No_News__c"})}
    reasons = reasons_against(target, person_of(target), (), (), more, hidden)
    assert [(reason.text, reason.scope) for reason in reasons] == [
        ("opt-out can't be read (HasOptedOutOfEmail is not visible)", "global"),
        ("opted out of topic news (Contact No_News__c)", "topic:news"),
        ("opt-out can't be read (No_News__c is not visible)", "global"),
    ]


def test_what_was_once_known_by_the_same_address_is_one_person_over_any_number_of_steps() -> None:
    second = lead("00Q2", Email="old@b.cd", MA__c="9")
    third = lead("00Q3", MA__c="9", HasOptedOutOfEmail=True)
    target = contact(Email="new@b.cd")
    assert texts(target, second, third) == []
    assert texts(target, second, third, links=[(CONTACT, "old@b.cd")]) == ["opted out (Lead HasOptedOutOfEmail)"]


def test_what_was_merged_into_a_record_speaks_against_it_in_both_directions() -> None:
    links = [(CONTACT, handle_of_record("0032"))]
    assert texts(contact(), facts=[fact(OUT, "0032")], links=links) == ["opted out (marketo, a.csv:2)"]
    assert texts(contact("0032"), facts=[fact(OUT, CONTACT)], links=links) == ["opted out (marketo, a.csv:2)"]


def test_an_opt_out_of_a_brand_or_topic_keeps_out_of_that_and_of_mail_of_which_nothing_is_known() -> None:
    [reason] = reasons_against(contact(), person_of(contact()), [fact(OUT, CONTACT, scope="brand:acme")])
    assert reason == Reason("opted out of brand acme (marketo, a.csv:2)", "brand:acme")
    assert [reason.keeps_out(one) for one in (frozenset({"brand:acme"}), frozenset({"topic:x"}), frozenset(), None)] == [
        True,
        False,
        False,
        True,
    ]
    assert Reason("x").keeps_out(frozenset())


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("global", "global"), (" Brand: Acme  Co ", "brand:acme co"), ("topic:News", "topic:news"), ("brand:", None),
        ("x:y", None), ("brand:Cafe\u0301", "brand:caf\u00e9"),
    ],
)  # fmt: skip
def test_a_scope_is_global_a_brand_or_a_topic_in_any_case(text: str, scope: str | None) -> None:
    assert scope_of(text) == scope
    assert opted_out_of("topic:news") == "opted out of topic news"


# --- consent -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "known", "is_open"),
    [
        (consent(CONTACT), fact(OUT, CONTACT), True),
        (consent(CONTACT, after=-HOUR), fact(OUT, CONTACT), False),  # older than the opt-out
        (consent(CONTACT, after=timedelta()), fact(OUT, CONTACT), False),
        (consent(CONTACT), fact(UNREADABLE, CONTACT), False),
        (consent(CONTACT), fact(BAD, CONTACT, "a@b.cd"), False),
        (consent(CONTACT, scope="brand:a"), fact(OUT, CONTACT), False),  # one brand's consent is not everybody's
        (consent(CONTACT), fact(OUT, CONTACT, scope="brand:a"), False),
        (consent(CONTACT, scope="brand:a"), fact(OUT, CONTACT, scope="brand:a"), True),
        (consent(CONTACT), fact(OUT, None, "a@b.cd"), True),  # nobody else is known to have been meant
        (consent(None, "a@b.cd"), fact(OUT, None, "a@b.cd"), True),
        (consent(None, "a@b.cd"), fact(OUT, CONTACT, "a@b.cd"), False),  # an address may be several people's
        (consent("00Q9", "a@b.cd"), fact(OUT, CONTACT, "a@b.cd"), False),
    ],
)
def test_only_newer_consent_of_the_same_human_and_scope_opens_an_opt_out(given: Consent, known: FlagFact, is_open: bool) -> None:
    assert (texts(contact(Email="a@b.cd"), facts=[known], consents=[given]) == []) == is_open


def test_a_consent_goes_with_the_lead_into_its_contact_and_never_over_the_orgs_own_word() -> None:
    assert texts(contact(), CONVERTED, facts=[fact(OUT, LEAD)], consents=[consent(CONTACT)]) == []
    assert texts(contact(), CONVERTED, facts=[fact(OUT, CONTACT)], consents=[consent(LEAD)]) == []
    out = contact(HasOptedOutOfEmail=True)
    assert texts(out, facts=[fact(OUT, CONTACT)], consents=[consent(CONTACT)]) == ["opted out (Contact HasOptedOutOfEmail)"]


def test_a_consent_of_an_address_that_nobody_had_opens_nothing_once_two_people_have_it() -> None:
    target, given, known = contact(Email="a@b.cd"), consent(None, "a@b.cd"), fact(OUT, None, "a@b.cd")
    out = ["opted out (marketo, a.csv:2)"]
    assert texts(target, lead(Email="A@b.cd"), facts=[known], consents=[given]) == out
    assert texts(target, facts=[known], consents=[given], links=[("0032", "a@b.cd")]) == out  # somebody else had it
    same = replace(CONVERTED, fields={**CONVERTED.fields, "Email": "a@b.cd"})
    assert texts(target, same, facts=[known], consents=[given]) == []


def test_a_consent_is_not_of_a_record_that_was_merged_and_came_back() -> None:
    links = [(CONTACT, handle_of_record("0032"))]
    out = ["opted out (marketo, a.csv:2)"]
    other = contact("0032", Email="other@b.cd")
    for opted_out in (fact(OUT, "0032"), fact(OUT, None, "other@b.cd")):
        for given, target, rest in ((CONTACT, other, contact()), (CONTACT, contact(), other)):
            assert texts(target, rest, facts=[opted_out], consents=[consent(given)], links=links) == out
        gone = replace(other, is_deleted=True)
        assert texts(contact(), gone, facts=[opted_out], consents=[consent(CONTACT)], links=links) == []


# --- what is kept of a change ------------------------------------------------------------------------------------------


def test_a_former_address_stays_a_link_and_what_stays_the_same_costs_nothing() -> None:
    known = contact(Email="old@b.cd", MA__c="7")
    assert kept_of(known, contact(Email="New@b.cd", MA__c="7"), KEYS, {}) == Kept(((CONTACT, "old@b.cd"),))
    assert kept_of(known, contact(Email="OLD@b.cd", MA__c="7", Name="x"), KEYS, {}) == Kept()


def test_all_of_a_deleted_record_is_kept_with_its_opt_outs_and_the_contact_that_it_became() -> None:
    known = replace(CONVERTED, fields={**CONVERTED.fields, "Email": "a@b.cd", "HasOptedOutOfEmail": True, "No_Acme__c": True})
    kept = kept_of(known, replace(known, is_deleted=True), KEYS, {"Lead": {"No_Acme__c": "brand:acme"}})
    assert kept.links == ((LEAD, "a@b.cd"), (CONTACT, handle_of_record(LEAD)))
    assert [(one.person_id, one.address, one.scope, one.seen_at) for one in kept.facts] == [
        (LEAD, "a@b.cd", "global", NOW),
        (LEAD, "a@b.cd", "brand:acme", NOW),
    ]
    assert kept_of(replace(known, is_deleted=True), replace(known, is_deleted=True), KEYS, {}) == Kept()


def test_an_opt_out_that_can_be_read_no_more_is_kept_for_when_it_can_again() -> None:
    known = contact(Email="a@b.cd", HasOptedOutOfEmail=True, No_Acme__c=True)
    read = OrgRecord("Contact", CONTACT, NOW + HOUR, {"Email": "a@b.cd", "No_Acme__c": True})
    more = {"Contact": {"No_Acme__c": "brand:acme"}}
    [kept] = kept_of(known, read, KEYS, more).facts
    assert (kept.flag, kept.person_id, kept.address, kept.scope, kept.last_said) == (OUT, CONTACT, "a@b.cd", "global", NOW)
    assert kept.evidence == f"Contact {CONTACT} was opted out when HasOptedOutOfEmail could be read no more"
    assert kept_of(contact(), OrgRecord("Contact", CONTACT, NOW, {}), KEYS, more) == Kept()
    assert kept_of(known, contact(Email="a@b.cd", No_Acme__c=True), KEYS, more) == Kept()  # taken away: cleared tells of it


def test_only_a_tick_that_is_taken_away_from_a_record_that_is_there_is_cleared() -> None:
    out = contact(HasOptedOutOfEmail=True)
    assert cleared(out, contact(), {}) == {"HasOptedOutOfEmail": "global"}
    assert cleared(out, replace(contact(), is_deleted=True), {}) == {}
    assert cleared(out, OrgRecord("Contact", CONTACT, NOW, {}), {}) == {}  # hidden by now: nobody took it away
    assert cleared(contact(), out, {}) == {}
