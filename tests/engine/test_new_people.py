"""Does an export create people only where it may, each once, and nobody who must not be mailed?"""

from __future__ import annotations

from typing import Any

import pytest

from syncd.engine import creating_people
from syncd.engine.creating_people import settle
from syncd.engine.planning import preview
from syncd.engine.requests import RESOLVE
from syncd.errors import SyncdError
from syncd.sandbox.faults_read import read_faults
from tests.engine.scene import Scene, export_line
from tests.engine.small_org import lead
from tests.engine.test_choices import number_of
from tests.engine.test_daemon import syncd
from tests.engine.test_merges_live import merge
from tests.engine.test_requests import done

CREATE = '\n[create]\nobject = "Lead"\nfilled = ["lastName", "company"]\nper_day = 5\n'
NEW = "new.one@example.com"
FLOW = {"object": "Lead", "when": {"LeadSource": "Web"}, "set": {"LeadSource": "Other"}, "name": "S"}


def allow(scene: Scene, create: str = CREATE, *, mode: str = "write", canary: str = '"off"') -> None:
    """Let the starter's mapping create people: names and company are written, and [create] is there."""
    scene.mapping(mode)
    path = scene.home / "mappings" / "fields" / "marketo.toml"
    text = path.read_text(encoding="utf-8")
    assert '[column."lastName"]' not in text
    column = '\n[column."{}"]\nfield = {{ Lead = "{}" }}\ntype = "text"\nside = "marketing"\nconflict = "fill"\n'
    columns = column.format("firstName", "FirstName") + column.format("lastName", "LastName")
    path.write_text(text + columns + create, encoding="utf-8")
    scene.limits(canary=canary)


def people(scene: Scene, address: str = NEW) -> list[dict[str, Any]]:
    return [row for row in scene.rows("Lead") if row["Email"] == address]


@pytest.mark.sweep
def test_nobody_is_created_unless_the_mapping_says_so(scene: Scene) -> None:
    allow(scene, "")
    scene.drop("a.csv", export_line("77", email=NEW))
    scene.cycle()
    assert people(scene) == []
    assert [item.kind for item in scene.inbox() if item.kind.startswith("export")] == ["export-unmatched"]


def test_a_row_that_fits_nobody_creates_one_lead_that_later_rows_find(scene: Scene) -> None:
    allow(scene)
    scene.drop("a.csv", export_line("77", email=NEW, leadScore="40"))
    scene.tick(60)
    with scene.world(is_read_only=True) as (world, _):
        [intent] = preview(world).plan.intents
    assert (intent.object, intent.field, intent.values) == (
        "Lead", "MA_Person_Id__c",
        {"Email": NEW, "FirstName": "Lea", "LastName": "X", "Company": "Acme", "LeadSource": "Web", "Lead_Score__c": 40.0,
         "MA_Person_Id__c": "77"},
    )  # fmt: skip
    record = scene.cycle()
    assert record.counts["people created"] == 1
    [row] = people(scene)
    assert (row["MA_Person_Id__c"], row["LastName"], row["HasOptedOutOfEmail"]) == ("77", "X", False)
    scene.drop("b.csv", export_line("77", email=NEW, leadScore="50", updatedAt="2026-03-01T11:00:00Z"))
    scene.cycle()
    scene.cycle()
    [row] = people(scene)
    assert row["Lead_Score__c"] == 50
    assert NEW not in str([entry.evidence for entry in scene.ledger()])
    assert scene.is_at_rest()


@pytest.mark.sweep
@pytest.mark.parametrize("does", ["lose", "reset"])
def test_a_create_whose_answer_is_lost_is_found_again_and_not_repeated(scene: Scene, does: str) -> None:
    allow(scene)
    scene.drop("a.csv", export_line("77", email=NEW))
    create_without_answer(scene, does)
    assert len(people(scene)) == 1
    assert scene.is_at_rest()


def test_whoever_is_opted_out_anywhere_unreadable_unfilled_or_too_many_is_not_created(scene: Scene) -> None:
    allow(scene, CREATE.replace("per_day = 5", "per_day = 1"))
    scene.drop("a.csv", export_line("70", email="gone@example.com", unsubscribed="true"))
    scene.cycle()
    scene.drop(
        "b.csv",
        export_line("71", email="gone@example.com"),
        export_line("72", email="bounced@example.com", emailInvalid="true"),
        export_line("73", email="who@example.com", unsubscribed="perhaps"),
        export_line("74", email="empty@example.com", company=""),
        export_line("75", email="first@example.com"),
        export_line("76", email="second@example.com"),
    )
    record = scene.cycle()
    counts = {name: record.counts.get(f"export {name}", 0) for name in ("rows", "applied", "unmatched", "quarantined")}
    assert counts == {"rows": 6, "applied": 1, "unmatched": 4, "quarantined": 1}
    assert {item.kind for item in scene.inbox()} >= {"export-incomplete", "export-tomorrow", "export-unmatched", "export-row"}
    scene.tick(86_400)
    scene.drop("c.csv", export_line("76", email="second@example.com"))
    scene.cycle()
    known = {row["Email"] for row in scene.rows("Lead")}
    assert {"first@example.com", "second@example.com"} <= known
    assert not known & {"gone@example.com", "bounced@example.com", "who@example.com", "empty@example.com"}


