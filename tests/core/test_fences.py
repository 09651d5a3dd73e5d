"""Is nothing lawful ever put back, and whatever is put back proved, unlawful and put back to a lawful value?"""

from __future__ import annotations

import pytest

from syncd.core.changes import NOBODY
from syncd.core.fence_model import Fences
from syncd.core.fences import Crossing, Move, Passed, judge_owner, judge_value
from syncd.core.sparing import Spared
from syncd.core.values import ActorKind, Change, Proof, Rule, Verdict
from tests.core.one_field import OneField, replay_one
from tests.core.samples import (
    MQL_QUEUE,
    NURTURE_QUEUE,
    OWN_USER,
    PARTNER_QUEUE,
    POLICY,
    STRICT,
    change,
    fences,
    people,
    user_id,
)

NOTE, WARN, REVERT, ALLOW = Verdict.NOTE, Verdict.WARN, Verdict.REVERT, Verdict.ALLOW
MIA, SAM, RITA, ADA, NEMO = (user_id(name) for name in ("mia", "sam", "rita", "ada", "nemo"))


def of_status(before: str | None, after: str | None, team: str | None, policy: Fences | None = None) -> Crossing | Passed:
    """Judge one move of Lead Status."""
    policy = policy or fences()
    return judge_value(Move("Lead", "Status", before, after, team, {}, {}), policy.status)


def of_owner(before: str | None, after: str | None, team: str | None) -> Crossing | Passed:
    """Judge one move of the owner."""
    return judge_owner(Move("Lead", "OwnerId", before, after, team, {}, {}), fences().owner, fences().teams, people())


@pytest.mark.parametrize(
    ("team", "before", "after", "code", "reason"),
    [
        ("marketing", "Inquiry", "MQL", None, "gate Inquiry, Nurture -> MQL"),
        ("marketing", "Nurture", "MQL", None, "gate Inquiry, Nurture -> MQL"),
        ("sales", "Working", "Qualified", None, "gate Working -> Qualified"),
        ("sdr", "MQL", "Working", None, "sdr has the ball at 'MQL' and 'Working'"),
        ("marketing", "Nurture", "Inquiry", None, "marketing has the ball at 'Nurture' and 'Inquiry'"),
        ("sdr", "Inquiry", "MQL", "wrong-side", "'Inquiry' belongs to marketing; sdr moved it to 'MQL'"),
        ("sdr", "Inquiry", "Nurture", "wrong-side", "'Inquiry' belongs to marketing; sdr moved it to 'Nurture'"),
        ("marketing", "Working", "Nurture", "wrong-side", "'Working' belongs to sdr; marketing moved it to 'Nurture'"),
        (None, "MQL", "Working", "wrong-side", "'MQL' belongs to sdr; an unknown team moved it to 'Working'"),
        ("sdr", "MQL", "Qualified", "no-gate", "no gate lets sdr hand 'MQL' over as 'Qualified'"),
        ("sales", "Qualified", "Working", "no-gate", "no gate lets sales hand 'Qualified' over as 'Working'"),
        ("sdr", "MQL", "Recycled", "status-unowned", "no team owns Lead Status 'Recycled'"),
        ("sdr", "Recycled", "MQL", "status-unowned", "no team owns Lead Status 'Recycled'"),
        ("sdr", "mql", "Working", "status-unowned", "no team owns Lead Status 'mql'"),
        ("sdr", None, "MQL", "status-unowned", "no team owns Lead Status None"),
        ("sdr", "MQL", "", "status-unowned", "no team owns Lead Status ''"),
    ],
)
def test_a_lead_passes_only_at_a_gate_and_only_by_its_own_team(
    team: str | None, before: str | None, after: str | None, code: str | None, reason: str
) -> None:
    result = of_status(before, after, team)
    assert (result.code if isinstance(result, Crossing) else None, result.reason) == (code, reason)


def test_a_gate_for_others_names_itself_to_the_team_that_may_not_pass() -> None:
    result = of_status("Working", "Qualified", "sdr", fences(POLICY.replace('["sdr", "sales"]', '["sales"]')))
    assert isinstance(result, Crossing)
    assert (result.code, result.rule.name) == ("no-gate", "Working -> Qualified")


@pytest.mark.parametrize(
    ("before", "after", "team", "rule"),
    [("Inquiry", "MQL", "sdr", "status Inquiry"), ("MQL", "Qualified", "sdr", "status MQL"), ("MQL", "?", "sdr", "status fence")],
)
def test_a_crossing_points_at_the_line_that_it_breaks(before: str, after: str, team: str, rule: str) -> None:
    result = of_status(before, after, team)
    assert isinstance(result, Crossing)
    assert result.rule.name == rule


