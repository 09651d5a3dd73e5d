"""Does a plan send nothing, is exactly it carried out, and does too much at once stop and ask?"""

from __future__ import annotations

import gc
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syncd.core.guard import Limits
from syncd.core.plan import Plan
from syncd.core.values import Intent
from syncd.engine import holding
from syncd.engine.cycle import begin
from syncd.engine.holding import hold_back, over_limit
from syncd.engine.opening import open_intents
from syncd.engine.outbox import Loads
from syncd.engine.planning import Preview, apply, preview
from syncd.engine.plans import read_plan, save_plan
from syncd.errors import PlanRefused
from syncd.ports import CycleRecord, OpenIntent
from syncd.store import ledger
from syncd.store.sql import SqlStore
from tests.core.samples import intent
from tests.engine.scene import Scene, export_line
from tests.engine.small_org import campaign, contact, lead, owner, user

LEADS = [lead("Working", number) for number in range(4)]


@pytest.fixture
def crossed(scene: Scene) -> Scene:
    """Give a scene in which a tool has crossed the fence on four leads."""
    scene.fences({"tool": "revert"}, {"tool": "revert"})
    for id in LEADS:
        scene.edit("marketo", id, Status="Inquiry")
    return scene


def plans(scene: Scene) -> list[Path]:
    folder = scene.home / "plans"
    return sorted(folder.iterdir()) if folder.exists() else []


def previewed(scene: Scene, only: str | None = None) -> Preview:
    scene.tick()
    with scene.world(is_read_only=True) as (world, _):
        return preview(world, only)


def applied(scene: Scene, plan: Plan) -> CycleRecord:
    scene.tick()
    with scene.world() as (world, org):
        return apply(world, org, plan)


def dump(scene: Scene) -> list[str]:
    """Return the whole database as SQL."""
    connection = sqlite3.connect(scene.home / "syncd.db")
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def statuses(scene: Scene) -> set[str]:
    return {scene.row(id)["Status"] for id in LEADS}


# --- the mass-change limit ---------------------------------------------------------------------------------------------


def test_a_cycle_that_would_change_too_much_writes_a_plan_and_nothing_else(crossed: Scene) -> None:
    scene = crossed
    scene.limits(records_max=3)
    record = scene.cycle()
    assert scene.writes() == []
    assert record.counts["held back"] == 4
    assert scene.outcomes() == ["not_sent"] * 4
    [path] = plans(scene)
    assert {(intent.record_id, intent.field, intent.before, intent.after) for intent in read_plan(path).intents} == {
        (id, "Status", "Inquiry", "Working") for id in LEADS
    }
    [card] = scene.inbox()
    assert (card.kind, card.subject) == ("plan-waiting", path.name)
    assert card.text == "mass-change limit: 4 records would change, limit 3 a cycle. Nothing was written."
    assert str(path) in card.remedy


def test_what_is_held_back_is_asked_about_once(crossed: Scene) -> None:
    scene = crossed
    scene.limits(records_max=3)
    for _ in range(3):
        scene.cycle()
    assert len(plans(scene)) == 1
    assert len(scene.inbox()) == 1
    assert scene.outcomes() == ["not_sent"] * 4
    assert scene.writes() == []


def test_at_the_limit_the_cycle_writes(crossed: Scene) -> None:
    scene = crossed
    scene.limits(records_max=4)
    scene.cycle()
    assert statuses(scene) == {"Working"}
    assert plans(scene) == []


def test_more_owners_than_agreed_stop_the_cycle(scene: Scene) -> None:
    scene.fences({}, {"tool": "revert"})
    scene.limits(owners_max=1)
    for id in LEADS[:2]:
        scene.edit("marketo", id, OwnerId=user("mia"))
    scene.cycle()
    assert scene.writes() == []
    assert [card.text for card in scene.inbox()] == [
        "mass-change limit: 2 owners would change, limit 1 a cycle. Nothing was written."
    ]


def test_the_plan_of_a_cycle_that_was_held_back_can_be_applied(crossed: Scene) -> None:
    scene = crossed
    scene.limits(records_max=3)
    scene.cycle()
    applied(scene, read_plan(plans(scene)[0]))
    assert statuses(scene) == {"Working"}
    assert len(scene.writes()) == 4
    assert scene.inbox() == []
    scene.cycle()
    scene.cycle()
    assert len(scene.writes()) == 4
    assert scene.is_at_rest()


