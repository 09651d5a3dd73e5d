"""What follows for a record: which ledger rows, reverts, debts, questions and inbox items?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from syncd.core.fights import CAME_BACK, PARKED, Fight, parking
from syncd.core.judging import Bench, Ruling, Subject, rule_on
from syncd.core.ladder import Wait
from syncd.core.sparing import Surroundings
from syncd.core.values import ActorKind, Entry, Intent, OrgRecord, Scalar, Verdict, digest
from tests.core.one_lead import ASKING, CREATED, HELD, POLICY, bench, held, subject
from tests.core.samples import (
    LEAD,
    MQL_QUEUE,
    NOON,
    NURTURE_QUEUE,
    fences,
    history,
    people,
    row,
    user_id,
)

SLOW = POLICY.replace("[crossing.status]", "[crossing.status]\ngrace_minutes = 30")


def crossed(**more: Any) -> Ruling:
    """Rule on an SDR's move of a lead that marketing has."""
    return rule_on(subject([history(1, "Inquiry", "Working")], staged={"Status": "Working"}, **more), bench())


def written(ruling: Ruling) -> dict[str, Scalar]:
    """Return what is put back, by field."""
    return {intent.field: intent.after for intent, _ in ruling.intents}


def test_a_crossing_is_entered_and_put_back_by_an_intent_that_says_all_it_rests_on() -> None:
    ruling = crossed()
    rule = next(iter(fences(POLICY).status.holdings.values())).rule
    reason = "'Inquiry' belongs to marketing; sdr moved it to 'Working'"
    assert ruling.entries == [
        Entry(
            kind="change",
            at=NOON + timedelta(hours=1),
            cycle="cycle-1",
            object="Lead",
            record_id=LEAD,
            field="Status",
            before="Inquiry",
            after="Working",
            changed_at=NOON,
            actor_id=user_id("sam"),
            actor="Sam Dialer",
            actor_kind="person",
            proof="history",
            team="sdr",
            verdict="revert",
            fence="status",
            rule=rule,
            policy_hash="hash",
            reason=reason,
            evidence={"history_id": "017SX0000000001AAA", "history_object": "LeadHistory"},
        )
    ]
    intent = Intent(
        key=digest("cycle-1", "Lead", LEAD, "Status", "Inquiry"),
        object="Lead",
        record_id=LEAD,
        field="Status",
        before="Working",
        after="Inquiry",
        part="fence",
        rule=rule,
        reason=reason,
        policy_hash="hash",
        cause="017SX0000000001AAA",
        decided_on=(NOON + timedelta(minutes=5)).isoformat(),
    )
    assert ruling.intents == [(intent, 0)]
    assert ruling.owe == {"Status": "Inquiry"}
    assert ruling.fought == {"Status": Fight().after(ruling.judgements[0].change, NOON + timedelta(hours=1)).text()}
    assert (ruling.settled, ruling.inbox, ruling.made_up, ruling.waits, ruling.is_unasked) == ([], [], [], {}, False)
    assert ruling.moves == {"Status": 1, "OwnerId": 0}


def test_status_reason_and_owner_of_one_save_go_back_together_in_one_conditional_write() -> None:
    rows = [
        history(1, "Inquiry", "Working"),
        history(2, None, "No budget", field="Status_Reason__c"),
        history(3, NURTURE_QUEUE, user_id("sam"), field="Owner"),
    ]
    staged = {"Status": "Working", "Status_Reason__c": "No budget", "OwnerId": user_id("sam")}
    ruling = rule_on(subject(rows, staged=staged), bench())
    assert written(ruling) == {"Status": "Inquiry", "Status_Reason__c": None, "OwnerId": NURTURE_QUEUE}
    assert {(intent.record_id, intent.part, intent.decided_on) for intent, _ in ruling.intents} == {
        (LEAD, "fence", (NOON + timedelta(minutes=5)).isoformat())
    }
    assert [ruling.entries[row or 0].field for _, row in ruling.intents] == [intent.field for intent, _ in ruling.intents]


