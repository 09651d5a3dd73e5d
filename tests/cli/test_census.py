"""What does `syncd census` say and do?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.core.values import OrgRecord
from tests.cli.conftest import Syncd
from tests.engine.conftest import Stage, stage
from tests.engine.scene import Scene
from tests.engine.small_org import STATUSES, lead

__all__ = ["stage"]


@pytest.fixture
def scene(stage: Stage, tmp_path: Path) -> Iterator[Scene]:
    yield stage.scene(tmp_path)
    stage.served.hook()


def test_a_true_mirror_has_no_drift_and_status_says_so(scene: Scene, syncd: Syncd) -> None:
    scene.tick()
    said = syncd("census")
    assert said.code == 0
    assert said.out.startswith("drift 0 (counted 2026-")
    assert "drift         0 (counted 2026-" in syncd("status").out


def test_what_differs_is_put_right_and_is_a_finding(scene: Scene, syncd: Syncd) -> None:
    with scene.world() as (world, _):
        row = world.store.get("Lead", [lead("MQL")])[lead("MQL")]
        with world.store.begin() as tx:
            tx.mirror([OrgRecord("Lead", row.id, row.modified_at, row.fields, is_deleted=True)])
    scene.tick()
    said = syncd("census", "--json")
    assert said.code == 1
    [drift] = said.json["drift"]
    assert (drift["object"], drift["missing"], drift["ids"]) == ("Lead", 1, [lead("MQL")])
    scene.tick()
    assert syncd("census").code == 0


def test_a_mass_loss_is_dropped_only_when_somebody_accepts_it(scene: Scene, syncd: Syncd) -> None:
    lost = [lead(status, number) for status in STATUSES for number in range(2)]
    scene.settings(unshared=lost)
    scene.tick()
    assert "held back" in syncd("census").out
    assert "does not mirror Nothing" in syncd("census", "--accept", "Nothing").err
    with scene.store() as store:
        assert not any(row.is_deleted for row in store.get("Lead", lost).values())
    scene.tick()
    assert syncd("census", "--accept", "Lead").code == 1
    with scene.store() as store:
        assert all(row.is_deleted for row in store.get("Lead", lost).values())
    assert scene.inbox("rows-gone") == []
    scene.tick()
    assert syncd("census").code == 0
