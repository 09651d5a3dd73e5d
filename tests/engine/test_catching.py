"""Is a small delta decided from memory exactly as it would be by way of staging, and never lost on the way?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncd.core.values import Entry
from syncd.engine import cycle as cycles
from syncd.engine import pulling
from syncd.engine.catching import catch
from syncd.engine.world import Cycle, World
from syncd.ports import LedgerQuery, Page
from syncd.store.staging import StagingWrites
from tests.engine.scene import Scene
from tests.engine.small_org import DELETED_LATER, lead, user

WORKING, MQL, NURTURE = lead("Working"), lead("MQL"), lead("Nurture")


def told(entries: list[Entry]) -> list[tuple[Any, ...]]:
    return sorted(
        (entry.kind, entry.record_id, entry.field, entry.before, entry.after, entry.verdict, entry.reason, entry.actor)
        for entry in entries
        if entry.kind in ("change", "deleted")
    )


@pytest.fixture
def staged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the objects whose rows are staged."""
    names: list[str] = []
    stage = StagingWrites.stage

    def noting(self: StagingWrites, object: str, *given: Any) -> Any:
        names.append(object)
        return stage(self, object, *given)

    monkeypatch.setattr(StagingWrites, "stage", noting)
    return names


def days_work(scene: Scene) -> None:
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.edit("sam", MQL, Status="Working")
    scene.tick()
    scene.edit("sam", MQL, Status="Meeting Set", OwnerId=user("sue"))
    scene.edit("mia", NURTURE, Company="Elsewhere")


def test_a_small_delta_is_decided_without_staging(scene: Scene, staged: list[str]) -> None:
    days_work(scene)
    scene.cycle()
    assert len(told(scene.ledger())) == 4
    assert not {"Lead", "LeadHistory"} & set(staged)
    with scene.store() as store:
        assert store.get("Lead", [NURTURE])[NURTURE].fields["Company"] == "Elsewhere"
        assert store.get("Lead", [MQL])[MQL].fields["OwnerId"] == user("sue")
        assert store.cases(("Lead", "LeadHistory"), 10) == []


def test_rows_read_again_within_the_overlap_are_not_decided_twice(scene: Scene) -> None:
    days_work(scene)
    first = scene.cycle()
    again = scene.cycle()
    assert again.counts["rows read"] >= 6
    assert (first.counts["changes seen"], again.counts.get("changes seen", 0)) == (4, 0)
    assert len(told(scene.ledger())) == 4


def test_from_memory_and_by_way_of_staging_the_same_is_decided(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    days_work(scene)
    with scene.world() as (world, org):
        with world.store.scratch() as layer:
            cycles.run_cycle(replace(world, store=layer), org)
            from_memory = [row.entry for row in layer.ledger(LedgerQuery(limit=10**6))]
        monkeypatch.setattr(pulling, "catch", lambda *_: False)
        cycles.run_cycle(world, org)
    assert told(from_memory) == told(scene.ledger())
    assert len(told(from_memory)) == 4


def test_killed_before_the_decision_the_next_cycle_reads_and_decides_it(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    days_work(scene)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cycles, "decide_fenced", killed)
        with pytest.raises(KeyboardInterrupt):
            scene.cycle()
    assert told(scene.ledger()) == []
    scene.cycle()
    assert len(told(scene.ledger())) == 4


def test_with_a_deletion_beside_them_changes_go_through_staging(scene: Scene, staged: list[str]) -> None:
    scene.cycle()
    days_work(scene)
    scene.do("admin", "delete", DELETED_LATER)
    scene.cycle(after_s=180)
    assert {"Lead", "LeadHistory"} <= set(staged)
    kinds = [entry.kind for entry in scene.ledger(DELETED_LATER)]
    assert kinds == ["deleted"]
    assert len(told(scene.ledger())) == 5


def test_history_that_comes_in_several_pages_takes_its_leads_along_into_staging(scene: Scene, staged: list[str]) -> None:
    scene.settings(page_size_max=2)
    days_work(scene)
    scene.cycle()
    assert {"Lead", "LeadHistory"} <= set(staged)
    assert len(told(scene.ledger())) == 4


def test_what_is_staged_already_is_not_passed_by(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    days_work(scene)
    with monkeypatch.context() as patch:
        patch.setattr(pulling, "catch", lambda *_: False)
        patch.setattr(cycles, "decide_fenced", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            scene.cycle()
    scene.edit("sam", WORKING, Status="Working")
    caught: list[bool] = []

    def noting(world: World, cycle: Cycle, page: Page) -> bool:
        caught.append(catch(world, cycle, page))
        return caught[-1]

    monkeypatch.setattr(pulling, "catch", noting)
    scene.cycle()
    assert caught
    assert not any(caught)
    assert [entry.after for entry in scene.ledger(WORKING, kind="change")] == ["Inquiry", "Working"]
