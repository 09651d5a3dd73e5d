"""Does the census find every way in which the mirror can differ from the org, put it right, and believe no mass loss?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from syncd.core.values import OrgRecord
from syncd.engine import census
from syncd.engine.census import HELD, RESULT
from syncd.engine.cycle import run_cycle
from syncd.ports import CycleRecord
from tests.engine.scene import OBJECTS, Scene
from tests.engine.small_org import DELETED_LATER, STATUSES, contact, lead

WORKING = lead("Working")


def night(scene: Scene) -> CycleRecord:
    """Let it be three at night, and run the cycle that counts."""
    now = scene.served.org.clock.now()
    three = now.replace(hour=3, minute=0, second=0, microsecond=0)
    return scene.cycle(((three if three > now else three + timedelta(days=1)) - now).total_seconds())


def result(scene: Scene) -> dict[str, Any]:
    with scene.store() as store:
        found: dict[str, Any] = store.setting(RESULT)
    return found


def in_mirror(scene: Scene, id: str) -> OrgRecord:
    with scene.store() as store:
        found: OrgRecord = store.get(OBJECTS[id[:3]], [id])[id]
    return found


def spoil(scene: Scene, *records: OrgRecord) -> None:
    """Change the mirror behind syncd's back."""
    with scene.world() as (world, _), world.store.begin() as tx:
        tx.mirror(records)


def test_nothing_is_counted_before_the_first_night_and_a_true_mirror_has_no_drift(scene: Scene) -> None:
    scene.cycle()
    assert result(scene) is None
    scene.cycle(330)
    assert result(scene) is None
    record = night(scene)
    found = result(scene)
    assert found["drift"] == []
    assert found["objects"] == 19
    assert found["rows"] > 60
    assert "drift" not in record.counts
    assert record.counts["API calls"] <= 3 + 8
    assert scene.ledger(kind="census") == []
    again = scene.cycle(330)
    assert again.counts["API calls"] <= 4, "once a night"


def test_a_row_that_was_missed_a_row_that_is_old_and_a_row_that_is_gone_are_put_right(scene: Scene) -> None:
    scene.cycle()
    scene.do("admin", "delete", DELETED_LATER)
    scene.cycle()
    old = in_mirror(scene, WORKING)
    gone = in_mirror(scene, DELETED_LATER)
    spoil(
        scene,
        OrgRecord("Lead", WORKING, old.modified_at - timedelta(days=9), {**old.fields, "Email": "old@example.com"}),
        OrgRecord("Lead", DELETED_LATER, gone.modified_at, gone.fields),
        OrgRecord("Contact", contact(3), in_mirror(scene, contact(3)).modified_at, {}, is_deleted=True),
    )
    record = night(scene)
    assert record.counts["drift"] == 3
    assert in_mirror(scene, WORKING) == old
    assert in_mirror(scene, DELETED_LATER).is_deleted
    assert not in_mirror(scene, contact(3)).is_deleted
    drift = {one["object"]: one for one in result(scene)["drift"]}
    assert {name: (one["missing"], one["stale"], one["gone"]) for name, one in drift.items()} == {
        "Lead": (0, 1, 1),
        "Contact": (1, 0, 0),
    }
    assert {entry.object for entry in scene.ledger(kind="census")} == {"Lead", "Contact"}
    night(scene)
    assert result(scene)["drift"] == []


def test_a_hard_deleted_record_leaves_the_mirror(scene: Scene) -> None:
    scene.cycle()
    scene.do("admin", "delete", DELETED_LATER)
    scene.do("admin", "purge", DELETED_LATER)
    scene.cycle()
    assert in_mirror(scene, DELETED_LATER).is_deleted


def test_deletes_that_the_org_no_longer_tells_are_found_in_the_same_cycle(scene: Scene) -> None:
    scene.cycle()
    scene.do("admin", "delete", DELETED_LATER)
    scene.do("admin", "purge", DELETED_LATER)
    record = scene.cycle(40 * 24 * 3_600)
    assert record.counts["deletes lost"] >= 1
    assert in_mirror(scene, DELETED_LATER).is_deleted


