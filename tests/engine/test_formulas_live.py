"""Does a formula's value reach the mirror although no stamp moves?"""

from __future__ import annotations

from tests.engine.scene import Scene
from tests.engine.small_org import lead

WORKING = lead("Working")
SIX_HOURS_S = 6 * 3_600 + 60


def age_in_mirror(scene: Scene) -> object:
    with scene.store() as store:
        return store.get("Lead", [WORKING])[WORKING].fields.get("Age__c")


def test_a_formula_that_moves_without_a_stamp_is_read_again_on_a_schedule(scene: Scene) -> None:
    scene.settings(formula_fields={"Lead": {"Age__c": "TODAY() - DATEVALUE(CreatedDate)"}})
    age = '[column."firstName"]\nfield = { Lead = "Age__c" }\ntype = "number"\nside = "sales"\nconflict = "fill"\n\n'
    scene.rewrite("fields/marketo.toml", r'\[column\."company"\]', age + '[column."company"]')
    scene.cycle()
    scene.cycle(330)
    before = age_in_mirror(scene)
    assert isinstance(before, int | float)
    stamp = scene.row(WORKING)["SystemModstamp"]
    scene.cycle(86_400 - 400)
    scene.cycle(400)
    scene.cycle(400)
    assert scene.row(WORKING)["SystemModstamp"] == stamp
    assert age_in_mirror(scene) == before + 1
    record = scene.cycle(400)
    assert record.counts["API calls"] <= 4, "not again before the next six hours"


def test_without_a_formula_in_a_rule_nothing_is_read_again(scene: Scene) -> None:
    scene.settings(formula_fields={"Lead": {"Age__c": "TODAY() - DATEVALUE(CreatedDate)"}})
    scene.cycle(330)
    assert scene.cycle(SIX_HOURS_S).counts["API calls"] <= 4
