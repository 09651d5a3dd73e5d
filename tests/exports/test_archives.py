"""Is each file of an archive a file of its own, taken once, and is the archive put away when all of them are?"""

from __future__ import annotations

import gzip
import os
import stat
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncd.core.dialect import Dialect
from syncd.core.rows import ParsedRow
from syncd.core.values import Flag
from syncd.exports import unpacking
from syncd.exports.archive import FolderArchive
from syncd.exports.folder import DropFolder
from syncd.ports import ExportFile, Item, Refused
from tests.exports.test_folder import MAPPING, NOW, Standing, put
from tests.exports.test_unpacking import zipped

FLAGS = {"unsubscribed*": Flag.OPTED_OUT, "cleaned*": Flag.UNREACHABLE}
MAILCHIMP = replace(MAPPING, pattern="*.zip", dialect=Dialect(flags=FLAGS))
ANA, BO, CY = (f"email\n{name}@example.com\n".encode() for name in ("ana", "bo", "cy"))
SET = {"unsubscribed_1.csv": BO, "subscribed_1.csv": ANA, "cleaned_1.csv": CY}


@pytest.fixture
def folder(tmp_path: Path) -> DropFolder:
    (tmp_path / "marketo").mkdir()
    return DropFolder(tmp_path, Standing())


def waiting(folder: DropFolder) -> list[ExportFile]:
    files, problems = folder.waiting(MAILCHIMP)
    assert problems == []
    return files


def read(folder: DropFolder, file: ExportFile) -> list[Item]:
    return list(folder.rows(file, MAILCHIMP))


def refusal(folder: DropFolder) -> str:
    [file] = waiting(folder)
    [item] = read(folder, file)
    assert isinstance(item, Refused)
    return str(item.problem)


def test_each_file_is_read_by_itself_and_its_name_says_the_status(folder: DropFolder) -> None:
    put(folder, "audience.zip", zipped(SET))
    found = []
    for file in waiting(folder):
        [row] = [item for item in read(folder, file) if isinstance(item, ParsedRow)]
        found.append((file.name, row.where, row.address, set(row.flags)))
    assert found == [
        ("audience.zip/cleaned_1.csv", "audience.zip/cleaned_1.csv:2", "cy@example.com", {Flag.UNREACHABLE}),
        ("audience.zip/subscribed_1.csv", "audience.zip/subscribed_1.csv:2", "ana@example.com", set()),
        ("audience.zip/unsubscribed_1.csv", "audience.zip/unsubscribed_1.csv:2", "bo@example.com", {Flag.OPTED_OUT}),
    ]


def test_the_archive_is_put_away_when_all_of_it_is_done(folder: DropFolder) -> None:
    path = put(folder, "audience.zip", zipped(SET))
    for left in (2, 1, 0):
        folder.done(waiting(folder)[0])
        assert len(waiting(folder)) == left
    assert [one.parent.name for one in folder.root.rglob("*.zip")] == ["done"]
    assert not path.exists()


def test_an_archive_of_which_one_file_is_refused_goes_there(folder: DropFolder) -> None:
    put(folder, "audience.zip", zipped(SET))
    first, second, third = waiting(folder)
    folder.refused(second)
    folder.done(first)
    folder.done(third)
    assert [one.parent.name for one in folder.root.rglob("*.zip")] == ["refused"]


def test_a_file_with_equal_bytes_is_known_wherever_it_is_packed(folder: DropFolder) -> None:
    put(folder, "a.zip", zipped(SET))
    put(folder, "b.zip", zipped({**SET, "subscribed_1.csv": CY + b"new@example.com\n"}))
    first, second = (
        {file.name.partition("/")[2]: file.sha256 for file in waiting(folder) if file.name.startswith(name)} for name in "ab"
    )
    assert {name for name in first if first[name] == second[name]} == {"unsubscribed_1.csv", "cleaned_1.csv"}


def test_files_that_do_not_fit_are_named_and_left_aside(folder: DropFolder) -> None:
    put(folder, "a.zip", zipped({"out/b.csv": ANA, "readme.txt": b"x", "__MACOSX/._b.csv": b"y"}))
    [file], [problem] = folder.waiting(MAILCHIMP)
    assert file.name == "a.zip/out/b.csv"
    assert problem.code == "EXP-024"
    assert "Of the archive 'readme.txt' was left aside: it does not fit members = '*.csv'." in problem.text


def test_an_empty_file_beside_full_ones_says_nothing_and_empty_ones_alone_pause(folder: DropFolder) -> None:
    put(folder, "a.zip", zipped({**SET, "cleaned_1.csv": b"email\n"}))
    assert [type(item).__name__ for item in read(folder, waiting(folder)[0])] == ["Header"]
    put(folder, "a.zip", zipped({"cleaned_1.csv": b"email\n", "subscribed_1.csv": b"email\n"}))
    again = DropFolder(folder.root, folder.clock)
    assert [item.kind for item in read(again, waiting(again)[0]) if isinstance(item, Refused)] == ["pause"]


