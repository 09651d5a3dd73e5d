"""Does `syncd sandbox serve` start the emulated org, or say what is missing?"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from typing import Any

import pytest

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
