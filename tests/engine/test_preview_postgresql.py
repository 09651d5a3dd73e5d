"""Does a preview read a PostgreSQL database as it reads a SQLite file, and leave it as it was?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from syncd.cli.main import main
from syncd.sandbox.local import running
from syncd.store.sql import open_store
from tests.checker.watch import WATCH
from tests.engine.scene import SECRET, Scene, export_line, write_home
from tests.engine.small_org import write_small_org

pytestmark = pytest.mark.sweep


def test_a_person_and_a_sample_are_previewed_and_nothing_is_kept(
    tmp_path: Path, postgres_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(*next(iter(SECRET.items())))
    folder, home = tmp_path / "load", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    with running(load=write_small_org(folder)) as served:
        write_home(home, served.url, config=f'[store]\nurl = "{postgres_url}"\n')
        scene = Scene(served, home)
        del WATCH.pairs[served.url, home / "syncd.db"]  # it reads SQLite files
        scene.cycle()
        scene.drop("day.csv", export_line("Working-1", leadScore="77", unsubscribed="true"))
        size = ledger_size(postgres_url)
        told = []
        for words in (["--person", "2"], ["--sample", "3"]):
            with pytest.raises(SystemExit) as ended:
                main(["mapping", "preview", *words, "--json", "--config", str(home)])
            assert not ended.value.code
            told.append(json.loads(capsys.readouterr().out))
        [score] = [one for one in told[0]["people"][0]["fields"] if one["field"] == "Lead_Score__c"]
        assert (score["before"], score["after"], score["effect"]) == (10, 77, "write")
        assert told[1]["kinds"]["write Lead.Lead_Score__c"] == 1
        assert ledger_size(postgres_url) == size
        assert scene.writes() == []


def ledger_size(url: str) -> int:
    store = open_store(url, None, read_only=True)
    try:
        return store.ledger_size()
    finally:
        store.dispose()
