"""Do fences stand on contacts and custom objects as they do on leads, and cost nothing where there are none?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.core.values import Scalar
from syncd.engine.cycle import run_cycle
from tests.engine.scene import Scene
from tests.engine.small_org import application, contact, lead, user

SLOW_S = 330
TRACKED = {"Lead": ["Status", "Owner"], "Contact": ["Contact_Status__c"], "Application__c": ["Stage__c", "Owner"]}
APPLICATIONS = """
[fence.application]
fields = ["Application__c.Stage__c"]
[fence.application.status]
"Open"   = { shared = [{ team = "marketing", when = 'Channel__c = "Web"' }, { team = "sdr" }] }
"Draft"  = { team = "marketing" }
"Review" = { team = "sales" }
"Signed" = { team = "sales" }
[fence.application.gate]
"Open -> Review" = { by = ["marketing", "sdr"] }
[crossing.application]
mode = { tool = "revert" }
grace_minutes = 0
"""


def fence(scene: Scene, *, lifecycle: str = "", more: str = "") -> None:
    """Let the policy stand on more, and read what that takes."""
    scene.settings(history_tracking=TRACKED)
    scene.fences({"tool": "revert"}, {"tool": "revert"})
    path = scene.home / "mappings" / "fences.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("\n[teams]", f"\n{lifecycle}\n[teams]", 1) + more, encoding="utf-8")
    scene.cycle(SLOW_S)


def verdicts(scene: Scene, id: str) -> list[tuple[str | None, Scalar, str | None, str | None]]:
    return [(entry.field, entry.after, entry.verdict, entry.fence) for entry in scene.ledger(id, kind="change")]


def test_a_contact_is_judged_by_its_history_and_put_back(scene: Scene) -> None:
    fence(scene, lifecycle='[lifecycle]\nfields = ["Lead.Status", "Contact.Contact_Status__c"]')
    assert scene.ledger(contact(4), kind="change") == [], "what a field held when it was first read is no change"
    scene.edit("marketo", contact(4), Contact_Status__c="Inquiry")
    scene.edit("sam", contact(5), Contact_Status__c="Working")
    scene.cycle(SLOW_S)
    assert verdicts(scene, contact(4)) == [("Contact_Status__c", "Inquiry", "revert", "status")]
    assert verdicts(scene, contact(5)) == [("Contact_Status__c", "Working", "allow", None)]
    assert scene.row(contact(4))["Contact_Status__c"] == "Working"
    assert [(write.path, write.values) for write in scene.writes()] == [
        (f"Contact/{contact(4)}", {"Contact_Status__c": "Working"})
    ]
    scene.cycle()
    calls = [scene.cycle().counts["API calls"] for _ in range(5)]
    assert calls == [1, 1, 1, 3, 1]


def test_a_custom_object_is_judged_and_put_back_for_one_call_more_in_every_fifth_cycle(scene: Scene) -> None:
    fence(scene, more=APPLICATIONS)
    scene.edit("marketo", application(1), Stage__c="Open")
    scene.edit("mia", application(0), Stage__c="Review")
    scene.cycle(SLOW_S)
    assert verdicts(scene, application(1)) == [("Stage__c", "Open", "revert", "application")]
    assert verdicts(scene, application(0)) == [("Stage__c", "Review", "allow", None)]
    assert scene.row(application(1))["Stage__c"] == "Review"
    scene.cycle()
    calls = [scene.cycle().counts["API calls"] for _ in range(5)]
    assert calls == [1, 1, 1, 4, 1]


@pytest.mark.sweep
def test_a_large_custom_object_is_loaded_by_a_job_and_its_history_judged_as_seen_for_the_first_time(scene: Scene) -> None:
    scene.settings(history_tracking=TRACKED)
    scene.edit("marketo", application(1), Stage__c="Open")
    path = scene.home / "mappings" / "fences.toml"
    path.write_text(path.read_text(encoding="utf-8") + APPLICATIONS, encoding="utf-8")
    scene.tick(SLOW_S)
    with scene.world() as (world, org):
        record = run_cycle(replace(world, pace=replace(world.pace, bulk_rows_min=4)), org)
    assert record.counts["rows read"] >= 5
    assert [one["path"] for one in scene.served.requests(scene.first_request) if one["path"].endswith("/jobs/query")]
    assert verdicts(scene, application(1)) == [("Stage__c", "Open", "note", "application")], "noted, since it was there before"
    scene.edit("marketo", application(2), Stage__c="Open")
    scene.cycle(SLOW_S)
    assert scene.row(application(2))["Stage__c"] == "Signed"


def test_a_fence_may_stand_on_the_records_of_one_type_alone(scene: Scene) -> None:
    created = scene.do("admin", "create", "RecordType", Name="Partner", DeveloperName="Partner", SobjectType="Lead")
    scene.edit("admin", lead("Working", 1), RecordTypeId=created["id"])
    fence(scene, lifecycle='[lifecycle]\nfields = [{ field = "Lead.Status", record_type = ["Partner"] }]')
    for number in range(2):
        scene.edit("marketo", lead("Working", number), Status="Inquiry")
    scene.cycle()
    assert [scene.row(lead("Working", number))["Status"] for number in range(2)] == ["Inquiry", "Working"]


@pytest.mark.sweep
@pytest.mark.parametrize(("channel", "verdict"), [("Web", "allow"), ("Phone", "warn")])
def test_who_has_the_ball_may_depend_on_a_field_that_only_the_fence_names(scene: Scene, channel: str, verdict: str) -> None:
    fence(scene, more=APPLICATIONS.replace('"revert"', '"revert", person = "warn"'))
    scene.edit("admin", application(0), Channel__c=channel)
    scene.cycle(SLOW_S)
    scene.edit("mia", application(0), Stage__c="Draft")
    scene.cycle(SLOW_S)
    assert [entry.verdict for entry in scene.ledger(application(0), kind="change")] == [verdict]


def test_a_fence_on_a_field_that_the_org_hides_only_notes_there_and_stands_everywhere_else(scene: Scene) -> None:
    scene.settings(hidden_fields={"Contact": ["Contact_Status__c"]})
    fence(scene, lifecycle='[lifecycle]\nfields = ["Lead.Status", "Contact.Contact_Status__c"]')
    assert [item.subject for item in scene.inbox("hidden-field")] == ["Contact.Contact_Status__c"]
    scene.edit("marketo", contact(4), Contact_Status__c="Inquiry")
    scene.edit("marketo", lead("Working"), Status="Inquiry")
    scene.cycle(SLOW_S)
    assert scene.row(contact(4))["Contact_Status__c"] == "Inquiry"
    assert scene.row(lead("Working"))["Status"] == "Working"


def test_a_value_that_no_team_owns_parks_just_the_records_that_hold_it_until_the_file_knows_it(scene: Scene) -> None:
    scene.fences({"tool": "revert"})
    scene.settings(picklists={"Lead": {"Status": ["Inquiry", "MQL", "Working", "Parked"]}})
    for number in range(2):
        scene.edit("marketo", lead("Working", number), Status="Parked")
    scene.edit("marketo", lead("Working", 2), Status="Inquiry")
    record = scene.cycle()
    assert [scene.row(lead("Working", number))["Status"] for number in range(3)] == ["Parked", "Parked", "Working"]
    [item] = scene.inbox("unowned-value")
    assert (item.subject, record.counts["cannot be known"]) == ("Lead.Status: Parked", 2)
    path = scene.home / "mappings" / "fences.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[status]\n", '[status]\n"Parked" = { team = "sdr" }\n', 1), encoding="utf-8")
    scene.cycle()
    assert scene.inbox("unowned-value") == []


def test_what_always_moves_with_the_status_whoever_saves_is_the_automations_and_never_put_back(scene: Scene) -> None:
    scene.fences({"tool": "revert"}, {"tool": "revert"})
    owners = {"sam": "sue", "sue": "sam"}
    for number in range(24):
        who, id = ("sam", "sue", "vic")[number % 3], lead("Working", number % 4)
        next_owner = owners["sam" if scene.row(id)["OwnerId"] == user("sam") else "sue"]
        status = "Meeting Set" if scene.row(id)["Status"] == "Working" else "Working"
        scene.edit(who, id, Status=status, OwnerId=user(next_owner))
        scene.tick(2)
    scene.cycle()
    scene.edit("sam", lead("MQL"), Status="Working", OwnerId=user("ada"))
    scene.cycle()
    [moved] = [entry for entry in scene.ledger(lead("MQL"), kind="change") if entry.field == "OwnerId"]
    assert (moved.proof, moved.actor_kind, moved.verdict) == ("automation", "automation", "note")
    assert moved.actor is None, "nobody is named for what the org did"


def test_a_status_goes_back_with_its_reason_and_owner_in_one_conditional_write(scene: Scene) -> None:
    scene.settings(history_tracking={"Lead": ["Status", "Owner", "Rating"]})
    scene.fences({"tool": "revert"}, {"tool": "revert"})
    path = scene.home / "mappings" / "fences.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("\n[teams]", '\n[lifecycle]\nreason = "Rating"\n[teams]', 1), encoding="utf-8")
    scene.cycle(SLOW_S)
    scene.edit("marketo", lead("Working"), Status="Inquiry", Rating="Hot", OwnerId=user("mia"), Company="Elsewhere")
    scene.cycle()
    [write] = scene.writes()
    assert write.values == {"Status": "Working", "Rating": None, "OwnerId": user("sam")}
    assert "If-Unmodified-Since" in write.headers
    assert scene.row(lead("Working"))["Company"] == "Elsewhere", "what no fence stands on stays"
    assert scene.outcomes(lead("Working")) == ["confirmed"] * 3
    scene.cycle()
    assert scene.inbox() == []
