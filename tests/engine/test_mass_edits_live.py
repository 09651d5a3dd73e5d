"""Is a mass edit by others one card, however it is read, and is an announced one no card at all?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncd.core.fence_model import Approver, BulkEvent
from syncd.core.values import Rule
from syncd.engine.cycle import run_cycle
from syncd.engine.requests import RESOLVE, take_up
from syncd.engine.schedule import holding_lease
from syncd.engine.windows import APPROVE, CLOSE, OPEN
from syncd.ports import CycleRecord
from tests.engine.scene import Scene
from tests.engine.small_org import lead

FOUR = [lead("Working", number) for number in range(4)]
MORE = [lead("Meeting Set", number) for number in range(4)]
APPROVERS = (Approver("sdr", "tom@example.com", Rule("approvers", "fences.toml", 2)),)


@pytest.fixture
def strict(scene: Scene) -> Scene:
    """Give the scene with everybody's crossings put back."""
    scene.fences({"tool": "revert", "automation": "revert", "person": "revert"})
    return scene


def cycle(scene: Scene, after_s: float = 60, *, records: int = 4) -> CycleRecord:
    """Run a cycle for which so many records are a mass edit."""
    scene.tick(after_s)
    with scene.world() as (world, org):
        fences = replace(world.policies.fences, bulk=BulkEvent(records, timedelta(minutes=10)))
        return run_cycle(replace(world, policies=replace(world.policies, fences=fences)), org)


def done(
    scene: Scene, verb: str, payload: Mapping[str, Any], by: str = "dana@host", *, needs_approval: bool = False
) -> Mapping[str, Any]:
    """Have a request carried out."""
    with scene.world() as (world, org), holding_lease(world.store):
        fences = replace(world.policies.fences, approvers=APPROVERS if needs_approval else ())
        world = replace(world, policies=replace(world.policies, fences=fences))
        number = world.store.ask(verb, payload, by, datetime.now(UTC))
        told: dict[int, Mapping[str, Any]] = {}
        take_up(world, org, lambda request, answer: told.update({request.number: answer}))
        return told[number]


def window(scene: Scene, who: str = "mia", *, hours: float = 1, needs_approval: bool = False, **more: Any) -> Mapping[str, Any]:
    """Open a window for somebody."""
    with scene.world() as (world, _):
        until = world.org.now() + timedelta(hours=hours)
    names = {"mia": "Mia Market", "marketo": "marketo.sync@sandbox.example"}
    payload = {"actor": names.get(who, who), "until": until.isoformat(), "reason": "new territories", "fields": [], **more}
    return done(scene, OPEN, payload, needs_approval=needs_approval)


def verdicts(scene: Scene, ids: list[str]) -> list[str]:
    return [str(entry.verdict) for id in ids for entry in scene.ledger(id, kind="change")]


def test_a_mass_edit_is_one_card_until_it_is_confirmed_and_nothing_of_it_is_put_back(strict: Scene) -> None:
    for id in FOUR:
        strict.edit("mia", id, Status="Nurture")
    strict.edit("max", MORE[0], Status="Nurture")
    record = cycle(strict)
    assert [write.values for write in strict.writes()] == [{"Status": "Meeting Set"}]
    assert verdicts(strict, FOUR) == ["note"] * 4
    [card] = strict.inbox()
    assert card.kind == "mass-edit"
    assert "changed Status of 4 records" in card.text
    assert "4 of these moves pass no gate" in card.text
    assert "Mia" not in card.text + card.remedy
    assert record.counts["changes in mass edits"] == 4
    with strict.store() as store:
        [(number, _, _)] = store.inbox()
    assert done(strict, RESOLVE, {"numbers": [number], "reason": "it was meant"})["resolved"] == [number]
    for id in MORE[1:]:
        strict.edit("mia", id, Status="Nurture")
    cycle(strict)
    assert strict.inbox() == []
    strict.tick(3_600)
    for id in FOUR:
        strict.edit("mia", id, Status="Qualified")
    cycle(strict)
    [card] = strict.inbox()
    assert "of 4 records" in card.text
    assert len(strict.writes()) == 1


