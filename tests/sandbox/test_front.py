"""Do clients that insist on Salesforce's names reach the org through the front, and nothing else?"""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from syncd.sandbox.front import Front, fronted, main
from syncd.sandbox.hosts import instance_url, is_org_host
from syncd.sandbox.local import RunningOrg
from tests.sandbox.client import Client

GRANT = {"grant_type": "client_credentials", "client_id": "sandbox-client", "client_secret": "sandbox-secret"}


@pytest.fixture
def front(served: RunningOrg) -> Iterator[Front]:
    with fronted(served.url) as front:
        yield front


@pytest.fixture
def stranger(front: Front, monkeypatch: pytest.MonkeyPatch) -> Iterator[requests.Session]:
    for name, value in front.environment.items():
        monkeypatch.setenv(name, value)
    with requests.Session() as session:
        yield session


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("login.salesforce.com", True),
        ("Test.Salesforce.com", True),
        ("acme.my.salesforce.com", True),
        ("acme--uat.sandbox.my.salesforce.com", True),
        ("my.salesforce.com", False),
        (".my.salesforce.com", False),
        ("a.b.my.salesforce.com", False),
        ("salesforce.com", False),
        ("acme.my.salesforce.com.example", False),
    ],
)
def test_the_org_answers_to_login_hosts_and_my_domains_alone(host: str, ours: bool) -> None:
    assert is_org_host(host) is ours


def test_a_token_names_the_host_to_go_on_with(stranger: requests.Session) -> None:
    for host, goes_on_at in (
        ("login.salesforce.com", "https://syncd.my.salesforce.com"),
        ("acme.my.salesforce.com", "https://acme.my.salesforce.com"),
    ):
        facts = stranger.post(f"https://{host}/services/oauth2/token", data=GRANT).json()
        assert facts["instance_url"] == goes_on_at
        assert facts["id"].startswith(goes_on_at + "/id/")
        rows = stranger.get(
            goes_on_at + "/services/data/v62.0/query?q=SELECT+Id+FROM+User",
            headers={"Authorization": "Bearer " + facts["access_token"]},
        ).json()
        assert rows["totalSize"] > 0
    assert instance_url("127.0.0.1:8080", "http://127.0.0.1:8080") == "http://127.0.0.1:8080"


def test_every_other_host_is_refused_and_remembered(front: Front, stranger: requests.Session) -> None:
    with pytest.raises(requests.exceptions.ProxyError):
        stranger.get("https://example.com/")
    assert stranger.get("http://example.com/").status_code == 403
    assert front.refused == ["CONNECT example.com:443", "GET http://example.com/"]


def test_only_who_trusts_the_authority_believes_the_front(stranger: requests.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name)
    with pytest.raises(requests.exceptions.SSLError) as refusal:
        stranger.get("https://login.salesforce.com/")
    assert isinstance(refusal.value.args[0].reason.args[0], ssl.SSLCertVerificationError)


def test_large_bodies_pass_whole(stranger: requests.Session) -> None:
    token = stranger.post("https://login.salesforce.com/services/oauth2/token", data=GRANT).json()["access_token"]
    leads = [{"attributes": {"type": "Lead"}, "LastName": f"L{n}", "Company": "x" * 250} for n in range(200)]
    session = {"Authorization": "Bearer " + token, "Sforce-Auto-Assign": "FALSE"}
    base = "https://syncd.my.salesforce.com/services/data/v62.0"
    made = stranger.post(base + "/composite/sobjects", json={"records": leads}, headers=session).json()
    assert [each["success"] for each in made] == [True] * 200
    query = {"q": "SELECT FIELDS(STANDARD) FROM Lead ORDER BY Id"}
    rows = stranger.get(base + "/query", params=query, headers=session).json()["records"]
    assert [row["LastName"] for row in rows] == [lead["LastName"] for lead in leads]


def test_as_a_command_it_prints_the_variables_to_set_and_ends_on_a_signal(served: RunningOrg) -> None:
    command = [sys.executable, "-m", "syncd.sandbox.front", served.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        proxies, bundle = {"https": told["HTTPS_PROXY"]}, told["REQUESTS_CA_BUNDLE"]
        answer = requests.get("https://acme.my.salesforce.com/services/data", proxies=proxies, verify=bundle, timeout=10)
        assert answer.json()[-1]["version"] == "65.0"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    assert not Path(bundle).exists()


@pytest.mark.parametrize("address", ["org", "https://127.0.0.1:8080", "http://127.0.0.1"])
def test_an_address_that_is_no_orgs_is_refused_with_an_example(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([address])
    assert ended.value.code == 2
    assert "http://127.0.0.1:8080" in capsys.readouterr().err


def test_a_doubled_slash_is_one(client: Client) -> None:
    assert client.session.get(client.served.url + "//services/data").json()[-1]["version"] == "65.0"


@pytest.mark.parametrize(
    ("statement", "columns"),
    [
        ("SELECT Id, LastName FROM Lead", ["Id", "LastName"]),
        ("select id, owner.name from lead", ["Id", "Owner.Name"]),
        ("SELECT Name, (SELECT LastName FROM Contacts) FROM Account", ["Name", "Contacts*LastName"]),
        ("SELECT COUNT(Id) n, Status FROM Lead GROUP BY Status", ["n=count(Id)", "Status"]),
        ("SELECT COUNT() FROM Lead", []),
    ],
)
def test_the_columns_of_a_query_are_told_without_running_it(client: Client, statement: str, columns: list[str]) -> None:
    answer = client.session.get(
        client.served.url + "/services/data/v62.0/query", params={"q": statement, "columns": "true"}
    ).json()

    def shown(column: dict[str, object]) -> str:
        joined = column["joinColumns"]
        assert isinstance(joined, list)
        if joined:
            return f"{column['columnName']}{'*' if column['aggregate'] else '.'}{shown(joined[0])}"
        return f"{column['columnName']}={column['displayName']}" if column["aggregate"] else str(column["columnName"])

    assert [shown(each) for each in answer["columnMetadata"]] == columns
