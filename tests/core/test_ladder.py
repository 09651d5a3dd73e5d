"""How far is a crossing followed up, by kind of actor, proof, time and what may be written at all?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from syncd.core.fence_model import Bound, Fence, Fences, Ladder, SideRule
from syncd.core.fiscal import QuietPeriod
from syncd.core.ladder import (
    FOLLOWED_UP,
    RUNGS,
    Reaction,
    Wait,
    ladder_of,
    mode_for,
    react,
    wait_of,
    when_due,
)
from syncd.core.values import Actor, ActorKind, Change, Intent, Judgement, Proof, Rule, Verdict
from tests.core.samples import LEAD, NOON

RULE = Rule("status Working", "mappings/fences.toml", 31)
EVERYTHING = Ladder(dict.fromkeys(ActorKind, Verdict.REVERT))
QUIET = QuietPeriod("quarter", date(2026, 10, 26), date(2026, 11, 30))
HALF_AN_HOUR = timedelta(minutes=30)


def moved(
    kind: ActorKind = ActorKind.TOOL,
    proof: Proof = Proof.HISTORY,
    *,
    team: str | None = "marketo",
    why: str = "",
    object: str = "Lead",
    field: str = "Status",
    at: datetime = NOON,
) -> Change:
    return Change(object, LEAD, field, "Working", "Inquiry", at, Actor("005", "Marketo", kind, team, why), proof)


def reaction(change: Change, ladder: Ladder = EVERYTHING, code: str = "wrong-side", **more: object) -> Reaction:
    return react(code, "why", change, ladder, **more)  # type: ignore[arg-type]


def test_the_rungs_lead_from_harmless_to_enforced() -> None:
    assert sorted(Verdict, key=RUNGS.__getitem__) == ["allow", "note", "warn", "ask", "revert"]
    assert {"ask", "revert"} == FOLLOWED_UP


@pytest.mark.parametrize("mode", [Verdict.NOTE, Verdict.WARN, Verdict.ASK, Verdict.REVERT])
@pytest.mark.parametrize("kind", [ActorKind.TOOL, ActorKind.AUTOMATION, ActorKind.PERSON])
def test_machines_and_people_are_followed_up_as_far_as_the_file_says_for_each_kind(kind: ActorKind, mode: Verdict) -> None:
    assert reaction(moved(kind), Ladder({kind: mode})) == Reaction(mode, "why")
    others = {other: Verdict.REVERT for other in ActorKind if other is not kind}
    assert reaction(moved(kind), Ladder(others)) == Reaction(Verdict.NOTE, "why")


@pytest.mark.parametrize("kind", [ActorKind.ADMIN, ActorKind.PARTNER, ActorKind.SYNCD])
def test_admins_and_partners_are_noted_only_whatever_the_file_says(kind: ActorKind) -> None:
    assert mode_for(EVERYTHING, kind) is Verdict.NOTE
    assert reaction(moved(kind)) == Reaction(Verdict.NOTE, "why")


@pytest.mark.parametrize(
    ("change", "because", "is_knowable"),
    [
        (moved(proof=Proof.LAST_MODIFIED), "not proved by history, so only noted", False),
        (moved(proof=Proof.NONE), "not proved by history, so only noted", False),
        (moved(ActorKind.PERSON, Proof.LAST_MODIFIED), "not proved by history, so only noted", False),
        (moved(proof=Proof.SHARED_LOGIN, why="user x"), "a shared login proves nobody's hand, so only noted", False),
        (moved(ActorKind.SHARED), "a shared login proves nobody's hand, so only noted", False),
        (moved(proof=Proof.AUTOMATION), "automation's, which no history proves, so only noted", True),
        (moved(ActorKind.UNKNOWN, team=None, why="no team claims this user"), "no team claims this user, so only noted", False),
        (moved(ActorKind.PERSON, team=None), "the actor is unknown, so only noted", False),
        (moved(ActorKind.UNKNOWN), "the actor is unknown, so only noted", False),
    ],
)
def test_what_history_does_not_prove_of_a_known_actor_is_noted_and_counted_as_not_to_be_known(
    change: Change, because: str, is_knowable: bool
) -> None:
    assert reaction(change) == Reaction(Verdict.NOTE, f"why; {because}", is_knowable=is_knowable)


@pytest.mark.parametrize("code", ["status-unowned", "owner-unowned", "status-unknown", "condition-unknown"])
def test_what_cannot_be_judged_is_never_put_back(code: str) -> None:
    assert reaction(moved(), code=code) == Reaction(Verdict.NOTE, "why; what cannot be judged is only noted")


def test_what_is_older_than_the_first_sight_or_the_fence_is_only_noted() -> None:
    assert reaction(moved(), first_sight=True) == Reaction(Verdict.NOTE, "why; part of the baseline, so only noted")
    fence = replace(EVERYTHING, since=NOON)
    before = reaction(moved(at=NOON - timedelta(seconds=1)), fence)
    assert before == Reaction(Verdict.NOTE, "why; before the fence stood (2026-11-02 12:00 UTC), so only noted")
    assert reaction(moved(at=NOON), fence).verdict is Verdict.REVERT


@pytest.mark.parametrize(
    ("object", "field", "softened"),
    [
        ("Opportunity", "StageName", "Opportunity fields are never written, so only warned about"),
        ("Opportunity", "OwnerId", "Opportunity fields are never written, so only warned about"),
        ("Contact", "OwnerId", "the owner of a Contact is never written, so only warned about"),
        ("Account", "OwnerId", "the owner of a Account is never written, so only warned about"),
    ],
)
def test_what_syncd_never_writes_is_warned_about_at_most(object: str, field: str, softened: str) -> None:
    assert reaction(moved(object=object, field=field)) == Reaction(Verdict.WARN, f"why; {softened}")
    assert reaction(moved(object=object, field=field), Ladder({})) == Reaction(Verdict.NOTE, "why")


@pytest.mark.parametrize(("object", "field"), [("Lead", "OwnerId"), ("Contact", "Contact_Status__c"), ("Deal__c", "Stage__c")])
def test_lead_owners_and_lifecycle_fields_of_any_object_may_be_put_back(object: str, field: str) -> None:
    assert reaction(moved(object=object, field=field)).verdict is Verdict.REVERT


@pytest.mark.parametrize("mode", [Verdict.ASK, Verdict.REVERT])
def test_in_a_quiet_period_nobody_is_put_back_or_asked_about(mode: Verdict) -> None:
    quiet = reaction(moved(), Ladder({ActorKind.TOOL: mode}, grace=HALF_AN_HOUR), quiet=QUIET)
    text = "why; the last days of the fiscal quarter (2026-10-26 to 2026-11-30) are quiet, so nothing is put back"
    assert quiet == Reaction(Verdict.WARN, text)


def test_a_quiet_period_hides_nothing_that_is_warned_about_anyway() -> None:
    assert reaction(moved(), Ladder({ActorKind.TOOL: Verdict.WARN}), quiet=QUIET) == Reaction(Verdict.WARN, "why")
    assert reaction(moved(), quiet=replace(QUIET, ceiling=Verdict.NOTE)).verdict is Verdict.NOTE


@pytest.mark.parametrize(
    ("mode", "due_at"),
    [
        (Verdict.NOTE, None),
        (Verdict.WARN, None),
        (Verdict.ASK, NOON + HALF_AN_HOUR),
        (Verdict.REVERT, NOON + HALF_AN_HOUR),
    ],
)
def test_a_reaction_waits_for_the_grace_time_after_the_change(mode: Verdict, due_at: datetime | None) -> None:
    assert reaction(moved(), Ladder({ActorKind.TOOL: mode}, grace=HALF_AN_HOUR)) == Reaction(mode, "why", due_at)


# --- when the grace time is over ---------------------------------------------------------------------------------------


def waiting(*, object: str = "Lead", field: str = "Status", is_asked: bool = False) -> Wait:
    intent = Intent("key", object, LEAD, field, "Inquiry", "Working", "fence", RULE, "why", "hash", "")
    return Wait(intent, "status", ActorKind.TOOL, NOON, is_asked=is_asked, due_at=NOON + HALF_AN_HOUR)


@pytest.mark.parametrize(
    ("wait", "ladder", "quiet", "becomes"),
    [
        (waiting(), EVERYTHING, None, Reaction(Verdict.REVERT, "why")),
        (waiting(is_asked=True), EVERYTHING, None, Reaction(Verdict.ASK, "why")),
        (waiting(), Ladder({ActorKind.TOOL: Verdict.ASK}), None, Reaction(Verdict.ASK, "why")),
        (
            waiting(),
            Ladder({ActorKind.TOOL: Verdict.WARN, ActorKind.PERSON: Verdict.REVERT}),
            None,
            Reaction(Verdict.WARN, "by now the file says warn for tool, so it stands"),
        ),
        (waiting(), Ladder({}), None, Reaction(Verdict.NOTE, "by now the file says observe for tool, so it stands")),
        (waiting(), None, None, Reaction(Verdict.NOTE, "the fence status is gone from the file, so it stands")),
        (
            waiting(is_asked=True),
            EVERYTHING,
            QUIET,
            Reaction(
                Verdict.WARN, "the last days of the fiscal quarter (2026-10-26 to 2026-11-30) are quiet, so nothing is put back"
            ),
        ),
        (waiting(), EVERYTHING, replace(QUIET, ceiling=Verdict.ASK), Reaction(Verdict.ASK, "why")),
        (waiting(), EVERYTHING, replace(QUIET, ceiling=Verdict.REVERT), Reaction(Verdict.REVERT, "why")),
    ],
)
def test_a_waiting_revert_is_judged_again_by_the_fences_as_they_stand_when_it_is_due(
    wait: Wait, ladder: Ladder | None, quiet: QuietPeriod | None, becomes: Reaction
) -> None:
    assert when_due(wait, ladder, quiet) == becomes


def test_a_ladder_is_found_by_the_fence_or_by_what_stands_on_the_field() -> None:
    mild, strict, side = Ladder({ActorKind.TOOL: Verdict.WARN}), EVERYTHING, Ladder({ActorKind.PERSON: Verdict.WARN})
    fences = (
        Fence("status", RULE, (Bound("Lead", "Status"), Bound("Contact", "Status__c")), {}, {}, mild),
        Fence("owner", RULE, (Bound("Lead", "OwnerId"),), {}, {}, strict),
    )
    law = Fences("v", "hash", (), fences, (SideRule("Lead", "Rating", RULE, "sales", ladder=side),))
    asked = [("Lead", "Status"), ("Contact", "Status__c"), ("Lead", "OwnerId"), ("Lead", "Rating"), ("Contact", "Rating")]
    assert [ladder_of(law, *each) for each in asked] == [mild, mild, strict, side, None]
    assert ladder_of(law, "Lead", "Status_Reason__c", "owner") is strict
    assert ladder_of(law, "Lead", "Rating", "fields") is side
    assert ladder_of(law, "Lead", "Status", "gone") is None


@pytest.mark.parametrize(
    ("verdict", "due_in", "was_asked", "is_asked", "waits_for"),
    [
        (Verdict.REVERT, None, False, None, None),
        (Verdict.REVERT, 0, False, None, None),
        (Verdict.REVERT, -1, False, None, None),
        (Verdict.REVERT, 1, False, False, 1),
        (Verdict.REVERT, None, True, True, None),
        (Verdict.REVERT, 1, True, True, 1),
        (Verdict.ASK, None, False, True, None),
        (Verdict.ASK, 0, False, True, None),
        (Verdict.ASK, 1, False, True, 1),
    ],
)
def test_a_revert_waits_for_its_time_and_for_whoever_has_to_be_asked(
    verdict: Verdict, due_in: int | None, was_asked: bool, is_asked: bool | None, waits_for: int | None
) -> None:
    due_at = None if due_in is None else NOON + timedelta(seconds=due_in)
    crossing = Judgement(moved(), verdict, "why", "status", RULE, due_at=due_at)
    wait = wait_of(crossing, waiting().intent, NOON, was_asked=was_asked)
    if is_asked is None:
        assert wait is None
    else:
        waits_until = None if waits_for is None else NOON + timedelta(seconds=waits_for)
        assert wait == Wait(waiting().intent, "status", ActorKind.TOOL, NOON, "005", is_asked, waits_until)
