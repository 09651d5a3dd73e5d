"""Is every move of a field one change, in order, with the proof it deserves and no more?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.actors import actor_of
from syncd.core.changes import NOBODY, changes_of, in_order, is_conversion
from syncd.core.values import ActorKind, Change, OrgRecord, Proof, Scalar
from tests.core.samples import LEAD, MQL_QUEUE, NOON, actor, history, lead, people, row, teams, user_id

SAM, RITA = user_id("sam"), user_id("rita")


def changes(
    *rows: OrgRecord, field: str = "Status", known: OrgRecord | None = None, staged: OrgRecord | None = None
) -> list[Change]:
    """List the changes of the lead."""
    return changes_of(
        "Lead",
        LEAD,
        [field],
        known=known,
        staged=staged,
        history=rows,
        actor=lambda user, at: actor_of(user, people(), teams()),
    )


def moves(found: list[Change]) -> list[tuple[Scalar, Scalar, Proof]]:
    """Return what moved, and how that is known."""
    return [(change.before, change.after, change.proof) for change in found]


def test_each_history_row_is_a_proved_change_of_its_author() -> None:
    (only,) = changes(history(7, "MQL", "Working", by="sam", minutes=3))
    assert (only.object, only.record_id, only.field) == ("Lead", LEAD, "Status")
    assert (only.before, only.after, only.proof) == ("MQL", "Working", Proof.HISTORY)
    assert (only.changed_at, only.actor) == (NOON + timedelta(minutes=3), actor("sam"))
    assert only.evidence == {"history_id": "017SX0000000007AAA", "history_object": "LeadHistory"}


def test_changes_come_in_the_order_in_which_they_happened() -> None:
    rows = [history(3, "C", "D", minutes=1), history(2, "B", "C"), history(1, "A", "B")]
    assert [change.after for change in changes(*rows)] == ["B", "C", "D"]


def test_rows_of_one_second_come_in_the_order_of_their_ids() -> None:
    assert [r.id[:15] for r in in_order([history(10, "B", "C"), history(9, "A", "B")])] == ["017SX0000000009", "017SX0000000010"]


def test_rows_of_any_field_are_changes_but_not_those_that_name_an_event() -> None:
    found = changes(history(1, "x", "y", field="Company"), history(2, None, None, field="created"))
    assert [(change.field, change.before, change.after) for change in found] == [("Company", "x", "y")]


@pytest.mark.parametrize("names_first", [True, False])
def test_the_two_rows_of_an_owner_move_are_one_change_with_ids(names_first: bool) -> None:
    rows = [history(1, "Sam Dialer", "Rita Rep", field="Owner"), history(2, SAM, RITA, field="Owner")]
    found = changes(*(rows if names_first else reversed(rows)), field="OwnerId")
    assert moves(found) == [(SAM, RITA, Proof.HISTORY)]


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        (MQL_QUEUE, SAM, 1),
        (SAM, MQL_QUEUE, 1),
        ("005", "00G", 0),
        (None, SAM, 0),
        ("Sam Dialer", "MQL EMEA", 0),
        ("0018000000AbcdeAAA", SAM, 0),
        (SAM, 5, 0),
    ],
)
def test_only_ids_of_users_and_queues_say_who_owns(before: Scalar, after: Scalar, count: int) -> None:
    assert len(changes(history(1, before, after, field="Owner"), field="OwnerId")) == count


def test_short_owner_ids_become_long_so_that_they_meet_the_record() -> None:
    short, long = "005B0000001AbCd", "005B0000001AbCdIAK"
    row_ = history(1, SAM[:15], short, field="Owner", minutes=1)
    found = changes(row_, field="OwnerId", known=lead(0, OwnerId=SAM), staged=lead(2, OwnerId=long))
    assert [change.after for change in found] == [long]


def test_first_sight_is_a_baseline_and_no_change() -> None:
    assert changes(staged=lead(Status="MQL")) == []
    assert moves(changes(history(1, "Inquiry", "MQL"), staged=lead(5, Status="Working"))) == [("Inquiry", "MQL", Proof.HISTORY)]


@pytest.mark.parametrize(
    ("rows", "known", "staged", "expected"),
    [
        pytest.param([], "MQL", "Working", [("MQL", "Working", Proof.LAST_MODIFIED)], id="no history at all"),
        pytest.param([], "MQL", "MQL", [], id="nothing moved"),
        pytest.param([], "MQL", None, [("MQL", None, Proof.LAST_MODIFIED)], id="emptied"),
        pytest.param([("MQL", "Working", 1)], "MQL", "Working", [("MQL", "Working", Proof.HISTORY)], id="explained"),
        pytest.param(
            [("MQL", "Working", 1)],
            "MQL",
            "Nurture",
            [("MQL", "Working", Proof.HISTORY), ("Working", "Nurture", Proof.LAST_MODIFIED)],
            id="explained in part",
        ),
        pytest.param([("MQL", "Working", 9)], "MQL", "MQL", [("MQL", "Working", Proof.HISTORY)], id="history is newer"),
        pytest.param([("MQL", "Working", 5)], "MQL", "MQL", [("MQL", "Working", Proof.HISTORY)], id="history is as new"),
    ],
)
def test_what_no_history_row_explains_is_a_change_of_nobody(
    rows: list[tuple[str, str, int]], known: str, staged: str | None, expected: list[tuple[Scalar, Scalar, Proof]]
) -> None:
    told = [history(n, before, after, minutes=minutes) for n, (before, after, minutes) in enumerate(rows)]
    found = changes(*told, known=lead(0, Status=known), staged=lead(5, Status=staged, LastModifiedById=SAM))
    assert moves(found) == expected
    for change in found:
        assert change.actor == (NOBODY if change.proof is Proof.LAST_MODIFIED else actor("sam"))
        assert SAM not in change.evidence.values()


def test_nobody_is_nobody() -> None:
    assert (NOBODY.user_id, NOBODY.name, NOBODY.kind, NOBODY.team) == (None, "", ActorKind.UNKNOWN, None)


@pytest.mark.parametrize(
    "staged",
    [None, lead(5, is_deleted=True, Status="Working"), lead(5, Company="no Status was read")],
    ids=["not staged", "deleted", "field not read"],
)
def test_without_a_living_row_that_holds_the_field_only_history_speaks(staged: OrgRecord | None) -> None:
    assert changes(known=lead(Status="MQL"), staged=staged) == []


def test_a_conversion_is_told_by_its_history_row() -> None:
    assert is_conversion([history(1, "MQL", "Qualified"), history(2, None, None, field="leadConverted")])
    assert not is_conversion([history(1, "MQL", "Qualified"), row("LeadHistory", "017", {})])


@given(st.permutations(range(6)), st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_the_order_in_which_rows_were_read_changes_nothing(order: list[int], minutes: list[int]) -> None:
    rows = [history(n, f"v{n}", f"v{n + 1}", minutes=minutes[n]) for n in range(6)]
    assert changes(*[rows[n] for n in order]) == changes(*rows)


@given(st.lists(st.sampled_from("ABC"), min_size=1, max_size=6), st.sampled_from("ABC"))
def test_the_changes_always_lead_from_what_was_known_to_what_was_read(values: list[str], staged: str) -> None:
    rows = [history(n, values[n - 1], values[n], minutes=n) for n in range(1, len(values))]
    found = changes(*rows, known=lead(0, Status=values[0]), staged=lead(60, Status=staged))
    path = [values[0], *(change.after for change in found)]
    assert [change.before for change in found] == path[:-1]
    assert path[-1] == staged
    assert all(change.proof is Proof.HISTORY for change in found[: len(rows)])
    assert len(found) - len(rows) == (staged != values[-1])