def test_raising_the_limit_and_planning_again_offers_what_was_held_back(crossed: Scene) -> None:
    scene = crossed
    scene.limits(records_max=3)
    scene.cycle()
    scene.limits(records_max=500)
    again = previewed(scene).plan
    assert {intent.record_id for intent in again.intents} == set(LEADS)
    applied(scene, again)
    assert statuses(scene) == {"Working"}


# --- plan --------------------------------------------------------------------------------------------------------------


def everything(scene: Scene) -> None:
    """Give the next cycle something of each part to do."""
    scene.nurture("enroll")
    scene.mapping("write")
    scene.drop("day.csv", export_line("MQL-0", leadScore="77"), export_line("Nurture-1", unsubscribed="true"))


def test_a_plan_sends_only_reads_and_leaves_the_store_and_the_drop_folder_as_they_were(crossed: Scene) -> None:
    scene = crossed
    everything(scene)
    before, files, since = dump(scene), scene.files(), scene.last_request()
    org = scene.served.org.dump()
    found = previewed(scene)
    assert len(found.plan.intents) == 4 + 2 + 8
    assert dump(scene) == before
    assert (scene.files(), plans(scene)) == (files, [])
    assert scene.served.org.dump() == org
    assert scene.writes(since) == []
    queries = [part for one in scene.served.requests(since) for part in one["subrequests"]]
    assert {part["method"] for part in queries} == {"GET"}


def test_the_next_cycle_writes_exactly_what_the_plan_said(crossed: Scene) -> None:
    scene = crossed
    everything(scene)
    intents = previewed(scene).plan.intents
    scene.cycle()
    planned = {f"{i.object}/{i.record_id} {i.field} {i.after}" for i in intents if not i.is_create}
    sent = {f"{write.path} {name} {value}" for write in scene.writes() for name, value in write.values.items()}
    assert planned == {line for line in sent if line.startswith(("Lead/", "Contact/"))}
    assert {(i.after, i.record_id) for i in intents if i.is_create} == scene.members()


def test_a_plan_tells_again_what_an_observing_cycle_has_decided(scene: Scene) -> None:
    scene.nurture("observe")
    scene.cycle()
    found = previewed(scene, "nurture")
    assert sum(entry.verdict == "enroll" for entry in found.entries) == 8
    assert found.plan.intents == []


@pytest.mark.parametrize(("only", "number"), [("fences", 4), ("exports", 2), ("nurture", 8)])
def test_a_plan_may_be_of_one_part(crossed: Scene, only: str, number: int) -> None:
    everything(crossed)
    assert len(previewed(crossed, only).plan.intents) == number


# --- apply -------------------------------------------------------------------------------------------------------------


def test_apply_does_exactly_the_plan(crossed: Scene) -> None:
    scene = crossed
    everything(scene)
    plan = previewed(scene).plan
    scene.edit("marketo", lead("MQL", 2), Status="Nurture")  # a crossing of which the plan knows nothing
    scene.drop("later.csv", export_line("MQL-1", leadScore="99"))
    record = applied(scene, plan)
    assert record.counts["outcomes confirmed"] == 14
    assert statuses(scene) == {"Working"}
    assert len(scene.members()) == 8
    assert (scene.row(lead("MQL", 0))["Lead_Score__c"], scene.row(lead("Nurture", 1))["HasOptedOutOfEmail"]) == (77, True)
    assert (scene.row(lead("MQL", 2))["Status"], scene.row(lead("MQL", 1))["Lead_Score__c"]) == ("Nurture", 10)
    assert sum(len(write.values) for write in scene.writes() if "Lead/" in write.path) == 6


def test_after_apply_the_next_cycles_judge_nothing_of_it_again(crossed: Scene) -> None:
    scene = crossed
    applied(scene, previewed(scene).plan)
    sent = len(scene.writes())
    scene.cycle()
    scene.cycle()
    assert len(scene.writes()) == sent == 4
    assert scene.is_at_rest()
    assert not [entry for entry in scene.ledger(kind="change") if entry.actor_kind == "syncd"]


def test_a_plan_of_enrolments_looks_at_each_consent_again(scene: Scene) -> None:
    scene.nurture("enroll")
    plan = previewed(scene).plan
    scene.edit("mia", contact(1), HasOptedOutOfEmail=True)
    applied(scene, plan)
    assert (campaign("early"), contact(1)) not in scene.members()
    assert len(scene.members()) == 7


