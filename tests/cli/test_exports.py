"""Are files that were taken in listed, and is the one meant that somebody would mean?"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from syncd.ports import ExportFile
from syncd.store.sql import SqlStore
from tests.cli.conftest import AT, Syncd


def take(store: SqlStore, name: str, sha256: str, source: str = "marketo", hour: int = 0, **counts: int) -> None:
    with store.begin() as tx:
        tx.begin_file(ExportFile(source, f"/drop/{name}", name, sha256 * 64, 1))
        tx.finish_file(sha256 * 64, counts, AT + timedelta(hours=hour))


def test_files_are_listed_with_what_came_of_them_and_whether_they_are_still_there(
    syncd: Syncd, store: SqlStore, tmp_path: Path
) -> None:
    assert syncd("exports", "list").out == "no export was taken in\n"
    take(store, "a.csv", "a", rows=9, applied=2, unchanged=2, superseded=1, unmatched=3, quarantined=1, would_write=4)
    take(store, "set.zip/in.csv", "b", hour=1, rows=1)
    done = tmp_path / "exports" / "marketo" / "done"
    done.mkdir(parents=True)
    (done / f"{'9' * 16}-set.zip").touch()
    (done / f"{'c' * 16}-a.csv").touch()
    header, last, first = syncd("exports", "list").out.splitlines()
    assert header.split("  ")[0] == "taken"
    assert last.split() == ["2026-03-02T10:00:00Z", "marketo", "set.zip/in.csv", "1", *"000000", "in", "done/"]
    assert first.split() == ["2026-03-02T09:00:00Z", "marketo", "a.csv", "9", *"221314", "gone"]
    found = syncd("exports", "list", "--json").json["files"]
    assert [(one["name"], one["original"], one["counts"].get("applied")) for one in found] == [
        ("set.zip/in.csv", True, None), ("a.csv", False, 2),
    ]  # fmt: skip
    assert syncd("exports", "list", "--source", "other").out == "no export was taken in from other\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "It is not clear of which source: say --source with one of: eloqua, marketo"),
        (("x.csv",), "No export called x.csv was taken in. See: syncd exports list"),
        (("a.csv", "--source", "eloqua"), "No export called a.csv was taken in from eloqua"),
        (("a.csv",), "The original of a.csv is no longer in "),
        (("--source", "marketo"), "The original of in.csv is no longer in "),
        (("exports/marketo/done/1111111111111111-a.csv",), "run: syncd exports again a.csv --source marketo --write"),
    ],
)
def test_a_file_that_is_not_clear_or_not_there_is_said(
    syncd: Syncd, store: SqlStore, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    fields = tmp_path / "mappings" / "fields"
    fields.mkdir(parents=True)
    (fields / "marketo.toml").write_bytes((Path(__file__).parents[2] / "mappings" / "fields" / "marketo.toml").read_bytes())
    for number, (name, source) in enumerate((("a.csv", "marketo"), ("in.csv", "marketo"), ("b.csv", "eloqua"))):
        take(store, name, str(number + 1), source, number)
    said = syncd("exports", "again", *words)
    assert (said.code, said.out) == (2, "")
    assert says in " ".join(said.err.replace("│", " ").split())
    assert store.waiting_requests() == []


def test_of_several_files_with_one_name_the_last_is_meant_or_the_one_named_as_it_lies_in_done(
    syncd: Syncd, store: SqlStore, tmp_path: Path
) -> None:
    from syncd.cli.exports import chosen
    from syncd.config import load_config

    for number in (1, 2, 3):
        take(store, "leads.csv", str(number), hour=number)
    config = load_config(tmp_path / "config.toml")
    assert chosen(config, "leads.csv", None).sha256[0] == "3"
    assert chosen(config, f"done/{'2' * 16}-leads.csv", None).sha256[0] == "2"
    assert chosen(config, None, "marketo").sha256[0] == "3"


def test_a_list_of_rows_overwrites_nothing(syncd: Syncd, store: SqlStore, tmp_path: Path) -> None:
    take(store, "a.csv", "a")
    (tmp_path / "mine.csv").write_text("mine", "utf-8")
    said = syncd("exports", "rows", "--out", "mine.csv")
    assert (said.code, said.out) == (1, "")
    assert "mine.csv exists already; nothing was written." in said.err
    assert (tmp_path / "mine.csv").read_text("utf-8") == "mine"
