"""How does somebody begin?"""

from __future__ import annotations

from pathlib import Path

from syncd.cli.wire import load_policies
from tests.cli.conftest import Syncd


def test_init_writes_a_config_and_mappings_that_are_valid_as_they_stand(syncd: Syncd, tmp_path: Path) -> None:
    said = syncd("init", "acme")
    assert said.code == 0
    assert (tmp_path / "acme" / "config.toml").is_file()
    policies = load_policies(tmp_path / "acme" / "mappings")
    assert policies.nurture is not None
    assert policies.sources
    assert all((tmp_path / "acme" / "exports" / source.name).is_dir() for source in policies.sources)
    assert "syncd --config acme check" in said.out


def test_init_overwrites_nothing_and_then_writes_nothing(syncd: Syncd, tmp_path: Path) -> None:
    (tmp_path / "mappings").mkdir()
    mine = tmp_path / "mappings" / "fences.toml"
    mine.write_text("mine", "utf-8")
    said = syncd("init")
    assert said.code == 1
    assert "mappings/fences.toml" in said.err
    assert mine.read_text("utf-8") == "mine"
    assert not (tmp_path / "config.toml").exists()