def test_a_record_seen_for_the_first_time_is_a_baseline() -> None:
    staged = held(0, HELD)
    fresh = rule_on(Subject("Lead", LEAD, staged, None, ()), bench())
    assert fresh == Ruling(mirror=[staged])
    assert rule_on(Subject("Lead", LEAD, None, None, ()), bench()) == Ruling()
    rows = [history(1, "Inquiry", "MQL", by="mia"), history(2, "MQL", "Inquiry", by="rita", minutes=1)]
    with_past = rule_on(Subject("Lead", LEAD, held(2, HELD), None, rows), bench())
    assert [(entry.verdict, entry.after) for entry in with_past.entries] == [("note", "Inquiry")]
    assert "baseline" in str(with_past.entries[0].reason)
    assert [item.verdict for item in with_past.judgements] == [Verdict.ALLOW, Verdict.NOTE]
    assert with_past.intents == []


def test_a_record_that_is_gone_is_told_of_once_and_owes_nothing() -> None:
    gone = held(5, HELD, is_deleted=True)
    ruling = rule_on(Subject("Lead", LEAD, gone, held(0, HELD), (), {"Status": "MQL"}), bench())
    told = Entry(
        kind="deleted",
        at=NOON + timedelta(hours=1),
        cycle="cycle-1",
        object="Lead",
        record_id=LEAD,
        reason="gone from the org",
    )
    assert ruling == Ruling(mirror=[gone], entries=[told], settled=["Status"])
    assert rule_on(Subject("Lead", LEAD, gone, gone, ()), bench()) == Ruling()
    assert rule_on(Subject("Lead", LEAD, gone, None, ()), bench()) == Ruling()


def test_what_syncd_wrote_itself_needs_no_row_and_what_its_user_did_otherwise_is_told() -> None:
    rows = [history(1, "Inquiry", "MQL", by="own")]
    rows[0] = replace(rows[0], fields={**rows[0].fields, "CreatedById": people().own_user_id})
    own = rule_on(subject(rows, staged={"Status": "MQL"}, written={"Status": "MQL"}), bench())
    assert (own.entries, own.inbox, own.moves) == ([], [], {"Status": 0, "OwnerId": 0})
    borrowed = rule_on(subject(rows, staged={"Status": "MQL"}, written={"Status": "Nurture"}), bench())
    assert [(item.kind, item.subject, item.where) for item in borrowed.inbox] == [("own-user-used", LEAD, f"Lead {LEAD}")]
    assert borrowed.inbox[0].text.startswith("Status was changed to 'MQL' by syncd's own user")
    assert (borrowed.entries[0].verdict, borrowed.intents) == ("note", [])


def test_a_value_that_no_history_explains_is_nobodys_and_stands() -> None:
    ruling = rule_on(subject(staged={"Status": "Working"}), bench())
    entry = ruling.entries[0]
    assert (entry.verdict, entry.proof, entry.actor, entry.actor_id, entry.fence) == ("note", "last-modified", None, None, None)
    assert str(entry.reason).startswith("cannot be known: ")
    assert ruling.intents == []


def test_what_came_back_from_the_recycle_bin_came_back_lawfully() -> None:
    gone = held(0, HELD, is_deleted=True)
    back = held(5, {**HELD, "Status": "Working"})
    ruling = rule_on(Subject("Lead", LEAD, back, gone, ()), bench())
    assert [(entry.verdict, entry.reason) for entry in ruling.entries] == [
        ("allow", "came back with the record from the recycle bin")
    ]
    moved = rule_on(Subject("Lead", LEAD, back, gone, [history(1, "Inquiry", "Working")]), bench())
    assert moved.entries[0].verdict == "revert"


