"""What does a row of field history say, in each of the ways in which Salesforce writes it?"""

from __future__ import annotations

from datetime import datetime

import pytest

from syncd.core.changes import ASSIGNMENT_RULE, automation, changes_of, in_order, is_conversion
from syncd.core.values import Actor, ActorKind, Change, OrgRecord, Proof, Scalar
from tests.core.samples import LEAD, NOON, actor, history, lead

# Ids of 15 characters, and the 18 that Salesforce gives for them: capitals in each part, and the neighbours of A and Z.
IDS = [
    ("005aaaaaaaaaaaa", "005aaaaaaaaaaaaAAA"),
    ("005AAAAAAAAAAAA", "005AAAAAAAAAAAAY55"),
    ("005ZbbbbZbbbbZb", "005ZbbbbZbbbbZbIII"),
    ("00GaabbbbAbbbbZ", "00GaabbbbAbbbbZEQQ"),
    ("005Aabbbbbbbbbb", "005AabbbbbbbbbbIAA"),
    ("00G[@bbbbbb@bb[", "00G[@bbbbbb@bb[EAA"),
]


def said(
    *rows: OrgRecord, known: OrgRecord | None = None, staged: OrgRecord | None = None, fields: tuple[str, ...] = ()
) -> list[Change]:
    """Return what rows say, with users resolved by name alone."""

    def who(id: str | None, _: datetime) -> Actor:
        return Actor(id, str(id), ActorKind.SHARED if id is not None and "shared" in id else ActorKind.PERSON, "sdr")

    return changes_of("Lead", LEAD, fields, known=known, staged=staged, history=rows, actor=who)


@pytest.mark.parametrize(("short", "long"), IDS)
def test_ids_of_owners_get_eighteen_characters(short: str, long: str) -> None:
    [one] = said(history(1, short, "005SX0000000001AAA", field="Owner"))
    assert (one.field, one.before, one.after) == ("OwnerId", long, "005SX0000000001AAA")


def test_only_ids_of_owners_are_lengthened() -> None:
    [one] = said(history(1, "005aaaaaaaaaaaa", "fifteen letters", field="Memo__c"))
    assert (one.before, one.after) == ("005aaaaaaaaaaaa", "fifteen letters")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Sam Dialer", "Rita Rep"),
        ("005aaaaaaaaaaaa", "Rita Rep"),
        ("Sam Dialer", "005aaaaaaaaaaaa"),
        ("005aaaaaaaaaaaaA", "005aaaaaaaaaaaa"),
        ("00Qaaaaaaaaaaaa", "005aaaaaaaaaaaa"),
        ("005aaaaaaaaaaaa", None),
        (None, None),
    ],
)
def test_the_row_that_names_owners_is_no_change_of_its_own(before: Scalar, after: Scalar) -> None:
    assert said(history(1, before, after, field="Owner")) == []


def test_a_row_without_values_or_field_is_an_event() -> None:
    assert said(history(1, None, None, field="created")) == []
    rows = [history(1, None, None, field="leadConverted"), history(2, "a", "b")]
    assert (is_conversion(rows), is_conversion(rows[1:]), is_conversion([])) == (True, False, False)
    nameless = OrgRecord("LeadHistory", "017x", NOON, {"OldValue": "a", "NewValue": "b", "CreatedById": "005"})
    assert [one.field for one in said(nameless)] == [""]


def test_a_value_that_was_filled_or_emptied_is_a_change() -> None:
    assert [(one.before, one.after) for one in said(history(1, None, "b"), history(2, "b", None, minutes=1))] == [
        (None, "b"),
        ("b", None),
    ]


def test_a_row_proves_which_login_it_was_and_a_shared_one_nobodys_hand() -> None:
    one, other = said(history(1, "a", "b"), history(2, "b", "c", by="shared", minutes=1))
    assert (one.proof, other.proof) == (Proof.HISTORY, Proof.SHARED_LOGIN)
    assert one.evidence == {"history_id": "017SX0000000001AAA", "history_object": "LeadHistory"}


