"""Do other integrations keep their API calls, and does syncd go on by itself when there is room again?"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from syncd.core.guard import Kind
from syncd.engine import budget
from syncd.engine.cycle import begin, finish, run_cycle
from syncd.errors import BudgetSpent
from tests.engine.scene import Scene
from tests.engine.small_org import lead

HOUR_S = 3_600
LEADS = [lead("Working", number) for number in range(3)]


def calls_since(scene: Scene, request: int) -> int:
    """Count the API calls after a request."""
    return sum(one["api_calls"] for one in scene.served.requests(request))


def spend_until_it_waits(scene: Scene, most: int = 60) -> BudgetSpent:
    """Run cycles until one waits for room."""
    for _ in range(most):
        try:
            scene.cycle()
        except BudgetSpent as problem:
            return problem
    raise AssertionError(f"{most} cycles never waited")


def used(scene: Scene) -> int:
    """Return the org's own count of its calls of the day."""
    with scene.served.org.lock:
        return scene.served.org.sessions.calls_today(scene.served.org.clock.now())


@pytest.mark.sweep
def test_own_calls_of_any_24_hours_never_pass_the_share(scene: Scene) -> None:
    scene.settings(daily_api_requests=100)
    made: list[tuple[datetime, int]] = []
    waits: list[BudgetSpent] = []
    for _hour in range(30):
        for _ in range(2):
            before = scene.last_request()
            try:
                scene.cycle(after_s=60)
            except BudgetSpent as problem:
                waits.append(problem)
            made.append((scene.served.org.clock.now(), calls_since(scene, before)))
        scene.tick(HOUR_S - 120)
    for at, _ in made:
        window = sum(calls for other, calls in made if at - timedelta(hours=24) < other <= at)
        assert window <= 25, at
    assert all(problem.resume_at is not None for problem in waits)
    assert waits
    assert sum(calls for _, calls in made) > 25
    assert {calls for _, calls in made[-10:]} != {0}


def test_while_it_waits_nothing_is_asked_and_the_time_is_named(scene: Scene) -> None:
    scene.settings(daily_api_requests=80)
    problem = spend_until_it_waits(scene)
    assert problem.resume_at is not None
    assert f"It goes on at {problem.resume_at:%Y-%m-%d %H:%M} UTC" in str(problem)
    before = scene.last_request()
    for _ in range(5):
        with pytest.raises(BudgetSpent):
            scene.cycle()
    assert calls_since(scene, before) == 0
    with scene.store() as store:
        (waiting,) = budget.read_waiting(store)
        assert (waiting.kind, waiting.resume_at) == ("fences", problem.resume_at)
        assert waiting.since_at < scene.served.org.clock.now()


def test_a_daemon_that_waits_goes_on_by_itself_within_the_hour(scene: Scene) -> None:
    scene.fences({"tool": "revert"})
    scene.settings(daily_api_requests=80)
    with scene.world() as (world, org):
        with pytest.raises(BudgetSpent) as waiting:  # noqa: PT012
            while True:
                scene.tick()
                run_cycle(world, org)
        scene.edit("marketo", LEADS[0], Status="Inquiry")
        assert waiting.value.resume_at is not None
        before, ran_at = scene.last_request(), None
        while ran_at is None:
            scene.tick(HOUR_S / 2)
            try:
                run_cycle(world, org)
                ran_at = scene.served.org.clock.now()
            except BudgetSpent:
                assert scene.served.org.clock.now() < waiting.value.resume_at + timedelta(minutes=31)
        assert ran_at >= waiting.value.resume_at
    assert sum("oauth2" in one["path"] for one in scene.served.requests(before)) <= 1
    assert scene.row(LEADS[0])["Status"] == "Working"
    with scene.store() as store:
        assert "fences" not in {each.kind for each in budget.read_waiting(store)}


@pytest.mark.sweep
def test_when_others_use_the_org_up_syncd_leaves_them_the_reserve(scene: Scene) -> None:
    scene.settings(daily_api_requests=10_000)
    scene.cycle()
    scene.settings(others={"calls_per_hour": 400, "since": "2026-03-01T09:00:00Z"})
    before = scene.last_request()
    for _ in range(70):
        with pytest.raises(BudgetSpent, match="syncd leaves the last 20 % of them to others"):
            scene.cycle()
    assert calls_since(scene, before) <= 2 * 8
    scene.settings(others={})
    scene.cycle(after_s=HOUR_S)
    assert scene.is_at_rest()