def test_a_conversion_is_lawful_and_a_converted_lead_is_not_written() -> None:
    rows = [history(1, "Inquiry", "Qualified"), history(2, None, None, field="leadConverted")]
    assert rule_on(subject(rows, staged={"Status": "Qualified"}), bench()).entries[0].reason == "part of a lead conversion"
    late = rule_on(subject([history(1, "Inquiry", "Working")], staged={"Status": "Working", "IsConverted": True}), bench())
    assert (late.entries[0].verdict, late.intents) == ("note", [])
    assert str(late.entries[0].reason).endswith("the lead is converted and read-only")


def test_what_happened_before_the_record_was_there_is_not_judged_and_told_once() -> None:
    known = {**HELD, "CreatedDate": (NOON + timedelta(minutes=2)).isoformat()}
    rows = [
        history(1, "Inquiry", "Working", minutes=1),
        history(2, NURTURE_QUEUE, user_id("rita"), field="Owner", minutes=1),
        history(3, "Inquiry", "Working", minutes=2),
    ]
    staged: dict[str, Scalar] = {"Status": "Working", "OwnerId": user_id("rita")}
    ruling = rule_on(subject(rows, known={**known, "OwnerId": user_id("rita")}, staged=staged, minutes=6), bench())
    assert [item.kind for item in ruling.inbox] == ["impossible-date"]
    assert ruling.inbox[0].text == (
        "Changed before the record was created at 2026-11-02 12:02 UTC: Status at 2026-11-02 12:01 UTC, "
        "OwnerId at 2026-11-02 12:01 UTC. This was not judged."
    )
    assert (ruling.inbox[0].subject, ruling.inbox[0].where) == (LEAD, f"Lead {LEAD}")
    assert [(entry.field, entry.changed_at) for entry in ruling.entries] == [("Status", NOON + timedelta(minutes=2))]


def test_a_value_that_no_team_owns_parks_the_record() -> None:
    ruling = rule_on(subject([history(1, "Inquiry", "Brand new")], staged={"Status": "Brand new"}), bench())
    assert [(item.kind, item.subject) for item in ruling.inbox] == [("unowned-value", "Lead.Status: Brand new")]
    assert (ruling.entries[0].verdict, ruling.intents) == ("note", [])


@pytest.mark.parametrize(
    ("name", "fields", "owed", "told"),
    [
        ("moved on, so it is put back again", {"Company": "Acme"}, {"Status": "Inquiry"}, {"Status": "Inquiry"}),
        ("holds it already", {"Status": "Inquiry"}, {"Status": "Inquiry"}, {}),
        ("owes nothing", {"Company": "Acme"}, {}, {}),
    ],
)
def test_a_debt_is_paid_once_the_record_moved(
    name: str, fields: dict[str, Scalar], owed: dict[str, Scalar], told: dict[str, Scalar]
) -> None:
    known = {**HELD, "Status": fields.get("Status", "Working")}
    ruling = rule_on(subject(known=known, staged=fields, owed=owed), bench())
    assert written(ruling) == told, name
    for intent, cause in ruling.intents:
        assert (intent.reason, intent.cause, cause) == (
            "the record moved before the last lawful value could be put back",
            "",
            None,
        )
        assert intent.rule == fences(POLICY).status.rule


def test_a_debt_is_not_paid_while_a_write_is_open_or_nothing_moved() -> None:
    owed = {"Status": "Inquiry"}
    known = {**HELD, "Status": "Working"}
    assert rule_on(subject(known=known, staged={}, minutes=0, owed=owed), bench()).intents == []
    assert rule_on(subject(known=known, staged={}, owed=owed, pending=frozenset({"Status"})), bench()).intents == []
    waiting = rule_on(subject(known=known, staged={}, owed=owed), bench()).intents[0][0]
    wait = Wait(waiting, "status", ActorKind.PERSON, NOON, due_at=NOON + timedelta(hours=2))
    assert rule_on(subject(known=known, staged={}, owed=owed, waits={"Status": wait}), bench()).intents == []