def test_rows_that_vanish_in_great_number_are_kept_until_somebody_has_looked(scene: Scene) -> None:
    scene.cycle()
    lost = [lead(status, number) for status in STATUSES for number in range(2)]
    scene.settings(unshared=lost)
    record = night(scene)
    assert record.counts["drift"] == len(lost)
    assert not any(in_mirror(scene, id).is_deleted for id in lost)
    [item] = scene.inbox(HELD)
    assert item.subject == "Lead"
    assert "14 of 30" in item.text
    assert result(scene)["drift"][0]["held"] is True
    scene.settings(unshared=[])
    night(scene)
    assert scene.inbox(HELD) == []
    assert result(scene)["drift"] == []


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_few_rows_that_syncd_may_no_longer_see_leave_the_mirror_and_return_when_shared(scene: Scene, comes_back: bool) -> None:
    scene.cycle()
    scene.settings(unshared=[WORKING])
    night(scene)
    assert in_mirror(scene, WORKING).is_deleted
    scene.settings(unshared=[] if comes_back else [WORKING])
    night(scene)
    assert in_mirror(scene, WORKING).is_deleted is not comes_back


def test_a_row_that_somebody_saves_meanwhile_is_no_drift(scene: Scene) -> None:
    scene.cycle()

    calls: list[str] = []

    def edit(number: int, method: str, path: str) -> None:
        calls.append(path)
        if len(calls) == 4:  # after the pulls of all tiers, before the counts
            scene.edit("sam", WORKING, Email="now@example.com")

    scene.hook(before=edit)
    night(scene)
    scene.hook()
    assert len(calls) > 4
    assert result(scene)["drift"] == []
    scene.cycle()
    assert in_mirror(scene, WORKING).fields["Email"] == "now@example.com"


def test_history_of_a_deleted_lead_is_kept_and_is_no_drift(scene: Scene) -> None:
    scene.edit("sam", DELETED_LATER, Status="Nurture")
    scene.cycle()
    scene.do("admin", "delete", DELETED_LATER)
    scene.cycle()
    night(scene)
    assert result(scene)["drift"] == []
    with scene.store() as store:
        assert store.by_key("LeadHistory", "LeadId", [DELETED_LATER]) != []


def test_ids_are_compared_in_ranges_where_a_day_holds_many(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(census, "IDS_AT_ONCE", 3)
    monkeypatch.setattr(census, "READ_AT_ONCE", 2)
    scene.cycle()
    wrong = [lead(status, 1) for status in STATUSES[:4]]
    with scene.store() as store:
        rows = store.get("Lead", wrong)
    spoil(scene, *(OrgRecord("Lead", row.id, row.modified_at, row.fields, is_deleted=True) for row in rows.values()))
    assert night(scene).counts["drift"] == 4
    assert not any(in_mirror(scene, id).is_deleted for id in wrong)
    night(scene)
    assert result(scene)["drift"] == []


def test_so_many_rows_are_missing_that_the_object_is_read_again(scene: Scene) -> None:
    scene.cycle()
    wrong = [lead(status, number) for status in STATUSES for number in range(3)]
    with scene.store() as store:
        rows = store.get("Lead", wrong)
    spoil(scene, *(OrgRecord("Lead", row.id, row.modified_at, row.fields, is_deleted=True) for row in rows.values()))
    scene.tick(18 * 3_600)
    with scene.world() as (world, org):
        few = replace(world, pace=replace(world.pace, bulk_rows_min=20))
        assert run_cycle(few, org).counts["drift"] == len(wrong)
        while run_cycle(few, org).counts.get("backlog"):
            scene.tick()
    assert not any(in_mirror(scene, id).is_deleted for id in wrong)
    night(scene)
    assert result(scene)["drift"] == []