@pytest.mark.parametrize("now", [{**SET, "cleaned_1.csv": ANA}, {"other.csv": ANA, "more.csv": ANA}])
def test_an_archive_that_changed_since_it_was_looked_at_waits(folder: DropFolder, now: dict[str, bytes]) -> None:
    path = put(folder, "a.zip", zipped(SET))
    file = waiting(folder)[0]
    path.write_bytes(zipped(now))
    last = read(folder, file)[-1]
    assert isinstance(last, Refused)
    assert (last.kind, last.problem.code) == ("wait", "EXP-003")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../a.csv", "'../a.csv'"),
        ("/etc/a.csv", "'/etc/a.csv'"),
        ("x/../../a.csv", "'x/../../a.csv'"),
        ("x\\a.csv", "'x\\\\a.csv'"),
        ("c:a.csv", "'c:a.csv'"),
        ("\x1b[2Ja.csv", "'\\x1b[2Ja.csv'"),
        ("\u202ea.csv", "'\\u202ea.csv'"),
    ],
)
def test_a_name_that_leads_out_of_the_archive_refuses_it_whole(folder: DropFolder, name: str, shown: str) -> None:
    put(folder, "a.zip", zipped({**SET, name: ANA}))
    said = f"a.zip:1:1 [EXP-022] The archive holds a file called {shown}: no export has such a name."
    assert refusal(folder).startswith(said)


def test_a_name_twice_refuses_the_archive(folder: DropFolder) -> None:
    path = put(folder, "a.zip", zipped(SET))
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("cleaned_1.csv", ANA)
    os.utime(path, (NOW.timestamp() - 60,) * 2)
    assert "[EXP-010] The archive holds 'cleaned_1.csv' twice" in refusal(folder)


def test_damage_locks_links_and_archives_within_are_refused(folder: DropFolder) -> None:
    damaged = bytearray(zipped({name: body * 40 for name, body in SET.items()}, zipfile.ZIP_STORED))
    damaged[damaged.index(b"bo@example") + 2] ^= 1
    put(folder, "a.zip", bytes(damaged))
    assert "[EXP-009] The archive is damaged or cut off: Bad CRC-32" in refusal(folder)
    path = put(folder, "a.zip", b"")
    link = zipfile.ZipInfo("b.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("c.csv", ANA)
    os.utime(path, (NOW.timestamp() - 60,) * 2)
    folder = DropFolder(folder.root, folder.clock)
    assert "[EXP-010] The archive holds a link, not a file." in refusal(folder)
    put(folder, "a.zip", zipped({"b.csv": ANA, "c.csv": gzip.compress(ANA)}))
    folder = DropFolder(folder.root, folder.clock)
    last = read(folder, waiting(folder)[1])[-1]
    assert isinstance(last, Refused)
    assert "[EXP-010] The archive holds an archive or a workbook." in str(last.problem)


def test_the_files_of_an_archive_are_a_bomb_together(folder: DropFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "RATIO_FROM_BYTES", 100_000)
    put(folder, "a.zip", zipped({f"{number}.csv": b"email\n" + b"x" * 60_000 for number in range(2)}))
    assert "[EXP-011] The archive unpacks to more than 200 times its size" in refusal(folder)


def test_an_archive_without_a_csv_file_is_refused(folder: DropFolder) -> None:
    put(folder, "a.zip", zipped({"a.txt": ANA, "b.txt": BO}))
    assert "[EXP-010] The archive holds 2 files ('a.txt', 'b.txt'), and none fits members = '*.csv'." in refusal(folder)


def test_an_archive_comes_back_while_one_of_its_files_is_not_known(folder: DropFolder) -> None:
    put(folder, "a.zip", zipped(SET))
    known = [file.sha256 for file in waiting(folder)]
    for file in waiting(folder):
        folder.done(file)
    assert folder.bring_back(lambda sha: sha in known) == []
    assert folder.bring_back(lambda sha: sha in known[1:]) == ["a.zip"]


def test_an_old_archive_is_removed_when_all_of_its_exports_are_known_whatever_else_is_in_it(folder: DropFolder) -> None:
    path = put(folder, "a.zip", zipped({**SET, "readme.txt": b"hello"}))
    files, _ = folder.waiting(MAILCHIMP)
    for file in files:
        folder.done(file)
    assert not path.exists()
    known = {file.sha256 for file in files}

    def removed(seconds_left: float = 1) -> int:
        later = datetime.now(UTC) + timedelta(days=1)
        return FolderArchive(folder.root).remove(
            later, lambda _, __, hashes: not known.issuperset(hashes), {"marketo": "*.csv"}, lambda: seconds_left <= 0
        )

    (folder.root / "other").mkdir()
    (folder.root / "other" / "done").write_text("no folder")
    assert [removed(0), removed(), removed()] == [0, 1, 0]
