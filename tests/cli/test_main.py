"""What does a user see before, around and instead of a verb?"""

from __future__ import annotations

import io
import json
import os
import runpy
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

from syncd import __version__
from syncd.cli import main as frame
from syncd.cli.main import VERBS
from syncd.errors import ConfigInvalid, OrgUnreachable, PlanRefused, PlanUnreadable
from tests.cli.conftest import Syncd

HEAVY = ("simple_salesforce", "sqlalchemy", "alembic", "aiohttp", "requests", "pydantic", "tree_sitter", "apscheduler")


def test_help_names_every_verb(syncd: Syncd) -> None:
    said = syncd("--help")
    assert said.code == 0
    assert all(f"  {verb} " in said.out for verb in VERBS)


def test_help_answers_at_once_and_loads_nothing_heavy() -> None:
    script = "import sys, syncd.cli.main as m\ntry: m.main(['--help'])\n"
    script += f"except SystemExit: print([x for x in {HEAVY} if x in sys.modules])"
    took = []
    for _ in range(3):
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        took.append(time.perf_counter() - began)
        assert done.stdout.endswith("[]\n")
    assert min(took) < 0.5


def test_the_version_is_the_package_s(syncd: Syncd) -> None:
    assert syncd("--version").out == f"syncd {__version__}\n"


def test_an_unknown_verb_names_the_nearest_and_is_a_usage_error(syncd: Syncd) -> None:
    said = syncd("expain", "00Q")
    assert (said.code, said.out) == (2, "")
    assert "Did you mean: syncd explain" in said.err


def test_a_missing_config_lists_all_paths_tried(syncd: Syncd, tmp_path: Path) -> None:
    said = syncd("status")
    assert (said.code, said.out) == (2, "")
    assert "config.toml" in said.err
    assert "/etc/syncd/config.toml" in said.err
    assert "syncd init" in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("where", ["before", "after", "joined"])
def test_config_may_be_named_before_or_after_the_verb(syncd: Syncd, home: Path, where: str) -> None:
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()
    (home / "config.toml").rename(elsewhere / "config.toml")
    words: dict[str, list[object]] = {
        "before": ["--config", elsewhere, "status"],
        "after": ["status", "--config", elsewhere],
        "joined": ["status", f"--config={elsewhere}"],
    }
    assert "there is no database yet" in syncd(*words[where]).err


@pytest.mark.parametrize(
    ("problem", "code", "says"),
    [
        (ConfigInvalid("a.toml:1:1 no.", hint="Write it."), 2, "error: a.toml:1:1 no.\n  next: Write it.\n"),
        (PlanUnreadable("p.json is no plan."), 2, "error: p.json is no plan.\n  next: Nothing was written."),
        (PlanRefused("The plan was applied already."), 1, "error: The plan was applied already.\n"),
        (OrgUnreachable("Salesforce said: try later.."), 1, "error: Salesforce said: try later.\n"),
        (OrgUnreachable("no answer"), 1, "error: no answer\n  next: Nothing is lost"),
        (ValueError("secret-value"), 1, "syncd --debug"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_a_failure_is_told_in_one_message_without_a_traceback(
    syncd: Syncd, monkeypatch: pytest.MonkeyPatch, problem: BaseException, code: int, says: str
) -> None:
    def fail(arguments: list[str], prog_name: str) -> None:
        raise problem

    monkeypatch.setattr(frame, "app", fail)
    said = syncd("status")
    assert (said.code, said.out) == (code, "")
    assert says in said.err
    assert "Traceback" not in said.err
    assert "secret-value" not in said.err


def test_debug_shows_the_traceback(syncd: Syncd, home: Path) -> None:
    said = syncd("status", "--debug")
    assert said.code == 1
    assert "Traceback" in said.err
    assert "there is no database yet" in said.err


@pytest.mark.parametrize("text", [None, "no json", "{}", "[]"])
def test_a_file_that_is_no_plan_is_an_unusable_file(syncd: Syncd, home: Path, text: str | None) -> None:
    if text is not None:
        (home / "plan.json").write_text(text, "utf-8")
    said = syncd("apply", "plan.json")
    assert (said.code, said.out) == (2, "")
    assert "plan.json" in said.err


@pytest.mark.parametrize("words", [["--config", "."], ["--config=."]])
def test_the_next_step_of_a_failure_keeps_the_config(syncd: Syncd, home: Path, words: list[str]) -> None:
    assert "syncd --config . run --once" in syncd(*words, "status").err


def test_a_locale_without_a_letter_gets_it_spelled_out(syncd: Syncd, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(terminal, "ascii"))
    assert syncd("formula", '"Zo" & CHR(235) & CHR(128512)', "--json").code == 0
    assert json.loads(terminal.getvalue().decode("ascii"))["value"] == "Zo\u00eb\U0001f600"


WORDS = [["--version"], ["--help"], ["inbox", "--help"], ["formula", "1 + 1"]]


def stream_to(fd: int, *, at_once: bool) -> io.TextIOWrapper:
    """Write as Python does to stdout: when a block is full, or at once as under PYTHONUNBUFFERED."""
    if at_once:
        return io.TextIOWrapper(cast(Any, io.FileIO(fd, "w")), "utf-8", write_through=True)
    return io.TextIOWrapper(io.BufferedWriter(io.FileIO(fd, "w")), "utf-8")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device that is always full is Linux's")
@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("words", WORDS)
def test_output_that_finds_no_room_is_a_failure_that_says_so(
    syncd: Syncd, monkeypatch: pytest.MonkeyPatch, words: list[str], at_once: bool
) -> None:
    with stream_to(os.open("/dev/full", os.O_WRONLY), at_once=at_once) as full:
        monkeypatch.setattr(sys, "stdout", full)
        said = syncd(*words)
        monkeypatch.undo()
    assert (said.code, said.err) == (
        1,
        "error: the output cannot be written: No space left on device.\n  next: Make room where it goes, or send it elsewhere.\n",
    )


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("words", WORDS)
def test_nobody_has_to_read_the_output(syncd: Syncd, monkeypatch: pytest.MonkeyPatch, words: list[str], at_once: bool) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with stream_to(writing, at_once=at_once) as unread:
        monkeypatch.setattr(sys, "stdout", unread)
        said = syncd(*words)
        monkeypatch.undo()
    assert said.err == ""


@pytest.mark.parametrize("words", WORDS)
def test_a_closed_output_takes_everything(syncd: Syncd, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert (syncd(*words).code, sys.stdout) == (0, None)


def test_what_python_itself_still_holds_back_at_the_end_is_not_told_of() -> None:
    command = f"{sys.executable} -m syncd.cli.main --help; echo $? >&2"
    reading, writing = os.pipe()
    os.close(reading)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    try:
        said = subprocess.run(
            ["sh", "-c", command], env=environment, stdout=writing, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writing)
    assert said.stderr == "1\n"


@pytest.mark.parametrize("words", [[], ["--config", "nowhere"]])
def test_without_a_config_the_next_step_is_to_make_one(syncd: Syncd, words: list[str]) -> None:
    said = syncd(*words, "status")
    assert (said.code, said.out) == (2, "")
    assert "There is no configuration file" in said.err
    assert "Create one with: syncd init" in said.err
    assert "next: Create one, or name the one that there is with: --config PATH" in said.err
    assert "Correct the lines" not in said.err


def test_an_interruption_while_syncd_is_loaded_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "syncd.cli.main", Interrupted("syncd.cli.main"))
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("syncd", run_name="__main__")
    assert ended.value.code == 130
