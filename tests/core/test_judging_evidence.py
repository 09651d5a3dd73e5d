"""Does a ruling rest on all that was read of a record, on nothing that was not, and on the people of that day?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.core.directory import Directory
from syncd.core.fence_model import Bound, Window
from syncd.core.judging import Ruling, Subject, rule_on
from syncd.core.ladder import Wait
from syncd.core.sparing import Surroundings
from syncd.core.values import ActorKind, OrgRecord, Scalar, Verdict
from tests.core import samples
from tests.core.one_lead import ASKING, CREATED, HELD, POLICY, bench, held, subject
from tests.core.samples import LEAD, MQL_QUEUE, NOON, NURTURE_QUEUE, fences, history, people, user_id

DEAL = "006SX0000000001AAA"
NEXT = "Next_Step__c"
NEEDING = POLICY.replace(
    '"MQL, Working -> Nurture" = { by = ["sdr"] }', f'"MQL, Working -> Nurture" = {{ by = ["sdr"], needs = ["{NEXT}"] }}'
)
CROSSING = history(1, "Inquiry", "Working", minutes=1)
HANDED_BACK = history(1, "MQL", "Nurture", minutes=3)


def verdicts(ruling: Ruling) -> list[tuple[str | None, str | None]]:
    """Return the fields of the ledger rows and what was made of each."""
    return [(entry.field, entry.verdict) for entry in ruling.entries]


def step(number: int, before: Scalar, after: Scalar, minutes: int) -> OrgRecord:
    """Return a history row of the next step."""
    return history(number, before, after, field=NEXT, minutes=minutes)


@pytest.mark.parametrize(
    ("known", "rows", "read", "verdict", "reason"),
    [
        (None, [HANDED_BACK], {NEXT: "call"}, Verdict.ALLOW, "gate"),
        (None, [HANDED_BACK, step(2, None, "call", 4)], {NEXT: "call"}, Verdict.NOTE, f"needs {NEXT}, which is not known"),
        ({NEXT: "call"}, [HANDED_BACK, step(2, "call", None, 4)], {NEXT: None}, Verdict.ALLOW, "gate"),
        ({NEXT: "call"}, [HANDED_BACK], {}, Verdict.ALLOW, "gate"),
        (
            {NEXT: None},
            [step(2, None, "call", 2), step(3, "call", None, 6), history(4, "MQL", "Nurture", minutes=7)],
            {NEXT: "call"},
            Verdict.REVERT,
            f"needs {NEXT}, which is empty",
        ),
    ],
    ids=["first seen with it", "first seen, given later", "taken away later", "not read again", "read before it was taken away"],
)
def test_a_gate_sees_what_the_record_held_when_it_was_passed(
    known: Mapping[str, Scalar] | None, rows: Sequence[OrgRecord], read: Mapping[str, Scalar], verdict: Verdict, reason: str
) -> None:
    was = None if known is None else held(0, {"Status": "MQL", **known})
    ruling = rule_on(Subject("Lead", LEAD, held(5, {"Status": "Nurture", **read}), was, rows), bench(NEEDING))
    judged = ruling.judgements[-1]
    assert judged.verdict is verdict
    assert reason in judged.reason


def test_only_what_differs_is_named_as_moved_in_the_same_save() -> None:
    known = {**HELD, "Company": "Acme", "City": "Ulm"}
    ruling = rule_on(subject([history(1, "Inquiry", "Working", minutes=5)], known=known, staged={"Company": "Bolt"}), bench())
    assert ruling.judgements[0].reason.endswith("; not undone, though it moved in the same save: Company")


def test_what_only_history_tells_of_a_record_is_put_back_too() -> None:
    ruling = rule_on(subject([CROSSING]), bench())
    [(intent, row)] = ruling.intents
    assert (intent.field, intent.before, intent.after, intent.decided_on, row) == (
        "Status",
        "Working",
        "Inquiry",
        NOON.isoformat(),
        0,
    )
    assert verdicts(rule_on(subject([CROSSING], known={**HELD, "IsConverted": True}), bench())) == [("Status", "note")]
    at_once = [history(1, "Inquiry", "Working")]
    assert rule_on(subject(at_once), bench()).mirror == [*at_once, held(0, {**HELD, "Status": "Working"})]


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize(("minutes", "told"), [(0, []), (1, ["impossible-date"])])
def test_nothing_is_judged_that_is_older_than_the_record_however_it_was_read(
    is_known: bool, minutes: int, told: list[str]
) -> None:
    created = {**HELD, "CreatedDate": (NOON + timedelta(minutes=1 + minutes)).isoformat()}
    case = subject([CROSSING], known=created) if is_known else subject([CROSSING], known=None, staged=created)
    ruling = rule_on(case, bench())
    assert [item.kind for item in ruling.inbox] == told
    assert len(ruling.judgements) == 1 - minutes


def test_a_value_that_syncd_wrote_is_not_lawful_in_somebody_elses_hand() -> None:
    ruling = rule_on(subject([CROSSING], staged={"Status": "Working"}, written={"Status": "Working"}), bench())
    assert verdicts(ruling) == [("Status", "revert")]


def test_an_announced_login_is_lawful_while_others_are_judged_as_ever() -> None:
    window = Window(user_id("sam"), frozenset(), NOON, NOON + timedelta(hours=1), "a cleanup", "dana@host")
    rows = [CROSSING, history(2, "Working", "Nurture", by="marketo", minutes=2)]
    ruling = rule_on(subject(rows, staged={"Status": "Nurture"}), bench(around=Surroundings((window,))))
    assert verdicts(ruling) == [("Status", "allow"), ("Status", "revert")]
    assert str(ruling.entries[0].reason).startswith("announced by dana@host")


def test_a_conversion_makes_nothing_lawful_but_what_moved_in_its_second() -> None:
    rows = [CROSSING, history(2, "Working", "Qualified", minutes=2), history(3, None, None, field="leadConverted", minutes=2)]
    ruling = rule_on(subject(rows, staged={"Status": "Qualified"}), bench())
    assert verdicts(ruling) == [("Status", "revert"), ("Status", "allow")]


def test_everybody_is_judged_with_the_team_of_that_day() -> None:
    sam = replace(people().users[user_id("sam")], role="Marketing Manager")
    then = Directory({**people().users, sam.id: sam}, people().queues, people().own_user_id)
    court = bench(past=lambda at: then if at < NOON + timedelta(minutes=30) else people())
    ruling = rule_on(subject([history(1, "Inquiry", "Nurture")], staged={"Status": "Nurture"}), court)
    assert [(entry.verdict, entry.team) for entry in ruling.entries] == [("allow", "marketing")]
    assert (court.actor(sam.id).team, court.actor(sam.id, NOON).team) == ("sdr", "marketing")


def test_what_automation_moved_in_a_persons_name_names_nobody() -> None:
    rows = [CROSSING, history(2, NURTURE_QUEUE, MQL_QUEUE, field="Owner", minutes=1)]
    court = bench(followers={("Lead", "OwnerId"): frozenset({"Status"})})
    ruling = rule_on(subject(rows, staged={"Status": "Working", "OwnerId": MQL_QUEUE}), court)
    owner = ruling.entries[1]
    assert (owner.field, owner.actor_id, owner.actor, owner.actor_kind, owner.proof) == (
        "OwnerId",
        None,
        None,
        "automation",
        "automation",
    )


def test_a_lawful_move_rests_on_its_gate() -> None:
    ruling = rule_on(subject([history(1, "Inquiry", "MQL", by="mia")], staged={"Status": "MQL"}), bench())
    assert ruling.entries[0].rule == fences(POLICY).status.gates["Inquiry", "MQL"].rule


def test_a_value_is_unowned_by_the_fence_that_stands_on_the_record_alone() -> None:
    law = fences(POLICY)
    direct = replace(law.status, bound=(Bound("Lead", "Status", frozenset({"Direct"})),))
    poorer = {name: holding for name, holding in law.status.holdings.items() if name != "Working"}
    bound, line = (Bound("Lead", "Status", frozenset({"Partner"})),), replace(law.status.rule, line=9)
    partner = replace(direct, name="partner", bound=bound, holdings=poorer, rule=line)
    court = replace(bench(), fences=replace(law, fences=(direct, partner, law.owner)))
    types = {"RecordType.DeveloperName": "Direct"}
    ruling = rule_on(subject(known={**HELD, **types}, staged={"Status": "Working"}), court)
    assert (verdicts(ruling), ruling.inbox) == ([("Status", "note")], [])


def test_a_warning_stays_one_on_a_converted_lead() -> None:
    case = subject([CROSSING], staged={"Status": "Working", "IsConverted": True})
    assert verdicts(rule_on(case, bench(samples.POLICY))) == [("Status", "warn")]


def moved(number: int, field: str, before: Scalar, after: Scalar, minutes: int) -> OrgRecord:
    """Return a history row of a deal."""
    fields = {"Field": field, "OldValue": before, "NewValue": after, "CreatedById": user_id("rita")}
    return OrgRecord("OpportunityFieldHistory", f"017SX{number:010}AAA", NOON + timedelta(minutes=minutes), fields)


def deal(minutes: int, **fields: Scalar) -> OrgRecord:
    """Return a deal as it was some minutes after noon."""
    held = {"StageName": "Inquiry", "OwnerId": user_id("rita"), "Amount": 1, **CREATED, **fields}
    return OrgRecord("Opportunity", DEAL, NOON + timedelta(minutes=minutes), held)


ROWS = [
    moved(1, "Amount", 1, 2, 1),
    moved(2, "Owner", user_id("rita"), user_id("vera"), 2),
    moved(3, "StageName", "Inquiry", "Working", 3),
    moved(4, "Owner", user_id("vera"), user_id("rita"), 4),
]


def test_stage_and_owner_of_a_deal_are_in_the_ledger_in_order_with_a_fence_or_without() -> None:
    case = Subject("Opportunity", DEAL, deal(4, StageName="Working", Amount=2), deal(0), ROWS)
    free = rule_on(case, bench())
    assert verdicts(free) == [("OwnerId", "allow"), ("StageName", "allow"), ("OwnerId", "allow")]
    assert [item.change.changed_at for item in free.judgements] == [row.modified_at for row in ROWS[1:]]
    law = fences(POLICY)
    fenced = replace(law, fences=(replace(law.status, bound=(Bound("Opportunity", "StageName"),)), law.owner))
    ruling = rule_on(case, replace(bench(), fences=fenced))
    assert verdicts(ruling) == [("OwnerId", "allow"), ("StageName", "warn"), ("OwnerId", "allow")]
    assert ruling.entries[0].reason == "no fence stands on Opportunity OwnerId"


def test_a_stage_that_no_history_explains_is_in_the_ledger_and_a_newer_one_in_the_mirror() -> None:
    [unproved] = rule_on(Subject("Opportunity", DEAL, deal(3, StageName="Won"), deal(0), ()), bench()).entries
    assert (unproved.field, unproved.after, unproved.proof) == ("StageName", "Won", "last-modified")
    newer = rule_on(Subject("Opportunity", DEAL, deal(2, Amount=2), deal(0), ROWS[:3]), bench())
    assert newer.mirror == [*ROWS[:3], deal(2, Amount=2, StageName="Working", OwnerId=user_id("vera"))]


def test_history_of_a_field_that_is_not_watched_leaves_the_mirror_as_it_is() -> None:
    rows = [history(1, "Cold", "Hot", field="Rating")]
    assert rule_on(subject(rows), bench()).mirror == rows


def waits(*, is_asked: bool, due_at: int | None) -> dict[str, Wait]:
    """Return the status waiting for somebody's word, or for a time so many minutes after noon."""
    intent = rule_on(subject([CROSSING]), bench()).intents[0][0]
    at = None if due_at is None else NOON + timedelta(minutes=due_at)
    return {"Status": Wait(intent, "status", ActorKind.PERSON, NOON, user_id("sam"), is_asked=is_asked, due_at=at)}


