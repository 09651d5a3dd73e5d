"""jsforce, as its own documentation uses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.compat.conftest import BASE, LEADS, NODE, PACKAGES, World, needed, parsed

Operate = Callable[..., Any]
SCRIPT = Path(__file__).parent / "clients" / "jsforce_operations.mjs"
NAMES = [f"Person {number:04}" for number in range(LEADS)]
USER = "syncd@sandbox.example"


@pytest.fixture
def jsforce(world: World) -> Operate:
    needed(PACKAGES / "jsforce")
    node = needed(NODE)

    def operate(operation: str, /, **given: Any) -> Any:
        return parsed(world.run(node, SCRIPT, operation, json.dumps(given), COMPAT_PACKAGES=str(PACKAGES.parent)))

    return operate


@pytest.mark.parametrize(("oauth", "endpoint"), [(False, "/services/Soap/u/62.0"), (True, "/services/oauth2/token")])
def test_login_by_password(jsforce: Operate, world: World, oauth: bool, endpoint: str) -> None:
    told = jsforce("loginByPassword", username=USER, password="sandbox-passwordsandbox-token", oauth=oauth)
    assert told["instanceUrl"] == BASE
    assert told["identity"]["username"] == USER
    assert told["user"]["organizationId"] == world.org.org.org_id
    assert world.asked("POST", endpoint)


def test_a_refresh_token_replaces_an_ended_session(jsforce: Operate, world: World) -> None:
    refresh_token = world.org.org.logins.open_refresh(world.org.org.api_user_id)
    assert jsforce("refresh", refreshToken=refresh_token)["totalSize"] == LEADS


def test_auto_fetch_and_stream_read_every_page(jsforce: Operate) -> None:
    assert jsforce("autoFetch") == {"names": NAMES, "streamed": LEADS}


def test_find_builds_queries_that_the_org_understands(jsforce: Operate) -> None:
    found = jsforce("find")
    assert [record["LastName"] for record in found] == NAMES[:10]
    assert found[0]["Owner"]["attributes"]["type"] in ("User", "Name")


def test_records_are_created_read_changed_and_deleted(jsforce: Operate, world: World) -> None:
    told = jsforce("rows")
    assert told["made"]["success"]
    assert (told["read"]["LastName"], told["read"]["Title"]) == ("One", "Boss")
    assert world.rows("Lead", LastName="One") == []


def test_collections_are_cut_at_their_limits_and_told_row_by_row(jsforce: Operate, world: World) -> None:
    told = jsforce("collections")
    assert [each["success"] for each in told["made"]] == [True] * 250
    assert [each["success"] for each in told["changed"]] == [True] * 250
    assert told["titles"] == ["Boss"] * 200
    assert [each["success"] for each in told["gone"]] == [True] * 100
    assert [each["success"] for each in told["mixed"]] == [True, False]
    assert len(world.rows("Lead", Title="Boss")) == 149


def test_upsert_tells_created_from_updated(jsforce: Operate, world: World) -> None:
    told = jsforce("upsert")
    assert told["one"]["success"]
    assert [each["created"] for each in told["many"]] == [False, True]
    assert sorted(row["Ext_Id__c"] for row in world.rows("Lead", LastName="Changed")) == ["l-0001", "l-0002"]


def test_describes_and_limits(jsforce: Operate) -> None:
    told = jsforce("describe")
    assert {"Id", "Status", "Ext_Id__c"} <= set(told["fields"])
    assert {"Lead", "Account", "Campaign"} <= set(told["objects"])
    assert told["limits"]["DailyApiRequests"]["Max"] > 0


def test_a_composite_call_refers_to_its_own_results(jsforce: Operate) -> None:
    made, read = jsforce("composite")["compositeResponse"]
    assert (made["httpStatusCode"], read["body"]["LastName"]) == (201, "Composite")


def test_refusals_arrive_as_the_clients_own_errors(jsforce: Operate) -> None:
    told = jsforce("refusal")
    assert told["code"] == "INVALID_FIELD"
    assert "No such column 'Nope' on entity 'Lead'" in told["message"]


def test_bulk2_query_reads_every_row(jsforce: Operate) -> None:
    rows = jsforce("bulkQuery")
    assert sorted(name for name, _ in rows) == NAMES
    assert {company for _, company in rows} == {'Quotes "&" Commas, Ltd.', "Umlaut Größe"}


def test_bulk2_load_tells_successes_and_failures(jsforce: Operate, world: World) -> None:
    told = jsforce(
        "bulkLoad",
        operation="upsert",
        externalIdFieldName="Ext_Id__c",
        input=[
            {"Ext_Id__c": "l-0003", "LastName": "Loaded", "Company": 'Größe, "quoted"\nand broken'},
            {"Ext_Id__c": "l-made", "LastName": "Loaded", "Company": "Bulk"},
            {"Ext_Id__c": "l-bad", "LastName": "Loaded", "Company": ""},
        ],
    )
    done = {row["Ext_Id__c"]: row["sf__Created"] for row in told["successfulResults"]}
    assert done == {"l-0003": "false", "l-made": "true"}
    assert [row["Ext_Id__c"] for row in told["failedResults"]] == ["l-bad"]
    assert told["unprocessedRecords"] == []
    companies = {row["Ext_Id__c"]: row["Company"] for row in world.rows("Lead", LastName="Loaded")}
    assert companies == {"l-0003": 'Größe, "quoted"\nand broken', "l-made": "Bulk"}
