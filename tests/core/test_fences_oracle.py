"""Does a second judge, which shares no code with the first, judge every random history the same?"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.actors import Directory
from syncd.core.fence_model import Bound, Fence, Fences, Gate, Holding, Ladder
from syncd.core.values import ActorKind, Change, Judgement, Proof, Rule, Scalar, Verdict
from tests.core.one_field import OneField, replay_one
from tests.core.samples import NOON, OWN_USER, somebody

# The second judge, written from the design alone; it speaks in plain tuples.

VALUES = ("a1", "a2", "b1", "b2", "c1", "old", "?")
TEAM_OF = {"a1": "A", "a2": "A", "b1": "B", "b2": "B", "c1": "C", "old": "A"}
LEGACY = "old"
KINDS = ("person", "tool", "automation", "admin", "partner", "shared", "unknown", "syncd")
WHO = [(kind, team) for kind in KINDS for team in ("A", "B", "C", None)]


@dataclass(frozen=True)
class Move:
    """One change as the oracle sees it. `how` is a proof, `minute` counts from noon."""

    old: str
    new: str
    kind: str
    team: str | None
    how: str
    minute: int
    own: bool = False
    event: bool = False


@dataclass(frozen=True)
class Law:
    """One random policy: (from, to) → teams that may pass, kind → how far, and the minute since which it stands."""

    gates: dict[tuple[str, str], frozenset[str]]
    far: dict[str, str]
    since: int | None


def is_lawful(law: Law, old: str, new: str, team: str | None) -> bool:
    """Tell whether a team may make a move."""
    if "?" in (old, new):
        return False
    if LEGACY in (old, new):
        return True
    return team in law.gates.get((old, new), ()) or (team is not None and TEAM_OF[old] == TEAM_OF[new] == team)


def how_far(law: Law, move: Move, old: str) -> str:
    """Tell how far an unlawful move is followed up."""
    is_sure = move.how == "history" and move.team is not None and "?" not in (old, move.new)
    is_late = law.since is None or move.minute >= law.since
    return law.far.get(move.kind, "note") if is_sure and is_late and move.kind in ("person", "tool", "automation") else "note"


def oracle(law: Law, moves: Sequence[Move], debt: str | None = None) -> tuple[list[tuple[str, str | None]], str | None, bool]:
    """Say (verdict, value to restore) of each move that is not syncd's own, the value that stands, and whether it is owed."""
    told: list[tuple[str, str | None]] = []
    good, held, broken = debt, None, debt is not None
    for move in moves:
        if good is None or (held is not None and move.old != held):  # the first move, or one that does not join
            good, broken = move.old, False
        held = move.new
        if move.own:
            good, broken = move.new, False
        elif move.new == good or move.event or is_lawful(law, good, move.new, move.team):
            told.append(("allow", None))
            good, broken = move.new, False
        elif (far := how_far(law, move, good)) == "revert":
            told.append((far, good))
            broken = True
        else:
            told.append((far, None))
            good, broken = move.new, False
    return told, good, broken


# ---------------------------------------------------------------------------------------------------------------------


def policy_of(law: Law) -> Fences:
    """Write the oracle's law as fences."""
    rule = Rule("r", "f", 1)
    gates = {key: Gate(*key, by, rule) for key, by in law.gates.items()}
    since = None if law.since is None else NOON + timedelta(minutes=law.since)
    mode = {ActorKind(kind): Verdict(far) for kind, far in law.far.items()}
    holdings = {value: Holding(value, rule, team, is_legacy=value == LEGACY) for value, team in TEAM_OF.items()}
    fence = Fence("status", rule, (Bound("Lead", "Status"),), holdings, gates, Ladder(mode, since))
    owner = Fence("owner", rule, (Bound("Lead", "OwnerId"),), {}, gates, Ladder(mode, since))
    return Fences("v", "h", (), (fence, owner))


def change_of(move: Move) -> Change:
    """Write one move of the oracle as a change."""
    at = NOON + timedelta(minutes=move.minute)
    return Change("Lead", "00Q", "Status", move.old, move.new, at, somebody(ActorKind(move.kind), move.team), Proof(move.how))


NO_PEOPLE = Directory({}, {}, OWN_USER)


def judged(law: Law, moves: Sequence[Move], debt: str | None = None) -> OneField:
    """Replay moves of the oracle."""
    own = [index for index, move in enumerate(moves) if move.own]
    events = {index: "conversion" for index, move in enumerate(moves) if move.event}
    return replay_one([change_of(m) for m in moves], policy_of(law), NO_PEOPLE, owed=debt, explained=own, events=events)


def any_law(rng: random.Random) -> Law:
    """Make a random policy; its gates may let anybody through, its modes enforce any kind but admins."""
    pairs = [(old, new) for old in TEAM_OF for new in TEAM_OF if old != new]
    gates = {pair: frozenset(rng.sample("ABC", rng.randint(1, 2))) for pair in rng.sample(pairs, rng.randint(0, 8))}
    kinds = [kind for kind in ("person", "tool", "automation") if rng.random() < 0.9]
    far = {kind: rng.choice(("note", "warn", "revert", "revert")) for kind in kinds}
    return Law(gates, far, rng.choice((None, None, 2)))