@pytest.mark.sweep
def test_what_is_read_in_two_pieces_is_one_mass_edit_from_the_moment_it_can_be_seen(strict: Scene) -> None:
    strict.edit("mia", FOUR[0], Status="Nurture")
    cycle(strict)
    for id in FOUR[1:]:
        strict.edit("mia", id, Status="Nurture")
        strict.tick(30)
    cycle(strict)
    assert [strict.row(id)["Status"] for id in FOUR] == ["Working", "Nurture", "Nurture", "Nurture"]
    [card] = strict.inbox("mass-edit")
    assert "of 3 records" in card.text


def test_an_announced_edit_is_lawful_while_the_window_stands_and_no_card(strict: Scene) -> None:
    strict.edit("mia", MORE[0], Status="Nurture")
    strict.tick(5)
    told = window(strict, fields=["Lead.Status"])["window"]
    assert (told["number"], told["is_waiting"]) == (1, False)
    strict.tick(5)
    for id in FOUR:
        strict.edit("mia", id, Status="Nurture")
    strict.edit("max", MORE[1], Status="Nurture")
    strict.tick(5)
    assert done(strict, CLOSE, {"number": 1})["window"]["number"] == 1
    strict.tick(5)
    strict.edit("mia", MORE[2], Status="Nurture")
    cycle(strict, records=8)
    assert verdicts(strict, FOUR) == ["allow"] * 4
    assert verdicts(strict, MORE[:3]) == ["revert"] * 3
    reason = next(str(entry.reason) for entry in strict.ledger(FOUR[0], kind="change"))
    assert reason.startswith("announced by dana@host until ")
    assert strict.inbox() == []
    opened, closed = (str(row.reason) for row in strict.ledger(kind="window"))
    assert "window 1 opened by dana@host for the login" in opened
    assert opened.endswith(": new territories")
    assert closed == "window 1 closed by dana@host"
    assert "error" in done(strict, CLOSE, {"number": 1})


@pytest.mark.sweep
def test_where_approvers_are_named_a_window_waits_for_a_second_person(strict: Scene) -> None:
    assert window(strict, needs_approval=True)["window"]["is_waiting"]
    [card] = strict.inbox()
    assert card.kind == "window-waiting"
    assert "syncd window approve 1" in card.remedy
    strict.edit("mia", FOUR[0], Status="Nurture")
    refused = done(strict, APPROVE, {"number": 1}, by="dana@host")
    assert "cannot approve it too" in refused["error"]["text"]
    strict.tick(5)
    assert done(strict, APPROVE, {"number": 1}, by="tom@host")["window"]["approved_by"] == "tom@host"
    assert strict.inbox() == []
    strict.tick(5)
    strict.edit("mia", FOUR[1], Status="Nurture")
    cycle(strict)
    assert [strict.row(id)["Status"] for id in FOUR[:2]] == ["Working", "Nurture"]
    assert "waits for nobody's word" in done(strict, APPROVE, {"number": 1}, by="tom@host")["error"]["text"]


def test_a_window_that_makes_no_sense_is_refused_with_the_way_out(scene: Scene) -> None:
    wrong: list[tuple[Mapping[str, Any], str]] = [
        ({"actor": "Zoe"}, "No login of this org is called 'Zoe'"),
        ({"until": "2020-01-01T00:00:00+00:00"}, "would be over already"),
        ({"until": "2036-01-01T00:00:00+00:00"}, "31 days at most"),
        ({"fields": ["Lead.Company"]}, "No fence stands on Lead.Company"),
        ({"reason": " "}, "A window needs a reason"),
    ]
    for given, words in wrong:
        refused = window(scene, **given)["error"]
        assert words in refused["text"]
        assert refused["hint"]
    assert scene.ledger(kind="window") == []
