"""Is everything that happened to a record judged together: move sets, mixed edits, conditions, sides and automation?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from syncd.core.actors import RECORD_OWNER
from syncd.core.changes import NOBODY
from syncd.core.directory import Directory
from syncd.core.fence_model import Bound, Fence, Fences, Gate, Holding, Ladder, Sharing, SideRule
from syncd.core.law import Law
from syncd.core.replay import Course, Standing, replay
from syncd.core.transactions import automated
from syncd.core.values import ActorKind, Fields, Proof, Scalar, Verdict
from tests.core.courses import (
    ALLOW,
    ASK,
    MIA,
    NOTE,
    REASON,
    REVERT,
    RITA,
    RULE,
    SAM,
    WARN,
    condition,
    law,
    owed,
    owner,
    played,
    side,
    told,
)
from tests.core.samples import NOON, NURTURE_QUEUE, STRICT, actor, change, fences, people, user_id


def test_an_unlawful_status_takes_the_reason_and_the_unlawful_owner_back_with_it() -> None:
    result = played(
        law(),
        change("Working", "Inquiry", "marketo"),
        change("Bad timing", "No budget", "marketo", field=REASON),
        owner(SAM, MIA, "marketo"),
    )
    assert told(result) == {"Status": [REVERT], REASON: [REVERT], "OwnerId": [REVERT]}
    assert owed(result) == {"Status": "Working", REASON: "Bad timing", "OwnerId": SAM}
    assert result.judgements[2].reason.endswith("; goes with Status")


def test_the_owner_goes_back_with_the_status_though_its_own_fence_only_observes() -> None:
    observing = law(owner={"ladder": Ladder()})
    assert owed(played(observing, owner(SAM, MIA, "marketo"))) == {}
    both = played(observing, change("Working", "Inquiry", "marketo"), owner(SAM, MIA, "marketo"))
    assert owed(both) == {"Status": "Working", "OwnerId": SAM}


@pytest.mark.parametrize(
    ("status", "owner_move", "expected"),
    [
        (("Working", "Inquiry"), (MIA, SAM), {"Status": "Working"}),
        (("Inquiry", "MQL"), (SAM, MIA), {"OwnerId": SAM}),
        (("Inquiry", "MQL"), (MIA, SAM), {}),
    ],
    ids=["owner move has a gate", "status has a gate", "both have one"],
)
def test_the_lawful_part_of_a_mixed_edit_stays(
    status: tuple[str, str], owner_move: tuple[str, str], expected: dict[str, str]
) -> None:
    result = played(law(), change(*status, "marketo"), owner(*owner_move, "marketo"))
    assert owed(result) == expected


def test_an_owner_move_in_another_second_is_a_decision_of_its_own() -> None:
    observing = law(owner={"ladder": Ladder()})
    result = played(observing, change("Working", "Inquiry", "marketo"), owner(SAM, MIA, "marketo", 1))
    assert told(result) == {"Status": [REVERT], "OwnerId": [NOTE]}


def test_a_crossing_is_put_back_to_the_reason_before_the_first_unlawful_move() -> None:
    result = played(
        law(),
        change("Inquiry", "MQL", "mia"),
        change(None, "r1", "mia", field=REASON),
        change("MQL", "Inquiry", "marketo", 1),
        change("r1", "r2", "marketo", 1, field=REASON),
        change("Inquiry", "Nurture", "marketo", 2),
        change("r2", None, "marketo", 2, field=REASON),
    )
    assert owed(result) == {"Status": "MQL", REASON: "r1"}


def test_the_reason_is_no_longer_owed_once_the_status_is_lawful_again() -> None:
    unlawful = (change("MQL", "Inquiry", "marketo"), change("r1", "r2", "marketo", field=REASON))
    result = played(law(), *unlawful, change("Inquiry", "MQL", "sam", 1))
    assert result.standing[REASON] == Standing("r2")
    assert owed(result) == {}


def test_a_reason_by_itself_is_not_judged() -> None:
    assert told(played(law(), change("r1", "r2", "marketo", field=REASON))) == {REASON: [ALLOW]}


def test_the_owner_that_a_gate_names_may_go_with_the_status() -> None:
    queue = law(gates={("MQL", "Nurture"): {"owner": "queue"}}, holdings={"Nurture": {"queue": "nurture"}})
    handed = change("MQL", "Nurture", "sam")
    assert told(played(queue, handed, owner(SAM, NURTURE_QUEUE, "sam"))) == {"Status": [ALLOW], "OwnerId": [ALLOW]}
    assert told(played(queue, handed, owner(SAM, MIA, "sam"))) == {"Status": [ALLOW], "OwnerId": [REVERT]}
    assert told(played(law(), handed, owner(SAM, NURTURE_QUEUE, "sam"))) == {"Status": [ALLOW], "OwnerId": [REVERT]}
    team = law(gates={("MQL", "Nurture"): {"owner": "marketing"}})
    assert told(played(team, handed, owner(SAM, MIA, "sam"))) == {"Status": [ALLOW], "OwnerId": [ALLOW]}
    assert told(played(team, handed, owner(SAM, RITA, "sam"))) == {"Status": [ALLOW], "OwnerId": [ALLOW]}


@pytest.mark.parametrize(
    ("more", "held", "reason", "verdict", "is_knowable"),
    [
        ({"reasons": frozenset({"No budget"})}, {}, "No budget", ALLOW, True),
        ({"reasons": frozenset({"No budget"})}, {}, "Other", REVERT, True),
        ({"reasons": frozenset({"No budget"})}, {REASON: "No budget"}, "", ALLOW, True),
        ({"reasons": frozenset({"No budget"})}, {REASON: None}, "", REVERT, True),
        ({"reasons": frozenset({"No budget"})}, {}, "", NOTE, False),
        ({"needs": ("Phone",)}, {"Phone": "1"}, "", ALLOW, True),
        ({"needs": ("Phone",)}, {"Phone": None}, "", REVERT, True),
        ({"needs": ("Phone",)}, {}, "", NOTE, False),
        ({"when": condition("Rating", "Cold")}, {"Rating": "Cold"}, "", ALLOW, True),
        ({"when": condition("Rating", "Cold")}, {"Rating": "Hot"}, "", REVERT, True),
        ({"when": condition("Rating", "Cold")}, {}, "", NOTE, False),
    ],
)
def test_a_gate_asks_for_reasons_filled_fields_and_conditions(
    more: Mapping[str, Any], held: Fields, reason: str, verdict: Verdict, is_knowable: bool
) -> None:
    moved = [change("MQL", "Nurture", "sam")]
    moved += [change(None, reason, "sam", field=REASON)] if reason else []
    result = played(law(gates={("MQL", "Nurture"): more}), *moved, held=held)
    assert (result.judgements[0].verdict, result.judgements[0].is_knowable) == (verdict, is_knowable)
    assert result.judgements[0].fence == ("status" if verdict is REVERT else None)


def test_a_condition_sees_the_record_as_the_move_left_it() -> None:
    gate = law(gates={("MQL", "Nurture"): {"when": condition("Rating", "Cold")}})
    moved = (change("Hot", "Cold", "sam", field="Rating"), change("MQL", "Nurture", "sam"))
    assert told(played(gate, *moved, held={"Rating": "Hot"}))["Status"] == [ALLOW]
    later = change("Hot", "Cold", "sam", 1, field="Rating")
    assert told(played(gate, moved[1], later, held={"Rating": "Hot"}))["Status"] == [REVERT]


def test_what_no_history_tells_is_known_only_once_it_was_read() -> None:
    gate = law(gates={("MQL", "Nurture"): {"needs": ("Phone",)}})
    early, late = change("MQL", "Nurture", "sam"), change("MQL", "Nurture", "sam", 5)
    read: dict[str, Any] = {"found": {"Phone": "1"}, "read_at": NOON + timedelta(minutes=5)}
    assert [item.is_knowable for item in played(gate, early, **read).judgements] == [False]
    assert told(played(gate, late, **read)) == {"Status": [ALLOW]}


def test_any_stands_for_every_value_and_a_line_with_both_names_goes_before_it() -> None:
    known = fences(STRICT)
    gates = {
        ("any", "Nurture"): Gate("any", "Nurture", frozenset({"sales"}), RULE),
        ("MQL", "Nurture"): Gate("MQL", "Nurture", frozenset({"sdr"}), RULE),
    }
    policy = Law(replace(known, fences=(replace(known.status, gates=gates), known.owner)), people())
    assert told(played(policy, change("Working", "Nurture", "rita"))) == {"Status": [ALLOW]}
    assert told(played(policy, change("MQL", "Nurture", "rita"))) == {"Status": [REVERT]}


def test_a_value_has_the_team_of_the_records_type() -> None:
    typed = law(
        holdings={"Inquiry": {"by_record_type": {"Partner": "sales"}}, "Nurture": {"by_record_type": {"Partner": "sales"}}}
    )
    moved = change("Inquiry", "Nurture", "mia")
    type = "RecordType.DeveloperName"
    assert told(played(typed, moved, held={type: "Direct"})) == {"Status": [ALLOW]}
    assert told(played(typed, moved, held={type: None})) == {"Status": [ALLOW]}
    assert told(played(typed, moved, held={type: "Partner"})) == {"Status": [REVERT]}
    [unknown] = played(typed, moved).judgements
    assert (unknown.verdict, unknown.is_knowable, unknown.fence) == (NOTE, False, None)


def test_a_shared_value_is_whose_part_of_the_split_the_record_is_in() -> None:
    split: Any = (("sales", condition("LeadSource", "Event")), ("marketing", None))
    shared = law(holdings={"Nurture": {"team": None, "shared": split}, "Inquiry": {"team": None, "shared": split}})
    moved = change("Inquiry", "Nurture", "mia")
    assert told(played(shared, moved, held={"LeadSource": "Web"})) == {"Status": [ALLOW]}
    assert told(played(shared, moved, held={"LeadSource": "Event"})) == {"Status": [REVERT]}
    assert [item.is_knowable for item in played(shared, moved).judgements] == [False]


def test_a_value_that_a_conversion_sets_is_never_set_by_hand() -> None:
    converting = law(holdings={"Qualified": {"set_by": "conversion"}})
    moved = change("Working", "Qualified", "sam")
    assert told(played(converting, moved)) == {"Status": [REVERT]}
    assert told(played(converting, moved, events={0: "part of a lead conversion"})) == {"Status": [ALLOW]}


def test_a_fence_stands_only_on_the_record_types_that_it_names() -> None:
    scoped = law(status={"bound": (Bound("Lead", "Status", frozenset({"Direct"})),)})
    moved, type = change("Working", "Inquiry", "marketo"), "RecordType.DeveloperName"
    assert told(played(scoped, moved, held={type: "Direct"})) == {"Status": [REVERT]}
    assert told(played(scoped, moved, held={type: "Partner"})) == {"Status": [ALLOW]}
    assert [item.is_knowable for item in played(scoped, moved).judgements] == [False]


@pytest.mark.parametrize(
    ("never", "after", "code"),
    [
        (frozenset({"inactive user"}), "gone", "Gone is inactive and may never become the owner"),
        (frozenset({"sales"}), "rita", "Rita Rep (sales) may never become the owner"),
    ],
)
def test_nobody_becomes_the_owner_whom_the_file_shuts_out(never: frozenset[str], after: str, code: str) -> None:
    known = people()
    gone = replace(known.users[SAM], id=user_id("gone"), name="Gone", username="gone@acme.example", is_active=False)
    staff = replace(known, users={**known.users, gone.id: gone})
    policy = replace(law(owner={"never_to": never}), people=staff)
    [item] = played(policy, owner(SAM, user_id(after), "sam")).judgements
    assert (item.verdict, item.reason) == (REVERT, code)


def test_no_record_is_given_back_to_somebody_who_left() -> None:
    known = people()
    policy = replace(law(), people=replace(known, users={**known.users, SAM: replace(known.users[SAM], is_active=False)}))
    result = played(policy, change("Working", "Inquiry", "marketo"), owner(SAM, MIA, "marketo"))
    assert told(result) == {"Status": [REVERT], "OwnerId": [WARN]}
    assert owed(result) == {"Status": "Working"}


ASSIGNING = {"gates": {("marketing", "sdr"): Gate("marketing", "sdr", frozenset({"assignment rule"}), RULE)}}


def test_an_owner_that_the_assignment_rule_moves_is_not_the_reps_doing() -> None:
    rule = law(owner=ASSIGNING)
    saved = (change("a", "b", "rita", field="Company"), owner(MIA, SAM, "rita"))
    [item] = played(rule, *saved).judgements
    assert (item.verdict, item.change.proof, item.change.actor.kind) == (ALLOW, Proof.AUTOMATION, ActorKind.AUTOMATION)
    assert (item.change.actor.name, item.reason) == ("assignment rule", "moved by the org's assignment rule")
    assert told(played(rule, owner(MIA, SAM, "rita"))) == {"OwnerId": [REVERT]}
    assert told(played(rule, saved[0], owner(SAM, MIA, "rita"))) == {"OwnerId": [REVERT]}


def test_what_moves_in_the_second_of_our_write_is_the_orgs_automations() -> None:
    ours = (change("Inquiry", "Working", "syncd"), owner(SAM, MIA, "syncd"))
    [item] = played(law(), *ours, explained=frozenset({0})).judgements
    assert (item.change.field, item.verdict, item.is_knowable) == ("OwnerId", NOTE, False)
    assert (item.change.proof, item.change.actor.kind) == (Proof.AUTOMATION, ActorKind.AUTOMATION)


def test_a_field_that_never_moves_alone_is_automations() -> None:
    moved = [change("Inquiry", "MQL", "mia"), owner(MIA, SAM, "mia")]
    followers = {("Lead", "OwnerId"): frozenset({"Status"})}
    first, second = automated(moved, followers)
    assert first == moved[0]
    assert (second.proof, second.actor.kind, second.actor.name) == (Proof.AUTOMATION, ActorKind.AUTOMATION, "automation")
    assert automated(moved[1:], followers) == moved[1:]
    assert automated(moved, {}) == moved


def test_nobody_saves_a_field_twice_in_a_second() -> None:
    moved = [change("Inquiry", "MQL", "mia"), change("MQL", "Working", "mia"), change("Working", "MQL", "sam")]
    assert [item.proof for item in automated(moved, {})] == [Proof.HISTORY, Proof.AUTOMATION, Proof.HISTORY]
    result = played(law(), *automated(moved[:2], {}))
    assert [(item.verdict, item.is_knowable) for item in result.judgements] == [(ALLOW, True), (NOTE, False)]


def test_what_else_moved_in_the_save_of_a_revert_is_named_as_not_undone() -> None:
    saved = (change("Working", "Inquiry", "marketo"), change("Hot", "Cold", "marketo", field="Rating"))
    [item] = played(law(), *saved).judgements
    assert item.reason.endswith("; not undone, though it moved in the same save: Rating")
    untold = change(None, "1", NOBODY, field=REASON, proof=Proof.LAST_MODIFIED)
    read: dict[str, Any] = {"found": {"Phone": "1"}, "read_at": NOON}
    first, _ = played(law(), *saved, untold, **read).judgements
    assert first.reason.endswith(f": Phone, Rating, {REASON}")
    [lawful] = played(law(), change("Inquiry", "MQL", "mia"), saved[1]).judgements
    assert "not undone" not in lawful.reason


@pytest.mark.parametrize(
    ("held_by", "after", "verdict", "team"),
    [(SAM, "Working", ALLOW, "sdr"), (MIA, "Working", REVERT, "marketing"), (user_id("nemo"), "Working", NOTE, None)],
)
def test_a_tool_that_acts_for_the_records_owner_is_judged_as_that_team(
    held_by: str, after: str, verdict: Verdict, team: str | None
) -> None:
    engaged = replace(actor("routing"), team=RECORD_OWNER)
    [item] = played(law(), change("MQL", after, engaged), held={"OwnerId": held_by}).judgements
    assert (item.verdict, item.change.actor.team, item.is_knowable) == (verdict, team, team is not None)


@pytest.mark.parametrize(
    ("rule", "before", "after", "by", "verdict", "restore"),
    [
        (side(team="sales"), "Hot", "Cold", "rita", ALLOW, None),
        (side(team="sales"), "Hot", "Cold", "marketo", REVERT, "Hot"),
        (side(follows="status"), "Hot", "Cold", "sam", ALLOW, None),
        (side(follows="status"), "Hot", "Cold", "marketo", REVERT, "Hot"),
        (side(shared=Sharing.NEWEST), "Hot", "Cold", "marketo", ALLOW, None),
        (side(shared=Sharing.FILL_BLANKS), None, "Cold", "marketo", ALLOW, None),
        (side(shared=Sharing.FILL_BLANKS), "", "Cold", "marketo", ALLOW, None),
        (side(shared=Sharing.FILL_BLANKS), "Hot", "Cold", "marketo", REVERT, "Hot"),
        (side(shared=Sharing.UNION), "a;b", "a;b;c", "marketo", ALLOW, None),
        (side(shared=Sharing.UNION), "a;b", "b;c", "marketo", REVERT, "a;b;c"),
        (side(shared=Sharing.UNION), None, "b", "marketo", ALLOW, None),
    ],
)
def test_other_fields_have_a_side_or_are_shared_by_a_rule(
    rule: SideRule, before: Scalar, after: Scalar, by: str, verdict: Verdict, restore: Scalar
) -> None:
    result = played(law(sides=(rule,)), change(before, after, by, field="Rating"), held={"Status": "MQL"})
    [item] = result.judgements
    assert (item.verdict, item.restore) == (verdict, restore)
    assert owed(result) == ({} if verdict is ALLOW else {"Rating": restore})
    assert item.fence == (None if verdict is ALLOW else "fields")


def test_whose_a_following_field_is_cannot_be_known_at_a_value_that_nobody_owns() -> None:
    nothing: Fields = {}
    for held in (nothing, {"Status": "Parked"}):
        [item] = played(law(sides=(side(follows="status"),)), change("a", "b", "sam", field="Rating"), held=held).judgements
        assert (item.verdict, item.is_knowable) == (NOTE, False)


def test_an_opt_out_stands_above_every_side() -> None:
    rule = replace(side(team="sales"), field="HasOptedOutOfEmail")
    assert told(played(law(sides=(rule,)), change(False, True, "marketo", field="HasOptedOutOfEmail"))) == {
        "HasOptedOutOfEmail": [ALLOW]
    }


def test_what_weak_proof_tells_is_not_undone_and_names_nobody() -> None:
    weak = change("Working", "Inquiry", "marketo", proof=Proof.LAST_MODIFIED)
    result = played(law(), weak, change("r1", "r2", "marketo", field=REASON, proof=Proof.LAST_MODIFIED))
    assert told(result) == {"Status": [NOTE], REASON: [ALLOW]}
    assert [item.is_knowable for item in result.judgements] == [False, True]


def test_a_crossing_that_is_asked_about_is_owed_until_it_is_answered() -> None:
    asking = law(status={"ladder": Ladder({ActorKind.TOOL: ASK})})
    result = played(asking, change("Working", "Inquiry", "marketo"), owner(SAM, MIA, "marketo"))
    assert told(result) == {"Status": [ASK], "OwnerId": [ASK]}
    assert owed(result) == {"Status": "Working", "OwnerId": SAM}


def test_changes_are_judged_with_the_people_of_their_day() -> None:
    before = people()
    moved_on = replace(before, users={**before.users, SAM: replace(before.users[SAM], role="Marketing Manager")})

    def past(at: datetime) -> Directory:
        return before if at == NOON else moved_on

    policy = replace(law(), people=moved_on, past=past)
    assert told(played(policy, owner(SAM, RITA, actor("sam")))) == {"OwnerId": [ALLOW]}
    assert told(played(policy, owner(SAM, RITA, actor("sam"), 1))) == {"OwnerId": [REVERT]}


def test_a_fence_on_another_object_judges_its_own_field() -> None:
    known = fences(STRICT)
    stage = Fence(
        "stage",
        RULE,
        (Bound("Contact", "Contact_Status__c"),),
        {"New": Holding("New", RULE, "marketing"), "Worked": Holding("Worked", RULE, "sdr")},
        {},
        Ladder({ActorKind.TOOL: REVERT}),
    )
    policy = Law(Fences("v", "h", known.teams, (*known.fences, stage)), people())
    moved = replace(change("Worked", "New", "marketo", field="Contact_Status__c"), object="Contact")
    assert told(replay(Course("Contact", [moved]), policy)) == {"Contact_Status__c": [REVERT]}
    assert replay(Course("Lead", [replace(moved, object="Lead")]), policy).judgements == ()


def test_debts_of_earlier_cycles_are_judged_from_by_field() -> None:
    result = played(law(), owner(MIA, SAM, "rita"), owed={"Status": "MQL", "OwnerId": RITA}, held={"OwnerId": MIA, "Status": "x"})
    assert result.standing["Status"] == Standing("MQL", is_owed=True)
    assert result.standing["OwnerId"].value == RITA
