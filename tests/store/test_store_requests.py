"""Is a request kept until somebody has carried it out, and taken back only while nobody has begun?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from syncd.store.sql import SqlStore

T = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_requests_wait_in_order_and_end_with_a_result(store: SqlStore) -> None:
    first = store.ask("cycle", {}, "dana@host", T)
    second = store.ask("apply", {"plan": {"ü": 1}}, "dana@host", T)
    assert [one.number for one in store.waiting_requests()] == [first, second]
    asked = store.request(second)
    assert asked is not None
    assert (asked.verb, asked.payload, asked.asked_by, asked.asked_at) == ("apply", {"plan": {"ü": 1}}, "dana@host", T)
    assert (asked.tries, asked.result, asked.taken_at, asked.done_at) == (0, None, None, None)
    with store.begin() as tx:
        tx.finish_request(first, {}, {"cycle": "c"}, T)
    done = store.request(first)
    assert done is not None
    assert (done.result, done.done_at) == ({"cycle": "c"}, T)
    assert [one.number for one in store.waiting_requests()] == [second]


def test_how_often_a_request_was_begun_is_counted(store: SqlStore) -> None:
    number = store.ask("apply", {}, "dana@host", T)
    for tries in (1, 2):
        [waiting] = store.waiting_requests()
        with store.begin() as tx:
            tx.take_request(waiting, T + timedelta(seconds=tries))
        [taken] = store.waiting_requests()
        assert (taken.tries, taken.taken_at) == (tries, T + timedelta(seconds=tries))
    with store.begin() as tx:
        tx.finish_request(number, {"plan": "hash"}, {"ok": True}, T)
    done = store.request(number)
    assert done is not None
    assert (done.tries, done.payload, done.result) == (0, {"plan": "hash"}, {"ok": True})


def test_only_what_nobody_began_can_be_withdrawn_and_only_once(store: SqlStore) -> None:
    free, taken = (store.ask("cycle", {}, "dana@host", T) for _ in range(2))
    with store.begin() as tx:
        tx.take_request(store.waiting_requests()[1], T)
    assert store.withdraw(free, {"error": {"text": "asked no longer"}}, T)
    assert not store.withdraw(free, {}, T)
    assert not store.withdraw(taken, {}, T)
    assert [one.number for one in store.waiting_requests()] == [taken]


def test_another_orgs_requests_are_not_seen(opened: Callable[..., SqlStore]) -> None:
    first, second = opened("00D1"), opened("00D2")
    number = first.ask("cycle", {}, "dana@host", T)
    assert second.waiting_requests() == []
    assert second.request(number) is None
    assert not second.withdraw(number, {}, T)
