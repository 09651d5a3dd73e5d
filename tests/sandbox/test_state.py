"""An org outlives its process, whole or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests

from syncd.sandbox.digest import digest
from syncd.sandbox.errors import StateRefused
from syncd.sandbox.local import running
from syncd.sandbox.org import Org
from syncd.sandbox.state import load_state, save_state
from tests.sandbox.client import ADA, BASE, Client


@dataclass(frozen=True, slots=True)
class Served:
    """A sandbox process: what it said when it was ready, and itself."""

    facts: dict[str, Any]
    process: subprocess.Popen[bytes]

    def control(self, method: str, name: str, **options: Any) -> Any:
        return requests.request(method, f"{self.facts['url']}/_sandbox/{name}", **options).json()

    def log_in(self) -> dict[str, str]:
        form = {"grant_type": "client_credentials"}
        client = (self.facts["client_id"], self.facts["client_secret"])
        answer = requests.post(self.facts["url"] + "/services/oauth2/token", data=form, auth=client).json()
        return {"Authorization": "Bearer " + answer["access_token"], "Sforce-Auto-Assign": "FALSE"}

    def ask(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> requests.Response:
        return requests.request(method, self.facts["url"] + BASE + path, json=body, headers=headers)


@contextmanager
def sandbox(*arguments: str) -> Iterator[Served]:
    command = [sys.executable, "-m", "syncd.sandbox", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield Served(orjson.loads(process.stdout.readline()), process)
        finally:
            process.send_signal(signal.SIGTERM)


def test_an_org_goes_on_where_it_ended(tmp_path: Path) -> None:
    state = str(tmp_path / "org.state")
    with sandbox("--state", state, "--seed", "5", "--now", "2026-03-02T09:00:00Z", "--frozen") as first:
        session = first.log_in()
        ids = [first.ask("POST", "/sobjects/Lead", session, ADA).json()["id"] for _ in range(2)]
        first.control("POST", "settings", json={"daily_api_requests": 77, "hidden_fields": {"Lead": ["Title"]}})
        first.control("POST", "clock", json={"advance_s": 60})
        before = first.control("GET", "digest")
    assert first.process.returncode == 0
    with sandbox("--state", state, "--seed", "99") as second:
        assert second.facts["org_id"] == first.facts["org_id"]
        assert second.control("GET", "digest") == before
        assert second.control("GET", "clock") == {"now": "2026-03-02T09:01:00Z", "frozen": True}
        answer = second.ask("GET", "/limits", session)
        assert (answer.status_code, answer.headers["Sforce-Limit-Info"]) == (200, "api-usage=3/77")
        third = second.ask("POST", "/sobjects/Lead", session, ADA).json()["id"]
    assert len({*ids, third}) == 3
    with sandbox("--state", state, "--now", "2026-04-01T00:00:00Z") as again:
        assert again.control("GET", "dump", params={"objects": "Lead"})["Lead"][-1]["Id"] == third
        assert again.control("GET", "clock") == {"now": "2026-04-01T00:00:00Z", "frozen": True}


def test_the_control_endpoint_saves_at_once(tmp_path: Path) -> None:
    state = tmp_path / "org.state"
    with running() as served, Client(served) as client:
        served.org.state_file = state
        client.lead()
        answer = client.session.post(served.url + "/_sandbox/state").json()
        assert answer == {"file": str(state), "bytes": state.stat().st_size}
        kept = load_state(state)
        assert digest(kept) == digest(served.org)
        kept.close()


def test_the_results_of_bulk_jobs_are_kept(client: Client, tmp_path: Path) -> None:
    client.lead()
    job = client.call("POST", "/jobs/query", {"operation": "query", "query": "SELECT LastName FROM Lead"}).json()["id"]
    while client.call("GET", f"/jobs/query/{job}").json()["state"] != "JobComplete":
        client.org.clock.advance(1)
    save_state(client.org, tmp_path / "org.state")
    with running(org=load_state(tmp_path / "org.state")) as again, Client(again) as later:
        results = later.call("GET", f"/jobs/query/{job}/results")
        assert results.text == '"LastName"\n"Lovelace"\n'
        again.org.close()


def test_without_a_state_file_there_is_nothing_to_save(client: Client) -> None:
    answer = client.session.post(client.served.url + "/_sandbox/state")
    assert answer.status_code == 400
    assert "--state FILE" in answer.json()["error"]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "org.state"
    org = Org.with_defaults(seed=1)
    save_state(org, path)
    org.close()
    return path


def _head(path: Path, **changed: Any) -> None:
    line, _, rest = path.read_bytes().partition(b"\n")
    path.write_bytes(orjson.dumps(orjson.loads(line) | changed) + b"\n" + rest)


def _flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_bytes(b""), "not a state file of the sandbox"),
        (lambda path: path.write_bytes(b"SQLite format 3\x00"), "not a state file of the sandbox"),
        (lambda path: path.write_bytes(b"[1]\n"), "not a state file of the sandbox"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "the state is damaged"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "the state is damaged"),
        (lambda path: _flip(path, -5_000), "the state is damaged"),
        (lambda path: _flip(path, 2_000), "the state is damaged"),
        (lambda path: _head(path, format=2), "it has format 2, this version reads format 1"),
        (lambda path: _head(path, code="0" * 64), "the code differs"),
        (lambda path: path.unlink(), "cannot be read (No such file or directory)"),
    ],
)
def test_a_file_that_is_damaged_or_of_another_version_is_refused(saved: Path, spoil: Any, said: str) -> None:
    spoil(saved)
    with pytest.raises(StateRefused) as refused:
        load_state(saved)
    assert str(refused.value).startswith(str(saved))
    assert said in str(refused.value)


def test_a_state_file_runs_no_code(saved: Path) -> None:
    import hashlib
    import pickle

    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (saved.with_name("touched"),))

    rest = pickle.dumps({"seed": 1, "evil": Evil()})
    digest_of = hashlib.sha256(rest).hexdigest()
    head = orjson.loads(saved.read_bytes().partition(b"\n")[0]) | {"rest": len(rest), "image": 0, "sha256": digest_of}
    saved.write_bytes(orjson.dumps(head) + b"\n" + rest)
    with pytest.raises(StateRefused, match="written by another version"):
        load_state(saved)
    assert not saved.with_name("touched").exists()


@pytest.mark.parametrize(("option", "text"), [("--state", "old"), ("--faults", "[[faults]]\ndoes = 'x'\n")])
def test_a_file_that_is_no_use_ends_the_start_with_one_line(tmp_path: Path, option: str, text: str) -> None:
    path = tmp_path / "given"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "syncd.sandbox", option, str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"sandbox: {path}: ")
    assert path.read_text(encoding="utf-8") == text


def test_a_request_that_waits_does_not_keep_the_org_from_ending(tmp_path: Path) -> None:
    state = tmp_path / "org.state"
    with sandbox("--state", str(state), "--frozen") as served:
        slow = {"does": "slow", "org_seconds": 86_400, "kind": "limits"}
        served.control("POST", "faults", json={"faults": [slow]})
        session = served.log_in()
        with pytest.raises(requests.ReadTimeout):
            requests.get(served.facts["url"] + BASE + "/limits", headers=session, timeout=0.2)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(20) == 0
    with sandbox("--state", str(state)) as again:
        assert [each["does"] for each in again.control("GET", "faults")["faults"]] == ["slow"]


def test_faults_of_a_file_strike_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text('[[faults]]\ndoes = "503"\nkind = "login"\nnth = 1\n', encoding="utf-8")
    with sandbox("--faults", str(path)) as served:
        assert [requests.post(served.facts["url"] + "/services/oauth2/token").status_code for _ in range(2)] == [503, 400]
