"""Same seed, clock and requests: the same digest, whatever the process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import orjson
import pytest
import requests

from syncd.sandbox.org import Org
from tests.sandbox.client import ADA, BASE, Client


def digest(client: Client, objects: str = "") -> dict[str, Any]:
    answer = client.session.get(client.served.url + "/_sandbox/digest", params={"objects": objects})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_every_change_of_a_record_changes_the_digest(client: Client) -> None:
    seen = [digest(client)["sha256"]]
    lead = client.lead()
    seen.append(digest(client)["sha256"])
    client.update("Lead", lead, Title="Countess")
    seen.append(digest(client)["sha256"])
    client.edit("delete", "Lead", lead)
    seen.append(digest(client)["sha256"])
    client.edit("purge", "Lead", lead)
    seen.append(digest(client)["sha256"])
    assert len(set(seen)) == len(seen)
    assert digest(client)["sha256"] == seen[-1]


def test_a_digest_of_some_objects_leaves_the_others_out(client: Client) -> None:
    before = digest(client, "Contact,Account")
    client.lead()
    assert digest(client, "Account,Contact") == before
    assert set(before["objects"]) == {"Account", "Contact"}
    assert digest(client, "Lead")["objects"]["Lead"]["rows"] == 1
    answer = client.session.get(client.served.url + "/_sandbox/digest", params={"objects": "Leed"})
    assert (answer.status_code, "'Leed'" in answer.json()["error"]) == (400, True)


def test_another_seed_gives_another_digest() -> None:
    from syncd.sandbox.digest import digest as of

    found = []
    for seed in (1, 1, 2):
        org = Org.with_defaults(seed=seed)
        org.clock.freeze()
        found.append(of(org, ["User"])["objects"]["User"]["sha256"])
        org.close()
    assert found[0] != found[2]


@contextmanager
def process(hash_seed: str) -> Iterator[dict[str, Any]]:
    """Serve an org in a process of its own."""
    command = [sys.executable, "-m", "syncd.sandbox", "--seed", "3", "--now", "2026-03-02T09:00:00Z", "--frozen", "--users", "4"]
    with Popen(command, stdout=PIPE, env=os.environ | {"PYTHONHASHSEED": hash_seed}, cwd=Path.cwd()) as served:
        try:
            assert served.stdout is not None
            yield dict(orjson.loads(served.stdout.readline()))
        finally:
            served.terminate()


def run_of_requests(ready: dict[str, Any], connections: int) -> str:
    """Send the same writes in the same order, over so many connections, with reads between them; return the digest."""
    url = ready["url"]
    sessions = [requests.Session() for _ in range(connections)]
    try:
        form = {"grant_type": "client_credentials", "client_id": ready["client_id"], "client_secret": ready["client_secret"]}
        token = sessions[0].post(url + "/services/oauth2/token", data=form).json()["access_token"]
        for session in sessions:
            session.headers.update({"Authorization": "Bearer " + token, "Sforce-Auto-Assign": "FALSE"})
        faults = [{"does": "lock_row", "probability": 0.3, "seed": 9, "method": ["POST", "PATCH"]}]
        assert sessions[0].post(url + "/_sandbox/faults", json={"faults": faults}).status_code == 200
        with ThreadPoolExecutor(connections) as pool:
            for number in range(30):
                readers = [pool.submit(each.get, url + BASE + "/query?q=SELECT+Id+FROM+Lead") for each in sessions[1:]]
                _write(sessions[0], url, number)
                assert {each.result().status_code for each in readers} <= {200}
        return str(sessions[0].get(url + "/_sandbox/digest").json()["sha256"])
    finally:
        for session in sessions:
            session.close()


def _write(session: requests.Session, url: str, number: int) -> None:
    records = [{"attributes": {"type": "Lead"}, **ADA, "LastName": f"L{number}-{row}"} for row in range(5)]
    made = session.post(url + BASE + "/composite/sobjects", json={"records": records}).json()
    for row in made:
        if row["success"]:
            session.patch(f"{url}{BASE}/sobjects/Lead/{row['id']}", json={"Status": "Working - Contacted"})
    session.post(url + "/_sandbox/clock", json={"advance_s": 7})
    last = next((row["id"] for row in reversed(made) if row["success"]), None)
    if last and number % 3 == 0:
        session.post(url + "/_sandbox/edit", json={"edits": [{"op": "delete", "object": "Lead", "id": last}]})


@pytest.mark.sweep
@pytest.mark.parametrize(("hash_seed", "connections"), [("1", 1), ("77", 3)])
def test_two_processes_come_to_the_same_digest(hash_seed: str, connections: int) -> None:
    with process("0") as first, process(hash_seed) as second:
        assert run_of_requests(first, 1) == run_of_requests(second, connections)
