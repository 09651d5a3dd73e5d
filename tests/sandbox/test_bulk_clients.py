"""simple-salesforce's Bulk 2.0 works on the emulated org, unmodified."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceOperationError

from tests.sandbox.bulk import table
from tests.sandbox.client import Client

ROWS = [{"LastName": f"L{n}", "Company": "C"} for n in range(5)]


class ToSandbox(HTTPAdapter):
    """Sends https://sandbox.test/… to the emulated org."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        cut, here = urlsplit(str(request.url)), urlsplit(self.url)
        request.url = urlunsplit((here.scheme, here.netloc, cut.path, cut.query, ""))
        return super().send(request, *args, **options)


@pytest.fixture
def sf(client: Client) -> Iterator[Any]:
    client.org.change_settings({"bulk_polls": 1})
    with requests.Session() as session:
        session.mount("https://", ToSandbox(client.served.url))
        yield Salesforce(instance="sandbox.test", session_id=client.log_in()["access_token"], session=session, version="62.0")


def add(client: Client) -> list[str]:
    return [made["id"] for made in client.org.edit([{"op": "create", "object": "Lead", "fields": row} for row in ROWS])]


def test_query_reads_page_after_page(client: Client, sf: Any) -> None:
    add(client)
    pages = list(sf.bulk2.Lead.query("SELECT Id, LastName FROM Lead ORDER BY LastName", max_records=2, wait=0))
    assert [[row["LastName"] for row in table(page)] for page in pages] == [["L0", "L1"], ["L2", "L3"], ["L4"]]


def test_query_all_reads_the_deleted_too(client: Client, sf: Any) -> None:
    client.edit("delete", "Lead", add(client)[0])
    [page] = sf.bulk2.Lead.query_all("SELECT Id, IsDeleted FROM Lead", wait=0)
    assert sorted(row["IsDeleted"] for row in table(page)) == ["false"] * 4 + ["true"]


def test_download_writes_files(client: Client, sf: Any, tmp_path: Path) -> None:
    add(client)
    got = sf.bulk2.Lead.download("SELECT LastName FROM Lead ORDER BY LastName", path=str(tmp_path), max_records=3, wait=0)
    assert [each["number_of_records"] for each in got] == [3, 2]
    with Path(got[1]["file"]).open(newline="") as file:
        assert list(csv.reader(file)) == [["LastName"], ["L3"], ["L4"]]


def test_insert_tells_how_many_failed_and_which(client: Client, sf: Any) -> None:
    [done] = sf.bulk2.Lead.insert(records=[*ROWS, {"LastName": "bad", "Company": ""}], wait=0)
    assert (done["numberRecordsTotal"], done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (6, 6, 1)
    told = sf.bulk2.Lead.get_all_ingest_records(done["job_id"])
    assert [len(told[name]) for name in ("successfulRecords", "failedRecords", "unprocessedRecords")] == [5, 1, 0]
    assert told["failedRecords"][0]["LastName"] == "bad"


def test_insert_cuts_a_file_into_jobs(client: Client, sf: Any) -> None:
    done = sf.bulk2.Lead.insert(records=ROWS, batch_size=2, wait=0)
    assert [each["numberRecordsProcessed"] for each in done] == [2, 2, 1]
    assert len(client.org.dump(["Lead"])["Lead"]) == 5


def test_update_upsert_and_delete_find_their_records(client: Client, sf: Any) -> None:
    client.org.add_custom_field(client.org.schema.get("Lead"), "Ext__c string 40 unique external CUN")
    leads = add(client)
    sf.bulk2.Lead.update(records=[{"Id": leads[0], "Ext__c": "one", "Title": "t"}], wait=0)
    records = [{"Ext__c": key, "LastName": "U", "Company": "C", "Title": "#N/A"} for key in ("one", "two")]
    sf.bulk2.Lead.upsert(records=records, external_id_field="Ext__c", wait=0)
    sf.bulk2.Lead.delete(records=[{"Id": leads[1]}], wait=0)
    rows = {row["Id"]: row for row in client.org.dump(["Lead"])["Lead"]}
    assert (rows[leads[0]]["LastName"], rows[leads[0]]["Title"], rows[leads[1]]["IsDeleted"], len(rows)) == ("U", None, True, 6)


def test_a_job_that_fails_is_an_exception_with_its_message(client: Client, sf: Any) -> None:
    client.org.change_settings({"bulk_jobs": [{"operation": "insert", "end": "Failed", "message": "the server went away"}]})
    with pytest.raises(SalesforceOperationError, match="the server went away"):
        sf.bulk2.Lead.insert(records=ROWS, wait=0)
