"""Which files of a source are fetched, and when?"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.fetching import APART, Known, Original, failed, fetched, hurried, is_due, known_from_json, known_to_json, look

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
EVERY = timedelta(minutes=5)


def original(name: str = "a.csv", size: int = 10, mark: str = "1") -> Original:
    return Original(name, size, mark)


def known(*originals: Original, at: datetime = NOW) -> Known:
    return look(originals, "*.csv", Known("s3://b"), at).known


def test_a_file_is_ready_when_two_looks_apart_found_it_the_same() -> None:
    first = look([original()], "*.csv", Known("s3://b"), NOW)
    assert (first.ready, first.young) == ((), (original(),))
    assert look([original()], "*.csv", first.known, NOW + APART / 2).ready == ()
    assert look([original()], "*.csv", first.known, NOW + APART).ready == (original(),)


def test_a_file_that_grew_or_was_replaced_is_young_again() -> None:
    for changed in (original(size=11), original(mark="2")):
        found = look([changed], "*.csv", known(original()), NOW + APART)
        assert (found.ready, found.young) == ((), (changed,))


def test_a_version_is_fetched_once_and_new_bytes_under_its_name_again() -> None:
    after = fetched(known(original()), original(), "ff", NOW)
    found = look([original()], "*.csv", after, NOW + EVERY)
    assert (found.ready, found.young, found.had) == ((), (), ((original(), "ff"),))
    assert look([original(mark="2")], "*.csv", after, NOW + EVERY).young == (original(mark="2"),)


def test_what_the_pattern_leaves_out_or_no_file_can_be_named_is_told_and_what_is_unfinished_is_not() -> None:
    names = ["b.csv", "a.csv", "x.txt", "a\n.csv", "sub/a.csv", ".hidden.csv", "c.csv.part", "n" * 201 + ".csv"]
    found = look([original(name) for name in names], "*.csv", Known("s3://b"), NOW)
    assert [each.name for each in found.young] == ["a.csv", "b.csv"]
    assert found.misfits == ("x.txt",)
    assert set(found.unusable) == {"a\n.csv", "sub/a.csv", "n" * 201 + ".csv"}


def test_a_source_is_looked_at_at_its_interval_and_sooner_while_something_is_half_done() -> None:
    calm = look([], "*.csv", Known("s3://b"), NOW).known
    assert is_due(Known("s3://b"), NOW, EVERY)
    assert not is_due(calm, NOW + EVERY - timedelta(seconds=1), EVERY)
    assert is_due(calm, NOW + EVERY, EVERY)
    assert is_due(known(original()), NOW + APART, EVERY)
    assert not is_due(known(original()), NOW + APART / 2, EVERY)
    assert is_due(hurried(calm), NOW, EVERY)
    assert not is_due(failed(known(original()), "down", NOW), NOW + APART, EVERY)


def test_an_outage_is_told_from_its_beginning_and_forgets_nothing() -> None:
    first = failed(fetched(known(original()), original(), "ff", NOW), "down", NOW)
    second = failed(first, "still down", NOW + EVERY)
    assert (second.failing_at, second.reason, second.taken) == (NOW, "still down", first.taken)
    assert second.failures == 2
    calm = look([original()], "*.csv", second, NOW + 2 * EVERY).known
    assert (calm.failing_at, calm.failures) == (None, 0)


def test_nothing_is_known_of_a_source_at_another_address() -> None:
    kept = json.loads(json.dumps(known_to_json(known(original()))))
    assert known_from_json(kept, "s3://b") == known(original())
    assert known_from_json(kept, "s3://c") == Known("s3://c")


@given(st.lists(st.tuples(st.sampled_from(["a.csv", "b.csv", "c.csv"]), st.integers(0, 3), st.integers(1, 20)), max_size=30))
def test_whatever_the_source_does_a_version_is_fetched_once_and_only_after_it_stood_still(
    steps: list[tuple[str, int, int]],
) -> None:
    there: dict[str, int] = {}
    stood_since: dict[str, datetime] = {}
    taken: list[tuple[str, int]] = []
    state, now, version = Known("s3://b"), NOW, 0
    for name, deed, seconds in steps:
        now += timedelta(seconds=seconds)
        if deed < 2:
            version += 1
            there[name] = version
            stood_since[name] = now
        found = look([Original(each, 1, str(mark)) for each, mark in sorted(there.items())], "*.csv", state, now)
        state = known_from_json(json.loads(json.dumps(known_to_json(found.known))), "s3://b")
        for each in found.ready:
            assert now - stood_since[each.name] >= APART
            assert (each.name, there[each.name]) not in taken
            taken.append((each.name, there[each.name]))
            state = fetched(state, each, each.mark, now)
        assert {each.name for each in (*found.ready, *found.young)} | {each.name for each, _ in found.had} == set(there)