def any_moves(rng: random.Random, *, joined: float = 0.9) -> list[Move]:
    """Make a random history; most of its moves join."""
    moves: list[Move] = []
    held = rng.choice(VALUES)
    for minute in range(rng.randint(0, 6)):
        old = held if rng.random() < joined else rng.choice(VALUES)
        kind, team = rng.choice(WHO) if rng.random() < 0.4 else (rng.choice(("person", "tool")), rng.choice("ABC"))
        how = rng.choice(("history",) * 8 + ("last-modified", "none"))
        own, event = kind == "syncd" and rng.random() < 0.5, rng.random() < 0.05
        held = rng.choice(VALUES)
        moves.append(Move(old, held, kind, team, how, minute, own, event))
    return moves


def plain(result: OneField) -> tuple[list[tuple[str, Scalar]], Scalar, bool]:
    """Write a replay the way in which the oracle speaks."""
    return [(item.verdict.value, item.restore) for item in result.judgements], result.standing, result.owed


def assert_harmless(judgement: Judgement) -> None:
    """Refuse a judgement that enforces against anybody who is not proved, not known, or an admin."""
    if judgement.verdict in (Verdict.WARN, Verdict.REVERT):
        kind = judgement.change.actor.kind
        assert judgement.change.proof is Proof.HISTORY
        assert kind in (ActorKind.PERSON, ActorKind.TOOL, ActorKind.AUTOMATION)
        assert judgement.change.actor.team is not None


def judge_like_the_oracle(seed: int, histories: int) -> int:
    """Judge random histories both ways, refuse any difference, and return how many reverts there were."""
    rng = random.Random(seed)
    reverts = 0
    for _ in range(histories // 10):
        law = any_law(rng)
        for _ in range(10):
            moves = any_moves(rng)
            debt = rng.choice((None, None, *TEAM_OF))
            result = judged(law, moves, debt)
            assert plain(result) == oracle(law, moves, debt), (law, moves, debt)
            for judgement in result.judgements:
                assert_harmless(judgement)
                reverts += judgement.verdict is Verdict.REVERT
    return reverts


def test_twenty_thousand_random_histories_are_judged_as_the_oracle_judges_them() -> None:
    assert judge_like_the_oracle(20261102, 20_000) > 4_000


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(4))
def test_a_million_random_histories_are_judged_as_the_oracle_judges_them(seed: int) -> None:
    assert judge_like_the_oracle(seed, 250_000) > 50_000


LAWS = st.randoms(use_true_random=False).map(any_law)
MOVES = st.builds(
    lambda steps: [Move(old, new, who[0], who[1], how, minute) for minute, (old, new, who, how) in enumerate(steps)],
    st.lists(
        st.tuples(
            st.sampled_from(VALUES), st.sampled_from(VALUES), st.sampled_from(WHO), st.sampled_from([p.value for p in Proof])
        ),
        max_size=6,
    ),
)


@given(LAWS, MOVES, st.sampled_from([None, *TEAM_OF]))
@settings(max_examples=300, deadline=None)
def test_any_history_is_judged_as_the_oracle_judges_it(law: Law, moves: list[Move], debt: str | None) -> None:
    assert plain(judged(law, moves, debt)) == oracle(law, moves, debt)


@given(LAWS, MOVES)
@settings(max_examples=300, deadline=None)
def test_nothing_lawful_is_put_back_and_a_revert_restores_what_may_stand(law: Law, moves: list[Move]) -> None:
    result = judged(law, moves)
    may_stand = {moves[0].old} if moves else set()
    held = moves[0].old if moves else ""
    for judgement, move in zip(result.judgements, moves, strict=True):
        may_stand |= {move.old} if move.old != held else set()
        held = move.new
        assert_harmless(judgement)
        if judgement.verdict is Verdict.REVERT:
            assert judgement.restore in may_stand
            assert not is_lawful(law, str(judgement.restore), move.new, move.team)
            assert judgement.restore != move.new
        else:
            may_stand.add(move.new)
    assert result.owed == bool(result.judgements and result.judgements[-1].verdict is Verdict.REVERT)
    assert not moves or result.owed == (result.standing != moves[-1].new)


def in_two_parts(law: Law, moves: Sequence[Move], cut: int) -> tuple[list[tuple[str, Scalar]], Scalar, bool]:
    """Replay a history in two cycles that hand on what is owed."""
    first = judged(law, moves[:cut])
    second = judged(law, moves[cut:], str(first.standing) if first.owed else None)
    told = plain(first)[0] + plain(second)[0]
    return (told, second.standing, second.owed) if moves[cut:] else (told, first.standing, first.owed)


def joins(moves: Sequence[Move], cut: int) -> bool:
    """Tell whether the move after the border begins where the one before it ended."""
    return not 0 < cut < len(moves) or moves[cut - 1].new == moves[cut].old


def test_where_a_cycle_ends_changes_no_judgement_when_moves_join_there_or_nothing_is_owed() -> None:
    rng = random.Random(7)
    compared = 0
    for _ in range(2_000):
        law, moves = any_law(rng), any_moves(rng)
        for cut in range(len(moves) + 1):
            if joins(moves, cut) or not judged(law, moves[:cut]).owed:
                assert in_two_parts(law, moves, cut) == plain(judged(law, moves)), (law, moves, cut)
                compared += 1
    assert compared > 5_000


@given(LAWS, MOVES, st.integers(0, 6))
@settings(max_examples=200, deadline=None)
def test_where_a_cycle_ends_changes_no_judgement(law: Law, moves: list[Move], cut: int) -> None:
    if joins(moves, cut) or not judged(law, moves[:cut]).owed:
        assert in_two_parts(law, moves, cut) == plain(judged(law, moves))
