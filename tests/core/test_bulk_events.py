"""Is a mass edit seen as one, however it is read, and nothing else taken for one?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.bulk_events import (
    MASS_EDIT,
    Event,
    Key,
    MassEdits,
    Seen,
    by_key,
    card,
    find,
    gone_on,
    joined,
    key_of,
    recent_of,
    spans_of,
    subject_of,
    touched,
)
from syncd.core.fence_model import BulkEvent
from syncd.core.values import ActorKind, Change, Proof
from tests.core.samples import NOON, actor, change, somebody, user_id

MINUTE = timedelta(minutes=1)
FEW = BulkEvent(3, 10 * MINUTE)
ADA: Key = (user_id("ada"), "Lead", "Status")


def seen(*moments: tuple[float, str]) -> list[Seen]:
    """Return changes of records so many minutes after noon."""
    return [(NOON + minutes * MINUTE, record) for minutes, record in moments]


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        ([(0, "a"), (1, "b")], []),
        ([(0, "a"), (1, "b"), (2, "c")], [(0, 2)]),
        ([(0, "a"), (1, "a"), (2, "a"), (3, "b")], []),
        ([(0, "a"), (5, "b"), (10, "c")], [(0, 10)]),
        ([(0, "a"), (5, "b"), (10.1, "c")], []),
        ([(0, "a"), (5, "b"), (9, "c"), (14, "d"), (18, "e")], [(0, 18)]),
        ([(0, "a"), (1, "b"), (2, "c"), (60, "a"), (61, "b"), (62, "c")], [(0, 2), (60, 62)]),
        ([(2, "c"), (0, "a"), (1, "b")], [(0, 2)]),
        ([(0, "a"), (0, "b"), (0, "c")], [(0, 0)]),
        ([(0, "x"), (9, "a"), (11, "b"), (12, "c")], [(9, 12)]),
    ],
)
def test_enough_different_records_close_enough_together_are_one_event(
    moments: list[tuple[float, str]], expected: list[tuple[float, float]]
) -> None:
    assert spans_of(seen(*moments), FEW) == tuple((NOON + a * MINUTE, NOON + b * MINUTE) for a, b in expected)


moments = st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abcdef")), max_size=25)


@given(moments)
def test_a_change_lies_in_an_event_exactly_when_a_window_around_it_holds_enough_records(given_: list[tuple[int, str]]) -> None:
    spans = spans_of(seen(*given_), FEW)
    for at, _ in given_:
        starts = [start for start, _ in given_ if start <= at <= start + 10]
        crowded = any(len({id for when, id in given_ if start <= when <= start + 10}) >= 3 for start in starts)
        moment = NOON + at * MINUTE
        assert any(first <= moment <= last for first, last in spans) is crowded


@given(moments, st.integers(0, 40))
def test_what_is_read_in_two_pieces_is_judged_in_the_second_as_if_read_at_once(given_: list[tuple[int, str]], cut: int) -> None:
    early, late = [m for m in given_ if m[0] < cut], [m for m in given_ if m[0] >= cut]
    whole = spans_of(seen(*given_), FEW)
    pieces = find({ADA: seen(*late)}, {ADA: recent_of(seen(*early), FEW)}, FEW)
    for at, _ in late:
        moment = NOON + at * MINUTE
        inside = any(first <= moment <= last for first, last in whole)
        assert any(first <= moment <= last for first, last in pieces.spans.get(ADA, ())) is inside


def test_what_is_known_of_earlier_days_is_kept_until_it_is_too_old() -> None:
    def edits(*spans: tuple[float, float], key: Key = ADA) -> MassEdits:
        return MassEdits({key: tuple((NOON + a * MINUTE, NOON + b * MINUTE) for a, b in spans)} if spans else {})

    other: Key = (ADA[0], "Lead", "OwnerId")
    assert joined(edits((5, 9), (20, 22)), edits((0, 6), (12, 13)), NOON) == edits((0, 9), (12, 13), (20, 22))
    assert joined(edits(), edits((0, 6), (12, 13)), NOON + 7 * MINUTE) == edits((12, 13))
    assert joined(edits((1, 2)), edits((3, 4), key=other), NOON).spans.keys() == {ADA, other}
    assert joined(edits(), edits((0, 6)), NOON + 7 * MINUTE) == MassEdits()
    assert joined(edits((6, 9)), edits((0, 6)), NOON + 9 * MINUTE) == edits((6, 9))
    assert joined(edits((6, 9)), edits((0, 6)), NOON + 10 * MINUTE) == MassEdits()
    assert joined(edits((6, 9)), edits((0, 6)), NOON + 6 * MINUTE) == edits((0, 9))


def test_no_more_is_remembered_than_it_takes() -> None:
    kept = recent_of(seen((0, "old"), (20, "a"), (21, "b"), (22, "a"), (23, "c"), (24, "d")), FEW)
    assert kept == tuple(seen((22, "a"), (23, "c"), (24, "d")))
    assert recent_of(seen((9.9, "too old"), (20, "b"), (10, "a")), FEW) == tuple(seen((10, "a"), (20, "b")))
    assert recent_of([], FEW) == ()


@pytest.mark.parametrize(
    ("one", "covered"),
    [
        (change("a", "b", "ada", 5), True),
        (change("a", "b", "ada", 0), True),
        (change("a", "b", "ada", 11), False),
        (change("a", "b", "ada", -1), False),
        (change("a", "b", "mia", 5), False),
        (change("a", "b", "ada", 5, field="OwnerId"), False),
        (change("a", "b", "ada", 5, proof=Proof.LAST_MODIFIED), False),
        (change("a", "b", "ada", 5, proof=Proof.SHARED_LOGIN), True),
    ],
)
def test_only_changes_of_that_login_in_that_field_at_that_time_are_part_of_it(one: Change, covered: bool) -> None:
    assert MassEdits({ADA: ((NOON, NOON + 10 * MINUTE),)}).covers(one) is covered


def test_edits_are_put_together_by_login_object_and_field() -> None:
    other: Key = (ADA[0], "Contact", "Status")
    [(first, one), (second, two)] = by_key([(ADA, s) for s in seen((0, "a"))] + [(other, s) for s in seen((1, "b"))]).items()
    assert (first, one, second, two) == (ADA, seen((0, "a")), other, seen((1, "b")))


def test_an_event_goes_on_while_it_pauses_no_longer_than_its_window() -> None:
    began = gone_on(None, (NOON, NOON + MINUTE), 5, 4, FEW)
    more = gone_on(replace(began, is_confirmed=True), (NOON + 11 * MINUTE, NOON + 12 * MINUTE), 3, 3, FEW)
    assert more == Event(NOON, NOON + 12 * MINUTE, 8, 7, is_confirmed=True)
    later = (NOON + 23 * MINUTE, NOON + 24 * MINUTE)
    assert gone_on(more, later, 3, 2, FEW) == Event(*later, 3, 2)
    before = (NOON - 12 * MINUTE, NOON - 11 * MINUTE)
    assert gone_on(more, before, 3, 2, FEW) == Event(*before, 3, 2)
    earlier = (NOON - 12 * MINUTE, NOON - 10 * MINUTE)
    assert gone_on(more, earlier, 3, 2, FEW) == Event(earlier[0], more.until, 11, 9, is_confirmed=True)
    assert Event.read(more.as_json()) == more


def test_the_card_counts_and_names_machines_but_of_people_only_the_kind_of_login() -> None:
    event = Event(NOON, NOON + 40 * MINUTE, 12_000, 11_950)
    told = card(ADA, actor("ada"), event)
    assert told.kind == MASS_EDIT
    assert told.text.startswith(
        f"the login {user_id('ada')} (admin) changed Status of 12,000 records between 2026-11-02 12:00 and 12:40 UTC; "
        "11,950 of these moves pass no gate."
    )
    assert "Ada" not in told.text + told.remedy + told.detail
    assert f"syncd window open --actor {user_id('ada')} --field Lead.Status" in told.remedy
    assert card(ADA, actor("marketo"), event).text.startswith("Marketo Sync changed Status")
    assert "Any" not in card(ADA, somebody(ActorKind.PERSON, "sales"), event).text


def test_a_subject_names_its_event_again() -> None:
    assert key_of(subject_of(ADA)) == ADA


def test_changes_add_up_by_event_each_record_once() -> None:
    edits = MassEdits({ADA: ((NOON, NOON + MINUTE), (NOON + 30 * MINUTE, NOON + 31 * MINUTE))})
    pairs = [
        (change("a", "b", "ada", 0), True),
        (change("b", "c", "ada", 1), False),
        (replace(change("a", "b", "ada", 1), record_id="other"), True),
        (change("a", "b", "ada", 10), True),
        (change("a", "b", "ada", 30), True),
    ]
    found = {span: (records, crossings) for _, _, span, records, crossings in touched(edits, pairs)}
    assert found == {edits.spans[ADA][0]: (2, 2), edits.spans[ADA][1]: (1, 1)}