def test_a_lawful_move_settles_the_debt() -> None:
    rows = [history(1, "Working", "Inquiry", by="mia")]
    ruling = rule_on(
        subject(rows, known={**HELD, "Status": "Working"}, staged={"Status": "Inquiry"}, owed={"Status": "Inquiry"}), bench()
    )
    assert (ruling.settled, ruling.owe, ruling.intents) == (["Status"], {}, [])


def test_a_debt_of_a_field_that_nothing_stands_on_any_more_is_left_alone() -> None:
    ruling = rule_on(subject(staged={"Rating": "Hot"}, owed={"Rating": "Cold"}), bench())
    assert (ruling.intents, ruling.owe) == ([], {})


def test_a_revert_within_its_grace_time_waits_and_no_fight_begins() -> None:
    soon = Bench(fences(SLOW), people(), "cycle-1", NOON + timedelta(minutes=10))
    case = subject([history(1, "Inquiry", "Working")], staged={"Status": "Working"})
    ruling = rule_on(case, soon)
    assert ruling.waits["Status"].due_at == NOON + timedelta(minutes=30)
    assert ruling.waits["Status"].intent == ruling.intents[0][0]
    assert (ruling.owe, ruling.fought, ruling.inbox) == ({"Status": "Inquiry"}, {}, [])
    late = rule_on(case, bench(SLOW))
    assert (late.waits, list(late.fought)) == ({}, ["Status"])


def asked() -> Ruling:
    """Rule on a crossing of a person about which a person is asked."""
    return rule_on(subject([history(1, "Inquiry", "Working")], staged={"Status": "Working"}), bench(ASKING))


def test_a_person_is_asked_once_for_all_of_a_record() -> None:
    ruling = asked()
    assert [(item.kind, item.subject) for item in ruling.inbox] == [("ask", LEAD)]
    assert (list(ruling.waits), ruling.is_unasked, ruling.fought) == (["Status"], False, {})


def test_nobody_is_asked_before_the_grace_time_is_over() -> None:
    text = ASKING.replace("[crossing.status]", "[crossing.status]\ngrace_minutes = 30")
    soon = Bench(fences(text), people(), "cycle-1", NOON + timedelta(minutes=10))
    ruling = rule_on(subject([history(1, "Inquiry", "Working")], staged={"Status": "Working"}), soon)
    wait = ruling.waits["Status"]
    assert (wait.is_asked, wait.is_put, wait.fence, wait.kind) == (True, False, "status", ActorKind.PERSON)
    assert (wait.changed_at, wait.actor_id) == (NOON, user_id("sam"))
    assert (ruling.inbox, ruling.is_unasked) == ([], False)
    assert asked().waits["Status"].is_put


def test_a_question_is_taken_back_once_nothing_waits_for_the_answer() -> None:
    waits = asked().waits
    back = [history(2, "Working", "Inquiry", by="mia", minutes=9)]
    known = {**HELD, "Status": "Working"}
    ruling = rule_on(
        subject(back, known=known, staged={"Status": "Inquiry"}, owed={"Status": "Inquiry"}, waits=waits), bench(ASKING)
    )
    assert (ruling.is_unasked, ruling.inbox, ruling.settled) == (True, [], ["Status"])
    gone = held(9, known, is_deleted=True)
    assert rule_on(Subject("Lead", LEAD, gone, held(0, known), (), {"Status": "Inquiry"}, waits=waits), bench(ASKING)).is_unasked
    other = rule_on(subject(known=known, staged={"Company": "X"}, owed={"Status": "Inquiry"}, waits=waits), bench(ASKING))
    assert (other.is_unasked, other.inbox) == (False, [])


