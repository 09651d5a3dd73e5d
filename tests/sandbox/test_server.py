"""Sessions, counting, the control endpoint, and the server itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce

from syncd.sandbox.ids import parse_id, to_18
from syncd.sandbox.local import RunningOrg, running
from syncd.sandbox.org import Org
from tests.sandbox.client import ADA, BASE, NO_RULES, Client


def test_the_published_id_suffix_is_reproduced() -> None:
    assert to_18("0015500001QdQWa") == "0015500001QdQWaAAN"
    assert parse_id("0015500001QdQWaAAN") == parse_id("0015500001QdQWa") == "0015500001QdQWaAAN"
    assert parse_id("0015500001QdQWaAAA") is None
    assert parse_id("0015500001QdQW") is None


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": "client_credentials", "client_id": "sandbox-client", "client_secret": "sandbox-secret"}, 200, None),
        ({"grant_type": "client_credentials", "client_id": "sandbox-client", "client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "other", "client_secret": "x"}, 400, "invalid_client_id"),
        ({"grant_type": "device"}, 400, "unsupported_grant_type"),
    ],
)
def test_the_token_endpoint_knows_its_one_client(
    served: RunningOrg, form: dict[str, str], status: int, error: str | None
) -> None:
    answer = requests.post(served.url + "/services/oauth2/token", data=form, timeout=5)
    assert (answer.status_code, answer.json().get("error")) == (status, error)
    assert "expires_in" not in answer.json()


def test_the_identity_is_the_api_users(client: Client) -> None:
    facts = client.log_in()
    assert facts["instance_url"] == client.served.url
    for url in (facts["id"], client.served.url + "/services/oauth2/userinfo"):
        answer = client.session.get(url).json()
        assert (answer["user_id"], answer["organization_id"]) == (client.org.api_user_id, client.org.org_id)
    assert client.session.get(facts["id"]).json()["username"] == "syncd@sandbox.example"
    assert requests.get(facts["id"], timeout=5).status_code == 403


def test_a_session_ends_and_says_so_in_an_array(client: Client) -> None:
    client.org.clock.advance(7_200)
    answer = client.call("GET", "/limits")
    assert (answer.status_code, answer.json()) == (
        401,
        [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}],
    )
    client.log_in()
    assert client.call("GET", "/limits").status_code == 200


def test_every_answer_carries_the_orgs_date_and_its_count(client: Client) -> None:
    client.org.clock.advance(61)
    answer = client.call("GET", "/sobjects/Nothing/describe")
    assert (answer.status_code, answer.headers["Date"]) == (404, "Mon, 02 Mar 2026 09:01:01 GMT")
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=1/100000"
    versions = requests.get(client.served.url + "/services/data/", timeout=5)
    assert "Sforce-Limit-Info" not in versions.headers
    assert [each["version"] for each in versions.json()][:1] == ["31.0"]
    assert client.call("GET", "/limits").json()["DailyApiRequests"] == {"Max": 100_000, "Remaining": 99_998}


def test_the_daily_limit_refuses_until_the_window_moves(client: Client) -> None:
    client.org.change_settings({"daily_api_requests": 2, "session_seconds": 10**6})
    client.log_in()
    statuses = [client.call("GET", "/limits").status_code for _ in range(3)]
    assert statuses == [200, 200, 403]
    answer = client.call("GET", "/limits")
    assert answer.json()[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=2/2"
    client.org.clock.advance(25 * 3600)
    assert client.call("GET", "/limits").status_code == 200


def test_record_counts_leave_out_the_empty(client: Client) -> None:
    client.lead()
    answer = client.call("GET", "/limits/recordCount?sObjects=Lead,Opportunity,Nope")
    assert answer.json() == {"sObjects": [{"count": 1, "name": "Lead"}]}


def test_describe_says_what_a_client_needs(client: Client) -> None:
    described = client.call("GET", "/sobjects/Lead/describe").json()
    fields = {field["name"]: field for field in described["fields"]}
    assert (described["keyPrefix"], described["replicateable"]) == ("00Q", True)
    assert fields["Status"]["restrictedPicklist"] is False
    assert [value["value"] for value in fields["Status"]["picklistValues"] if value["defaultValue"]] == ["Open - Not Contacted"]
    assert (fields["OwnerId"]["referenceTo"], fields["OwnerId"]["relationshipName"]) == (["Group", "User"], "Owner")
    assert (fields["LastName"]["length"], fields["LastName"]["nillable"], fields["LastName"]["updateable"]) == (80, False, True)
    assert (fields["SystemModstamp"]["createable"], fields["Description"]["filterable"]) == (False, False)
    listed = client.call("GET", "/sobjects/").json()
    assert {"Lead", "OpportunityHistory", "CampaignMember", "User"} <= {each["name"] for each in listed["sobjects"]}


def test_deleted_covers_whole_minutes_and_never_the_future(client: Client) -> None:
    lead = client.lead()
    client.org.clock.advance(90)
    client.call("DELETE", f"/sobjects/Lead/{lead}")
    client.org.clock.advance(20)
    path = "/sobjects/Lead/deleted/?start=2026-03-02T09:{}:59%2B00:00&end=2026-03-02T10:00:00%2B00:00"
    answer = client.call("GET", path.format("01")).json()
    assert answer["deletedRecords"] == [{"id": lead, "deletedDate": "2026-03-02T09:01:30.000+0000"}]
    assert answer["latestDateCovered"] == "2026-03-02T09:01:00.000+0000"
    assert client.call("GET", path.format("02")).json()["deletedRecords"] == []


def test_the_control_endpoint_moves_the_clock_edits_and_tells(client: Client) -> None:
    lead = client.lead()
    control = client.served.url + "/_sandbox/"
    assert requests.get(control + "clock", timeout=5).json() == {"now": "2026-03-02T09:00:00Z", "frozen": True}
    moved = requests.post(control + "clock", json={"advance_s": 3600}, timeout=5)
    assert moved.json() == {"now": "2026-03-02T10:00:00Z", "frozen": True}
    edit = {
        "user": "admin@sandbox.example",
        "edits": [
            {"op": "update", "object": "Lead", "id": lead, "fields": {"Title": "CEO"}},
            {"op": "update", "object": "Lead", "id": lead, "fields": {"Nope": 1}},
        ],
    }
    done, refused = requests.post(control + "edit", json=edit, timeout=5).json()["results"]
    assert (done["success"], refused["errors"][0]["statusCode"]) == (True, "INVALID_FIELD")
    [row] = requests.get(control + "dump?objects=Lead", timeout=5).json()["Lead"]
    assert (row["Title"], row["LastModifiedById"], row["IsDeleted"]) == ("CEO", client.org.admin_id, False)
    last = client.served.requests()[-1]
    assert (last["method"], last["path"], last["status"], last["api_calls"]) == ("POST", BASE + "/sobjects/Lead", 201, 1)
    assert (last["headers"], last["body"], last["user"]) == (NO_RULES, ADA, "syncd@sandbox.example")
    assert requests.get(control + f"requests?since={last['n']}", timeout=5).json() == []


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("clock", {"set": "noon"}),
        ("clock", {"stop": True}),
        ("edit", {"edits": "x"}),
        ("settings", {"colour": "red"}),
        ("settings", {"session_seconds": "long"}),
        ("settings", {"assignment_rule": {"owner": "nobody@x.example"}}),
        ("edit", {"user": "nobody", "edits": []}),
        ("dump?objects=Nope", {}),
    ],
)
def test_a_wrong_control_request_says_what_is_expected(served: RunningOrg, name: str, body: dict[str, Any]) -> None:
    answer = requests.post(served.url + "/_sandbox/" + name, json=body, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


def test_hooks_run_around_every_request_and_may_edit_in_between(client: Client) -> None:
    lead = client.lead()
    seen: list[tuple[str, str, str]] = []

    def before(number: int, method: str, path: str) -> None:
        seen.append(("before", method, path))
        if method == "PATCH":
            client.org.clock.advance(60)
            client.edit("update", "Lead", lead, Title="theirs")

    client.served.hook(before, lambda number, method, path: seen.append(("after", method, path)))
    answer = client.call(
        "PATCH", f"/sobjects/Lead/{lead}", {"Title": "mine"}, If_Unmodified_Since="Mon, 02 Mar 2026 09:00:00 GMT"
    )
    assert answer.status_code == 412
    assert seen == [(when, "PATCH", f"{BASE}/sobjects/Lead/{lead}") for when in ("before", "after")]


def test_a_snapshot_brings_everything_back(client: Client) -> None:
    org = client.org
    first = client.lead()
    kept, before = org.snapshot(), org.dump()
    second = client.lead()
    client.edit("delete", "Lead", first)
    org.clock.advance(99)
    org.restore(kept)
    assert org.dump() == before
    assert client.lead() == second
    assert client.call("GET", "/limits").headers["Date"] == "Mon, 02 Mar 2026 09:00:00 GMT"


def play(client: Client) -> Org:
    campaign = client.create("Campaign", Name="W")
    for number in range(5):
        lead = client.lead(LastName=f"L{number}")
        client.create("CampaignMember", CampaignId=campaign, LeadId=lead)
        client.org.clock.advance(7)
        client.edit("convert" if number % 2 else "update", "Lead", lead)
    return client.org


def test_same_seed_same_clock_same_requests_same_org() -> None:
    dumps = []
    for seed in (5, 5, 6):
        with running(seed=seed, users=4) as org, Client(org) as client:
            dumps.append(json.dumps(play(client).dump(), sort_keys=True))
    assert dumps[0] == dumps[1] != dumps[2]


def test_many_clients_at_once_lose_nothing(served: RunningOrg) -> None:
    def work(number: int) -> list[str]:
        with Client(served) as client:
            made = [client.lead(LastName=f"L{number}-{each}") for each in range(10)]
            for lead in made:
                client.update("Lead", lead, Title=str(number))
                assert client.query(f"SELECT Id FROM Lead WHERE Title = '{number}'")["totalSize"] >= 1  # noqa: S608
            return made

    with ThreadPoolExecutor(8) as pool:
        made = [lead for leads in pool.map(work, range(8)) for lead in leads]
    assert len(set(made)) == 80
    rows = served.org.dump(["Lead"])["Lead"]
    assert all(row["Title"] == row["LastName"][1:].split("-")[0] for row in rows)
    numbers = [each["n"] for each in served.requests()]
    assert numbers == sorted(set(numbers))


class ToSandbox(HTTPAdapter):
    """Sends https://sandbox.test/… to the emulated org."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        cut, here = urlsplit(str(request.url)), urlsplit(self.url)
        request.url = urlunsplit((here.scheme, here.netloc, cut.path, cut.query, ""))
        return super().send(request, *args, **options)


