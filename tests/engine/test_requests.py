"""Is each request carried out once, whatever dies in between, and does each end with an answer?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncd.core.plan import plan_to_json
from syncd.core.values import InboxItem
from syncd.engine import requests as wishes
from syncd.engine.planning import preview
from syncd.engine.requests import APPLY, CYCLE, RESOLVE, RETRY, error_from_json, take_up
from syncd.engine.schedule import holding_lease
from syncd.engine.world import Stopped, World
from syncd.errors import PlanRefused, SyncdError
from syncd.ports import OrgWriter
from tests.engine.scene import Scene
from tests.engine.small_org import lead

WORKING = lead("Working")


class Died(BaseException):
    """Stands for the end of the process."""


@contextmanager
def writer(scene: Scene) -> Iterator[tuple[World, OrgWriter]]:
    with scene.world() as (world, org), holding_lease(world.store):
        yield world, org


def asked(scene: Scene, verb: str, payload: Mapping[str, Any] | None = None, *, hours_ago: float = 0) -> int:
    with scene.world() as (world, _):
        return world.store.ask(verb, payload or {}, "dana@host", datetime.now(UTC) - timedelta(hours=hours_ago))


def carried_out(scene: Scene) -> dict[int, Mapping[str, Any]]:
    told: dict[int, Mapping[str, Any]] = {}
    with writer(scene) as (world, org):
        take_up(world, org, lambda request, answer: told.update({request.number: answer}))
        assert world.store.waiting_requests() == []
    return told


def done(scene: Scene, verb: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    number = asked(scene, verb, payload)
    return carried_out(scene)[number]


def a_crossing(scene: Scene) -> str:
    """Let a tool take a lead back over the fence, and return the plan that would put it back."""
    scene.fences(status={"tool": "revert"})
    scene.tick()
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.tick()
    with scene.world() as (world, _):
        return plan_to_json(preview(world).plan)


def test_a_cycle_that_was_asked_for_is_run_and_told(scene: Scene) -> None:
    scene.tick()
    number = asked(scene, CYCLE)
    answer = carried_out(scene)[number]
    assert wishes.record_from_json(answer["cycle"]).error is None
    with scene.store() as store:
        assert store.cycles(1)[0].id == answer["cycle"]["id"]


def test_a_plan_is_applied_once_and_its_records_are_not_kept(scene: Scene) -> None:
    plan = a_crossing(scene)
    first, second = asked(scene, APPLY, {"plan": plan}), asked(scene, APPLY, {"plan": plan})
    told = carried_out(scene)
    assert told[first]["cycle"]["counts"]["outcomes confirmed"] == 1
    assert "was applied already" in told[second]["error"]["text"]
    assert isinstance(error_from_json(told[second]["error"]), PlanRefused)
    assert scene.row(WORKING)["Status"] == "Working"
    with scene.store() as store:
        assert store.request(first).payload == {}
    assert [row.evidence["applied_by"] for row in scene.ledger(kind="plan")] == ["dana@host"]


@pytest.mark.parametrize("was_sent", [False, True])
def test_a_plan_whose_writer_died_over_it_is_finished_and_nothing_is_sent_twice(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, was_sent: bool
) -> None:
    number = asked(scene, APPLY, {"plan": a_crossing(scene)})
    with writer(scene) as (world, org):
        update = org.update

        def dying(*given: Any, **named: Any) -> Any:
            if was_sent:
                update(*given, **named)
            raise Died

        monkeypatch.setattr(org, "update", dying)
        with pytest.raises(Died):
            take_up(world, org)
    [request] = _waiting(scene)
    assert (request.number, request.tries) == (number, 1)
    answer = carried_out(scene)[number]
    assert answer["is_resumed"]
    assert answer["open_intents"] == 0
    assert scene.outcomes() == ["confirmed"]
    assert len([write for write in scene.writes() if 200 <= write.status < 300]) == 1
    assert scene.is_at_rest()


def test_a_plan_whose_writer_died_before_it_was_in_the_ledger_is_applied(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    number = asked(scene, APPLY, {"plan": a_crossing(scene)})
    with writer(scene) as (world, org), monkeypatch.context() as patched:
        patched.setattr(org, "read", _die)
        with pytest.raises(Died):
            take_up(world, org)
    answer = carried_out(scene)[number]
    assert (answer["is_resumed"], answer["cycle"]["counts"]["outcomes confirmed"]) == (False, 1)


def _die(*_: object, **__: object) -> Any:
    raise Died


def _waiting(scene: Scene) -> list[Any]:
    with scene.world() as (world, _):
        return list(world.store.waiting_requests())


def test_what_kills_the_writer_three_times_is_given_up(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def killing(*_: object) -> Mapping[str, Any]:
        raise Died

    asked(scene, CYCLE)
    with monkeypatch.context() as patched:
        patched.setitem(wishes.VERBS, CYCLE, killing)
        for _ in range(wishes.TRIES_MAX):
            with writer(scene) as (world, org), pytest.raises(Died):
                take_up(world, org)
    [answer] = carried_out(scene).values()
    assert answer["error"]["text"].startswith("syncd ended 3 times")


@pytest.mark.parametrize(
    ("verb", "hours_ago", "says"),
    [
        ("dance", 0.0, "does not know the request 'dance'"),
        (CYCLE, 1.1, "Nobody took this request up for an hour"),
        (APPLY, 0.0, "The plan cannot be applied"),
        (RESOLVE, 0.0, ""),
    ],
)
def test_a_request_that_cannot_be_carried_out_is_answered(scene: Scene, verb: str, hours_ago: float, says: str) -> None:
    number = asked(scene, verb, hours_ago=hours_ago)
    answer = carried_out(scene)[number]
    assert says in answer.get("error", {"text": ""})["text"]
    assert ("error" in answer) == bool(says)


def test_asked_to_end_the_rest_waits_for_the_next_start(scene: Scene) -> None:
    first = asked(scene, CYCLE)
    with writer(scene) as (world, org), pytest.raises(Stopped):
        take_up(replace(world, is_stopping=lambda: True), org)
    assert [one.number for one in _waiting(scene)] == [first]


def test_resolving_closes_with_a_word_in_the_ledger_and_an_unknown_number_changes_nothing(scene: Scene) -> None:
    with scene.world() as (world, _), world.store.begin() as tx:
        tx.put_inbox([InboxItem("export-row", f"s{n}", "a.csv:1", "text", "remedy") for n in range(2)], world.org.now())
    numbers = _numbers(scene)
    wrong = asked(scene, RESOLVE, {"numbers": [numbers[0], 999]})
    assert "has the number 999. Nothing was changed" in carried_out(scene)[wrong]["error"]["text"]
    assert _numbers(scene) == numbers
    right = asked(scene, RESOLVE, {"numbers": numbers[:1], "reason": "seen with Ines"})
    assert carried_out(scene)[right] == {"resolved": numbers[:1]}
    assert _numbers(scene) == numbers[1:]
    [row] = scene.ledger(kind="asked")
    assert row.reason == f"inbox item {numbers[0]} (export-row, a.csv:1): resolve by dana@host: seen with Ines"


def _numbers(scene: Scene) -> list[int]:
    with scene.store() as store:
        return [number for number, _, _ in store.inbox()]


def refused(scene: Scene) -> int:
    """Let Salesforce refuse to put a lead back, and return the inbox item's number."""
    scene.fences(status={"tool": "revert"})
    scene.tick()
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.settings(validation_rules=[{"object": "Lead", "when": {"Status": "Working"}, "message": "Ask your admin."}])
    scene.cycle()
    assert scene.outcomes() == ["rejected"]
    [number] = _numbers(scene)
    return number


