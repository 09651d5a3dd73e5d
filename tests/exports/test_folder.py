"""Does the drop folder give each file once it is whole, and put it where it belongs?"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from syncd.core.mapping import SourceMapping
from syncd.exports.archives import hashes_of
from syncd.exports.folder import DropFolder
from syncd.ports import Refused

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
MAPPING = SourceMapping("marketo", "m.toml", "ab", "1", (), {"email": "email"})
BODY = b"email\nana@example.com\n"


class Standing:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Standing:
    return Standing()


@pytest.fixture
def folder(tmp_path: Path, clock: Standing) -> DropFolder:
    (tmp_path / "marketo").mkdir()
    return DropFolder(tmp_path, clock)


def put(folder: DropFolder, name: str, body: bytes = BODY, age_s: float = 60) -> Path:
    path = folder.root / "marketo" / name
    path.write_bytes(body)
    stamp = NOW.timestamp() - age_s
    os.utime(path, (stamp, stamp))
    return path


def test_files_come_in_name_order_with_their_hash(folder: DropFolder) -> None:
    put(folder, "b.csv", b"b")
    put(folder, "a.csv")
    (folder.root / "marketo" / "done").mkdir()
    put(folder, ".hidden.csv")
    put(folder, "c.csv.part")
    files, problems = folder.waiting(MAPPING)
    assert problems == []
    assert [(file.name, file.sha256) for file in files] == [
        ("a.csv", hashlib.sha256(BODY).hexdigest()),
        ("b.csv", hashlib.sha256(b"b").hexdigest()),
    ]


def test_a_source_without_folder_has_nothing(tmp_path: Path, clock: Standing) -> None:
    assert DropFolder(tmp_path / "none", clock).waiting(MAPPING) == ([], [])


def test_a_file_just_written_waits(folder: DropFolder, clock: Standing) -> None:
    put(folder, "a.csv", age_s=1)
    assert folder.waiting(MAPPING)[0] == []
    clock.sleep(1)
    assert len(folder.waiting(MAPPING)[0]) == 1


def test_a_file_that_grew_between_two_looks_waits(folder: DropFolder, clock: Standing) -> None:
    put(folder, "a.csv")
    assert len(folder.waiting(MAPPING)[0]) == 1
    put(folder, "a.csv", BODY + b"bo@example.com\n")
    assert folder.waiting(MAPPING)[0] == []
    clock.sleep(3)
    [file] = folder.waiting(MAPPING)[0]
    assert file.sha256 == hashlib.sha256(BODY + b"bo@example.com\n").hexdigest()


def test_a_file_from_the_future_waits_two_seconds_and_no_longer(folder: DropFolder, clock: Standing) -> None:
    put(folder, "a.csv", age_s=-86_400)
    assert folder.waiting(MAPPING)[0] == []
    clock.sleep(2)
    assert len(folder.waiting(MAPPING)[0]) == 1


def test_links_and_other_tricks_are_refused(folder: DropFolder, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_bytes(BODY)
    inside = folder.root / "marketo"
    (inside / "a.csv").symlink_to(secret)
    os.mkfifo(inside / "b.csv")
    put(folder, "c.xlsx")
    put(folder, "d\n.csv")
    files, problems = folder.waiting(MAPPING)
    assert files == []
    assert [problem.code for problem in problems] == ["EXP-020", "EXP-020", "EXP-023", "EXP-022"]
    assert all("\n" not in str(problem) for problem in problems)


def test_a_linked_source_folder_is_refused(tmp_path: Path, clock: Standing) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "marketo").symlink_to(tmp_path / "elsewhere")
    _, [problem] = DropFolder(tmp_path, clock).waiting(MAPPING)
    assert problem.code == "EXP-020"


def test_a_file_that_became_a_link_is_not_followed(folder: DropFolder, tmp_path: Path) -> None:
    path = put(folder, "a.csv")
    [file] = folder.waiting(MAPPING)[0]
    path.rename(tmp_path / "moved.csv")
    path.symlink_to(tmp_path / "moved.csv")
    [item] = folder.rows(file, MAPPING)
    assert isinstance(item, Refused)
    assert item.kind == "wait"


@pytest.mark.parametrize("where", ["done", "refused"])
def test_a_file_is_put_away_once_and_twice_is_fine(folder: DropFolder, where: str) -> None:
    put(folder, "a.csv")
    [file] = folder.waiting(MAPPING)[0]
    for _ in range(2):
        getattr(folder, where)(file)
    moved = folder.root / "marketo" / where / f"{file.sha256[:16]}-a.csv"
    assert moved.read_bytes() == BODY
    assert folder.waiting(MAPPING) == ([], [])


def test_a_file_that_cannot_be_put_away_is_told_and_put_away_later(folder: DropFolder) -> None:
    (folder.root / "marketo" / "done").write_text("in the way")
    path = put(folder, "a.csv")
    [file] = folder.waiting(MAPPING)[0]
    folder.done(file)
    [again], problems = folder.waiting(MAPPING)
    assert again == file
    assert "[EXP-021] This was read and cannot be moved to done: File exists." in str(problems[0])
    (folder.root / "marketo" / "done").unlink()
    folder.done(again)
    assert not path.exists()


def test_a_name_of_many_bytes_is_cut_where_it_is_put_away(folder: DropFolder) -> None:
    put(folder, "ä" * 120 + ".csv")
    [file] = folder.waiting(MAPPING)[0]
    folder.done(file)
    [moved] = (folder.root / "marketo" / "done").iterdir()
    assert moved.name.endswith("ä.csv")
    assert moved.read_bytes() == BODY


def test_new_bytes_under_an_old_name_stay_for_the_next_look(folder: DropFolder, clock: Standing) -> None:
    put(folder, "a.csv")
    [file] = folder.waiting(MAPPING)[0]
    put(folder, "a.csv", b"email\nnew@example.com\n", age_s=30)
    folder.done(file)
    assert (folder.root / "marketo" / "a.csv").exists()


def test_a_read_only_folder_moves_nothing(folder: DropFolder, clock: Standing) -> None:
    path = put(folder, "a.csv")
    looking = DropFolder(folder.root, clock, is_read_only=True)
    [file] = looking.waiting(MAPPING)[0]
    looking.done(file)
    looking.refused(file)
    assert path.exists()


def test_after_a_restore_all_files_of_one_name_come_back_and_in_their_order(folder: DropFolder) -> None:
    for age_s in (300, 100, 200):
        put(folder, "leads.csv", b"%d" % age_s, age_s)
        [file] = folder.waiting(MAPPING)[0]
        folder.done(file)
    put(folder, "leads.csv", b"new", 60)
    assert folder.bring_back(lambda sha: False) == ["leads-again-9997.csv", "leads-again-9998.csv", "leads-again-9999.csv"]
    files = folder.waiting(MAPPING)[0]
    assert [Path(file.path).read_bytes() for file in files] == [b"300", b"200", b"100", b"new"]
    assert folder.bring_back(lambda sha: False) == []


def test_a_file_that_cannot_be_read_keeps_no_other_from_coming_back(folder: DropFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.csv", "b.csv"):
        put(folder, name, name.encode())
        [file] = folder.waiting(MAPPING)[0]
        folder.done(file)

    def hashes(path: Path) -> list[str]:
        if path.name.endswith("a.csv"):
            raise PermissionError(13, "Permission denied")
        return hashes_of(path)

    monkeypatch.setattr("syncd.exports.folder.hashes_of", hashes)
    with capture_logs() as said:
        assert folder.bring_back(lambda sha: False) == ["b.csv"]
    assert [(line["event"], line["why"]) for line in said] == [("export-not-taken-again", "Permission denied")]
