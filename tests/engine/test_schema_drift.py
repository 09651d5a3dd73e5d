"""What happens when fields vanish, return or change while syncd runs?"""

from __future__ import annotations

import pytest

from tests.engine.scene import Scene, export_line
from tests.engine.small_org import campaign, lead, user

WORKING = lead("Working")
SLOW_S = 330


def test_an_idle_cycle_is_one_call_and_every_fifth_has_two_more(scene: Scene) -> None:
    scene.cycle(SLOW_S)
    calls = [scene.cycle().counts["API calls"] for _ in range(10)]
    assert calls == [1, 1, 1, 1, 3] * 2


def test_a_person_of_the_org_chart_who_changes_is_read_in_one_call_more(scene: Scene) -> None:
    scene.cycle(SLOW_S)
    scene.do("admin", "update", user("sam"), IsActive=False)
    scene.do("admin", "update", campaign("early"), Name="Renamed")
    assert scene.cycle(SLOW_S).counts["API calls"] == 4
    with scene.store() as store:
        assert store.get("User", [user("sam")])[user("sam")].fields["IsActive"] is False
        assert [row.id for row in store.by_key("Campaign", "Name", ["Renamed"])] == [campaign("early")]


def test_a_field_that_vanishes_rests_its_mapping_alone_and_in_the_same_cycle(scene: Scene) -> None:
    scene.mapping("write")
    scene.settings(hidden_fields={"Lead": ["Lead_Score__c"]})
    scene.edit("mia", WORKING, Email="new@example.com")
    scene.drop("a.csv", export_line("Working-1", leadScore="77"))
    record = scene.cycle()
    assert record.error is None
    assert (record.counts["fields hidden"], record.counts["schema changes"]) == (1, 1)
    assert record.counts["API calls"] == 2, "the object is asked once more, without the field"
    with scene.store() as store:
        [changed] = store.by_key("Lead", "Email", ["new@example.com"])
    assert "Lead_Score__c" not in changed.fields
    [item] = scene.inbox("hidden-field")
    assert item.subject == "Lead.Lead_Score__c"
    assert "fields/marketo.toml" in item.text
    assert [item.subject for item in scene.inbox("export-mapping")] == ["marketo"]
    assert [(entry.object, entry.field, entry.after) for entry in scene.ledger(kind="schema")] == [
        ("Lead", "Lead_Score__c", None)
    ]
    assert scene.writes() == []
    assert "a.csv" in {name.rpartition("/")[2] for name in scene.files() if "done" not in name}


def test_a_field_that_returns_is_read_anew_and_its_mapping_goes_on_by_itself(scene: Scene) -> None:
    scene.mapping("write")
    scene.settings(hidden_fields={"Lead": ["Lead_Score__c"]})
    scene.drop("a.csv", export_line("Working-1", leadScore="77"))
    scene.cycle()
    scene.edit("mia", WORKING, Lead_Score__c=31)
    scene.cycle(1_000)
    scene.settings(hidden_fields={})
    scene.cycle()
    scene.cycle()
    with scene.store() as store:
        assert store.get("Lead", [WORKING])[WORKING].fields["Lead_Score__c"] == 31
        assert len([row for row in store.scan("Lead") if row.fields.get("Lead_Score__c") is not None]) > 20
    assert scene.inbox() == []
    assert [write.values for write in scene.writes()] == [{"Lead_Score__c": 77}]
    assert [entry.reason for entry in scene.ledger(kind="schema")][1] == "Lead.Lead_Score__c is visible again"


def test_fences_go_on_while_a_field_of_a_mapping_is_gone(scene: Scene) -> None:
    scene.fences({"tool": "revert"})
    scene.settings(hidden_fields={"Lead": ["Lead_Score__c"]})
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle()
    assert scene.row(WORKING)["Status"] == "Working"


def test_a_fence_only_notes_while_its_field_cannot_be_read(scene: Scene) -> None:
    scene.fences({"tool": "revert"})
    scene.settings(hidden_fields={"Lead": ["Status"]})
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle()
    scene.cycle()
    assert scene.writes() == []
    assert [entry.verdict for entry in scene.ledger(WORKING, kind="change")] == ["note"]
    scene.settings(hidden_fields={})
    scene.cycle()
    scene.edit("marketo", lead("Working", 1), Status="Inquiry")
    scene.cycle()
    assert scene.row(lead("Working", 1))["Status"] == "Working"


@pytest.mark.parametrize(
    ("values", "serious", "words"),
    [
        (["Web", "Other", "Fair"], False, "new picklist value 'Fair'"),
        (["Site", "Other"], True, "no longer has the picklist value 'Web'; new are 'Site': renamed?"),
    ],
)
def test_a_changed_picklist_is_noticed_and_a_lost_value_needs_a_person(
    scene: Scene, values: list[str], serious: bool, words: str
) -> None:
    scene.settings(picklists={"Lead": {"LeadSource": ["Web", "Other"]}})
    scene.cycle()
    scene.settings(picklists={"Lead": {"LeadSource": values}})
    before = len(scene.ledger(kind="schema"))
    record = scene.cycle()
    assert record.counts["API calls"] == 1
    told = [entry.reason or "" for entry in scene.ledger(kind="schema")[before:]]
    assert any(words in text for text in told), told
    assert bool([item for item in scene.inbox("changed-field") if words in item.text]) == serious


def test_a_field_that_does_not_change_is_never_told_of(scene: Scene) -> None:
    scene.settings(hidden_fields={"Opportunity": ["Description"]})
    record = scene.cycle(SLOW_S)
    assert "schema changes" not in record.counts
    assert scene.ledger(kind="schema") == []
    assert scene.inbox() == []


@pytest.mark.parametrize(
    "hidden", [{"Contact": ["Nurture_Hold_Until__c"]}, {"Opportunity": ["Nurture_Hold_Until__c"]}, {"Contact": ["Email"]}]
)
def test_nobody_is_enrolled_while_what_may_keep_people_out_cannot_be_read(scene: Scene, hidden: dict[str, list[str]]) -> None:
    scene.nurture("enroll")
    scene.settings(hidden_fields=hidden)
    scene.cycle()
    scene.cycle()
    assert scene.members() == set()
    [(object, [field])] = hidden.items()
    assert [item.subject for item in scene.inbox("hidden-field")] == [f"{object}.{field}"]
    scene.settings(hidden_fields={})
    scene.cycle(SLOW_S)
    scene.cycle(SLOW_S)
    assert len(scene.members()) == 8