def after_waiting(move: OrgRecord, known: Mapping[str, Wait], text: str = ASKING) -> Ruling:
    """Rule on a move of a lead whose status waits to be put back to Inquiry."""
    staged = {"Status": move.fields["NewValue"]}
    was = {**HELD, "Status": "Working"}
    return rule_on(subject([move], known=was, staged=staged, minutes=55, owed={"Status": "Inquiry"}, waits=known), bench(text))


TOOL = history(2, "Working", "Qualified", by="marketo", minutes=50)
BACK = history(2, "Working", "Inquiry", by="mia", minutes=50)


def test_what_follows_a_grace_time_is_not_asked_about() -> None:
    ruling = after_waiting(TOOL, waits(is_asked=False, due_at=90))
    assert (ruling.waits, list(ruling.fought), ruling.inbox) == ({}, ["Status"], [])


@pytest.mark.parametrize(("due_at", "is_unasked"), [(None, True), (90, False)])
def test_only_a_question_that_was_put_is_taken_back(due_at: int | None, is_unasked: bool) -> None:
    assert after_waiting(BACK, waits(is_asked=True, due_at=due_at)).is_unasked is is_unasked


def test_a_question_is_taken_back_when_what_it_asks_about_waits_anew() -> None:
    slow = ASKING.replace("[crossing.status]", "[crossing.status]\ngrace_minutes = 30")
    ruling = after_waiting(TOOL, waits(is_asked=True, due_at=None), slow)
    assert (ruling.waits["Status"].is_asked, ruling.waits["Status"].is_put) == (True, False)
    assert (ruling.inbox, ruling.is_unasked) == ([], True)


def test_a_debt_on_a_record_that_is_not_known_any_more_is_left_until_it_is() -> None:
    rows = [history(1, "Cold", "Hot", field="Rating")]
    ruling = rule_on(subject(rows, known=None, staged={**HELD, "Status": "Working"}, owed={"Status": "Inquiry"}), bench())
    assert (ruling.intents, ruling.settled) == ([], [])


def test_a_row_that_waits_says_until_when_beside_what_it_rests_on() -> None:
    court = replace(bench(POLICY.replace("[crossing.status]", "[crossing.status]\ngrace_minutes = 30")), now=NOON)
    [entry] = rule_on(subject([CROSSING], staged={"Status": "Working"}), court).entries
    assert entry.evidence == {
        "history_id": CROSSING.id,
        "history_object": "LeadHistory",
        "due_at": (NOON + timedelta(minutes=31)).isoformat(),
    }