@pytest.mark.parametrize(
    ("team", "before", "after", "code", "reason"),
    [
        ("marketing", MIA, SAM, None, "gate marketing -> sdr"),
        ("routing", NURTURE_QUEUE, MQL_QUEUE, None, "gate marketing -> sdr"),
        ("sdr", MQL_QUEUE, SAM, None, "inside sdr"),
        ("sdr", SAM, RITA, None, "gate sdr -> sales"),
        ("routing", SAM, MQL_QUEUE, "no-gate", "routing may not move the owner from Sam Dialer (sdr) to MQL EMEA (sdr)"),
        ("sales", SAM, RITA, "no-gate", "sales may not move the owner from Sam Dialer (sdr) to Rita Rep (sales)"),
        ("sales", RITA, SAM, "no-gate", "sales may not move the owner from Rita Rep (sales) to Sam Dialer (sdr)"),
        (None, MIA, SAM, "no-gate", "an unknown team may not move the owner from Mia Market (marketing) to Sam Dialer (sdr)"),
        ("sdr", SAM, NEMO, "owner-unowned", "owner Nemo belongs to no team, or to several"),
        ("sdr", user_id("nemo"), SAM, "owner-unowned", "owner Nemo belongs to no team, or to several"),
        ("sdr", PARTNER_QUEUE, SAM, "owner-unowned", "owner Partner Leads belongs to no team, or to several"),
        ("sdr", None, SAM, "owner-unowned", "owner None belongs to no team, or to several"),
        ("routing", user_id("routing"), SAM, "owner-unowned", "owner Routing (routing) is no team of people"),
        ("marketing", ADA, SAM, "owner-unowned", "owner Ada Admin (admin) is no team of people"),
        ("sales", OWN_USER, RITA, "owner-unowned", "owner syncd Integration (syncd) is no team of people"),
        ("routing", SAM, ADA, "no-gate", "routing may not move the owner from Sam Dialer (sdr) to Ada Admin (admin)"),
        ("marketing", user_id("marketo"), SAM, None, "gate marketing -> sdr"),
    ],
)
def test_an_owner_moves_inside_a_team_or_at_a_gate(
    team: str | None, before: str | None, after: str | None, code: str | None, reason: str
) -> None:
    result = of_owner(before, after, team)
    assert (result.code if isinstance(result, Crossing) else None, result.reason) == (code, reason)


@pytest.mark.parametrize(("team", "rule"), [("sales", "sdr -> sales"), ("sdr", "owner fence")])
def test_an_owner_crossing_points_at_its_gate_or_at_the_fence(team: str, rule: str) -> None:
    result = of_owner(SAM if team == "sales" else MIA, RITA, team)
    assert isinstance(result, Crossing)
    assert result.rule.name == rule


def run(*changes: Change, policy: str = POLICY, **more: object) -> OneField:
    """Replay some changes of the lead."""
    return replay_one(changes, fences(policy), people(), **more)  # type: ignore[arg-type]


def verdicts(result: OneField) -> list[Verdict]:
    """Return what the changes came to."""
    return [judgement.verdict for judgement in result.judgements]


def test_no_change_leaves_nothing_owed() -> None:
    assert run() == OneField((), None, False)
    assert run(owed="MQL") == OneField((), "MQL", True)


def test_a_lawful_change_stands_and_names_its_gate() -> None:
    result = run(change("Inquiry", "MQL", "mia"))
    assert (verdicts(result), result.standing, result.owed) == ([ALLOW], "MQL", False)
    assert result.judgements[0].gate == Rule("Inquiry, Nurture -> MQL", "fences.toml", 1)


def test_an_unlawful_change_is_put_back_to_the_value_before_it() -> None:
    result = run(change("Working", "Inquiry", "marketo"))
    (only,) = result.judgements
    assert (only.verdict, only.restore, only.fence) == (REVERT, "Working", "status")
    assert only.reason == "'Working' belongs to sdr; marketing moved it to 'Inquiry'"
    assert (result.standing, result.owed) == ("Working", True)


def test_several_unlawful_changes_restore_the_last_lawful_value() -> None:
    result = run(
        change("MQL", "Working", "sam"), change("Working", "Nurture", "marketo", 1), change("Nurture", "Inquiry", "marketo", 2)
    )
    assert verdicts(result) == [ALLOW, REVERT, REVERT]
    assert [item.restore for item in result.judgements] == [None, "Working", "Working"]


