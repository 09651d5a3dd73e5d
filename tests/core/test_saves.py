"""Which changes were saved together, and which of them were the org's automation's?"""

from __future__ import annotations

import pytest

from syncd.core.transactions import CONVERTED, MERGED, automated, events_of, transactions
from syncd.core.values import ActorKind, Change, Proof
from tests.core.samples import NOON, actor, change, history


def made(*steps: tuple[str, str, int], proof: Proof = Proof.HISTORY) -> list[Change]:
    """Return changes by (field, who, minute)."""
    return [change("a", "b", who, minute, field=field, proof=proof) for field, who, minute in steps]


@pytest.mark.parametrize(
    ("steps", "groups"),
    [
        ([], []),
        ([("Status", "sam", 0)], [[0]]),
        ([("Status", "sam", 0), ("OwnerId", "sam", 0)], [[0, 1]]),
        ([("Status", "sam", 0), ("OwnerId", "mia", 0)], [[0], [1]]),
        ([("Status", "sam", 0), ("OwnerId", "sam", 1)], [[0], [1]]),
        ([("Status", "sam", 0), ("Status", "sam", 0)], [[0], [1]]),
        ([("Status", "sam", 0), ("OwnerId", "sam", 0), ("OwnerId", "sam", 0), ("Status", "sam", 0)], [[0, 1], [2, 3]]),
        ([("Status", "sam", 0), ("Rating", "sam", 0), ("Status", "sam", 0)], [[0, 1], [2]]),
    ],
)
def test_one_login_saves_a_field_once_in_a_second(steps: list[tuple[str, str, int]], groups: list[list[int]]) -> None:
    assert list(transactions(made(*steps))) == groups


def hands(changes: list[Change]) -> list[bool]:
    """Tell of each change whether it stayed in somebody's name."""
    return [one.proof is Proof.HISTORY for one in changes]


FOLLOWS = {("Lead", "OwnerId"): frozenset({"Status", "Rating"})}


@pytest.mark.parametrize(
    ("steps", "stay"),
    [
        ([("Status", "sam", 0)], [True]),
        ([("OwnerId", "sam", 0)], [True]),
        ([("Status", "sam", 0), ("OwnerId", "sam", 0)], [True, False]),
        ([("OwnerId", "sam", 0), ("Rating", "sam", 0)], [False, True]),
        ([("Status", "sam", 0), ("OwnerId", "sam", 1)], [True, True]),
        ([("Status", "sam", 0), ("OwnerId", "mia", 0)], [True, True]),
        ([("Status", "sam", 0), ("Memo__c", "sam", 0)], [True, True]),
        ([("Status", "syncd", 0), ("OwnerId", "syncd", 0)], [True, True]),
        ([("Status", "sam", 0), ("Status", "sam", 0)], [True, False]),
        ([("Status", "sam", 0), ("Status", "mia", 0)], [True, True]),
        ([("Status", "sam", 0), ("Status", "sam", 1)], [True, True]),
    ],
)
@pytest.mark.parametrize("followers", [FOLLOWS, {}])
def test_a_field_that_never_moves_alone_is_nobodys_when_it_moves_with_its_leader(
    steps: list[tuple[str, str, int]], stay: list[bool], followers: dict[tuple[str, str], frozenset[str]]
) -> None:
    is_twice = len({(who, minute, field) for field, who, minute in steps}) < len(steps)
    found = automated(made(*steps), followers)
    assert hands(found) == (stay if followers or is_twice else [True] * len(steps))
    for one, before in zip(found, made(*steps), strict=True):
        assert (one.actor == before.actor) is (one.proof is Proof.HISTORY)


def test_automation_says_what_it_goes_with() -> None:
    steps = made(("Status", "sam", 0), ("Rating", "sam", 0), ("OwnerId", "sam", 0), ("Status", "sam", 0))
    _, _, owner, again = automated(steps, FOLLOWS)
    assert (owner.actor.kind, owner.actor.user_id, owner.actor.why) == (
        ActorKind.AUTOMATION,
        actor("sam").user_id,
        "OwnerId always moves with Rating",
    )
    assert again.actor.why == "Status moved twice in one second"


def test_what_history_does_not_prove_is_no_sign_of_automation() -> None:
    weak = made(("Status", "sam", 0), proof=Proof.LAST_MODIFIED)
    later = made(("Status", "sam", 0), ("OwnerId", "sam", 0))
    assert [one.proof for one in automated([*weak, *later], FOLLOWS)] == [
        Proof.LAST_MODIFIED,
        Proof.HISTORY,
        Proof.AUTOMATION,
    ]


def test_what_history_does_not_prove_hides_nothing_that_was_saved_with_it() -> None:
    weak = made(("Memo__c", "sam", 0), proof=Proof.LAST_MODIFIED)
    assert hands(automated([*weak, *made(("Status", "sam", 0), ("OwnerId", "sam", 0))], FOLLOWS)) == [False, True, False]


def test_events_are_told_by_their_moment() -> None:
    rows = [
        history(1, None, None, field="leadConverted"),
        history(2, None, None, field="leadMerged", minutes=1),
        history(3, None, None, field="contactMerged", minutes=2),
        history(4, None, None, field="accountMerged", minutes=3),
        history(5, "a", "b", minutes=4),
        history(6, None, None, field="", minutes=5),
    ]
    times = sorted(events_of(rows))
    assert [events_of(rows)[at] for at in times] == [CONVERTED, MERGED, MERGED, MERGED]
    assert times[0] == NOON
    assert events_of([]) == {}
