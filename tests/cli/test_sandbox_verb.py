"""Does `syncd sandbox` serve the emulated org and play people in it, or say what is missing?"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from syncd.sandbox.local import running
from tests.cli.conftest import Syncd


def test_a_missing_extra_is_named_with_the_command_that_installs_it(syncd: Syncd, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        if name == "syncd.sandbox.cli":
            raise ModuleNotFoundError("No module named 'aiohttp'", name="aiohttp")
        return real(name)

    real = importlib.import_module
    monkeypatch.setattr(importlib, "import_module", missing)
    said = syncd("sandbox", "serve")
    assert (said.code, said.out) == (1, "")
    assert "aiohttp" in said.err
    assert "pip install 'syncd[sandbox]'" in said.err


def test_serving_says_where_in_one_line_and_ends_on_sigterm() -> None:
    command = [sys.executable, "-m", "syncd.cli.main", "sandbox", "serve", "--now", "2026-03-02T09:00:00Z", "--frozen"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as serving:
        assert serving.stdout is not None
        ready = json.loads(serving.stdout.readline())
        with urllib.request.urlopen(f"{ready['url']}/_sandbox/clock", timeout=10) as answer:
            assert json.load(answer) == {"now": "2026-03-02T09:00:00Z", "frozen": True}
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(10) == 0


def test_an_org_that_cannot_be_loaded_says_why(syncd: Syncd) -> None:
    said = syncd("sandbox", "serve", "--load", "nowhere")
    assert said.code == 2
    assert "nowhere" in said.err


@pytest.fixture(scope="module")
def company() -> Iterator[str]:
    with running(company=True) as served:
        yield served.url


def test_the_scripts_are_listed_with_what_they_do(syncd: Syncd) -> None:
    said = syncd("sandbox", "play", "--list")
    assert said.code == 0
    names = [line.split()[0] for line in said.out.splitlines()[1:]]
    assert names == [
        "sales-day",
        "marketing-day",
        "connector",
        "data-load",
        "scheduled-flow",
        "assignment-rule",
        "merges",
        "conversions",
        "connector-wins",
        "shared-login",
        "nightly-flow",
        "realignment",
        "nurture-mails",
        "activity-capture",
        "friday-flip",
        "opt-out-leak",
        "score-merge",
        "mobile-late",
        "permission-set",
        "owner-flow",
    ]
    assert syncd("sandbox", "play", "--list", "--json").json.keys() == set(names)


def test_an_unknown_script_names_the_nearest(syncd: Syncd) -> None:
    said = syncd("sandbox", "play", "sale-day", "--url", "http://127.0.0.1:9")
    assert (said.code, said.out) == (2, "")
    assert "sales-day" in said.err.partition("Did you mean")[2]


@pytest.mark.parametrize("url", ["", "127.0.0.1:8080", "https://login.salesforce.com", "http://", "http://127.0.0.1:99999"])
def test_what_is_no_address_of_an_emulated_org_is_refused(syncd: Syncd, url: str) -> None:
    said = syncd("sandbox", "play", "merges", "--url", url)
    assert (said.code, said.out) == (2, "")
    assert "--url" in said.err


def test_an_org_that_cannot_be_reached_is_one_clear_message(syncd: Syncd) -> None:
    said = syncd("sandbox", "play", "merges", "--url", "http://127.0.0.1:9")
    assert (said.code, said.out) == (1, "")
    assert "127.0.0.1:9" in said.err
    assert "syncd sandbox serve" in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", b"220 mail.example ESMTP\r\n"])
def test_what_answers_but_is_no_emulated_org_is_one_clear_message(syncd: Syncd, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def once() -> None:
            with server.accept()[0] as caller:
                caller.recv(65536)
                caller.sendall(answer)

        thread = threading.Thread(target=once)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        said = syncd("sandbox", "play", "merges", "--url", url)
        thread.join()
    assert (said.code, said.out) == (1, "")
    assert url in said.err
    assert "Traceback" not in said.err


def test_an_org_without_what_the_script_needs_says_what_is_missing(syncd: Syncd) -> None:
    with running() as empty:
        said = syncd("sandbox", "play", "marketing-day", "--url", empty.url)
    assert (said.code, said.out) == (1, "")
    assert "no active user for marketing" in said.err
    assert "--company" in said.err


def test_what_was_done_is_shown_as_a_table_or_as_json(syncd: Syncd, company: str) -> None:
    said = syncd("sandbox", "play", "connector", "--url", company)
    assert said.code == 0
    assert said.out.splitlines()[0].split() == ["AT", "WHO", "VIA", "OBJECT", "ID", "FIELD", "CHANGE"]
    assert len(said.out.splitlines()) == 26
    assert '→ "Inquiry"' in said.out
    assert "25 deeds in 5 steps" in said.err
    told = syncd("sandbox", "play", "sales-day", "--url", company, "--day", 2, "--json").json
    assert {deed["via"] for deed in told} == {"edit"}
    assert len({deed["username"] for deed in told}) == 1
