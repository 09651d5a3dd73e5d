"""Is what somebody announced lawful, and nothing else by that?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.core.fence_model import Window
from syncd.core.values import Proof
from syncd.core.windows import Announced, announced, approved, closed, from_json, kept, standing, to_json
from tests.core.samples import NOON, OWN_USER, change, user_id

HOUR = timedelta(hours=1)


def window(**parts: object) -> Window:
    """Return a window of Ada's over owners, from noon for an hour."""
    usual = Window(user_id("ada"), frozenset({"Lead.OwnerId"}), NOON, NOON + HOUR, "new territories", "dana@host")
    return replace(usual, **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parts", "by", "field", "minutes", "stands"),
    [
        ({}, "ada", "OwnerId", 10, True),
        ({}, "ada", "OwnerId", 0, True),
        ({}, "ada", "OwnerId", -1, False),
        ({}, "ada", "OwnerId", 60, False),
        ({}, "ada", "Status", 10, False),
        ({}, "mia", "OwnerId", 10, False),
        ({"fields": frozenset({"OwnerId"})}, "ada", "OwnerId", 10, True),
        ({"fields": frozenset({"Contact.OwnerId"})}, "ada", "OwnerId", 10, False),
        ({"fields": frozenset()}, "ada", "Status", 10, True),
        ({"actor_id": OWN_USER, "fields": frozenset()}, "syncd", "Status", 10, False),
    ],
)
def test_a_window_covers_one_login_its_fields_and_its_time(
    parts: dict[str, object], by: str, field: str, minutes: int, stands: bool
) -> None:
    assert (announced(change("a", "b", by, minutes, field=field), [window(**parts)]) is not None) is stands


@pytest.mark.parametrize(
    ("proof", "stands"), [(Proof.HISTORY, True), (Proof.SHARED_LOGIN, True), (Proof.LAST_MODIFIED, False), (Proof.NONE, False)]
)
def test_what_no_history_row_proves_was_not_announced(proof: Proof, stands: bool) -> None:
    told = announced(change("a", "b", "ada", 10, field="OwnerId", proof=proof), [window()])
    assert (told is not None) is stands


def test_the_ledger_says_who_announced_it_until_when_and_why() -> None:
    told = announced(change("a", "b", "ada", 10, field="OwnerId"), [window(until=NOON), window()])
    assert told == "announced by dana@host until 2026-11-02 13:00 UTC: new territories"


def test_one_that_waits_for_a_second_person_stands_from_that_word_on_and_not_before() -> None:
    waiting = Announced(1, window(), "Ada Admin", is_waiting=True)
    assert standing([waiting]) == ()
    given = approved(waiting, "tom@host", NOON + HOUR / 2)
    assert given.approved_by == "tom@host"
    assert announced(change("a", "b", "ada", 20, field="OwnerId"), standing([given])) is None
    assert announced(change("a", "b", "ada", 40, field="OwnerId"), standing([given])) is not None


def test_closing_ends_it_now_and_leaves_what_was_lawful_lawful() -> None:
    early = closed(Announced(1, window(), "Ada Admin"), NOON + HOUR / 2)
    assert announced(change("a", "b", "ada", 20, field="OwnerId"), standing([early])) is not None
    assert announced(change("a", "b", "ada", 40, field="OwnerId"), standing([early])) is None
    assert closed(early, NOON + HOUR).window.until == NOON + HOUR / 2


def test_states_and_forgetting_follow_the_clock() -> None:
    one = Announced(1, window(), "Ada Admin")
    assert [one.state(NOON), one.state(NOON + HOUR)] == ["open", "over"]
    assert replace(one, is_waiting=True).state(NOON) == "waiting for a second person"
    assert kept([one], NOON + timedelta(days=90)) == [one]
    assert kept([one], NOON + timedelta(days=91)) == []


@pytest.mark.parametrize("fields", [(), ("OwnerId",), ("Lead.OwnerId", "Lead.Status")])
def test_a_window_is_read_as_it_was_kept(fields: tuple[str, ...]) -> None:
    one = Announced(7, window(fields=frozenset(fields)), "Ada Admin", True, "tom@host")
    assert from_json(to_json(one)) == one
