"""Are intents cut into pieces without losing one, and is what travels in a load left alone?"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from syncd.engine import outbox
from syncd.engine.outbox import Loads, loads_of, spans_of
from syncd.ports import Job, OpenIntent
from tests.engine.outbox_play import LEADS, score

T = datetime(2026, 3, 2, 9, tzinfo=UTC)


@given(st.sets(st.integers(1, 300)), st.sets(st.integers(1, 300)))
def test_what_travels_in_loads_is_told_exactly(one: set[int], other: set[int]) -> None:
    jobs = [
        Job(str(n), "ingest", "Lead", None, "asked", {"spans": spans_of(seqs)}, T, T) for n, seqs in enumerate((one, other - one))
    ]
    loads = loads_of(jobs)
    assert {seq for seq in range(302) if seq in loads} == one | other
    assert "7" not in loads


def test_spans_are_as_few_as_can_be() -> None:
    assert spans_of([5, 1, 2, 3, 9]) == [(1, 3), (5, 5), (9, 9)]
    assert spans_of([]) == []
    assert 1 not in Loads()


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 7))
def test_a_window_is_never_cut_between_writes_to_one_record(records: list[int], size: int) -> None:
    items = [OpenIntent(seq, "cycle", score(LEADS[number], seq)) for seq, number in enumerate(records)]
    before, outbox.WINDOW = outbox.WINDOW, size
    try:
        windows = list(outbox.windows(items))
    finally:
        outbox.WINDOW = before
    assert [item for window in windows for item in window] == items
    for earlier, later in pairwise(windows):
        assert len(earlier) >= size
        assert earlier[-1].intent.record_id != later[0].intent.record_id
