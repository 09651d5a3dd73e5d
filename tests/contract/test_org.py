"""What does every OrgWriter promise? Held against the emulated org over real HTTP, and against the in-memory model."""

from __future__ import annotations

import csv
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from syncd.core.values import OrgRecord
from syncd.errors import AnswerLost, BudgetSpent, FieldHidden, LoginRefused, OrgRefused, OrgUnreachable
from syncd.ports import Answer, DeletedSince, Deletions, Keyset, OrgWriter, Page, Pull, Update
from syncd.salesforce.access import OrgAccess
from syncd.salesforce.ids import to_18
from syncd.salesforce.org import SalesforceOrg
from syncd.sandbox.local import RunningOrg, running
from tests.contract.model_stage import ModelStage

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
LONG_AGO = START - timedelta(days=1)
NAMES = ("O'Neil", 'back\\slash "quoted"', "100%_wild", "line\nbreak", "naïve 😀", "') OR Id != ('")


LEADS = [
    {
        "Id": to_18(f"00Q5e00000Le{number:03d}"),
        "LastName": NAMES[number] if number < len(NAMES) else f"Person {number}",
        "Company": "Acme",
        "Email": f"person.{number}@example.com",
        "Status": "Open - Not Contacted",
        "SystemModstamp": f"2026-03-02T08:0{number // 10}:00Z",
        "CreatedDate": "2026-03-01T08:00:00Z",
        "LastModifiedDate": f"2026-03-02T08:0{number // 10}:00Z",
    }
    for number in range(40)
]
"""Forty leads in four groups that share a stamp."""

LAST_NAMES = [row["LastName"] for row in LEADS]


def lead(number: int) -> str:
    """Give the id of a lead."""
    return LEADS[number]["Id"]