def test_the_calls_of_a_killed_cycle_count(scene: Scene) -> None:
    scene.settings(daily_api_requests=10_000)
    scene.cycle()
    with scene.store() as store:
        before = budget.read_spending(store).own_at(scene.served.org.clock.now())
    for _ in range(3):
        with scene.world() as (world, _org):
            cycle = begin(world)
            world.org.read("Lead", LEADS, ["Status"])
            assert budget.may_spend(world, cycle, Kind.NURTURE, 40)
    with scene.store() as store:
        counted = budget.read_spending(store).own_at(scene.served.org.clock.now())
    assert counted >= before + 3 * 41
    scene.cycle()
    with scene.store() as store:
        assert budget.read_spending(store).own_at(scene.served.org.clock.now()) >= counted


def test_a_cycle_that_ends_counts_what_it_made_and_no_claim(scene: Scene) -> None:
    scene.cycle()
    with scene.store() as store:
        counted = budget.read_spending(store).own_at(scene.served.org.clock.now())
    start = scene.last_request()
    for _ in range(4):
        scene.cycle()
    with scene.store() as store:
        assert budget.read_spending(store).own_at(scene.served.org.clock.now()) == counted + calls_since(scene, start)


def test_the_less_urgent_waits_first_and_the_fences_go_on(scene: Scene) -> None:
    scene.settings(daily_api_requests=400)
    scene.cycle()
    with scene.world() as (world, _org):
        cycle = begin(world)
        world.org.read("Lead", LEADS, ["Status"])
        assert budget.may_spend(world, cycle, Kind.FENCES, 65)
        assert [kind for kind in Kind if budget.may_spend(world, cycle, kind)] == [*Kind][:4]
        finish(world, cycle)
    with scene.store() as store:
        assert "census" in {waiting.kind for waiting in budget.read_waiting(store)}
    scene.cycle()


def test_calls_that_are_allowed_and_not_yet_made_are_not_allowed_twice(scene: Scene) -> None:
    scene.settings(daily_api_requests=400)
    scene.cycle()
    with scene.world() as (world, _org):
        cycle = begin(world)
        world.org.read("Lead", LEADS, ["Status"])
        allowed = sum(budget.may_spend(world, cycle, Kind.FENCES, 10) for _ in range(40))
        assert 5 <= allowed < 10
        finish(world, cycle)


def test_the_orgs_own_refusal_is_obeyed_until_its_next_hour(scene: Scene) -> None:
    scene.settings(daily_api_requests=10_000)
    scene.cycle()
    scene.settings(others={"calls_per_hour": 450, "since": "2026-03-01T09:00:00Z"})
    with pytest.raises(BudgetSpent, match=r"used up; nothing was written\. It goes on at 2026-03-02 10:00 UTC"):
        scene.cycle()
    before = scene.last_request()
    for _ in range(10):
        with pytest.raises(BudgetSpent):
            scene.cycle()
    assert calls_since(scene, before) == 0
    scene.settings(others={})
    scene.cycle(after_s=HOUR_S)


def test_when_little_is_left_fences_are_kept_and_the_slow_questions_wait(scene: Scene) -> None:
    scene.fences({"tool": "revert"})
    scene.settings(daily_api_requests=400)
    scene.cycle()
    with scene.world() as (world, _org):
        cycle = begin(world)
        own = budget.read_spending(world.store).own_at(world.org.now())
        assert budget.may_spend(world, cycle, Kind.FENCES, 92 - own - 1)
    scene.edit("marketo", LEADS[0], Status="Inquiry")
    scene.cycle(after_s=6 * HOUR_S)
    assert scene.row(LEADS[0])["Status"] == "Working"
    with scene.store() as store:
        assert "nurture" in {each.kind for each in budget.read_waiting(store)}
        assert "fences" not in {each.kind for each in budget.read_waiting(store)}