def test_rows_of_one_moment_are_in_the_order_of_their_ids() -> None:
    rows = [history(2, "b", "c"), history(1, "a", "b"), history(3, "x", "a", minutes=-1)]
    assert [row.fields["NewValue"] for row in in_order(rows)] == ["a", "b", "c"]
    assert [one.after for one in said(*rows)] == ["a", "b", "c"]


def test_the_assignment_rule_acts_in_somebodys_name_and_is_nobody() -> None:
    [one] = said(history(1, "005aaaaaaaaaaaa", "00Gaaaaaaaaaaaa", field="ownerAssignment"))
    assert (one.field, one.proof, one.actor.kind, one.actor.team) == (
        "OwnerId",
        Proof.AUTOMATION,
        ActorKind.AUTOMATION,
        ASSIGNMENT_RULE,
    )
    [accepted] = said(history(1, "00Gaaaaaaaaaaaa", "005aaaaaaaaaaaa", field="ownerAccepted"))
    assert (accepted.field, accepted.proof) == ("OwnerId", Proof.HISTORY)


def test_automation_has_the_name_of_its_rule_or_none() -> None:
    sam = actor("sam")
    assert automation(sam, "why") == Actor(sam.user_id, "automation", ActorKind.AUTOMATION, None, "why")
    assert automation(sam, "why", "assignment rule").name == "assignment rule"


@pytest.mark.parametrize(
    ("rows", "held", "now", "minutes", "found"),
    [
        ((), {"Status": "a"}, {"Status": "b"}, 5, [("a", "b")]),
        ((), {"Status": "a"}, {"Status": "a"}, 5, []),
        ((), {"Status": "a"}, {}, 5, []),
        ((), {}, {"Status": "b"}, 5, []),
        ((history(1, "a", "b", minutes=5),), {"Status": "a"}, {"Status": "c"}, 5, []),
        ((history(1, "a", "b", minutes=4),), {"Status": "a"}, {"Status": "c"}, 5, [("b", "c")]),
        ((history(1, "a", "b", minutes=4),), {"Status": "a"}, {"Status": "b"}, 5, []),
        ((history(1, "a", "b", minutes=4),), {}, {"Status": "c"}, 5, [("b", "c")]),
    ],
)
def test_what_no_history_explains_is_nobodys(
    rows: tuple[OrgRecord, ...], held: dict[str, str], now: dict[str, str], minutes: int, found: list[tuple[Scalar, Scalar]]
) -> None:
    known, staged = OrgRecord("Lead", LEAD, NOON, held), OrgRecord("Lead", LEAD, lead(minutes).modified_at, now)
    weak = [one for one in said(*rows, known=known, staged=staged, fields=("Status",)) if one.proof is Proof.LAST_MODIFIED]
    assert [(one.before, one.after) for one in weak] == found
    for one in weak:
        assert (one.actor.kind, one.actor.user_id, one.actor.name, one.changed_at) == (
            ActorKind.UNKNOWN,
            None,
            "",
            staged.modified_at,
        )
        assert str(one.evidence["hint"]).startswith("LastModifiedById")
        assert (one.object, one.record_id, one.field) == ("Lead", LEAD, "Status")


def test_weak_and_proved_changes_stand_in_the_order_of_their_times() -> None:
    known, staged = lead(Status="a", Rating="x"), lead(5, Status="b", Rating="y")
    found = said(history(1, "a", "b", minutes=9), known=known, staged=staged, fields=("Status", "Rating"))
    assert [(one.field, one.proof) for one in found] == [("Rating", Proof.LAST_MODIFIED), ("Status", Proof.HISTORY)]


def test_a_gone_record_or_one_first_seen_has_no_change_that_history_does_not_tell() -> None:
    assert said(known=None, staged=lead(5, Status="b"), fields=("Status",)) == []
    assert said(known=lead(Status="a"), staged=None, fields=("Status",)) == []
    assert said(known=lead(Status="a"), staged=lead(5, is_deleted=True, Status="b"), fields=("Status",)) == []
