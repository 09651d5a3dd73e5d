"""What of one save goes back together, whose is each part of it, and what is named as not undone?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from syncd.core.actors import RECORD_OWNER
from syncd.core.changes import NOBODY, automation
from syncd.core.fence_model import Bound, Fence, Holding, Ladder
from syncd.core.replay import BACK, Standing
from syncd.core.values import ActorKind, Change, Fields, Proof, Rule, Scalar, Verdict
from tests.core.courses import (
    ALLOW,
    MIA,
    NOTE,
    REASON,
    REVERT,
    RITA,
    RULE,
    SAM,
    law,
    owed,
    owner,
    played,
    side,
    told,
)
from tests.core.samples import NOON, actor, change, people, user_id

STAGE, STAGE_REASON, TYPE = "Stage__c", "Stage_Reason__c", "RecordType.DeveloperName"
UNLAWFUL = change("Working", "Inquiry", "marketo")
BESIDE = "; not undone, though it moved in the same save: "


def automated(moved: Change) -> Change:
    """Return a change as the org's automation's, which acted in the name of whoever made it."""
    return replace(moved, actor=automation(moved.actor, "it never moves alone"), proof=Proof.AUTOMATION)


def moved(field: str, before: Scalar, after: Scalar, minutes: int = 0, by: str = "marketo") -> Change:
    """Return a change of a field."""
    return change(before, after, by, minutes, field=field)


def unproved(minutes: int) -> Change:
    """Return a move that no history tells of."""
    return change(None, "1", NOBODY, minutes, field="Phone", proof=Proof.LAST_MODIFIED)


def stage(*, reason: str | None = STAGE_REASON, types: frozenset[str] = frozenset(), field: str = STAGE) -> Fence:
    """Return a fence on leads, and on contacts of every type, by which marketing's tools may not undo what sdr has worked."""
    return Fence(
        "stage",
        Rule("stage", "fences.toml", 9),
        (Bound("Contact", "Level__c"), Bound("Lead", field, types)),
        {value: Holding(value, RULE, team) for value, team in (("New", "marketing"), ("Worked", "sdr"), ("Lost", "sdr"))},
        {},
        Ladder({ActorKind.TOOL: REVERT}),
        reason_field=reason,
    )


@pytest.mark.parametrize(
    ("beside", "read_at", "named"),
    [
        ([], None, ""),
        ([moved("Rating", "Hot", "Cold")], None, "Rating"),
        ([moved("Rating", "Hot", "Cold", by="sam")], None, ""),
        ([moved("Rating", "Hot", "Cold", 1)], None, ""),
        ([owner(SAM, MIA, "marketo")], None, ""),
        ([automated(owner(SAM, MIA, "marketo"))], None, "OwnerId"),
        ([unproved(0)], None, "Phone"),
        ([unproved(1)], None, ""),
        ([], 0, "Fax"),
        ([], 1, ""),
    ],
)
def test_what_else_moved_in_the_second_of_a_revert_is_named_unless_it_goes_back_too(
    beside: list[Change], read_at: int | None, named: str
) -> None:
    read: dict[str, Any] = {} if read_at is None else {"found": {"Fax": "1"}, "read_at": NOON + timedelta(minutes=read_at)}
    unlawful, *_ = played(law(), UNLAWFUL, *beside, **read).judgements
    assert unlawful.verdict is REVERT
    assert unlawful.reason.partition(BESIDE)[2] == named


def test_only_what_goes_back_names_what_does_not() -> None:
    saved = (UNLAWFUL, owner(user_id("nemo"), MIA, "marketo"), moved("Rating", "Hot", "Cold"))
    status, owners = played(law(), *saved).judgements
    assert (status.verdict, owners.verdict) == (REVERT, NOTE)
    assert status.reason.endswith(f"{BESIDE}Rating")
    assert BESIDE not in owners.reason


def test_a_save_is_its_logins_though_the_automations_row_comes_first_and_each_answers_for_its_own() -> None:
    lawful = moved("Status", "MQL", "Working", by="sam")
    assert told(played(law(), owner(SAM, RITA, "sam"), lawful)) == {"OwnerId": [ALLOW], "Status": [ALLOW]}
    result = played(law(), automated(owner(SAM, RITA, "sam")), lawful)
    assert told(result) == {"OwnerId": [NOTE], "Status": [ALLOW]}


