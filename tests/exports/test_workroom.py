"""A sieve's folder goes with its process, however that ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from syncd.exports.sieve.workroom import PREFIX, workroom

KILLED = """
import os, signal, sys, tempfile
tempfile.tempdir = sys.argv[1]
from syncd.exports.sieve.workroom import workroom
with workroom() as folder:
    (folder / "people").write_text("ana@example.com")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_a_workroom_is_for_nobody_else_and_gone_at_the_end(tmp_path: Path) -> None:
    with workroom() as folder:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_cleared_and_what_is_in_use_stays(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    [left] = tmp_path.glob(f"{PREFIX}*")
    assert (left / "people").exists()
    with workroom() as first:
        assert not left.exists()
        with workroom() as second:
            assert first.exists()
            assert second != first


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    (tmp_path / f"{PREFIX}link").symlink_to(elsewhere)
    with workroom():
        assert (elsewhere / "kept").exists()


def test_a_folder_that_another_process_cleared_before_it_was_held_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [str(tmp_path / f"{PREFIX}gone"), str(tmp_path / f"{PREFIX}there")]
    Path(made[1]).mkdir()
    monkeypatch.setattr("tempfile.mkdtemp", lambda **_: made.pop(0))
    monkeypatch.setattr("syncd.exports.sieve.workroom._clear", lambda _: None)
    with workroom() as folder:
        assert folder.name == f"{PREFIX}there"
