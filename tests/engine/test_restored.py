"""Does a restored store read and compare before it writes, and is nothing that was done since the backup done over?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncd.core.plan import Plan
from syncd.engine.planning import apply, preview
from syncd.engine.plans import read_plan
from syncd.errors import PlanRefused
from syncd.store.backup import back_up, restore
from tests.checker.watch import WATCH
from tests.engine.scene import Scene, export_line
from tests.engine.small_org import lead

WORKING, OTHER = lead("Working"), lead("Working", 1)


@pytest.fixture
def reverting(scene: Scene) -> Scene:
    scene.fences(status={"tool": "revert"})
    scene.tick()
    return scene


def saved(scene: Scene, name: str = "copy") -> Path:
    path = scene.home / name
    back_up(scene.config().store_url, path)
    return path


def put_back(scene: Scene, path: Path) -> None:
    """Restore a copy; what the ledger and the org's log say of each other is checked before, and from then on anew."""
    assert WATCH.check(scene.served.org) == []
    restore(scene.config().store_url, path, by="dana@host", replace=True)


def is_marked(scene: Scene) -> bool:
    with scene.store() as store:
        return store.setting("restored") is not None


def applied(writes: list[Any]) -> list[Any]:
    return [write for write in writes if 200 <= write.status < 300]


def test_the_first_cycle_compares_and_holds_what_it_would_write_and_the_next_goes_on(reverting: Scene) -> None:
    scene = reverting
    copy = saved(scene)
    scene.edit("marketo", WORKING, Status="Inquiry")
    put_back(scene, copy)
    since = scene.last_request()
    record = scene.cycle()
    assert scene.writes(since) == []
    assert record.counts["held back"] == 1
    [item] = scene.inbox("plan-waiting")
    assert f"the store was restored from {copy}" in item.text
    assert not is_marked(scene)
    [told] = scene.ledger(kind="asked")
    assert told.reason is not None
    assert "restored" in told.reason
    assert told.evidence["by"] == "dana@host"
    with scene.world() as (world, org):
        apply(world, org, read_plan(Path(item.where)), by="dana@host")
    assert scene.row(WORKING)["Status"] == "Working"
    scene.tick()
    scene.edit("marketo", OTHER, Status="Inquiry")
    scene.cycle()
    assert scene.row(OTHER)["Status"] == "Working"
    assert scene.is_at_rest()


def test_what_syncd_wrote_since_the_backup_is_found_and_not_written_again(reverting: Scene) -> None:
    scene = reverting
    scene.cycle()
    copy = saved(scene)
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle()
    assert scene.row(WORKING)["Status"] == "Working"
    put_back(scene, copy)
    since = scene.last_request()
    for _ in range(3):
        scene.cycle()
    assert scene.writes(since) == []
    assert scene.inbox() == []
    assert scene.is_at_rest()


@pytest.mark.parametrize("then", ["nothing", "a person moved it on", "a person moved it back"])
def test_an_intent_that_was_open_in_the_backup_is_settled_by_looking(reverting: Scene, then: str) -> None:
    scene = reverting
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.tick()
    copies: list[Path] = []

    def copy_before_the_write(n: int, method: str, path: str) -> None:
        with scene.store() as store:
            if store.count_open() and not copies:
                copies.append(saved(scene))

    scene.hook(copy_before_the_write)
    scene.cycle(0)
    scene.hook()
    assert scene.row(WORKING)["Status"] == "Working"
    [copy] = copies
    scene.tick()
    if then != "nothing":
        scene.edit("ada", WORKING, Status="Nurture" if then == "a person moved it on" else "Inquiry")
    expected = scene.row(WORKING)["Status"]
    put_back(scene, copy)
    with scene.store() as store:
        assert store.count_open() == 1
    since = scene.last_request()
    for _ in range(3):
        scene.cycle()
    assert applied(scene.writes(since)) == []
    assert scene.row(WORKING)["Status"] == expected
    assert scene.is_at_rest()


def test_until_it_was_compared_no_plan_is_applied(reverting: Scene) -> None:
    scene = reverting
    scene.cycle()
    copy = saved(scene)
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.tick()
    with scene.world() as (world, _):
        plan: Plan = preview(world).plan
    put_back(scene, copy)
    since = scene.last_request()
    with scene.world() as (world, org), pytest.raises(PlanRefused, match="not compared with the org yet"):
        apply(world, org, plan)
    assert scene.writes(since) == []


def test_exports_that_were_taken_since_are_taken_once_more_so_that_no_opt_out_is_lost(scene: Scene) -> None:
    scene.drop("monday.csv", export_line("Nurture-0"))
    scene.cycle()
    copy = saved(scene)
    scene.drop("tuesday.csv", export_line("Nurture-1", unsubscribed="true"))
    scene.cycle()
    with scene.store() as store:
        [opted_out] = [store.flag_counts()["opted_out"]]
    assert opted_out >= 1
    put_back(scene, copy)
    with scene.store() as store:
        assert store.flag_counts()["opted_out"] < opted_out
    record = scene.cycle()
    assert record.counts["export files taken once more"] == 1
    scene.cycle()
    with scene.store() as store:
        assert store.flag_counts()["opted_out"] == opted_out
    assert all(name.startswith("done/") for name in scene.files())


def test_killed_while_it_compares_it_compares_again(reverting: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = reverting
    copy = saved(scene)
    scene.edit("marketo", WORKING, Status="Inquiry")
    put_back(scene, copy)
    for step in ("syncd.engine.restored.hold", "syncd.engine.restored.look_again"):
        with monkeypatch.context() as patched:
            patched.setattr(step, _die)
            with pytest.raises(KeyboardInterrupt):
                scene.cycle()
        assert is_marked(scene)
    since = scene.last_request()
    scene.cycle()
    assert scene.writes(since) == []
    assert not is_marked(scene)
    assert len(scene.inbox("plan-waiting")) == 1
    assert len(scene.ledger(kind="asked")) == 1


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_drill_loses_at_most_what_came_after_the_backup(reverting: Scene) -> None:
    """P17: after the restore and one cycle the mirror is the org again, and the ledger verifies."""
    scene = reverting
    for number in range(3):
        scene.edit("ada", lead("Working", number), Company=f"Acme {number}")
        scene.cycle()
    copy = saved(scene)
    scene.edit("ada", WORKING, Company="Later")
    scene.cycle()
    (scene.home / "syncd.db").unlink()
    restore(scene.config().store_url, copy, by="dana@host")
    scene.cycle()
    with scene.store() as store:
        rows = store.get("Lead", [WORKING, OTHER])
        assert store.verify().problems == ()
        assert store.count("Lead") == len(scene.rows("Lead"))
    modified = {id: rows[id].modified_at for id in rows}
    for id in (WORKING, OTHER):
        assert modified[id].isoformat().startswith(str(scene.row(id)["SystemModstamp"])[:19])