def test_a_refused_write_is_sent_again_when_somebody_says_so_and_its_item_closes(scene: Scene) -> None:
    number = refused(scene)
    again = done(scene, RETRY, {"numbers": [number]})
    assert [left["number"] for left in again["still_open"]] == [number]
    assert set(scene.outcomes()) == {"rejected"}
    scene.settings(validation_rules=[])
    last = done(scene, RETRY, {"numbers": [number]})
    assert (last["closed"], last["still_open"]) == ([number], [])
    assert scene.outcomes()[-1] == "confirmed"
    assert scene.row(WORKING)["Status"] == "Working"
    assert scene.is_at_rest()


def test_a_refused_write_is_not_sent_over_what_somebody_did_since(scene: Scene) -> None:
    number = refused(scene)
    scene.settings(validation_rules=[])
    scene.tick()
    scene.edit("ada", WORKING, Status="Nurture")
    done(scene, RETRY, {"numbers": [number]})
    assert scene.row(WORKING)["Status"] == "Nurture"


def test_a_resolved_refusal_is_in_no_later_plan(scene: Scene) -> None:
    number = refused(scene)
    with scene.world() as (world, _):
        assert len(preview(world).plan.intents) == 1
    done(scene, RESOLVE, {"numbers": [number]})
    with scene.world() as (world, _):
        assert preview(world).plan.intents == []


def test_a_waiting_plan_is_not_retried_and_is_declined_as_a_whole(scene: Scene) -> None:
    scene.limits(records_min=1, records_max=1)
    scene.fences(status={"tool": "revert"})
    scene.tick()
    for n in range(3):
        scene.edit("marketo", lead("Working", n), Status="Inquiry")
    scene.cycle()
    [number] = _numbers(scene)
    assert scene.inbox("plan-waiting")
    answer = done(scene, RETRY, {"numbers": [number]})
    assert "it is carried out as a whole, or not" in answer["error"]["text"]
    assert "syncd apply" in answer["error"]["hint"]
    done(scene, RESOLVE, {"numbers": [number]})
    with scene.world() as (world, _):
        assert world.store.deferred() == []


def test_errors_come_back_as_what_they_were() -> None:
    for problem in (PlanRefused("no", hint="do"), SyncdError("why")):
        again = error_from_json(wishes.error_to_json(problem))
        assert (type(again), str(again), again.hint) == (type(problem), str(problem), problem.hint)
    assert type(error_from_json({"kind": "EXPIRES_AFTER", "text": "t", "hint": ""})) is SyncdError
