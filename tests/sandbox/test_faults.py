"""Every fault as a bare socket meets it, as syncd's own client meets it, and how faults are written down."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from pydantic import SecretStr

from syncd.errors import AnswerLost, BudgetSpent, OrgRefused, OrgUnreachable
from syncd.ports import Update
from syncd.salesforce.access import OrgAccess
from syncd.salesforce.org import SalesforceOrg
from syncd.sandbox.errors import ControlRefused
from syncd.sandbox.faults import KINDS, kind_of
from syncd.sandbox.faults_read import read_faults, read_faults_file
from syncd.sandbox.journal import Journal
from syncd.sandbox.local import RunningOrg
from tests.sandbox.client import ADA, BASE, Client

LATER = timedelta(seconds=5)
LEADS = quote("SELECT Id, Name FROM Lead")
QUERY = f"{BASE}/query?q={LEADS}"


@pytest.fixture
def served(served: RunningOrg) -> RunningOrg:
    served.org.journal = Journal()
    return served


def set_faults(client: Client, *faults: dict[str, Any]) -> None:
    answer = client.session.post(client.served.url + "/_sandbox/faults", json={"faults": list(faults)})
    assert answer.status_code == 200, answer.text


def journal(client: Client) -> list[tuple[str, int, list[str]]]:
    return [(each["method"], each["status"], each["faults"]) for each in client.served.requests()]


def raw(client: Client, target: str = QUERY, method: str = "GET", body: Any = None) -> tuple[bytes, str]:
    """Send one request over a socket; return all bytes that came, and how the connection ended: open, closed or reset."""
    parts = urlsplit(client.served.url)
    sent = json.dumps(body).encode() if body is not None else b""
    lines = [f"{method} {target} HTTP/1.1", "Host: x", f"Authorization: {client.session.headers['Authorization']!s}"]
    lines += ["Content-Type: application/json", f"Content-Length: {len(sent)}", "", ""]
    got = b""
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=0.5) as plug:
        plug.sendall("\r\n".join(lines).encode() + sent)
        while True:
            try:
                piece = plug.recv(65_536)
            except ConnectionResetError:
                return got, "reset"
            except TimeoutError:
                return got, "open"
            if not piece:
                return got, "closed"
            got += piece


def length_of(answer: bytes) -> tuple[int, int]:
    """Return the promised and the received length of a body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    promised = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    return int(promised.split(b":")[1]), len(body)


@pytest.mark.parametrize(
    ("does", "how", "ended"),
    [("refuse", "reset", "reset"), ("refuse", "close", "closed"), ("lose", "reset", "reset"), ("lose", "close", "closed")],
)
def test_no_answer_comes_and_only_a_lost_one_was_carried_out(client: Client, does: str, how: str, ended: str) -> None:
    set_faults(client, {"does": does, "how": how, "method": "POST"})
    assert raw(client, BASE + "/sobjects/Lead", "POST", ADA) == (b"", ended)
    set_faults(client)
    assert client.query("SELECT COUNT() FROM Lead")["totalSize"] == (1 if does == "lose" else 0)


@pytest.mark.parametrize(("given", "kept"), [({}, None), ({"bytes": 7}, 7), ({"bytes": 10**9}, -1)])
@pytest.mark.parametrize(("does", "ended"), [("cut", "closed"), ("reset", "reset")])
def test_the_body_ends_short_of_its_length(
    client: Client, does: str, ended: str, given: dict[str, int], kept: int | None
) -> None:
    client.lead()
    set_faults(client, {"does": does, **given})
    answer, end = raw(client)
    assert end == ended
    if does == "cut":
        promised, received = length_of(answer)
        assert received == {None: promised // 2, 7: 7, -1: promised - 1}[kept]


def test_a_cut_answer_without_body_promises_one(client: Client) -> None:
    lead = client.lead()
    set_faults(client, {"does": "cut", "method": "PATCH"})
    answer, end = raw(client, f"{BASE}/sobjects/Lead/{lead}", "PATCH", {"Title": "Countess"})
    assert (length_of(answer), end) == ((1, 0), "closed")
    set_faults(client)
    assert client.get("Lead", lead)["Title"] == "Countess"


def test_truncated_json_is_a_whole_answer(client: Client) -> None:
    set_faults(client, {"does": "truncated_json"})
    answer, end = raw(client)
    promised, received = length_of(answer)
    assert (end, promised == received) == ("open", True)
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.partition(b"\r\n\r\n")[2])


