"""Does a rule stop when its first writes set something else in motion, or when people set them back?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from syncd.core.regret import to_json
from syncd.engine.canary import read_trials
from syncd.engine.owner_health import read_owner_health
from syncd.engine.planning import apply, preview
from syncd.engine.regret import TALLIES, read_tallies
from syncd.engine.requests import RESOLVE, take_up
from syncd.engine.schedule import holding_lease
from tests.engine.scene import Scene, export_line
from tests.engine.small_org import lead, queue, user

EIGHT = [lead(status, number) for status in ("Working", "Meeting Set") for number in range(4)]
FLOW = {"object": "Lead", "changed": ["Status"], "set": {"OwnerId": user("max")}, "name": "Owner router"}


def pushed(scene: Scene, ids: list[str] = EIGHT) -> None:
    """Have a tool push a status that the fence puts back."""
    scene.fences({"tool": "revert"})
    for id in ids:
        scene.edit("marketo", id, Status="Inquiry")


def resolve(scene: Scene, kind: str) -> None:
    """Resolve all items of a kind."""
    with scene.world() as (world, org), holding_lease(world.store):
        numbers = [number for number, item, _ in world.store.inbox() if item.kind == kind]
        world.store.ask(RESOLVE, {"numbers": numbers}, "dana@host", datetime.now(UTC))
        take_up(world, org)


def written(scene: Scene) -> list[str]:
    """Return the records that were written, in order."""
    return [write.path.rpartition("/")[2] for write in scene.writes()]


@pytest.mark.sweep
def test_five_go_alone_and_the_rest_when_nothing_else_moved(scene: Scene) -> None:
    pushed(scene)
    record = scene.cycle()
    assert (len(written(scene)), record.counts["writes waiting for a rule's first"]) == (5, 3)
    assert {tuple(write.values) for write in scene.writes()} == {("Status",)}
    record = scene.cycle()
    assert (len(written(scene)), record.counts["first writes looked at"]) == (8, 5)
    assert "Inquiry" not in {scene.row(id)["Status"] for id in EIGHT}
    assert scene.inbox() == []
    pushed(scene, [lead("MQL", number) for number in range(4)])
    scene.cycle()
    assert len(written(scene)) == 12
    scene.rewrite("fences.toml", r'version = "2026-11"', 'version = "2026-12"')
    pushed(scene, [lead("Qualified", number) for number in range(4)] + [lead("Disqualified", number) for number in range(4)])
    scene.cycle()
    assert len(written(scene)) == 17


def test_a_flow_that_moves_the_owner_too_stops_the_rule_and_the_card_names_it(scene: Scene) -> None:
    pushed(scene)
    scene.settings(workflow_rules=[FLOW])
    scene.cycle()
    moved = {id for id in EIGHT if scene.row(id)["OwnerId"] == user("max")}
    assert len(moved) == 5
    scene.cycle()
    [card] = scene.inbox("canary")
    assert "OwnerId of 5 records moved too" in card.text
    assert "Owner router" in card.remedy
    assert len(written(scene)) == 5
    assert scene.outcomes().count("not_sent") == 3
    scene.edit("marketo", lead("MQL"), Status="Inquiry")
    scene.cycle()
    [entry] = [entry for entry in scene.ledger(lead("MQL"), kind="change") if entry.field == "Status"]
    assert (entry.verdict, str(entry.reason).endswith("this org's automation also changes OwnerId")) == ("note", True)
    assert len(written(scene)) == 5
    scene.settings(workflow_rules=[])
    resolve(scene, "canary")
    scene.edit("marketo", lead("MQL", 1), Status="Inquiry")
    scene.cycle()
    assert len(written(scene)) == 6
    with scene.store() as store:
        assert {item.record_id for item in store.deferred()} == set(EIGHT) - moved


@pytest.mark.sweep
def test_a_mapped_value_that_a_person_sets_back_is_regret_where_its_history_is_kept(scene: Scene) -> None:
    scene.settings(history_tracking={"Lead": ["Status", "Owner", "Lead_Score__c"]})
    scene.mapping("write")
    scene.drop("a.csv", export_line("Nurture-0", leadScore="91"), export_line("Nurture-1", leadScore="92"))
    scene.cycle()
    assert [scene.row(lead("Nurture", number))["Lead_Score__c"] for number in range(2)] == [91, 92]
    scene.edit("mia", lead("Nurture"), Lead_Score__c=5)
    scene.edit("marketo", lead("Nurture", 1), Lead_Score__c=5)
    scene.cycle()
    [regret] = scene.ledger(kind="regret")
    assert (regret.record_id, regret.field) == (lead("Nurture"), "Lead_Score__c")
    assert regret.rule is not None
    assert regret.rule.file == "mappings/fields/marketo.toml"


@pytest.mark.sweep
def test_what_a_person_approved_goes_on_as_soon_as_the_first_were_looked_at(scene: Scene) -> None:
    pushed(scene)
    scene.tick()
    with scene.world() as (world, org):
        record = apply(world, org, preview(world).plan)
    assert (len(written(scene)), record.counts["first writes looked at"]) == (8, 5)
    assert scene.is_at_rest()


@pytest.mark.sweep
def test_a_person_who_edits_a_first_write_stops_nothing(scene: Scene) -> None:
    pushed(scene, EIGHT[:2])
    scene.cycle()
    scene.edit("sam", EIGHT[0], OwnerId=user("sue"), LeadSource="Event")
    scene.cycle()
    assert scene.inbox() == []
    with scene.store() as store:
        [trial] = read_trials(store).rules.values()
    assert (trial.passed, trial.stopped) == (2, "")


@pytest.mark.sweep
def test_a_rule_that_people_set_back_observes_and_writes_again_when_it_is_resolved(scene: Scene) -> None:
    pushed(scene, [lead("Working", number) for number in range(4)])
    scene.cycle()
    with scene.world() as (world, _), holding_lease(world.store):
        [(rule, tally)] = read_tallies(world.store).items()
        assert sum(tally.writes.values()) == 4
        with world.store.begin() as tx:
            tx.put_setting(TALLIES, to_json({rule: replace(tally, writes=dict.fromkeys(tally.writes, 20))}))
    scene.edit("sam", lead("Working", 1), Status="Meeting Set")
    scene.edit("mia", lead("Working"), Status="Inquiry")
    scene.cycle()
    [regret] = scene.ledger(kind="regret")
    assert (regret.record_id, regret.actor, regret.actor_id) == (lead("Working"), None, None)
    [card] = scene.inbox("regret")
    assert "people set back 1 of its 20 values within 24 hours (5.0 %)" in card.text
    before = len(written(scene))
    scene.edit("routing", lead("Working", 2), Status="Inquiry")
    scene.edit("routing", lead("Meeting Set"), Status="Inquiry")
    scene.cycle()
    assert written(scene)[before:] == [lead("Meeting Set")]
    assert [entry.verdict for entry in scene.ledger(lead("Working", 2), kind="change")] == ["revert", "note"]
    resolve(scene, "regret")
    scene.edit("routing", lead("Working", 3), Status="Nurture")
    scene.cycle()
    assert written(scene)[-1] == lead("Working", 3)


def test_owners_of_open_leads_are_counted_as_they_change(scene: Scene) -> None:
    def leads_of(owner: str) -> int:
        with scene.store() as store:
            return sum(one.leads for one in read_owner_health(store) or () if one.owner_id == owner)

    with scene.store() as store:
        known = store.setting("owner loads")
        assert known["loads"] == store.tally("Lead", "OwnerId", unless=("IsConverted",))
    assert leads_of(queue("MQL_EMEA")) == 0
    scene.edit("sam", lead("Working"), OwnerId=queue("MQL_EMEA"))
    scene.edit("sam", lead("Working", 1), OwnerId=user("marketo"))
    scene.cycle()
    assert (leads_of(queue("MQL_EMEA")), leads_of(user("marketo"))) == (1, 1)
    scene.do("admin", "delete", lead("Working"))
    scene.cycle()
    assert leads_of(queue("MQL_EMEA")) == 0
    with scene.store() as store:
        known = store.setting("owner loads")
        assert known["loads"] == store.tally("Lead", "OwnerId", unless=("IsConverted",))
