"""The sf command line, as its help shows it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.compat.conftest import BASE, LEADS, NODE, PACKAGES, World, needed, parsed

SILENT = {  # what sf would otherwise send or fetch besides the command itself
    "SF_DISABLE_TELEMETRY": "true",
    "SF_AUTOUPDATE_DISABLE": "true",
    "SF_SKIP_NEW_VERSION_CHECK": "true",
    "SF_DISABLE_DNS_CHECK": "true",
    "SF_DISABLE_LOG_FILE": "true",
    "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",
}
USER = "syncd@sandbox.example"
Command = Callable[..., Any]


@pytest.fixture
def anonymous(world: World) -> Command:
    entry = needed(PACKAGES / "@salesforce" / "cli" / "bin" / "run.js")
    node = needed(NODE)

    def command(*words: str, **more: str) -> Any:
        told = parsed(world.run(node, entry, *words, "--json", **SILENT, **more))
        assert told["status"] == 0, told
        return told["result"]

    return command


@pytest.fixture
def sf(anonymous: Command, token: str) -> Command:
    facts = anonymous(
        "org", "login", "access-token", "--instance-url", BASE, "--set-default", "--no-prompt", SF_ACCESS_TOKEN=token
    )
    assert facts["username"] == USER
    return anonymous


def test_login_by_signed_assertion(anonymous: Command, world: World, tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    world.org.org.settings.jwt_public_key = public.decode()
    secret = tmp_path / "server.key"
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    words = ("--client-id", "sandbox-client", "--jwt-key-file", str(secret), "--username", USER, "--set-default")
    assert anonymous("org", "login", "jwt", *words)["orgId"] == world.org.org.org_id
    assert anonymous("org", "display")["connectedStatus"] == "Connected"


def test_data_query_reads_every_page_and_knows_its_columns(sf: Command, world: World) -> None:
    told = sf("data", "query", "--query", "SELECT Id, LastName, Owner.Name FROM Lead ORDER BY LastName")
    assert told["totalSize"] == LEADS
    assert [row["LastName"] for row in told["records"]] == [f"Person {number:04}" for number in range(LEADS)]
    counts = sf("data", "query", "--query", "SELECT Company, COUNT(Id) leads FROM Lead GROUP BY Company ORDER BY COUNT(Id)")
    assert [row["leads"] for row in counts["records"]] == [LEADS // 100, LEADS - LEADS // 100]
    assert world.asked("GET", "/query")


def test_data_export_bulk_writes_every_row(sf: Command, tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    words = ("--query", "SELECT Id, LastName, Company FROM Lead", "--output-file", str(file), "--wait", "2")
    assert sf("data", "export", "bulk", *words)["totalSize"] == LEADS
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8"))))
    assert {row["LastName"] for row in rows} == {f"Person {number:04}" for number in range(LEADS)}
    assert {row["Company"] for row in rows} == {'Quotes "&" Commas, Ltd.', "Umlaut Größe"}


def test_data_update_record_by_id_and_by_condition(sf: Command, world: World) -> None:
    (first,) = world.rows("Lead", LastName="Person 0001")
    changed = sf("data", "update", "record", "--sobject", "Lead", "--record-id", first["Id"], "--values", "Title='Big Boss'")
    assert changed["success"]
    sf("data", "update", "record", "--sobject", "Lead", "--where", "LastName='Person 0002'", "--values", "Title='Big Boss'")
    assert [row["LastName"] for row in world.rows("Lead", Title="Big Boss")] == ["Person 0001", "Person 0002"]


def test_records_are_created_read_and_deleted(sf: Command, world: World) -> None:
    made = sf("data", "create", "record", "--sobject", "Lead", "--values", "LastName=One Company=Compat")["id"]
    assert sf("data", "get", "record", "--sobject", "Lead", "--record-id", made)["Company"] == "Compat"
    sf("data", "delete", "record", "--sobject", "Lead", "--record-id", made)
    assert world.rows("Lead", LastName="One") == []


def test_data_upsert_bulk_loads_a_file(sf: Command, world: World, tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text("Ext_Id__c,LastName,Company\nl-0004,Loaded,Compat\nl-made,Loaded,Compat\n", "utf-8")
    words = ("--sobject", "Lead", "--file", str(file), "--external-id", "Ext_Id__c", "--wait", "2")
    told = sf("data", "upsert", "bulk", *words)
    assert told["jobInfo"]["state"] == "JobComplete"
    assert sorted(row["Ext_Id__c"] for row in world.rows("Lead", LastName="Loaded")) == ["l-0004", "l-made"]


def test_describes_and_limits(sf: Command) -> None:
    assert {"Lead", "Account"} <= set(sf("sobject", "list", "--sobject", "all"))
    assert "Ext_Id__c" in [field["name"] for field in sf("sobject", "describe", "--sobject", "Lead")["fields"]]
    assert "DailyApiRequests" in [each["name"] for each in sf("org", "list", "limits")]
