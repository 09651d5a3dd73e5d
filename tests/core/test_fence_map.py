"""What a fence file allows as a whole is found, whatever its shape."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.fence_map import FenceMap, Move, circles, circles_by, dead_ends, unreachable
from syncd.core.values import Rule

RULE = Rule("gate", "fences.toml", 1)


def fence(owners: dict[str, str], *gates: tuple[str, str, str]) -> FenceMap:
    values = tuple(owners)
    own = [Move(a, b, (owners[a],)) for a in values for b in values if a != b and owners[a] == owners[b]]
    return FenceMap(values, owners, (*own, *(Move(a, b, tuple(by.split())) for a, b, by in gates)))


CYCLE = {"New": "marketing", "Nurture": "marketing", "Working": "sdr", "Won": "sales"}
GATES = (("New", "Working", "marketing"), ("Working", "Nurture", "sdr flow"), ("Working", "Won", "sdr"))


def test_values_that_no_way_leads_to_are_named() -> None:
    drawn = fence(CYCLE | {"Parked": "partners"}, *GATES)
    assert unreachable(drawn) == ("Parked",)
    assert unreachable(drawn, "Won") == ("New", "Nurture", "Working", "Parked")


def test_a_team_that_nothing_leaves_is_a_dead_end() -> None:
    assert dead_ends(fence(CYCLE, *GATES)) == ("sales",)


def test_rounds_are_named_once_and_those_of_machines_alone_apart() -> None:
    drawn = fence(CYCLE, *GATES)
    assert circles(drawn) == (("marketing", "sdr"),)
    assert circles_by(drawn, frozenset({"flow"})) == ()
    both = fence(CYCLE, *GATES, ("Nurture", "Working", "flow"))
    assert circles_by(both, frozenset({"flow"})) == (("marketing", "sdr"),)


@pytest.mark.parametrize("drawn", [fence({}), fence({"Only": "sales"})])
def test_an_empty_or_single_fence_has_no_way_and_no_round(drawn: FenceMap) -> None:
    assert unreachable(drawn) == ()
    assert circles(drawn) == ()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=14))
def test_every_round_is_a_way_that_exists_and_comes_once(pairs: list[tuple[int, int]]) -> None:
    owners = {str(n): f"t{n}" for n in range(6)}
    drawn = fence(owners, *((str(a), str(b), "x") for a, b in pairs))
    steps = {(f"t{a}", f"t{b}") for a, b in pairs if a != b}
    found = circles(drawn)
    turned = {min(round[n:] + round[:n] for n in range(len(round))) for round in found}
    assert len(turned) == len(found)
    for round in found:
        assert set(zip(round, (*round[1:], round[0]), strict=True)) <= steps
    assert bool(found) == _has_round(steps)


def _has_round(steps: set[tuple[str, str]]) -> bool:
    """Take away what nothing leads to until nothing is left, or a round is."""
    while True:
        leads_on = {before for before, _ in steps}
        kept = {(before, after) for before, after in steps if after in leads_on}
        if kept == steps:
            return bool(steps)
        steps = kept