def test_a_trickling_answer_comes_whole(client: Client) -> None:
    lead = client.lead()
    whole = client.query("SELECT Id, Name FROM Lead")
    set_faults(client, {"does": "trickle", "bytes": 5, "seconds": 0})
    assert client.query("SELECT Id, Name FROM Lead") == whole
    assert client.get("Lead", lead)["LastName"] == "Lovelace"


@pytest.mark.parametrize(
    ("fault", "status", "kind", "beginning", "header"),
    [
        ({"does": "401"}, 401, "application/json", b'[{"message":"Session expired or invalid"', None),
        ({"does": "412"}, 412, None, b"", None),
        ({"does": "429"}, 429, "application/json", b'[{"message":"Too many', ("Retry-After", "30")),
        ({"does": "429", "retry_after": 3}, 429, "application/json", b"[{", ("Retry-After", "3")),
        ({"does": "503"}, 503, "text/html", b"<!DOCTYPE html>", ("Retry-After", None)),
        ({"does": "503", "retry_after": 9}, 503, "text/html", b"<!DOCTYPE html>", ("Retry-After", "9")),
        ({"does": "request_limit"}, 403, "application/json", b'[{"message":"TotalRequests Limit exceeded."', None),
        ({"does": "html"}, 200, "text/html", b"<!DOCTYPE html>", None),
        ({"does": "html", "status": 502}, 502, "text/html", b"<!DOCTYPE html>", None),
    ],
)
@pytest.mark.parametrize("after", [False, True])
def test_another_answer_comes_in_place_of_the_real_one(
    client: Client,
    fault: dict[str, Any],
    status: int,
    kind: str | None,
    beginning: bytes,
    header: tuple[str, str | None] | None,
    after: bool,
) -> None:
    set_faults(client, {**fault, "after": after, "times": 1})
    plug = http.client.HTTPConnection(urlsplit(client.served.url).netloc, timeout=5)
    headers = {"Authorization": str(client.session.headers["Authorization"]), "Content-Type": "application/json"}
    plug.request("POST", BASE + "/sobjects/Lead", json.dumps(ADA), headers)
    answer = plug.getresponse()
    body = answer.read()
    plug.close()
    assert (answer.status, body.startswith(beginning)) == (status, True)
    assert (answer.headers.get("Content-Type") or "").startswith(kind or "")
    if header is not None:
        assert answer.headers.get(header[0]) == header[1]
    if fault["does"] == "401":
        client.log_in()
    assert client.query("SELECT COUNT() FROM Lead")["totalSize"] == int(after)
    assert journal(client)[1][2] == [f"1 {fault['does']}"]


def test_a_session_that_met_a_401_is_over(client: Client) -> None:
    set_faults(client, {"does": "401", "times": 1})
    assert [client.call("GET", "/limits").status_code for _ in range(2)] == [401, 401]
    client.log_in()
    assert client.call("GET", "/limits").status_code == 200


def test_a_slow_answer_waits_for_the_orgs_clock(client: Client) -> None:
    set_faults(client, {"does": "slow", "org_seconds": 25, "kind": "limits"})
    came = threading.Event()

    def ask() -> None:
        client.call("GET", "/limits")
        came.set()

    asking = threading.Thread(target=ask)
    asking.start()
    assert not came.wait(0.1)
    client.org.clock.advance(24)
    assert not came.wait(0.1)
    client.org.clock.advance(1)
    assert came.wait(5)
    asking.join()


