"""simple-salesforce, as its own documentation uses it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

from tests.compat.conftest import BASE, LEADS, World

HOST = BASE.removeprefix("https://")
ANN = {"LastName": "Example", "FirstName": "Ann", "Company": "Compat"}
PERSON: dict[str, Any] = {"username": "syncd@sandbox.example", "password": "sandbox-password", "security_token": "sandbox-token"}


@pytest.fixture(autouse=True)
def sent_to_the_front(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in world.front.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def sf(world: World) -> Iterator[Any]:
    client: Any = Salesforce(
        consumer_key="sandbox-client",
        consumer_secret="sandbox-secret",
        domain=HOST.removesuffix(".salesforce.com"),
        version="62.0",
    )
    with client.session:
        yield client


def test_login_by_password_goes_over_soap(world: World) -> None:
    client: Any = Salesforce(**PERSON, version="62.0")
    with client.session:
        assert client.sf_instance == HOST
        assert client.query("SELECT COUNT() FROM Lead")["totalSize"] == LEADS
        assert world.asked("POST", "/services/Soap/u/62.0")


def test_login_with_a_wrong_password_is_refused() -> None:
    with pytest.raises(SalesforceAuthenticationFailed) as refusal:
        Salesforce(**PERSON | {"password": "wrong"}, version="62.0")
    assert refusal.value.code == "INVALID_LOGIN"


def test_login_by_signed_assertion(world: World, tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    world.org.org.settings.jwt_public_key = public.decode()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    client: Any = Salesforce(
        username=PERSON["username"], consumer_key="sandbox-client", privatekey=secret.decode(), version="62.0"
    )
    with client.session:
        assert client.sf_instance == HOST
        assert client.query("SELECT COUNT() FROM Lead")["totalSize"] == LEADS


def test_query_all_reads_every_page(sf: Any) -> None:
    statement = "SELECT Id, LastName, Company, Owner.Name FROM Lead ORDER BY LastName"
    rows = sf.query_all(statement)["records"]
    assert [row["LastName"] for row in rows] == [f"Person {number:04}" for number in range(LEADS)]
    assert rows[100]["Company"] == 'Quotes "&" Commas, Ltd.'
    assert [row["Id"] for row in sf.query_all_iter(statement)] == [row["Id"] for row in rows]


def test_query_more_by_address_and_by_locator(sf: Any) -> None:
    first = sf.query("SELECT Id FROM Lead ORDER BY Id")
    assert (first["totalSize"], first["done"], len(first["records"])) == (LEADS, False, 2_000)
    by_address = sf.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    by_locator = sf.query_more(first["nextRecordsUrl"].rpartition("/")[2])
    assert by_address["records"] == by_locator["records"]
    assert (by_address["done"], len(by_address["records"])) == (True, LEADS - 2_000)


def test_records_are_created_read_changed_and_deleted(sf: Any) -> None:
    made = sf.Lead.create(ANN)["id"]
    assert sf.Lead.get(made)["FirstName"] == "Ann"
    assert sf.Lead.update(made, {"Title": "Boss"}, headers={"Sforce-Auto-Assign": "FALSE"}) == 204
    assert sf.Lead.get(made)["Title"] == "Boss"
    assert sf.Lead.upsert("Ext_Id__c/l-0007", {"LastName": "Seven"}) == 200
    assert sf.Lead.upsert("Ext_Id__c/l-new", {"LastName": "New", "Company": "Compat"}) == 201
    assert sf.Lead.get_by_custom_id("Ext_Id__c", "l-0007")["LastName"] == "Seven"
    now = datetime.now(UTC)
    assert made in sf.Lead.updated(now - timedelta(days=1), now + timedelta(minutes=2))["ids"]
    assert sf.Lead.delete(made) == 204
    with pytest.raises(SalesforceResourceNotFound):
        sf.Lead.get(made)


def test_describes_limits_and_who_am_i(sf: Any) -> None:
    assert "Lead" in [each["name"] for each in sf.describe()["sobjects"]]
    assert {"Id", "Ext_Id__c", "SystemModstamp"} <= {each["name"] for each in sf.Lead.describe()["fields"]}
    assert sf.Lead.metadata()["objectDescribe"]["keyPrefix"] == "00Q"
    assert sf.limits()["DailyApiRequests"]["Max"] >= sf.limits()["DailyApiRequests"]["Remaining"]
    assert sf.is_sandbox() is False
    assert sf.oauth2("userinfo")["preferred_username"] == PERSON["username"]


def test_refusals_arrive_as_the_clients_own_errors(sf: Any) -> None:
    with pytest.raises(SalesforceMalformedRequest, match="No such column 'Nope'"):
        sf.query("SELECT Nope FROM Lead")
    with pytest.raises(SalesforceMalformedRequest, match="REQUIRED_FIELD_MISSING"):
        sf.Lead.create({"FirstName": "Ann"})


def test_an_ended_session_is_renewed(sf: Any, world: World) -> None:
    world.org.org.sessions.end_all()
    assert sf.query("SELECT COUNT() FROM Lead")["totalSize"] == LEADS


def test_a_composite_call_refers_to_its_own_results(sf: Any, world: World) -> None:
    lead = "/services/data/v62.0/sobjects/Lead"
    requests = [
        {"method": "POST", "url": lead, "referenceId": "made", "body": ANN},
        {"method": "PATCH", "url": lead + "/@{made.id}", "referenceId": "changed", "body": {"Title": "Boss"}},
        {"method": "GET", "url": lead + "/@{made.id}?fields=Title", "referenceId": "read"},
    ]
    answer = sf.restful("composite", method="POST", json={"allOrNone": True, "compositeRequest": requests})
    assert [each["httpStatusCode"] for each in answer["compositeResponse"]] == [201, 204, 200]
    assert answer["compositeResponse"][2]["body"]["Title"] == "Boss"
    assert len(world.rows("Lead", LastName=ANN["LastName"])) == 1


def test_bulk2_query_reads_every_page(sf: Any) -> None:
    pages = list(sf.bulk2.Lead.query("SELECT Id, LastName, Company FROM Lead", max_records=1_000))
    rows = [row for page in pages for row in csv.DictReader(io.StringIO(page))]
    assert len(pages) == 3
    assert {row["LastName"] for row in rows} == {f"Person {number:04}" for number in range(LEADS)}
    assert {row["Company"] for row in rows} == {'Quotes "&" Commas, Ltd.', "Umlaut Größe"}


def test_bulk2_upsert_tells_created_updated_and_failed(sf: Any, world: World) -> None:
    records = [
        {"Ext_Id__c": "l-0001", "LastName": "Changed", "Company": "Bulk"},
        {"Ext_Id__c": "l-made", "LastName": "Made", "Company": "Bulk"},
        {"Ext_Id__c": "l-bad", "LastName": "Bad", "Company": ""},
    ]
    (job,) = sf.bulk2.Lead.upsert(records=records, external_id_field="Ext_Id__c")
    assert (job["numberRecordsTotal"], job["numberRecordsFailed"]) == (3, 1)

    def read(text: str) -> list[dict[str, Any]]:
        return list(csv.DictReader(io.StringIO(text)))

    done = {row["Ext_Id__c"]: row["sf__Created"] for row in read(sf.bulk2.Lead.get_successful_records(job["job_id"]))}
    assert done == {"l-0001": "false", "l-made": "true"}
    (failed,) = read(sf.bulk2.Lead.get_failed_records(job["job_id"]))
    assert failed["Ext_Id__c"] == "l-bad"
    assert failed["sf__Error"].startswith("REQUIRED_FIELD_MISSING")
    assert read(sf.bulk2.Lead.get_unprocessed_records(job["job_id"])) == []
    assert [row["Company"] for row in world.rows("Lead", LastName="Changed")] == ["Bulk"]


def test_bulk2_inserts_updates_and_deletes(sf: Any, world: World) -> None:
    sf.bulk2.Account.insert(records=[{"Name": f"Made {number}"} for number in range(3)])
    made = [row for row in world.rows("Account") if row["Name"].startswith("Made")]
    assert len(made) == 3
    sf.bulk2.Account.update(records=[{"Id": row["Id"], "Name": "Renamed"} for row in made])
    assert len(world.rows("Account", Name="Renamed")) == 3
    (job,) = sf.bulk2.Account.delete(records=[{"Id": row["Id"]} for row in made])
    assert job["numberRecordsFailed"] == 0
    assert world.rows("Account", Name="Renamed") == []
