"""Do check and status say how the places that exports come from stand?"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.cli import wire
from syncd.cli.finding import Finding, Level
from syncd.cli.source_check import sources_ready
from syncd.config import load_config
from syncd.core.fetching import FAILURES_MAX, Known, Original, failed, fetched, known_to_json, look
from syncd.engine.fetching import setting_of
from syncd.store.sql import SqlStore
from tests.cli.conftest import AT, Syncd, a_cycle

STARTER = Path(__file__).parents[2] / "mappings"
Checked = Callable[..., list[Finding]]


@pytest.fixture
def share(home: Path) -> Path:
    folder = home / "share"
    folder.mkdir()
    with (home / "config.toml").open("a", encoding="utf-8") as config:
        config.write(f'[exports.marketo]\nurl = "file://{folder}"\nafter = "delete"\n')
    shutil.copytree(STARTER, home / "mappings")
    return folder


@pytest.fixture
def checked(home: Path) -> Checked:
    def check(**changes: str) -> list[Finding]:
        path = home / "config.toml"
        for old, new in changes.items():
            path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
        config = load_config(path, {"SYNCD_CLIENT_SECRET": "x"})
        return list(sources_ready(config, wire.load_policies(config.mappings).sources))

    return check


def test_check_says_how_many_files_wait_and_that_they_may_be_read_and_put_away(share: Path, checked: Checked) -> None:
    (share / "a.csv").write_text("12345", "utf-8")
    (share / "b.txt").write_text("x", "utf-8")
    (share / "c.csv").symlink_to("/etc/passwd")
    reachable, names, links, away = checked()
    assert reachable == Finding(Level.OK, "source", f"marketo: file://{share} answers; 1 file of 5 bytes, they can be read")
    assert (names.level, "b.txt" in names.text) == (Level.WARNING, True)
    assert (links.level, "1 link" in links.text) == (Level.WARNING, True)
    assert (away.level, 'after = "delete"' in away.text) == (Level.OK, True)
    assert {path.name for path in share.iterdir()} == {"a.csv", "b.txt", "c.csv"}


def test_check_fails_on_a_source_that_cannot_be_used_or_has_no_mapping(share: Path, checked: Checked) -> None:
    share.rmdir()
    [gone] = checked()
    assert (gone.level, gone.text) == (Level.FINDING, f"marketo: file://{share} does not exist.")
    [nameless] = checked(**{"[exports.marketo]": "[exports.marketto]"})
    assert (nameless.level, nameless.remedy) == (Level.FINDING, "Did you mean [exports.marketo]?")


def test_check_names_archived_exports_that_others_can_read(share: Path, home: Path, checked: Checked) -> None:
    done = home / "exports" / "marketo" / "done"
    done.mkdir(parents=True)
    (done / "0123456789abcdef-a.csv").write_text("x", "utf-8")
    (done / "0123456789abcdef-a.csv").chmod(0o640)
    assert [(one.check, one.level) for one in checked() if one.level is not Level.OK] == [("archive", Level.WARNING)]
    (done / "0123456789abcdef-a.csv").chmod(0o600)
    assert [one for one in checked() if one.level is not Level.OK] == []


def test_the_command_that_closes_archives_can_be_pasted_and_closes_them_all(share: Path, home: Path, checked: Checked) -> None:
    checked(**{"[exports.marketo]": "[exports]\nfolder = 'my exports'\n[exports.marketo]"})
    for place in ("done", "refused"):
        file = home / "my exports" / "marketo" / place / "0123456789abcdef-a.csv"
        file.parent.mkdir(parents=True)
        file.write_text("x", "utf-8")
        file.chmod(0o640)
    [command] = [one.remedy for one in checked() if one.check == "archive"]
    subprocess.run(shlex.split(command.removeprefix("Run: ")), check=True)
    assert [one for one in checked() if one.check == "archive"] == []


def test_status_says_what_each_source_last_did(syncd: Syncd, share: Path, store: SqlStore) -> None:
    a_cycle(store, AT)
    address = f"file://{share}"
    assert f"marketo: {address}, not looked at yet" in syncd("status").out
    original = Original("a.csv", 5, "1")
    seen = look([original], "*.csv", Known(address), AT).known
    for known, line in (
        (seen, "marketo: 1 file to fetch; looked at 2026-03-02 09:00:00 UTC"),
        (fetched(seen, original, "ff", AT), "marketo: nothing to fetch, the last one came 2026-03-02 09:00:00 UTC; looked at"),
        (failed(seen, "no answer", AT), "marketo: failing since 2026-03-02 09:00:00 UTC: no answer"),
    ):
        with store.begin() as tx:
            tx.put_setting(setting_of("marketo"), known_to_json(known))
        assert line in syncd("status").out
    [said] = syncd("status", "--json").json["sources"]
    assert (said["is_failing"], said["reason"], said["waiting"]) == (True, "no answer", ["a.csv"])


def test_a_source_that_goes_on_failing_is_trouble_that_the_exit_code_tells_of(syncd: Syncd, share: Path, store: SqlStore) -> None:
    a_cycle(store, datetime.now(UTC))
    known = Known(f"file://{share}")
    for number in range(1, FAILURES_MAX + 1):
        known = failed(known, "no answer", AT)
        with store.begin() as tx:
            tx.put_setting(setting_of("marketo"), known_to_json(known))
        said = syncd("status", "--healthcheck")
        assert said.code == (1 if number == FAILURES_MAX else 0)
    assert said.out == "exports of marketo cannot be fetched since 2026-03-02 09:00:00 UTC: no answer\n"
    assert syncd("status", "--json").json["is_healthy"] is False
    with store.begin() as tx:
        tx.put_setting(setting_of("marketo"), known_to_json(look([], "*.csv", known, AT).known))
    assert syncd("status").code == 0