def test_an_owner_that_automation_moved_is_no_part_of_the_decision_it_came_with() -> None:
    assert told(played(law(), UNLAWFUL, owner(SAM, MIA, "marketo"))) == {"Status": [REVERT], "OwnerId": [REVERT]}
    result = played(law(), UNLAWFUL, automated(owner(SAM, MIA, "marketo")))
    assert told(result) == {"Status": [REVERT], "OwnerId": [NOTE]}
    assert owed(result) == {"Status": "Working"}


def test_only_beside_a_write_that_an_intent_explains_is_a_move_of_syncds_login_the_automations() -> None:
    ours = change("Inquiry", "Working", "syncd")
    [later] = played(law(), ours, owner(SAM, MIA, "syncd", 1), explained=frozenset({0})).judgements
    assert (later.change.proof, later.change.actor.kind) == (Proof.HISTORY, ActorKind.SYNCD)
    [known] = played(law(), ours, automated(owner(SAM, MIA, "syncd")), explained=frozenset({0})).judgements
    assert (known.verdict, known.change.actor.why) == (NOTE, "it never moves alone")


PARTNERS = stage(types=frozenset({"Partner"}), field="Status")
BY_TYPE = law(status={"bound": (Bound("Lead", "Status", frozenset({"Direct"})),)}, more=(PARTNERS,))
NO_TYPE: Fields = {}


@pytest.mark.parametrize(
    ("held", "before", "after", "verdict", "rule", "reason"),
    [
        (
            {TYPE: "Direct"},
            "Working",
            "Inquiry",
            REVERT,
            "status Working",
            "'Working' belongs to sdr; marketing moved it to 'Inquiry'",
        ),
        ({TYPE: "Partner"}, "Worked", "New", REVERT, "line", "'Worked' belongs to sdr; marketing moved it to 'New'"),
        ({TYPE: "Other"}, "Worked", "New", ALLOW, None, "no fence stands on Lead Status of this record type"),
        ({TYPE: None}, "Worked", "New", ALLOW, None, "no fence stands on Lead Status of this record type"),
        (NO_TYPE, "Worked", "New", NOTE, "status fence", "which fence it stands behind depends on its record type"),
    ],
)
def test_of_several_fences_on_one_field_the_one_of_the_records_type_judges(
    held: Fields, before: str, after: str, verdict: Verdict, rule: str | None, reason: str
) -> None:
    [item] = played(BY_TYPE, change(before, after, "marketo"), held=held).judgements
    assert (item.verdict, item.rule and item.rule.name) == (verdict, rule)
    assert item.reason.startswith(reason)
    assert item.is_knowable is (held is not NO_TYPE)


@pytest.mark.parametrize("held", [NO_TYPE, {TYPE: "Other"}, {TYPE: "Direct"}])
def test_what_is_excused_needs_no_record_type(held: Fields) -> None:
    converted = played(BY_TYPE, UNLAWFUL, held=held, events={0: "part of a lead conversion"}).judgements
    back = played(BY_TYPE, change("Inquiry", "Working", "marketo"), held=held, owed={"Status": "Working"}).judgements
    assert [(item.verdict, item.reason) for item in (*converted, *back)] == [
        (ALLOW, "part of a lead conversion"),
        (ALLOW, BACK),
    ]


def test_a_reason_goes_back_with_the_move_of_its_own_fence_only() -> None:
    policy = law(more=(stage(),))
    saved = (UNLAWFUL, moved(REASON, "r1", "r2"), moved(STAGE_REASON, "s1", "s2"))
    status, reason, other = played(policy, *saved).judgements
    assert (reason.verdict, reason.reason) == (REVERT, f"goes with Status: {status.reason.partition(BESIDE)[0]}")
    assert (other.verdict, other.reason) == (ALLOW, "a reason is judged with the move that it belongs to")
    result = played(policy, UNLAWFUL, automated(moved(REASON, "r1", "r2")))
    assert told(result) == {"Status": [REVERT], REASON: [ALLOW]}
    assert owed(result) == {"Status": "Working"}


def test_a_reason_that_is_put_back_alone_says_so() -> None:
    result = played(law(), UNLAWFUL, moved(REASON, "r1", "r2"), moved(REASON, "r2", "r1", 1))
    assert (result.judgements[-1].verdict, result.judgements[-1].reason) == (ALLOW, BACK)
    assert owed(result) == {"Status": "Working"}