def test_a_cleared_slow_fault_lets_its_requests_go(client: Client) -> None:
    set_faults(client, {"does": "slow", "org_seconds": 86_400, "before": True, "kind": "row"})
    asking = threading.Thread(target=client.lead)
    asking.start()
    with Client(client.served) as other:
        assert other.query("SELECT COUNT() FROM Lead")["totalSize"] == 0
    client.org.faults.replace(())
    asking.join(5)
    assert client.query("SELECT COUNT() FROM Lead")["totalSize"] == 1


@pytest.mark.parametrize(
    ("when", "struck"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"nth": 3}, [3]),
        ({"nth": [2, 5]}, [2, 5]),
        ({"every": 3}, [3, 6]),
        ({"times": 2}, [1, 2]),
        ({"every": 2, "times": 1}, [2]),
        ({"request": [4, 5]}, [3, 4]),  # the login was request 1
        ({"method": "POST"}, []),
        ({"method": ["POST", "GET"], "nth": 1}, [1]),
        ({"kind": "limits", "nth": 1}, [1]),
        ({"kind": ["query", "composite"]}, []),
        ({"path": "*/limits", "nth": 1}, [1]),
        ({"path": "*/sobjects/*"}, []),
        ({"probability": 0}, []),
        ({"probability": 1, "seed": 4}, [1, 2, 3, 4, 5, 6, 7, 8]),
    ],
)
def test_a_fault_strikes_when_it_says(client: Client, when: dict[str, Any], struck: list[int]) -> None:
    set_faults(client, {"does": "html", "status": 502, **when})
    statuses = [client.call("GET", "/limits").status_code for _ in range(8)]
    assert [place for place, status in enumerate(statuses, 1) if status == 502] == struck
    [listed] = client.session.get(client.served.url + "/_sandbox/faults").json()["faults"]
    assert listed["fired"] == len(struck)
    assert sum(bool(faults) for _, _, faults in journal(client)) == len(struck)


def test_chance_is_drawn_from_the_seed(client: Client) -> None:
    drawn: dict[int, tuple[bool, ...]] = {}
    for seed in (1, 2, 1):
        set_faults(client, {"does": "412", "probability": 0.5, "seed": seed})
        found = tuple(client.call("GET", "/limits").status_code == 412 for _ in range(24))
        assert drawn.setdefault(seed, found) == found
        assert 4 < sum(found) < 20
    assert drawn[1] != drawn[2]


def test_the_first_fault_that_strikes_decides_and_slowness_comes_on_top(client: Client) -> None:
    set_faults(
        client,
        {"does": "slow", "seconds": 0, "name": "wait"},
        {"does": "503", "nth": 2, "name": "down"},
        {"does": "412", "name": "stale"},
    )
    assert [client.call("GET", "/limits").status_code for _ in range(3)] == [412, 503, 412]
    assert [faults for _, _, faults in journal(client)[1:]] == [["wait", "stale"], ["wait", "down"], ["wait", "stale"]]


def test_locked_rows_are_refused_in_every_kind_of_save(client: Client) -> None:
    locked, free = client.lead(), client.lead(LastName="Byron")
    set_faults(client, {"does": "lock_row", "ids": [locked[:15]]})
    single = client.call("PATCH", f"/sobjects/Lead/{locked}", {"Title": "Countess"})
    assert (single.status_code, single.json()[0]["errorCode"]) == (400, "UNABLE_TO_LOCK_ROW")
    records = [{"attributes": {"type": "Lead"}, "id": each, "Title": "Countess"} for each in (locked, free)]
    rows = client.call("PATCH", "/composite/sobjects", {"records": records}).json()
    assert [row["success"] for row in rows] == [False, True]
    assert rows[0]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    parts = [
        {"method": "PATCH", "url": f"{BASE}/sobjects/Lead/{each}", "referenceId": each, "body": {"Title": "Lady"}}
        for each in (locked, free)
    ]
    answers = client.call("POST", "/composite", {"compositeRequest": parts}).json()["compositeResponse"]
    assert [each["httpStatusCode"] for each in answers] == [400, 204]
    assert client.call("DELETE", f"/sobjects/Lead/{locked}").status_code == 400
    assert client.edit("update", "Lead", locked, Title="By a person")["success"]
    assert [client.get("Lead", each)["Title"] for each in (locked, free)] == ["By a person", "Lady"]
    assert journal(client)[-3][2] == ["1 lock_row"]