def test_a_change_after_an_unlawful_one_is_judged_from_the_lawful_value() -> None:
    unlawful = change("MQL", "Inquiry", "marketo")
    result = run(unlawful, change("Inquiry", "Working", "sam", 1), policy=STRICT)
    assert (verdicts(result), result.standing, result.owed) == ([REVERT, ALLOW], "Working", False)
    assert result.judgements[1].reason == "sdr has the ball at 'MQL' and 'Working'"
    result = run(unlawful, change("Inquiry", "Nurture", "mia", 1), policy=STRICT)
    assert (verdicts(result), result.standing, result.owed) == ([REVERT, REVERT], "MQL", True)


@pytest.mark.parametrize("by", ["rita", "nemo", "marketo", "ada", "both"])
def test_whoever_puts_the_lawful_value_back_is_within_the_law(by: str) -> None:
    result = run(change("MQL", "Inquiry", "marketo"), change("Inquiry", "MQL", by, 1), policy=STRICT)
    assert (verdicts(result), result.standing, result.owed) == ([REVERT, ALLOW], "MQL", False)
    assert result.judgements[1].reason == "back to the last lawful value"


@pytest.mark.parametrize(("policy", "verdict"), [(POLICY, WARN), (POLICY.replace('person = "warn"', 'person = "observe"'), NOTE)])
def test_what_is_only_noted_or_warned_about_stands(policy: str, verdict: Verdict) -> None:
    result = run(change("MQL", "Qualified", "rita"), change("Qualified", "Inquiry", "marketo", 1), policy=policy)
    assert verdicts(result) == [verdict, REVERT]
    assert (result.standing, result.judgements[1].restore) == ("Qualified", "Qualified")


def test_a_tolerated_change_settles_what_was_owed() -> None:
    result = run(change("MQL", "Inquiry", "marketo"), change("Inquiry", "Nurture", "rita", 1))
    assert (verdicts(result), result.standing, result.owed) == ([REVERT, WARN], "Nurture", False)


@pytest.mark.parametrize(
    ("after", "by", "verdict", "standing", "is_owed"),
    [
        ("MQL", "nemo", ALLOW, "MQL", False),
        ("Working", "sam", ALLOW, "Working", False),
        ("Nurture", "marketo", REVERT, "MQL", True),
        ("Inquiry", "rita", WARN, "Inquiry", False),
    ],
)
def test_a_debt_of_an_earlier_cycle_is_what_changes_are_judged_from(
    after: str, by: str, verdict: Verdict, standing: str, is_owed: bool
) -> None:
    result = run(change("Inquiry", after, by), owed="MQL")
    assert (verdicts(result), result.standing, result.owed) == ([verdict], standing, is_owed)


def test_an_explained_write_is_not_judged_and_settles_the_debt() -> None:
    result = run(change("MQL", "Inquiry", "marketo"), change("Inquiry", "MQL", "syncd", 1), explained=[1])
    assert (verdicts(result), result.standing, result.owed) == ([REVERT], "MQL", False)


def test_a_write_of_syncds_user_that_no_intent_explains_is_only_noted() -> None:
    result = run(change("MQL", "Inquiry", "syncd"), policy=STRICT)
    assert (verdicts(result), result.standing, result.owed) == ([NOTE], "Inquiry", False)


def test_a_conversion_is_lawful_and_settles_the_debt() -> None:
    result = run(
        change("MQL", "Inquiry", "marketo"), change("Inquiry", "Qualified", "marketo", 1), events={1: "part of a lead conversion"}
    )
    assert (verdicts(result), result.standing, result.owed) == ([REVERT, ALLOW], "Qualified", False)
    assert result.judgements[1].reason == "part of a lead conversion"


@pytest.mark.parametrize(
    ("by", "more", "why"),
    [
        ("marketo", {"proof": Proof.LAST_MODIFIED}, "; not proved by history, so only noted"),
        ("marketo", {"proof": Proof.NONE}, "; not proved by history, so only noted"),
        ("nemo", {}, "; no team claims this user, so only noted"),
        ("ghost", {}, "; this user is not visible to syncd, so only noted"),
    ],
)
def test_what_is_not_sure_is_only_noted_and_says_why(by: str, more: dict[str, Proof], why: str) -> None:
    result = run(change("MQL", "Inquiry", by, **more), policy=STRICT)  # type: ignore[arg-type]
    assert verdicts(result) == [NOTE]
    assert result.judgements[0].reason.endswith(why)
    assert (result.standing, result.owed) == ("Inquiry", False)


def test_a_change_of_nobody_is_only_noted() -> None:
    result = run(change("MQL", "Inquiry", NOBODY, proof=Proof.LAST_MODIFIED), policy=STRICT)
    assert (verdicts(result), result.judgements[0].restore) == ([NOTE], None)