def test_an_opt_out_of_nobody_holds_for_their_id_under_another_address(scene: Scene) -> None:
    allow(scene)
    later = {"email": "fresh@example.com", "updatedAt": "2026-03-01T12:00:00Z"}
    opted_out = export_line("70", email="gone@example.com", unsubscribed="true", updatedAt="2026-03-01T11:00:00Z")
    scene.drop("a.csv", opted_out, export_line("70", **later))
    scene.cycle()
    assert scene.outcomes() == []
    scene.drop("b.csv", export_line("70", **later, leadScore="5"))
    scene.cycle()
    assert people(scene, "fresh@example.com") == []


@pytest.mark.sweep
def test_somebody_who_is_created_meanwhile_is_not_created_twice(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right before the create leaves: the pull and the decision have not seen them."""
    allow(scene)
    scene.drop("a.csv", export_line("77", email=NEW))
    made: list[str] = []

    def look(lane: Any, items: Any) -> Any:
        if items and not made:
            made.append(scene.do("mia", "create", "Lead", LastName="First", Company="Acme", Email=NEW.upper())["id"])
        return settle(lane, items)

    monkeypatch.setattr(creating_people, "settle", look)
    scene.cycle()
    assert len(made) == 1
    assert scene.outcomes() == ["superseded"]
    assert len([row for row in scene.rows("Lead") if row["Email"].lower() == NEW]) == 1


@pytest.mark.sweep
def test_of_two_rows_of_one_file_with_one_address_one_creates_somebody(scene: Scene) -> None:
    allow(scene)
    scene.rewrite("fields/marketo.toml", r"(?m)^email    = .*", "")
    path = scene.home / "mappings" / "fields" / "marketo.toml"
    column = '\n[column."email"]\nfield = { Lead = "Email" }\ntype = "email"\nside = "marketing"\nconflict = "fill"\n'
    path.write_text(path.read_text(encoding="utf-8") + column, encoding="utf-8")
    scene.drop("a.csv", export_line("77", email=NEW), export_line("78", email=NEW.upper()))
    scene.cycle()
    scene.cycle()
    assert sorted(scene.outcomes()) == ["confirmed", "superseded"]
    assert len([row for row in scene.rows("Lead") if (row["Email"] or "").lower() == NEW]) == 1
    assert scene.is_at_rest()


@pytest.mark.sweep
def test_a_refusal_is_told_once_in_salesforces_words_and_the_same_values_are_not_sent_again(scene: Scene) -> None:
    allow(scene)
    rule = {"object": "Lead", "name": "Twins", "match": ["LastName"], "against": ["Lead"], "action": "block"}
    scene.settings(duplicate_rules=[rule])
    scene.edit("admin", lead("Inquiry"), LastName="Twin")
    scene.drop("a.csv", export_line("77", email=NEW, lastName="Twin"))
    scene.cycle()
    [item] = scene.inbox("refused-write")
    assert "DUPLICATES_DETECTED" in item.text
    sent = scene.last_request()
    scene.drop("b.csv", export_line("77", email=NEW, lastName="Twin", updatedAt="2026-03-01T12:00:00Z"))
    scene.cycle()
    assert [one.path for one in scene.writes(sent)] == []
    scene.settings(duplicate_rules=[])
    done(scene, RESOLVE, {"numbers": [number_of(scene, "refused-write")]})
    scene.drop("c.csv", export_line("77", email=NEW, lastName="Twin", updatedAt="2026-03-01T13:00:00Z"))
    scene.cycle()
    assert len(people(scene)) == 1


@pytest.mark.sweep
@pytest.mark.parametrize(("assign", "said"), [("false", "FALSE"), ("true", "TRUE")])
def test_assignment_rules_run_only_where_the_mapping_says_so(scene: Scene, assign: str, said: str) -> None:
    allow(scene, f"{CREATE}assign = {assign}\n")
    scene.drop("a.csv", export_line("77", email=NEW))
    scene.cycle()
    [sent] = scene.writes()
    assert sent.headers["Sforce-Auto-Assign"] == said


@pytest.mark.sweep
def test_a_mappings_first_people_go_alone(scene: Scene) -> None:
    allow(scene, canary="1")
    scene.drop("a.csv", *(export_line(str(number), email=f"n{number}@example.com") for number in (71, 72, 73)))
    scene.cycle()
    assert sum(str(row["Email"]).startswith("n7") for row in scene.rows("Lead")) == 1
    scene.cycle()
    assert sum(str(row["Email"]).startswith("n7") for row in scene.rows("Lead")) == 3


def test_creating_stops_when_a_flow_changes_what_was_sent_and_goes_on_after_a_word(scene: Scene) -> None:
    allow(scene, canary="2")
    scene.settings(workflow_rules=[FLOW])
    lines = [export_line(str(number), email=f"n{number}@example.com") for number in (71, 72, 73)]
    scene.drop("a.csv", *lines)
    scene.cycle()
    record = scene.cycle()
    assert (record.counts["first writes looked at"], record.counts["held back"]) == (2, 1)
    [card] = scene.inbox("canary")
    assert card.subject == "mappings/fields/marketo.toml create"
    assert "LeadSource of 2 records moved too" in card.text
    assert len(new_people(scene)) == 2
    scene.settings(workflow_rules=[])
    done(scene, RESOLVE, {"numbers": [number_of(scene, "canary")]})
    scene.drop("b.csv", *reversed(lines))
    scene.cycle()
    assert len(new_people(scene)) == 3
    assert scene.is_at_rest()


@pytest.mark.sweep
def test_one_whose_answer_was_lost_is_looked_at_too(scene: Scene) -> None:
    allow(scene, canary="1")
    scene.settings(workflow_rules=[FLOW])
    scene.drop("a.csv", export_line("77", email=NEW))
    create_without_answer(scene, "lose")
    assert len(people(scene)) == 1
    [card] = scene.inbox("canary")
    assert "LeadSource of 1 record moved too" in card.text


def create_without_answer(scene: Scene, does: str) -> None:
    """Run a cycle whose create gets no answer, and two that look what became of it."""
    fault = {"does": does, "method": "POST", "path": "*/composite/sobjects", "times": 1}
    scene.served.org.faults.replace(read_faults({"faults": [fault]}))
    with pytest.raises(SyncdError):
        scene.cycle()
    scene.served.org.faults.replace(())
    scene.cycle()
    scene.cycle()


def new_people(scene: Scene) -> list[str]:
    return [row["Email"] for row in scene.rows("Lead") if str(row["Email"]).startswith("n7")]


@pytest.mark.sweep
def test_the_keys_of_somebody_who_was_merged_into_another_create_nobody(scene: Scene) -> None:
    allow(scene)
    scene.edit("admin", lead("Nurture"), MA_Person_Id__c="77", Email=NEW)
    scene.cycle()
    merge(scene, lead("Inquiry"), lead("Nurture"))
    scene.cycle()
    scene.drop("a.csv", export_line("77", email="another@example.com"))
    scene.cycle()
    assert people(scene, "another@example.com") == []
    assert scene.inbox("export-unmatched") == []
    assert scene.row(lead("Inquiry"))["Lead_Score__c"] == 10
    scene.do("mia", "delete", lead("Inquiry"))
    scene.cycle()
    scene.drop("b.csv", export_line("77", email="another@example.com", leadScore="11"))
    scene.cycle()
    assert people(scene, "another@example.com") == []
    assert {item.kind for item in scene.inbox()} >= {"export-unmatched"}


@pytest.mark.sweep
def test_a_user_who_may_not_create_leads_pauses_the_mapping_and_says_so(scene: Scene) -> None:
    allow(scene)
    scene.settings(read_only_fields={"Lead": ["LastName"]})
    scene.tick(86_400)
    scene.drop("a.csv", export_line("77", email=NEW))
    scene.cycle()
    [item] = scene.inbox("export-mapping")
    assert "[MAP-145] [create]: syncd's user may not set Lead.LastName on a new record" in item.text
    assert people(scene) == []


@pytest.mark.sweep
def test_a_person_without_an_external_id_is_found_again_by_the_address_in_whatever_form(scene: Scene) -> None:
    allow(scene)
    scene.rewrite("fields/marketo.toml", r"external = .*", "")
    scene.drop("a.csv", export_line("77", email="Max@Müller.de"))
    scene.cycle()
    assert [row["Email"].lower() for row in scene.rows("Lead") if "xn--" in (row["Email"] or "")] == ["max@xn--mller-kva.de"]
    scene.drop("b.csv", export_line("77", email="max@müller.de", leadScore="60", updatedAt="2026-03-01T12:00:00Z"))
    scene.cycle()
    scene.cycle()
    [row] = people(scene, "max@xn--mller-kva.de")
    assert row["Lead_Score__c"] == 60


@pytest.mark.sweep
def test_a_plan_lists_the_people_whom_it_would_create_apart(scene: Scene) -> None:
    allow(scene)
    scene.drop("a.csv", export_line("77", email=NEW), export_line("Inquiry-0", leadScore="55"))
    scene.tick()
    told = syncd(scene.home, "plan").stdout
    changed, _, created = told.partition("1 person would be created")
    assert "Lead_Score__c" in changed
    assert "MA_Person_Id__c 77" in created
    assert "LastName X" in created
