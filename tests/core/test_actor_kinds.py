"""Partners are noted, a login that several use proves nothing, and legacy values are counted and not judged."""

from __future__ import annotations

import pytest

from syncd.core.actors import actor_of
from syncd.core.changes import changes_of
from syncd.core.fence_model import Fences
from syncd.core.policy import parse_fences
from syncd.core.values import ActorKind, Change, Proof, Verdict
from tests.core.one_field import replay_one
from tests.core.samples import LEAD, STRICT, fences, history, people, table

PARTNER = STRICT.replace("[teams]", '[teams]\npartner = { kind = "partner", user = ["nemo@acme.example"] }', 1)
SHARED = STRICT.replace("[teams]", '[teams]\ntools = { kind = "shared", user = ["nemo@acme.example"] }', 1)
LEGACY = STRICT.replace('"Qualified" =', '"Open" = { team = "marketing", legacy = true }\n"Qualified" =', 1)


def change(policy: Fences, before: str, after: str) -> Change:
    [found] = changes_of(
        "Lead",
        LEAD,
        ["Status"],
        known=None,
        staged=None,
        history=[history(1, before, after, by="nemo")],
        actor=lambda user, at: actor_of(user, people(), policy.teams),
    )
    return found


@pytest.mark.parametrize(
    ("text", "kind", "proof", "why"),
    [
        (PARTNER, ActorKind.PARTNER, Proof.HISTORY, "'MQL' belongs to sdr; partner moved it to 'Inquiry'"),
        (
            SHARED,
            ActorKind.SHARED,
            Proof.SHARED_LOGIN,
            "'MQL' belongs to sdr; tools moved it to 'Inquiry'; a shared login proves nobody's hand, so only noted",
        ),
    ],
)
def test_partners_and_shared_logins_are_only_noted(text: str, kind: ActorKind, proof: Proof, why: str) -> None:
    policy = fences(text)
    made = change(policy, "MQL", "Inquiry")
    assert (made.actor.kind, made.proof) == (kind, proof)
    result = replay_one([made], policy, people())
    [judged] = result.judgements
    assert (judged.verdict, judged.restore, result.owed) == (Verdict.NOTE, None, False)
    assert judged.reason == why


@pytest.mark.parametrize("kind", ["partner", "shared", "admin", "unknown"])
@pytest.mark.parametrize("mode", ["warn", "revert"])
def test_no_mode_beyond_observe_can_be_given_to_them(kind: str, mode: str) -> None:
    policy, problems = parse_fences(table(STRICT.replace('person = "revert"', f'{kind} = "{mode}"')))
    assert policy is None
    assert [problem.code for problem in problems] == ["MAP-041", "MAP-041"]
    assert problems[0].remedy == 'Write "observe".'


@pytest.mark.parametrize(("before", "after"), [("Open", "Working"), ("MQL", "Open"), ("Open", "Inquiry")])
def test_moves_from_and_to_a_legacy_value_are_counted_and_not_judged(before: str, after: str) -> None:
    policy = fences(LEGACY)
    [judged] = replay_one([change(policy, before, after)], policy, people()).judgements
    assert (judged.verdict, judged.fence) == (Verdict.ALLOW, None)
    assert judged.reason == "'Open' is a legacy value: counted, not judged"


def test_legacy_is_true_or_false() -> None:
    _, problems = parse_fences(table(LEGACY.replace("legacy = true", 'legacy = "yes"')))
    [problem] = problems
    assert (problem.code, problem.text) == ("MAP-016", "legacy = 'yes' is neither true nor false.")
