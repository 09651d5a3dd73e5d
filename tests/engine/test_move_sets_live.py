"""Does a status move go back together with the reason and the owner that came with it, in one conditional write?"""

from __future__ import annotations

import pytest

from tests.engine.scene import Scene
from tests.engine.small_org import lead, owner, user

WORKING = lead("Working")


@pytest.fixture
def reverting(scene: Scene) -> Scene:
    """Give the scene with machines put back at Status, only noted at the owner, and a lifecycle that has a reason."""
    scene.fences({"tool": "revert"}, {"tool": "observe"})
    scene.rewrite("fences.toml", r"\[teams\]", '[lifecycle]\nreason = "Rating"\n[teams]')
    scene.settings(history_tracking={"Lead": ["Status", "Owner", "Rating"]})
    scene.cycle()
    return scene


def test_status_reason_and_owner_go_back_in_one_conditional_write(reverting: Scene) -> None:
    scene = reverting
    before = scene.row(WORKING)
    scene.edit("marketo", WORKING, Status="Inquiry", Rating="Cold", OwnerId=user("max"))
    scene.cycle()
    [write] = scene.writes()
    assert write.values == {name: before[name] for name in ("Status", "Rating", "OwnerId")}
    assert "If-Unmodified-Since" in write.headers
    assert {name: scene.row(WORKING)[name] for name in write.values} == write.values
    assert scene.outcomes(WORKING) == ["confirmed"] * 3
    scene.cycle()
    assert len(scene.writes()) == 1


def test_the_owner_alone_is_only_noted_and_a_lawful_owner_move_stays(reverting: Scene) -> None:
    scene = reverting
    scene.edit("marketo", WORKING, OwnerId=user("max"))
    scene.cycle()
    assert scene.writes() == []
    other = lead("Working", 1)
    scene.edit("outreach", other, Status="Inquiry", OwnerId=owner("MQL_EMEA"))
    scene.cycle()
    [write] = scene.writes()
    assert set(write.values) == {"Status"}
