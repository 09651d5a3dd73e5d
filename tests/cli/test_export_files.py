"""Does `syncd check` say of waiting files what would keep them from being taken?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from syncd.cli.export_files import files_fit
from syncd.cli.finding import Level
from tests.exports.test_folder import BODY, MAPPING
from tests.exports.test_sheets import workbook
from tests.exports.test_unpacking import zipped


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "marketo" / "done").mkdir(parents=True)
    return tmp_path / "marketo"


def said(folder: Path, pattern: str = "*") -> list[str]:
    found = list(files_fit(folder.parent, [replace(MAPPING, pattern=pattern)]))
    assert all(one.level is Level.WARNING and one.remedy for one in found)
    return [one.text for one in found]


def test_nothing_is_said_of_files_that_would_be_taken_or_never_looked_at(folder: Path) -> None:
    (folder / "a.csv").write_bytes(BODY)
    (folder / "b.zip").write_bytes(zipped({"a.csv": BODY, "b.csv": BODY, "c.txt": b"x"}))
    (folder / "c.csv.part").write_bytes(b"x")
    (folder / ".hidden.csv").write_bytes(b"x")
    (folder / "d.csv").symlink_to(folder / "c.csv.part")
    (folder / "done" / "e.csv").write_bytes(b"x")
    assert said(folder) == []
    (folder / "f.txt").write_bytes(b"x")
    assert said(folder, "*.csv") == []


def test_each_file_that_would_not_be_taken_is_named_with_its_line(folder: Path) -> None:
    (folder / "a.csv").write_bytes("email,name\na@b.cd,José Peña\nc@d.ef,Zoë\n".encode("cp1252"))
    (folder / "b.csv").write_bytes(b"Mail\nx@b.cd\n")
    (folder / "c.csv").write_bytes(workbook({"One": [["email"]], "Two": [["email"]]}))
    (folder / "d.zip").write_bytes(zipped({"a.csv": BODY, "b.csv": b"mail\nx\n"}))
    (folder / "e.zip").write_bytes(zipped({"../a.csv": BODY, "b.csv": BODY}))
    found = said(folder)
    assert [text.partition(" would not be taken: ")[0] for text in found] == [
        f"{folder}/a.csv:2", f"{folder}/b.csv:1", f"{folder}/c.csv:1", f"{folder}/d.zip/b.csv:1", f"{folder}/e.zip:1",
    ]  # fmt: skip
    [first, *_] = files_fit(folder.parent, [replace(MAPPING, pattern="a.csv")])
    assert 'write encoding = "cp1252"' in first.remedy


def test_how_many_files_were_not_looked_at_is_said(folder: Path) -> None:
    for n in range(8):
        (folder / f"{n}.csv").write_bytes(b"Mail\nx@b.cd\n")
    *first, last = files_fit(folder.parent, [replace(MAPPING, pattern="*")])
    assert [one.level for one in first] == [Level.WARNING] * 5
    assert (last.level, last.text) == (Level.OK, f"{folder}: 3 more waiting, which were not looked at")


def test_a_source_without_a_folder_is_left_to_the_look_at_folders(tmp_path: Path) -> None:
    assert list(files_fit(tmp_path, [MAPPING])) == []