def test_every_nth_row_is_locked(client: Client) -> None:
    set_faults(client, {"does": "lock_row", "object": "lead", "every_row": 3, "times": 2})
    records = [{"attributes": {"type": "Lead"}, **ADA, "LastName": f"L{number}"} for number in range(12)]
    rows = client.call("POST", "/composite/sobjects", {"records": records}).json()
    assert [place for place, row in enumerate(rows, 1) if not row["success"]] == [3, 6]
    assert client.query("SELECT COUNT() FROM Lead")["totalSize"] == 10


@pytest.mark.parametrize(("end", "said"), [("Failed", "disk full"), ("Aborted", None)])
def test_a_bulk_job_ends_early(client: Client, end: str, said: str | None) -> None:
    set_faults(client, {"does": "bulk_job", "nth": 2, "end": end, **({"message": said} if said else {})})
    question = {"operation": "query", "query": "SELECT Id FROM Lead"}
    jobs = [client.call("POST", "/jobs/query", question).json()["id"] for _ in range(3)]
    found = []
    for job in jobs:
        while (info := client.call("GET", f"/jobs/query/{job}").json())["state"] in ("UploadComplete", "InProgress"):
            client.org.clock.advance(1)
        found.append((info["state"], info.get("errorMessage")))
    assert [state for state, _ in found] == ["JobComplete", end, "JobComplete"]
    assert said is None or found[1][1] == said
    assert [faults for _, _, faults in journal(client) if faults] == [["1 bulk_job"]]


def test_faults_are_listed_and_cleared(client: Client) -> None:
    url = client.served.url + "/_sandbox/faults"
    set_faults(client, {"does": "503", "name": "down", "nth": 1})
    client.call("GET", "/limits")
    assert client.session.get(url).json()["faults"] == [{"name": "down", "does": "503", "nth": 1, "matched": 1, "fired": 1}]
    assert client.session.delete(url).json() == {"faults": []}
    assert client.call("GET", "/limits").status_code == 200


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({}, "does = None is not a fault; write one of refuse, lose, reset"),
        ({"does": "explode"}, "does = 'explode' is not a fault"),
        ("503", "is '503'; write a table of settings"),
        ({"does": "503", "evry": 2}, "unknown setting 'evry' for 503; write every"),
        ({"does": "412", "pause": 2}, "unknown setting 'pause' for 412; there are after, every"),
        ({"does": "503", "every": 0}, "every takes a whole number from 1, not 0"),
        ({"does": "503", "every": True}, "every takes a whole number from 1, not True"),
        ({"does": "503", "nth": [1, "2"]}, "nth takes a number from 1, or a list of them, not [1, '2']"),
        ({"does": "503", "request": []}, "request takes a number from 1, or a list of them, not []"),
        ({"does": "503", "probability": 1.5}, "probability takes a number from 0 to 1, not 1.5"),
        ({"does": "503", "seed": 1}, "seed goes with probability"),
        ({"does": "503", "method": "FETCH"}, "method takes one or a list of GET, HEAD, POST, PATCH, PUT, DELETE, not 'FETCH'"),
        ({"does": "503", "kind": ["query", "soql"]}, "kind takes one or a list of login, query"),
        ({"does": "503", "path": 3}, "path takes text, not 3"),
        ({"does": "lose", "how": "quit"}, "how takes reset or close, not 'quit'"),
        ({"does": "slow"}, "slow takes either seconds"),
        ({"does": "slow", "seconds": 1, "org_seconds": 1}, "slow takes either seconds"),
        ({"does": "slow", "seconds": -1}, "seconds takes a number from 0 to 86400, not -1"),
        ({"does": "html", "status": 99}, "status takes a whole number from 200 to 599, not 99"),
        ({"does": "lock_row", "ids": ["x"]}, "ids takes a list of record ids"),
        ({"does": "bulk_job"}, "bulk_job needs end"),
        ({"does": "bulk_job", "end": "Done"}, "end takes Failed, Aborted or JobComplete, not 'Done'"),
        ({"does": "503", "after": 1}, "after takes true or false, not 1"),
    ],
)
def test_a_mistake_is_named_with_its_fault(fault: Any, said: str) -> None:
    with pytest.raises(ControlRefused) as refused:
        read_faults({"faults": [{"does": "lose"}, fault]})
    assert str(refused.value).startswith("fault 2")
    assert said in str(refused.value)