def test_what_follows_an_unanswered_question_is_asked_about_too() -> None:
    waits = asked().waits
    more = [history(2, "Working", "MQL", by="marketo", minutes=9)]
    known = {**HELD, "Status": "Working"}
    rows = rule_on(
        subject(more, known=known, staged={"Status": "Qualified"}, owed={"Status": "Inquiry"}, waits=waits), bench(ASKING)
    )
    assert [item.kind for item in rows.inbox] in ([], ["ask"])
    tool = [history(2, "Working", "Qualified", by="marketo", minutes=9)]
    ruling = rule_on(
        subject(tool, known=known, staged={"Status": "Qualified"}, owed={"Status": "Inquiry"}, waits=waits), bench(ASKING)
    )
    assert ruling.entries[0].verdict == "revert"
    assert ruling.waits["Status"].is_asked
    assert [item.kind for item in ruling.inbox] == ["ask"]


def test_two_questions_of_a_record_are_one_and_the_first_stays_when_the_second_is_settled() -> None:
    owner = [history(1, NURTURE_QUEUE, user_id("rita"), field="Owner", by="rita")]
    first = rule_on(subject(owner, staged={"OwnerId": user_id("rita")}), bench(ASKING))
    known = {**HELD, "OwnerId": user_id("rita")}
    later = [history(2, "Inquiry", "Working", minutes=6)]
    owed = {"OwnerId": NURTURE_QUEUE}
    second = rule_on(
        subject(later, known=known, staged={"Status": "Working"}, minutes=7, owed=owed, waits=first.waits), bench(ASKING)
    )
    assert "OwnerId was moved" in second.inbox[0].text
    assert "Status was moved" in second.inbox[0].text
    both = {**first.waits, **second.waits}
    back = [history(3, "Working", "Inquiry", by="mia", minutes=8)]
    moved = {**known, "Status": "Working"}
    owed_both = {"OwnerId": NURTURE_QUEUE, "Status": "Inquiry"}
    third = rule_on(
        subject(back, known=moved, staged={"Status": "Inquiry"}, minutes=9, owed=owed_both, waits=both), bench(ASKING)
    )
    assert [item.kind for item in third.inbox] == ["ask"]
    assert "Status was moved" not in third.inbox[0].text
    assert not third.is_unasked


def test_a_machine_that_brings_its_value_back_is_told_of_and_left_alone() -> None:
    first = rule_on(subject([history(1, "Inquiry", "Working", by="marketo")], staged={"Status": "Working"}), bench())
    again = [history(2, "Inquiry", "Working", by="marketo", minutes=10)]
    ruling = rule_on(subject(again, staged={"Status": "Working"}, minutes=11, fought=first.fought), bench())
    assert str(ruling.entries[0].reason).endswith(CAME_BACK)
    assert (ruling.entries[0].verdict, ruling.intents) == ("warn", [])
    assert [item.kind for item in ruling.inbox] == ["machine-wins"]


def test_a_parked_field_stays_parked_until_a_lawful_move() -> None:
    around = Surroundings(parked=frozenset({parking(LEAD, "Status")}))
    unlawful = rule_on(subject([history(1, "Inquiry", "Working")], staged={"Status": "Working"}), bench(around=around))
    assert str(unlawful.entries[0].reason).endswith(PARKED)
    assert ([item.kind for item in unlawful.inbox], unlawful.made_up) == (["fought-over"], [])
    lawful = rule_on(subject([history(1, "Inquiry", "MQL", by="mia")], staged={"Status": "MQL"}), bench(around=around))
    assert lawful.made_up == [parking(LEAD, "Status")]
    elsewhere = rule_on(subject([history(1, "Inquiry", "MQL", by="mia")], staged={"Status": "MQL"}), bench())
    assert elsewhere.made_up == []


