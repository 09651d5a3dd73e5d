"""Is a gate as narrow in the org as its line says: by reason, by filled fields, by a condition on the org's own types?"""

from __future__ import annotations

import pytest

from syncd.core.values import Scalar
from tests.engine.scene import Scene
from tests.engine.small_org import lead

GATE = '"MQL, Working, Meeting Set -> Nurture"   = { by = ["sdr"] }'
NARROW = (
    '"MQL, Working, Meeting Set -> Nurture" = '
    """{ by = ["sdr"], reasons = "recycle", needs = ["Title"], when = 'Lead_Score__c > 5 && NOT(ISBLANK(Company))' }"""
)
GIVEN: dict[str, Scalar] = {"Status": "Nurture", "Industry": "No budget", "Title": "CFO"}


@pytest.fixture
def narrow(scene: Scene) -> Scene:
    scene.settings(history_tracking={"Lead": ["Status", "Owner", "Industry", "Title", "Lead_Score__c"]})
    scene.fences({"person": "revert"})
    path = scene.home / "mappings" / "fences.toml"
    text = path.read_text(encoding="utf-8").replace("\n[teams]", '\n[lifecycle]\nreason = "Industry"\n[teams]', 1)
    lists = '\n[reasons]\nrecycle = ["No budget", "Bad timing"]\n'
    path.write_text(text.replace(GATE, NARROW) + lists, encoding="utf-8")
    scene.cycle()
    scene.cycle()
    return scene


OPEN = "gate MQL, Working, Meeting Set -> Nurture"
# What the lead held before, what sam saves, what is made of it, and why.
SAVES: list[tuple[dict[str, Scalar], dict[str, Scalar], str, str]] = [
    ({}, GIVEN, "allow", OPEN),
    ({}, GIVEN | {"Industry": "Web"}, "revert", "asks for one of its reasons, and 'Web' is none"),
    ({}, GIVEN | {"Title": ""}, "revert", "needs Title, which is empty"),
    ({"Lead_Score__c": 3}, GIVEN, "revert", "is open only when Lead_Score__c > 5"),
    ({"Lead_Score__c": 3}, GIVEN | {"Lead_Score__c": 6}, "allow", OPEN),
]
LEADS = [*(lead("Working", number) for number in range(4)), lead("Meeting Set")]


def test_a_gate_is_passed_only_with_what_it_asks_for(narrow: Scene) -> None:
    for id, (before, *_) in zip(LEADS, SAVES, strict=True):
        if before:
            narrow.edit("ada", id, **before)
    narrow.cycle()
    for id, (_, made, *_) in zip(LEADS, SAVES, strict=True):
        narrow.edit("sam", id, **made)
    narrow.cycle()
    for id, (_, _, verdict, why) in zip(LEADS, SAVES, strict=True):
        [found] = [entry for entry in narrow.ledger(id, kind="change") if entry.field == "Status"]
        assert (found.verdict, why in str(found.reason)) == (verdict, True), found.reason
        assert (narrow.row(id)["Status"] == "Nurture") is (verdict == "allow")