def test_all_mistakes_are_named_at_once(client: Client) -> None:
    wrong = {"faults": [{"does": "503", "nth": 0, "evry": 1}, {"does": "x", "name": "odd"}]}
    answer = client.session.post(client.served.url + "/_sandbox/faults", json=wrong)
    assert answer.status_code == 400
    assert [line.partition(":")[0] for line in answer.json()["error"].split("\n")] == ["fault 1", "fault 1", "fault 2 (odd)"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.toml", '[[faults]]\ndoes = "lose"\nkind = "composite"\nnth = [2, 3]\n'),
        ("f.json", '{"faults": [{"does": "lose", "kind": "composite", "nth": [2, 3]}]}'),
    ],
)
def test_a_file_of_faults_is_toml_or_json(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    [fault] = read_faults_file(tmp_path / name)
    assert (fault.name, fault.does, fault.when.nth, fault.when.kind) == (
        "1 lose",
        "lose",
        frozenset({2, 3}),
        frozenset({"composite"}),
    )


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("f.toml", "[[faults]", "not valid TOML"),
        ("f.json", "{", "not valid JSON"),
        ("f.toml", "[[fault]]\ndoes = 'lose'", 'Faults are a list called "faults"'),
        ("f.json", '{"faults": [{"does": "?"}]}', "fault 1: does = '?' is not a fault"),
        ("gone.toml", None, "cannot be read (No such file or directory)"),
    ],
)
def test_a_file_that_is_no_use_is_named(tmp_path: Path, name: str, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ControlRefused) as refused:
        read_faults_file(tmp_path / name)
    assert str(refused.value).startswith(str(tmp_path / name))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/services/oauth2/token", "login"),
        ("POST", "/services/Soap/u/62.0", "login"),
        ("GET", "/services/data/v62.0/query", "query"),
        ("GET", "/services/data/v62.0/queryAll", "query"),
        ("GET", "/services/data/v62.0/query/01gSX000000001-2000", "page"),
        ("GET", "/services/data/v62.0/sobjects", "describe"),
        ("GET", "/services/data/v62.0/sobjects/Lead/describe", "describe"),
        ("GET", "/services/data/v62.0/sobjects/Lead", "describe"),
        ("POST", "/services/data/v62.0/sobjects/Lead", "row"),
        ("GET", "/services/data/v62.0/sobjects/Lead/updated", "replication"),
        ("PATCH", "/services/data/v62.0/sobjects/Lead/00Q", "row"),
        ("POST", "/services/data/v62.0/composite", "composite"),
        ("POST", "/services/data/v62.0/composite/batch", "batch"),
        ("POST", "/services/data/v62.0/composite/tree/Lead", "tree"),
        ("PATCH", "/services/data/v62.0/composite/sobjects", "collections"),
        ("GET", "/services/data/v62.0/limits", "limits"),
        ("POST", "/services/data/v62.0/jobs/ingest", "bulk"),
        ("POST", "/services/async/62.0/job", "bulk"),
        ("GET", "/services/data", "other"),
    ],
)
def test_each_request_is_of_one_kind(method: str, path: str, kind: str) -> None:
    assert kind_of(method, path) == kind
    assert kind in KINDS