def test_simple_salesforce_works_unmodified(client: Client) -> None:
    token = client.log_in()["access_token"]
    session = requests.Session()
    session.mount("https://", ToSandbox(client.served.url))
    with session:
        sf: Any = Salesforce(instance="sandbox.test", session_id=token, session=session, version="62.0")
        made = [sf.Lead.create({"LastName": f"L{n}", "Company": "C"})["id"] for n in range(3)]
        assert sf.Lead.update(made[0], {"Title": "CEO"}) == 204
        assert sf.Lead.get(made[0])["Title"] == "CEO"
        assert sf.query_all("SELECT Id FROM Lead ORDER BY Id")["totalSize"] == 3
        assert sf.Lead.describe()["keyPrefix"] == "00Q"
        assert sf.Lead.delete(made[2]) == 204
        assert [row["Id"] for row in sf.query_all_iter("SELECT Id FROM Lead ORDER BY Id")] == made[:2]
        assert sf.limits()["DailyApiRequests"]["Max"] == 100_000
        assert sf.api_usage["api-usage"].total == 100_000


def test_the_process_prints_one_line_and_ends_on_a_signal(tmp_path: Path) -> None:
    (tmp_path / "Account.csv").write_text("Name\nAcme\n")
    command = [
        sys.executable,
        "-m",
        "syncd.sandbox",
        "--port",
        "0",
        "--now",
        "2026-03-02T09:00:00Z",
        "--frozen",
        "--load",
        str(tmp_path),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        versions = requests.get(facts["url"] + "/services/data", timeout=5)
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
    assert (versions.status_code, rest, process.returncode) == (200, "", 0)
    assert facts.keys() == {"url", "org_id", "client_id", "client_secret"}


def test_a_load_that_fails_tells_why_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "Lead.csv").write_text("LastName,Nope\nx,y\n")
    command = [sys.executable, "-m", "syncd.sandbox", "--load", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Lead has no field 'Nope'" in done.stderr
    assert "Traceback" not in done.stderr