def test_an_admin_is_noted_and_never_enforced() -> None:
    assert verdicts(run(change("MQL", "Inquiry", "ada"), policy=STRICT)) == [NOTE]


def test_a_value_that_no_team_owns_is_only_noted() -> None:
    result = run(change("MQL", "Parked", "marketo"), change("Parked", "Inquiry", "marketo", 1))
    assert (verdicts(result), result.standing) == ([NOTE, NOTE], "Inquiry")
    assert result.judgements[0].reason == "no team owns Lead Status 'Parked'; what cannot be judged is only noted"


def test_first_sight_is_a_baseline_and_only_noted() -> None:
    result = run(change("MQL", "Inquiry", "marketo"), first_sight=True)
    assert verdicts(result) == [NOTE]
    assert result.judgements[0].reason.endswith("; part of the baseline, so only noted")


@pytest.mark.parametrize(("minutes", "verdict"), [(-1, NOTE), (0, REVERT), (1, REVERT)])
def test_what_happened_before_the_fence_stood_is_only_noted(minutes: int, verdict: Verdict) -> None:
    policy = POLICY.replace("[crossing.status]", "[crossing.status]\nsince = 2026-11-02T12:00:00Z")
    result = run(change("MQL", "Inquiry", "marketo", minutes), policy=policy)
    assert verdicts(result) == [verdict]
    if verdict is NOTE:
        assert result.judgements[0].reason.endswith("; before the fence stood (2026-11-02 12:00 UTC), so only noted")


def test_each_kind_of_actor_has_its_own_mode() -> None:
    policy = POLICY.replace('tool = "revert", automation = "revert", person = "warn"', 'tool = "warn", automation = "revert"')
    moved = [verdicts(run(change("MQL", "Inquiry", by), policy=policy))[0] for by in ("marketo", "autoproc", "rita")]
    assert moved == [WARN, REVERT, NOTE]


def test_owner_moves_are_judged_by_the_owner_fence() -> None:
    result = run(change(RITA, SAM, "routing", field="OwnerId"))
    assert (result.judgements[0].fence, result.judgements[0].restore, result.owed) == ("owner", RITA, True)


@pytest.mark.parametrize("owner", [ADA, user_id("routing"), OWN_USER])
def test_no_lead_is_given_back_to_a_machine_or_an_admin(owner: str) -> None:
    result = run(change(owner, SAM, "routing", field="OwnerId"), policy=STRICT)
    assert (verdicts(result), result.standing, result.owed) == ([NOTE], SAM, False)


def test_an_owner_gate_may_lead_away_from_a_machine() -> None:
    policy = POLICY.replace("[owner]", '[owner]\n"routing -> sdr" = { by = ["routing"] }')
    assert verdicts(run(change(user_id("routing"), SAM, "routing", field="OwnerId"), policy=policy)) == [ALLOW]


def test_a_move_nobody_saw_is_not_laid_at_the_next_actors_door() -> None:
    """MQL → Working and Nurture → Inquiry are both lawful; whoever moved Working → Nurture between them is not known."""
    result = run(change("MQL", "Working", "sam"), change("Nurture", "Inquiry", "mia", 5), policy=STRICT)
    assert (verdicts(result), result.standing, result.owed) == ([ALLOW, ALLOW], "Inquiry", False)


def test_a_move_nobody_saw_settles_what_was_owed() -> None:
    result = run(change("MQL", "Inquiry", "marketo"), change("Working", "Nurture", "sam", 5), policy=STRICT)
    assert (verdicts(result), result.standing, result.owed) == ([REVERT, ALLOW], "Nurture", False)


def test_a_row_that_moves_nothing_is_never_a_crossing() -> None:
    result = run(change("MQL", "MQL", "marketo"), policy=STRICT)
    assert (verdicts(result), result.owed) == ([ALLOW], False)


def test_a_move_nobody_saw_between_two_cycles_settles_what_was_owed() -> None:
    result = run(change("Qualified", "Working", "vera"), policy=STRICT, owed="MQL", held="Nurture")
    assert [judgement.restore for judgement in result.judgements] == ["Qualified"]


def test_a_spared_revert_stands_and_what_follows_is_judged_from_it() -> None:
    def spare(change: Change, verdict: Verdict, rule: Rule) -> Spared | None:
        return Spared(Verdict.WARN, "it came back") if change.actor.kind is ActorKind.TOOL else None

    result = run(change("Working", "Nurture", "marketo"), change("Nurture", "Inquiry", "mia", 1), policy=STRICT, spare=spare)
    assert (verdicts(result), result.standing, result.owed) == ([Verdict.WARN, ALLOW], "Inquiry", False)
    assert result.judgements[0].reason.endswith("; it came back")