def write(folder: Path, object: str, rows: Sequence[dict[str, str]]) -> None:
    """Write a CSV file for the emulated org to load."""
    with (folder / f"{object}.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="session")
def leads_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("leads")
    write(folder, "Lead", LEADS)
    write(folder, "Campaign", [{"Id": "7015e00000Camp1", "Name": "Nurture", "IsActive": "true"}])
    write(folder, "Group", [{"Id": "00G5e00000Queue", "Name": "Inbound", "DeveloperName": "Inbound", "Type": "Queue"}])
    return folder


@pytest.fixture(params=["http", "model"])
def emulated(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "model":
        yield ModelStage(LEADS)
        return
    with running(load=request.getfixturevalue("leads_folder")) as served:
        yield served


OVER_HTTP = pytest.mark.parametrize("emulated", ["http"], indirect=True)


@pytest.fixture
def org(emulated: RunningOrg | ModelStage) -> Iterator[OrgWriter]:
    if isinstance(emulated, ModelStage):
        yield emulated.client()
        return
    with client(emulated) as opened:
        yield opened


def client(emulated: RunningOrg, **access: Any) -> SalesforceOrg:
    """Open a client of the emulated org."""
    config = OrgAccess(emulated.url, emulated.client_id, SecretStr(emulated.client_secret), **access)
    return SalesforceOrg(config, sleep=lambda _: None)


def records(answers: Iterator[Answer]) -> list[OrgRecord]:
    """Give all rows of the pages."""
    return [record for answer in answers if isinstance(answer, Page) for record in answer.records]


def apis(emulated: RunningOrg) -> list[dict[str, Any]]:
    """List the requests that counted as API calls."""
    return [each for each in emulated.requests() if each["api_calls"]]


def fresh(org: OrgWriter, number: int, field: str = "Status") -> OrgRecord:
    """Read one lead."""
    return org.read("Lead", [lead(number)], [field]).records[lead(number)]


def test_the_identity_is_the_integration_users_and_costs_no_api_call(org: OrgWriter, emulated: RunningOrg) -> None:
    me = org.identity()
    assert (len(me.org_id), len(me.user_id), me.instance_url) == (18, 18, emulated.url)
    users = org.find("User", ["Username"], {"Username": ["syncd@sandbox.example"]}).records
    assert list(users) == [me.user_id]
    assert len(apis(emulated)) == org.usage().ours == org.usage().used == 1


def test_the_clock_is_the_orgs_own(org: OrgWriter, emulated: RunningOrg) -> None:
    assert org.now() == START
    emulated.org.clock.advance(3600)
    assert org.now() == START
    assert fresh(org, 7).modified_at < START
    assert org.now() == START + timedelta(hours=1)


def test_rows_are_stamped_with_the_answer_before_they_were_asked_for(org: OrgWriter, emulated: RunningOrg) -> None:
    org.identity()
    emulated.org.clock.advance(5)
    assert org.read("Lead", [lead(1)], ["Status"]).asked_at == START
    assert org.find("Lead", ["Status"], {"Id": [lead(1)]}).asked_at == START + timedelta(seconds=5)


def test_five_objects_and_their_deletes_cost_one_api_call(org: OrgWriter, emulated: RunningOrg) -> None:
    objects = ("User", "Lead", "LeadHistory", "Opportunity", "Contact")
    pulls = [
        Pull(each, ("Id",), stamp_field="CreatedDate" if each.endswith("History") else "SystemModstamp", since_at=LONG_AGO)
        for each in objects
    ]
    found = list(org.pull(pulls, [DeletedSince(each, START - timedelta(hours=1)) for each in ("Lead", "Contact", "Opportunity")]))
    assert [each.object for each in found] == [*objects, "Lead", "Contact", "Opportunity"]
    assert [each["api_calls"] for each in apis(emulated)] == [1]
    assert org.usage().ours == 1


def test_pages_keep_ties_in_order_and_lose_no_row(org: OrgWriter, emulated: RunningOrg) -> None:
    emulated.org.change_settings({"page_size_max": 7})
    pages = [page for page in org.pull([Pull("Lead", ("LastName",))]) if isinstance(page, Page)]
    assert [len(page.records) for page in pages] == [7, 7, 7, 7, 7, 5]
    assert [page.is_last for page in pages] == [False] * 5 + [True]
    found = [record for page in pages for record in page.records]
    assert [record.fields["LastName"] for record in found] == LAST_NAMES
    assert found == sorted(found, key=lambda record: (record.modified_at, record.id))


@pytest.mark.parametrize("cut", [0, 4, 9, 10, 25, 39])
def test_a_pull_resumes_after_any_row_without_gap_or_repetition(org: OrgWriter, cut: int) -> None:
    everything = records(org.pull([Pull("Lead", ("LastName",))]))
    last = everything[cut]
    rest = records(org.pull([Pull("Lead", ("LastName",), after=Keyset(last.modified_at, last.id))]))
    assert rest == everything[cut + 1 :]


def test_a_pull_from_a_time_includes_that_second(org: OrgWriter) -> None:
    since_at = datetime(2026, 3, 2, 8, 2, tzinfo=UTC)
    assert len(records(org.pull([Pull("Lead", ("Status",), since_at=since_at)]))) == 20
    assert len(records(org.pull([Pull("Lead", ("Status",), since_at=since_at + timedelta(seconds=1))]))) == 10


def test_more_than_2000_rows_come_in_pages(tmp_path: Path) -> None:
    stamps = [f"2026-03-02T08:00:0{second}Z" for second in range(3)]
    rows = [{"LastName": f"P{number}", "Company": "A", "SystemModstamp": stamps[number % 3]} for number in range(4_100)]
    write(tmp_path, "Lead", rows)
    with running(load=tmp_path) as served, client(served) as org:
        pages = list(org.pull([Pull("Lead", ("LastName",))]))
        assert [len(page.records) for page in pages if isinstance(page, Page)] == [2_000, 2_000, 100]
        assert len({record.fields["LastName"] for record in records(iter(pages))}) == 4_100
        every_id = [record.id for record in records(iter(pages))]
        before = org.usage().ours
        assert list(org.read("Lead", every_id, ["LastName"]).records) == every_id
        assert org.usage().ours == before + 3


def test_a_lost_cursor_is_resumed_from_the_last_row(org: OrgWriter, emulated: RunningOrg) -> None:
    emulated.org.change_settings({"page_size_max": 15, "session_seconds": 86_400 * 9})
    pages = org.pull([Pull("Lead", ("LastName",))])
    first = next(pages)
    emulated.org.clock.advance(86_400 * 3)
    assert isinstance(first, Page)
    assert [record.fields["LastName"] for record in (*first.records, *records(pages))] == LAST_NAMES


def test_deleted_rows_are_told_from_the_minute_asked_for(org: OrgWriter, emulated: RunningOrg) -> None:
    emulated.org.edit([{"op": "delete", "object": "Lead", "id": lead(3)}])
    emulated.org.clock.advance(90)
    org.find("Lead", ["Id"], {"Id": [lead(1)]})
    (found,) = org.pull([], [DeletedSince("Lead", START - timedelta(minutes=5))])
    assert isinstance(found, Deletions)
    assert found.ids == (lead(3),)
    assert found.is_complete
    assert START <= found.covered_until <= START + timedelta(minutes=2)
    assert list(org.pull([], [DeletedSince("Lead", found.covered_until + timedelta(minutes=3))])) == []


def test_deletes_of_longer_ago_than_the_org_remembers_are_incomplete(org: OrgWriter) -> None:
    (found,) = org.pull([], [DeletedSince("Lead", START - timedelta(days=16))])
    assert isinstance(found, Deletions)
    assert not found.is_complete


def test_selecting_isdeleted_shows_deleted_rows(org: OrgWriter, emulated: RunningOrg) -> None:
    emulated.org.edit([{"op": "delete", "object": "Lead", "id": lead(3)}])
    found = records(org.pull([Pull("Lead", ("IsDeleted", "MasterRecordId"))]))
    assert [record.id for record in found if record.is_deleted] == [lead(3)]
    assert len(records(org.pull([Pull("Lead", ("Status",))]))) == 39


def test_history_says_who_moved_what_in_its_own_order(org: OrgWriter, emulated: RunningOrg) -> None:
    for status in ("Working - Contacted", "Closed - Not Converted"):
        emulated.org.clock.advance(1)
        emulated.org.edit([{"op": "update", "object": "Lead", "id": lead(2), "fields": {"Status": status}}])
    history = Pull("LeadHistory", ("LeadId", "Field", "OldValue", "NewValue"), stamp_field="CreatedDate", since_at=START)
    found = [record for record in records(org.pull([history])) if record.fields["Field"] == "Status"]
    assert [record.fields["NewValue"] for record in found] == ["Working - Contacted", "Closed - Not Converted"]
    assert [record.modified_at for record in found] == [START + timedelta(seconds=1), START + timedelta(seconds=2)]
    assert list(org.read("LeadHistory", [found[0].id], ["NewValue"]).records) == [found[0].id]


def test_absent_rows_are_absent(org: OrgWriter, emulated: RunningOrg) -> None:
    emulated.org.edit([{"op": "delete", "object": "Lead", "id": lead(3)}])
    ghost = "00Q5e00000Ghost"
    found = org.read("Lead", [lead(1), lead(3), ghost, lead(2)], ["LastName", "OwnerId"]).records
    assert set(found) == {lead(1), lead(2)}
    assert set(found[lead(1)].fields) == {"LastName", "OwnerId"}


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_values_are_bound_whatever_they_hold(org: OrgWriter, number: int) -> None:
    found = org.find("Lead", ["LastName"], {"LastName": [NAMES[number]], "Company": ["Acme"]}).records
    assert [record.fields["LastName"] for record in found.values()] == [NAMES[number]]


def test_finding_nothing_asks_nothing(org: OrgWriter, emulated: RunningOrg) -> None:
    assert org.find("Lead", ["Status"], {"Email": []}).records == {}
    assert org.find("Lead", ["Status"], {"Email": ["x@example.com"], "Id": []}).records == {}
    assert apis(emulated) == []


def test_a_thousand_values_are_found_in_one_call(org: OrgWriter, emulated: RunningOrg) -> None:
    emails = [f"person.{number}@example.com" for number in range(1_000)]
    assert len(org.find("Lead", ["Email"], {"Email": emails}).records) == 40
    assert len(apis(emulated)) == 1


def test_related_fields_are_one_key(org: OrgWriter) -> None:
    (user,) = org.find("User", ["Profile.Name", "Manager.Name"], {"Username": ["syncd@sandbox.example"]}).records.values()
    assert user.fields == {"Profile.Name": "Minimum Access - API Only Integrations", "Manager.Name": None}
    assert org.read("User", [user.id], ["Profile.Name"]).records[user.id].text("Profile.Name") is not None


def test_a_schema_costs_one_call_and_leaves_out_what_is_hidden(org: OrgWriter, emulated: RunningOrg) -> None:
    emulated.org.change_settings({"hidden_fields": {"Lead": ["HasOptedOutOfEmail"]}, "read_only_fields": {"Lead": ["Rating"]}})
    schema = org.schema(["Lead", "Opportunity", "Ghost__c"])
    assert set(schema) == {"Lead", "Opportunity"}
    assert "HasOptedOutOfEmail" not in schema["Lead"].fields
    assert not schema["Lead"].fields["Rating"].is_updateable
    assert schema["Lead"].fields["Status"].is_updateable
    assert schema["Lead"].fields["Status"].picklist[0] == "Open - Not Contacted"
    assert schema["Lead"].fields["Company"].length == 255
    assert len(apis(emulated)) == 1
    with pytest.raises(FieldHidden, match="HasOptedOutOfEmail"):
        list(org.pull([Pull("Lead", ("HasOptedOutOfEmail",))]))


def test_an_update_is_applied_when_the_row_stands_as_it_was_read(org: OrgWriter) -> None:
    before = fresh(org, 1)
    (result,) = org.update([Update("Lead", before.id, {"Status": "Working - Contacted"}, before.modified_at)])
    assert (result.status, result.id) == ("done", before.id)
    assert fresh(org, 1).fields["Status"] == "Working - Contacted"


def test_an_update_of_a_row_that_moved_is_stale_and_changes_nothing(org: OrgWriter, emulated: RunningOrg) -> None:
    before = fresh(org, 1)
    emulated.org.edit([{"op": "update", "object": "Lead", "id": lead(1), "fields": {"Status": "Closed - Not Converted"}}])
    results = org.update(
        [
            Update("Lead", before.id, {"Status": "Working - Contacted"}, before.modified_at),
            Update("Lead", lead(2), {"Status": "Working - Contacted"}, before.modified_at),
        ]
    )
    assert [result.status for result in results] == ["stale", "done"]
    assert fresh(org, 1).fields["Status"] == "Closed - Not Converted"


def test_writes_do_not_set_off_the_orgs_assignment_rule(org: OrgWriter, emulated: RunningOrg) -> None:
    emulated.org.change_settings({"assignment_rule": {"owner": "Inbound", "active": True}})
    owner = fresh(org, 1, "OwnerId").fields["OwnerId"]
    now = org.now()
    assert org.update([Update("Lead", lead(1), {"Status": "Working - Contacted"}, now)])[0].status == "done"
    assert fresh(org, 1, "OwnerId").fields["OwnerId"] == owner
    created = org.create("Lead", [{"LastName": "New", "Company": "Acme"}])[0]
    assert org.read("Lead", [str(created.id)], ["OwnerId"]).records[str(created.id)].fields["OwnerId"] == org.identity().user_id
    patches = [part for each in emulated.requests() for part in each["subrequests"] if part["method"] == "PATCH"]
    assert len(patches) == 1
    assert patches[0]["headers"]["Sforce-Auto-Assign"] == "FALSE"


@OVER_HTTP
def test_a_session_that_ends_in_mid_cycle_is_renewed_with_all_headers_kept(org: OrgWriter, emulated: RunningOrg) -> None:
    emulated.org.change_settings({"session_seconds": 60, "page_size_max": 15})
    pages = org.pull([Pull("Lead", ("LastName",))])
    first = next(pages)
    assert isinstance(first, Page)
    emulated.org.clock.advance(120)
    assert len(first.records) + len(records(pages)) == 40
    emulated.org.clock.advance(120)
    stale = Update("Lead", lead(1), {"Status": "Working - Contacted"}, START - timedelta(days=2))
    good = Update("Lead", lead(2), {"Status": "Working - Contacted"}, START)
    assert [result.status for result in org.update([stale, good])] == ["stale", "done"]
    sent = [each for each in emulated.requests() if each["path"].endswith("/composite") and each["status"] == 200]
    patches = [part for each in sent for part in each["subrequests"] if part["method"] == "PATCH"]
    assert [part["headers"]["Sforce-Auto-Assign"] for part in patches] == ["FALSE", "FALSE"]
    assert all(part["headers"]["If-Unmodified-Since"].endswith("GMT") for part in patches)
    emulated.org.clock.advance(120)
    assert org.create("CampaignMember", [{"CampaignId": "7015e00000Camp1", "LeadId": lead(1)}])[0].status == "done"
    creates = [each for each in emulated.requests() if each["path"].endswith("/composite/sobjects")]
    assert [each["headers"]["Sforce-Auto-Assign"] for each in creates] == ["FALSE"] * len(creates)
    assert [each["status"] for each in emulated.requests()].count(401) == 3


def test_each_row_of_a_batch_has_its_own_result(org: OrgWriter, emulated: RunningOrg) -> None:
    emulated.org.edit([{"op": "delete", "object": "Lead", "id": lead(3)}])
    emulated.org.edit([{"op": "convert", "object": "Lead", "id": lead(4), "fields": {"Status": "Closed - Converted"}}])
    now = org.now()
    wanted = {1: "Working - Contacted", 3: "Working - Contacted", 4: "Working - Contacted"}
    updates = [Update("Lead", lead(number), {"Status": status}, now) for number, status in wanted.items()]
    too_long = Update("Lead", lead(5), {"Company": "x" * 256}, now)
    unknown = Update("Lead", lead(6), {"Nonsense__c": "x"}, now)
    results = org.update([*updates, too_long, unknown, Update("Lead", lead(7), {"Company": "Umbrella"}, now)])
    assert [result.status for result in results] == ["done", "gone", "refused", "refused", "refused", "done"]
    assert [result.code for result in results] == [
        "",
        "ENTITY_IS_DELETED",
        "CANNOT_UPDATE_CONVERTED_LEAD",
        "STRING_TOO_LONG",
        "INVALID_FIELD",
        "",
    ]
    assert all(result.text for result in results if result.status != "done")


def test_creates_have_a_result_for_each_row_and_a_member_twice_is_a_duplicate(org: OrgWriter, emulated: RunningOrg) -> None:
    member = {"CampaignId": "7015e00000Camp1", "LeadId": lead(1)}
    before = len(apis(emulated))
    results = org.create("CampaignMember", [member, member, {**member, "LeadId": "00Q5e00000Ghost"}])
    assert [result.status for result in results] == ["done", "duplicate", "refused"]
    assert len(apis(emulated)) == before + 1
    assert org.create("CampaignMember", [member])[0].status == "duplicate"
    found = org.find("CampaignMember", ["LeadId"], {"CampaignId": ["7015e00000Camp1"], "LeadId": [lead(1), lead(2)]})
    assert list(found.records) == [results[0].id]


def test_a_batch_of_25_is_one_call(org: OrgWriter, emulated: RunningOrg) -> None:
    now = org.now()
    results = org.update([Update("Lead", lead(number), {"Company": "Umbrella"}, now) for number in range(25)])
    assert [result.status for result in results] == ["done"] * 25
    assert len(apis(emulated)) == 1
    assert len({result.request_id for result in results}) == 25


def test_a_spent_budget_stops_reads_and_writes(org: OrgWriter, emulated: RunningOrg) -> None:
    emulated.org.change_settings({"daily_api_requests": 2})
    before = fresh(org, 1)
    fresh(org, 2)
    with pytest.raises(BudgetSpent):
        fresh(org, 3)
    with pytest.raises(BudgetSpent):
        org.update([Update("Lead", before.id, {"Status": "Working - Contacted"}, before.modified_at)])
    emulated.org.change_settings({"daily_api_requests": 100})
    assert fresh(org, 1) == before


@OVER_HTTP
def test_a_write_whose_answer_does_not_come_is_lost_though_it_was_applied(emulated: RunningOrg) -> None:
    answered = threading.Event()

    def hold(number: int, method: str, path: str) -> None:
        if path.endswith("/composite"):
            answered.wait(10)

    emulated.hook(after_request=hold)
    with client(emulated, read_timeout_s=0.2) as org:
        now = org.now()
        with pytest.raises(AnswerLost, match="time limit"):
            org.update([Update("Lead", lead(1), {"Status": "Working - Contacted"}, now)])
        answered.set()
        assert fresh(org, 1).fields["Status"] == "Working - Contacted"
    assert len([each for each in emulated.requests() if each["path"].endswith("/composite")]) == 1


@OVER_HTTP
def test_a_wrong_secret_is_refused_with_the_way_out(emulated: RunningOrg) -> None:
    config = OrgAccess(emulated.url, emulated.client_id, SecretStr("canary-wrong"))
    with SalesforceOrg(config, sleep=lambda _: None) as org, pytest.raises(LoginRefused) as refused:
        org.identity()
    assert "secret" in refused.value.hint
    assert "canary" not in f"{refused.value} {refused.value.hint}"


@OVER_HTTP
def test_a_version_that_the_org_does_not_have_is_named(emulated: RunningOrg) -> None:
    with client(emulated, api_version="21.0") as org, pytest.raises(OrgRefused) as refused:
        fresh(org, 1)
    assert "21.0" in str(refused.value)
    assert "api_version" in refused.value.hint


def test_an_org_that_is_not_there_is_named(leads_folder: Path) -> None:
    with running(load=leads_folder) as served:
        url = served.url
    org = SalesforceOrg(OrgAccess(url, "id", SecretStr("secret")), sleep=lambda _: None)
    with org, pytest.raises(OrgUnreachable, match="connection was refused") as failed:
        org.identity()
    assert url in str(failed.value)