@pytest.fixture
def syncd_org(served: RunningOrg) -> Iterator[SalesforceOrg]:
    access = OrgAccess(served.url, "sandbox-client", SecretStr("sandbox-secret"), attempts_max=3, read_timeout_s=0.3)
    with SalesforceOrg(access, wall=lambda: datetime(2026, 3, 2, 9, tzinfo=UTC), sleep=lambda _: None) as org:
        org.identity()
        yield org


def _update(org: SalesforceOrg, lead: str) -> str:
    [result] = org.update([Update("Lead", lead, {"Title": "Countess"}, org.now() + LATER)])
    return result.status


def _read(org: SalesforceOrg, lead: str) -> str:
    return str(org.read("Lead", [lead], ["Title"]).records[lead].fields["Title"])


@pytest.mark.parametrize(
    ("fault", "error", "applied"),
    [
        ({"does": "refuse"}, AnswerLost, False),
        ({"does": "refuse", "how": "close"}, AnswerLost, False),
        ({"does": "lose"}, AnswerLost, True),
        ({"does": "reset"}, AnswerLost, True),
        ({"does": "cut"}, AnswerLost, True),
        ({"does": "truncated_json"}, AnswerLost, True),
        ({"does": "slow", "org_seconds": 60}, AnswerLost, True),
        ({"does": "503"}, AnswerLost, False),
        ({"does": "503", "after": True}, AnswerLost, True),
        ({"does": "html"}, AnswerLost, False),
        ({"does": "html", "status": 502, "after": True}, AnswerLost, True),
        ({"does": "429"}, OrgUnreachable, False),
        ({"does": "412"}, OrgRefused, False),
        ({"does": "request_limit"}, BudgetSpent, False),
        ({"does": "401"}, None, True),
        ({"does": "trickle", "seconds": 0}, None, True),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else None,
)
def test_a_write_of_syncd_meets_the_fault(
    client: Client, syncd_org: SalesforceOrg, fault: dict[str, Any], error: type[Exception] | None, applied: bool
) -> None:
    lead = client.lead()
    set_faults(client, {**fault, "kind": "composite", "times": 1})
    if error is None:
        assert _update(syncd_org, lead) == "done"
    else:
        with pytest.raises(error) as raised:
            _update(syncd_org, lead)
        assert type(raised.value) is error
    set_faults(client)
    assert client.get("Lead", lead)["Title"] == ("Countess" if applied else None)


@pytest.mark.parametrize(
    "does", ["refuse", "lose", "reset", "cut", "truncated_json", "503", "429", "html", "401", "trickle", "slow"]
)
def test_a_read_of_syncd_is_asked_again(client: Client, syncd_org: SalesforceOrg, does: str) -> None:
    lead = client.lead(Title="Countess")
    more: dict[str, Any] = {"slow": {"org_seconds": 60}, "trickle": {"seconds": 0}}.get(does, {})
    set_faults(client, {"does": does, "times": 1, "kind": ["composite", "collections", "query", "row"], **more})
    assert _read(syncd_org, lead) == "Countess"
    assert [faults for _, _, faults in journal(client) if faults] == [[f"1 {does}"]]


def test_a_row_of_syncd_is_locked(client: Client, syncd_org: SalesforceOrg) -> None:
    lead = client.lead()
    set_faults(client, {"does": "lock_row", "ids": [lead], "times": 1})
    assert [_update(syncd_org, lead) for _ in range(2)] == ["locked", "done"]