BOTH = (UNLAWFUL, moved(STAGE, "Worked", "New"), moved(REASON, "r1", "r2"))
STATUS_BACK, STAGE_BACK = moved("Status", "Inquiry", "Working", 1), moved(STAGE, "New", "Worked", 2)


@pytest.mark.parametrize(
    ("changes", "still_owed"),
    [
        (BOTH, {"Status": "Working", STAGE: "Worked", REASON: "r1"}),
        ((*BOTH, STATUS_BACK), {STAGE: "Worked", REASON: "r1"}),
        ((*BOTH, STATUS_BACK, STAGE_BACK), {}),
        ((*BOTH[::2], STATUS_BACK), {}),
        ((*BOTH[1:], STAGE_BACK), {}),
        ((*BOTH[::2], owner(SAM, MIA, "marketo"), STATUS_BACK), {"OwnerId": SAM}),
    ],
)
def test_a_reason_of_two_fences_is_owed_as_long_as_one_of_their_moves_is(
    changes: tuple[Change, ...], still_owed: Mapping[str, Scalar]
) -> None:
    assert owed(played(law(owner={"reason_field": REASON}, more=(stage(reason=REASON),)), *changes)) == still_owed


def test_reasons_are_settled_one_by_one_and_what_never_moved_has_nothing_to_settle() -> None:
    policy = law(more=(stage(),))
    unlawful = (moved(STAGE, "Worked", "New"), moved(STAGE_REASON, "s1", "s2"))
    assert owed(played(policy, *unlawful)) == {STAGE: "Worked", STAGE_REASON: "s1"}
    result = played(policy, *unlawful, STAGE_BACK)
    assert result.standing == {STAGE: Standing("Worked"), STAGE_REASON: Standing("s2")}
    assert owed(played(policy, UNLAWFUL, *unlawful, STAGE_BACK)) == {"Status": "Working"}


def test_a_reason_is_owed_whichever_field_of_its_fence_moved() -> None:
    fence = stage()
    wide = replace(fence, bound=(*fence.bound[:1], Bound("Lead", "Level__c"), *fence.bound[1:]))
    result = played(law(more=(wide,)), moved(STAGE, "Worked", "New"), moved(STAGE_REASON, "s1", "s2"))
    assert owed(result) == {STAGE: "Worked", STAGE_REASON: "s1"}


def test_a_reason_is_owed_with_the_fence_of_the_records_type() -> None:
    result = played(BY_TYPE, UNLAWFUL, moved(REASON, "r1", "r2"), held={TYPE: "Direct"})
    assert owed(result) == {"Status": "Working", REASON: "r1"}


def test_a_side_is_judged_by_the_status_that_the_same_save_tells_of() -> None:
    policy = law(sides=(side(follows="status"),))
    saved = (moved("Status", "MQL", "Working", by="sam"), moved("Rating", "Hot", "Cold", by="sam"))
    held: list[Fields] = [{}, {"Status": "MQL"}, {"Status": "Inquiry"}]
    assert [told(played(policy, *saved, held=each)) for each in held] == [{"Status": [ALLOW], "Rating": [ALLOW]}] * 3


def test_whoever_puts_a_side_back_is_within_the_law() -> None:
    policy = law(sides=(side(team="sales"),))
    result = played(policy, moved("Rating", "Hot", "Cold"), moved("Rating", "Cold", "Hot", 1))
    assert [(item.verdict, item.reason == BACK) for item in result.judgements] == [(REVERT, False), (ALLOW, True)]
    assert owed(result) == {}


def test_a_lookup_is_given_back_to_somebody_who_left_though_a_record_is_not() -> None:
    policy = law(sides=(replace(side(team="sales"), field="Rep__c"),))
    known = people()
    left = replace(policy, people=replace(known, users={**known.users, SAM: replace(known.users[SAM], is_active=False)}))
    assert owed(played(left, moved("Rep__c", SAM, MIA))) == {"Rep__c": SAM}


@pytest.mark.parametrize(("held_by", "why"), [(MIA, ""), (user_id("nemo"), ", for the record's owner, who belongs to no team")])
def test_a_tool_that_acts_for_an_owner_of_no_team_says_so(held_by: str, why: str) -> None:
    engaged = replace(actor("routing"), team=RECORD_OWNER)
    [item] = played(law(), change("MQL", "Working", engaged), held={"OwnerId": held_by}).judgements
    assert item.change.actor.why == engaged.why + why