def move(scene: Scene, plan: Plan) -> Plan:
    scene.edit("sam", LEADS[0], Company="Acme Ltd")
    return plan


def change_policy(scene: Scene, plan: Plan) -> Plan:
    scene.fences({"tool": "warn"})
    return plan


def apply_before(scene: Scene, plan: Plan) -> Plan:
    applied(scene, plan)
    return plan


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda scene, plan: replace(plan, org_id="00D000000000001EAA"), "for org 00D000000000001EAA; config.toml leads to org"),
        (change_policy, r"policy files changed since the plan was made: fences\.toml"),
        (apply_before, "applied already"),
        (move, f"1 of 4 records were changed since the plan was made:\n  Lead {LEADS[0]} Status"),
    ],
    ids=["other org", "policy changed", "applied twice", "record moved"],
)
def test_a_plan_that_no_longer_fits_is_refused_before_the_first_write(
    crossed: Scene, spoil: Callable[[Scene, Plan], Plan], why: str
) -> None:
    scene = crossed
    plan = spoil(scene, previewed(scene).plan)
    since, rows = scene.last_request(), len(scene.ledger())
    with pytest.raises(PlanRefused, match=why):
        applied(scene, plan)
    assert scene.writes(since) == []
    assert len(scene.ledger()) == rows


def edited(body: dict[str, Any]) -> None:
    body["intents"][0]["after"] = "Qualified"


def shortened(body: dict[str, Any]) -> None:
    del body["intents"][0]


def readdressed(body: dict[str, Any]) -> None:
    body["org_id"] = "00D000000000001EAA"


@pytest.mark.parametrize("spoil", [edited, shortened, readdressed])
def test_an_edited_plan_is_refused(crossed: Scene, tmp_path: Path, spoil: Callable[[dict[str, Any]], None]) -> None:
    path = save_plan(previewed(crossed).plan, tmp_path / "plan.json")
    assert len(read_plan(path).intents) == 4
    body = json.loads(path.read_text(encoding="utf-8"))
    spoil(body)
    path.write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises(PlanRefused, match="edited after it was made"):
        read_plan(path)


def test_a_record_that_moves_while_the_plan_is_carried_out_is_left_to_its_owner(crossed: Scene) -> None:
    scene = crossed
    plan = previewed(scene).plan

    def edit_once_the_plan_is_in_the_ledger(n: int, method: str, path: str) -> None:
        if scene.ledger(kind="plan"):
            scene.hook()
            scene.edit("sue", LEADS[0], Status="Meeting Set", OwnerId=owner("sue"))

    scene.hook(edit_once_the_plan_is_in_the_ledger)
    applied(scene, plan)
    assert scene.row(LEADS[0])["Status"] == "Meeting Set"
    assert sorted(scene.outcomes()) == ["confirmed"] * 3 + ["superseded"]


# --- memory ------------------------------------------------------------------------------------------------------------


@pytest.mark.sweep
def test_of_many_writes_that_are_held_back_only_a_few_are_in_memory_at_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, page = 400, 20
    monkeypatch.setattr(ledger, "_OPEN_ROWS", page)
    monkeypatch.setattr(holding, "PAGE", page)
    read, seen = SqlStore.open_intents, list[int]()

    def counted(store: SqlStore, after_seq: int = 0) -> Iterator[OpenIntent]:
        for place, opened in enumerate(read(store, after_seq)):
            if place % (number // 4) == 0:
                seen.append(sum(type(one) is Intent for one in gc.get_objects()))
            yield opened

    with scene.world() as (world, _):
        cycle = begin(world)
        for start in range(0, number, page):
            some = [replace(intent(each), object="Lead", key=f"held {each}") for each in range(start, start + page)]
            with world.store.begin() as tx:
                open_intents(tx, [(one, None) for one in some], cycle.now, cycle.id)
        monkeypatch.setattr(SqlStore, "open_intents", counted)
        assert over_limit(world, Limits(records_max=1), Loads()) == "400 records would change, limit 1 a cycle"
        hold_back(world, cycle, "400 records", Loads())
        assert (world.store.count_open(), cycle.counts["held back"]) == (0, number)
        assert max(seen) - seen[0] <= 3 * page
        [path] = plans(scene)
        assert list(read_plan(path).intents) == world.store.deferred()
