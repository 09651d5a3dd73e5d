"""Is what the org's automation does in somebody's second taken out of that login's name, syncd's own included?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncd.core.transactions import automated
from syncd.core.values import Actor, ActorKind, Change, Proof

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def change(field: str, before: str, after: str, kind: ActorKind, *, after_s: int = 0) -> Change:
    actor = Actor("0055e00000Us001AAB", "Sam", kind, "sdr", "")
    return Change("Lead", "00Q5e00000L1001EAB", field, before, after, AT + timedelta(seconds=after_s), actor, Proof.HISTORY)


@pytest.mark.parametrize("kind", [ActorKind.PERSON, ActorKind.TOOL, ActorKind.SYNCD])
def test_the_second_move_of_a_field_in_one_second_is_the_automations(kind: ActorKind) -> None:
    moves = [change("OwnerId", "bob", "sam", kind), change("OwnerId", "sam", "bob", kind)]
    first, second = automated(moves, {})
    assert first == moves[0]
    assert (second.actor.kind, second.proof) == (ActorKind.AUTOMATION, Proof.AUTOMATION)
    later = [moves[0], change("OwnerId", "sam", "bob", kind, after_s=1)]
    assert automated(later, {}) == later


def test_what_syncd_sends_is_no_automations_though_it_never_moves_alone() -> None:
    followers = {("Lead", "OwnerId"): frozenset({"Status"})}
    for kind, proof in ((ActorKind.TOOL, Proof.AUTOMATION), (ActorKind.SYNCD, Proof.HISTORY)):
        moves = [change("Status", "Inquiry", "Working", kind), change("OwnerId", "bob", "sam", kind)]
        assert [one.proof for one in automated(moves, followers)] == [Proof.HISTORY, proof]
