"""Does syncd stop fighting a person, tell both sides, and take the fence up again when the fight is over?"""

from __future__ import annotations

import pytest

from tests.engine.scene import Scene
from tests.engine.small_org import lead

WORKING = lead("Working")


@pytest.fixture
def strict(scene: Scene) -> Scene:
    """Give the scene with people's crossings put back as well."""
    scene.fences({"tool": "revert", "automation": "revert", "person": "revert"})
    return scene


def fight(scene: Scene, times: int, who: str = "mia", value: str = "Nurture") -> None:
    """Have somebody insist on a value, one cycle after each try."""
    for _ in range(times):
        scene.edit(who, WORKING, Status=value)
        scene.cycle()


def test_the_third_time_in_a_day_a_person_wins_and_one_inbox_item_names_both_sides(strict: Scene) -> None:
    scene = strict
    fight(scene, 2)
    assert scene.row(WORKING)["Status"] == "Working"
    assert scene.inbox("fought-over") == []
    fight(scene, 1)
    assert scene.row(WORKING)["Status"] == "Nurture"
    assert len(scene.writes()) == 2
    (item,) = scene.inbox("fought-over")
    assert "Mia Market (marketing) set Status from 'Working' to 'Nurture' again after 2 reverts" in item.text
    assert "'Working' belongs to sdr" in item.text
    assert scene.is_at_rest()


def test_while_it_waits_nobody_is_put_back_and_a_second_run_writes_nothing(strict: Scene) -> None:
    scene = strict
    fight(scene, 3)
    before = scene.last_request()
    fight(scene, 1, "sam", "Working")
    fight(scene, 1, "mia", "Nurture")
    fight(scene, 1, "marketo", "Inquiry")
    scene.cycle()
    assert scene.writes(before) == []
    assert len(scene.inbox("fought-over")) == 1


def test_a_lawful_move_puts_the_fence_back(strict: Scene) -> None:
    scene = strict
    fight(scene, 3)
    scene.tick(86_400)
    scene.edit("mia", WORKING, Status="MQL")
    scene.cycle()
    assert scene.inbox("fought-over") == []
    before = scene.last_request()
    scene.edit("mia", WORKING, Status="Nurture")
    scene.cycle()
    assert [write.values for write in scene.writes(before)] == [{"Status": "MQL"}]


def test_another_record_of_the_same_person_is_judged_as_ever(strict: Scene) -> None:
    scene = strict
    fight(scene, 3)
    other = lead("Working", 1)
    scene.edit("mia", other, Status="Nurture")
    scene.cycle()
    assert scene.row(other)["Status"] == "Working"


def test_a_machine_that_takes_turns_between_two_values_is_left_alone_at_the_third(strict: Scene) -> None:
    scene = strict
    for value in ("Inquiry", "Nurture", "Inquiry", "Nurture"):
        scene.edit("marketo", WORKING, Status=value)
        scene.cycle()
    assert len(scene.writes()) == 2
    assert len(scene.inbox("fought-over")) == 1


def test_a_fence_and_a_rule_of_the_org_that_block_each_other_end_in_one_item_naming_both(strict: Scene) -> None:
    scene = strict
    rule = {"object": "Lead", "when": {"Status": "Working"}, "message": "Working needs a logged call."}
    for who, value in (("marketo", "Inquiry"), ("routing", "Nurture")):
        scene.settings(validation_rules=[])
        scene.edit("admin", WORKING, Status="Working")
        scene.tick(5)
        scene.settings(validation_rules=[rule])
        scene.edit(who, WORKING, Status=value)
        scene.cycle()
    [item] = scene.inbox()
    assert item.kind == "protections-blocked"
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION Working needs a logged call." in item.text
    assert "mappings/fences.toml:" in item.text
    before = scene.last_request()
    scene.settings(validation_rules=[])
    scene.edit("admin", WORKING, Status="Meeting Set")
    scene.edit("flow", WORKING, Status="Inquiry")
    scene.cycle()
    assert scene.writes(before) == []
    assert scene.is_at_rest()