def test_the_stage_of_a_deal_is_in_the_ledger_though_no_fence_stands_on_it() -> None:
    known = row("Opportunity", "006SX0000000001AAA", {"StageName": "Discovery", "OwnerId": user_id("rita"), **CREATED})
    moved = replace(known, modified_at=NOON + timedelta(minutes=3), fields={**known.fields, "StageName": "Proposal"})
    past = OrgRecord(
        "OpportunityFieldHistory",
        "017SX0000000009AAA",
        NOON + timedelta(minutes=3),
        {"Field": "StageName", "OldValue": "Discovery", "NewValue": "Proposal", "CreatedById": user_id("rita")},
    )
    ruling = rule_on(Subject("Opportunity", known.id, moved, known, [past]), bench())
    assert [(entry.verdict, entry.reason) for entry in ruling.entries] == [("allow", "no fence stands on Opportunity StageName")]
    assert ruling.moves == {}
    assert rule_on(Subject("Opportunity", known.id, moved, None, [past]), bench()).judgements == []


def test_the_mirror_keeps_the_newest_of_record_and_history() -> None:
    rows = [history(1, "Inquiry", "MQL", by="mia", minutes=9), history(2, "x", "y", field="Rating", minutes=9)]
    behind = rule_on(subject(rows, staged={"Company": "Acme"}), bench())
    assert behind.mirror == [*rows, held(5, {**HELD, "Company": "Acme", "Status": "MQL"})]
    unread = rule_on(subject(rows), bench())
    assert unread.mirror == [*rows, held(0, {**HELD, "Status": "MQL"})]
    level = rule_on(subject(rows, staged={"Status": "Nurture"}, minutes=9), bench())
    assert level.mirror[-1].fields["Status"] == "Nurture"
    same = rule_on(subject([], staged={}, minutes=0), bench())
    assert same.mirror == []
    first = rule_on(Subject("Lead", LEAD, None, None, rows), bench())
    assert first.mirror == rows


def test_changes_count_by_field_and_syncds_own_do_not() -> None:
    rows = [
        history(1, "Inquiry", "MQL", by="mia"),
        history(2, "MQL", "Working", minutes=1),
        history(3, NURTURE_QUEUE, MQL_QUEUE, by="mia", field="Owner", minutes=2),
    ]
    staged = {"Status": "Working", "OwnerId": MQL_QUEUE}
    assert rule_on(subject(rows, staged=staged), bench()).moves == {"Status": 2, "OwnerId": 1}


def test_a_condition_sees_what_the_record_held_and_not_what_was_read_later() -> None:
    text = POLICY.replace(
        '"MQL, Working -> Nurture" = { by = ["sdr"] }', '"MQL, Working -> Nurture" = { by = ["sdr"], needs = ["Next_Step__c"] }'
    )
    known = {**HELD, "Status": "MQL", "Next_Step__c": None}
    rows = [history(1, "MQL", "Nurture", minutes=1)]
    unread = rule_on(subject(rows, known=known, staged={"Status": "Nurture", "Next_Step__c": "call"}), bench(text))
    assert "cannot be known" in str(unread.entries[0].reason)
    steady = rule_on(subject(rows, known=known, staged={"Status": "Nurture"}), bench(text))
    assert (steady.entries[0].verdict, steady.entries[0].fence) == ("revert", "status")
    as_read = rule_on(subject(rows, known=known, staged={"Status": "Nurture", "Next_Step__c": "call"}, minutes=1), bench(text))
    assert as_read.entries[0].verdict == "allow"


def test_a_change_that_history_does_not_prove_names_nobody() -> None:
    ruling = rule_on(subject(staged={"Status": "Working", "OwnerId": user_id("rita")}), bench())
    assert [(entry.field, entry.actor, entry.actor_id) for entry in ruling.entries] == [
        ("Status", None, None),
        ("OwnerId", None, None),
    ]


def test_a_reason_that_no_history_proves_stays_where_its_status_goes_back() -> None:
    moved = history(1, "Inquiry", "Working", minutes=5)
    ruling = rule_on(subject([moved], staged={"Status": "Working", "Status_Reason__c": "No budget"}), bench())
    assert written(ruling) == {"Status": "Inquiry"}
    assert [intent.cause for intent, _ in ruling.intents] == [moved.id]
