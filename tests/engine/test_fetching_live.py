"""Do exports come from where they are put, once, whole, and without holding anybody up?"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from syncd.core.fetching import Original
from syncd.engine.archiving import SWEPT, sweep_archive
from syncd.engine.cycle import begin
from syncd.engine.fetching import PIECE_BYTES, _Turn, setting_of
from syncd.engine.planning import preview
from syncd.engine.world import World
from syncd.errors import SourceRefused
from syncd.exports.incoming import FilePart, FolderIncoming
from syncd.exports.remote.folder import FolderSession
from syncd.exports.remote.sftp import SftpSession
from syncd.ports import CycleRecord
from tests.engine.scene import HEADER, Scene, export_line
from tests.exports.sftp_server import SftpServer, served

ROW = f"{HEADER}\n{export_line('L-1', leadScore='77')}\n"
OTHER = f"{HEADER}\n{export_line('L-2', leadScore='78')}\n"


class Share:
    """A folder that the marketing tool writes to, and syncd's cycles beside it."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene, self.folder = scene, folder
        folder.mkdir()
        self.configure()

    def configure(self, *lines: str, url: str = "") -> None:
        path = self.scene.home / "config.toml"
        text = path.read_text("utf-8").partition("[exports")[0]
        more = "".join(f"{line}\n" for line in lines)
        path.write_text(f'{text}[exports.marketo]\nurl = "{url or "file://" + str(self.folder)}"\n{more}', "utf-8")

    def put(self, name: str, text: str = ROW) -> Path:
        path = self.folder / name
        path.write_text(text, "utf-8")
        return path

    def cycle(self, after_s: float = 60) -> CycleRecord:
        """Run one cycle, and those that begin at once because of what has arrived."""
        record = self.scene.cycle(after_s)
        while record.counts.get("backlog"):
            record = self.scene.cycle(1)
        return record

    def known(self) -> Any:
        with self.scene.store() as store:
            return store.setting(setting_of("marketo"))

    def names(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture
def share(scene: Scene, tmp_path: Path) -> Share:
    return Share(scene, tmp_path / "share")


def test_an_export_is_fetched_taken_in_and_left_where_it_was(share: Share) -> None:
    share.put("leads-1.csv")
    share.cycle()
    [name] = [name for name in share.scene.files() if name.startswith("done/")]
    assert name.endswith("-leads-1.csv")
    assert share.names() == {"leads-1.csv"}
    assert share.scene.inbox("export-source") == []
    fetched = (share.scene.home / "exports" / "marketo" / name).stat()
    assert fetched.st_mode & 0o077 == 0


@pytest.mark.sweep
def test_nothing_is_fetched_twice_under_any_name(share: Share) -> None:
    share.put("leads-1.csv")
    share.cycle()
    assert "exports fetched" not in share.cycle(600).counts
    share.put("leads-2.csv")
    again = share.scene.cycle(600)
    assert (again.counts.get("exports known by their content"), again.counts.get("exports fetched")) == (1, None)
    assert len(share.scene.files()) == 1


@pytest.mark.parametrize(("after", "left"), [("delete", 0), ("move", 1)])
@pytest.mark.sweep
def test_an_original_is_put_away_only_when_the_store_has_finished_it(share: Share, after: str, left: int) -> None:
    share.configure(f'after = "{after}"')
    share.put("leads-1.csv")
    first = share.scene.cycle()
    assert first.counts["exports fetched"] == 1
    assert share.names() == {"leads-1.csv"}
    share.cycle(1)
    share.cycle(600)
    assert len(share.names()) == left
    assert all(name.startswith("done/") for name in share.names())


@pytest.mark.sweep
def test_an_archive_of_several_files_is_put_away_when_all_of_them_are_finished(share: Share) -> None:
    share.configure('after = "delete"')
    share.scene.rewrite("fields/marketo.toml", r"pattern\s+= .*", 'pattern = "*.zip"\nmembers = "*.csv"')
    with zipfile.ZipFile(share.folder / "leads.zip", "w") as archive:
        archive.writestr("a.csv", ROW)
        archive.writestr("b.csv", OTHER)
        archive.writestr("readme.txt", "left aside")
    share.cycle()
    assert [name.partition("/")[0] for name in share.scene.files()] == ["done"]
    share.cycle(600)
    assert share.names() == set()


@pytest.mark.sweep
def test_an_original_that_was_refused_is_never_put_away(share: Share) -> None:
    share.configure('after = "delete"')
    share.put("leads-1.csv", "no,such,header\n1,2,3\n")
    share.cycle()
    share.cycle(600)
    assert share.names() == {"leads-1.csv"}
    assert any(name.startswith("refused/") for name in share.scene.files())


@pytest.mark.sweep
def test_a_newer_version_takes_the_place_of_one_that_waits_for_somebody(share: Share) -> None:
    path = share.put("leads-1.csv", HEADER + "\n")
    share.cycle()
    assert [item.subject for item in share.scene.inbox("export-paused")] == ["marketo/leads-1.csv"]
    path.write_text(OTHER, "utf-8")
    share.cycle(600)
    assert share.scene.inbox("export-paused") == []
    assert {name.partition("/")[0] for name in share.scene.files()} == {"done", "refused"}


@pytest.mark.sweep
def test_a_newer_version_waits_while_an_earlier_one_of_its_name_is_still_to_be_taken_in(share: Share) -> None:
    path = share.scene.home / "exports" / "marketo" / "leads-1.csv"
    ahead = datetime.now(UTC).timestamp() + 3600
    path.write_text(ROW, "utf-8")
    os.utime(path, (ahead, ahead))  # the folder lets it rest
    share.put("leads-1.csv", OTHER)
    share.scene.cycle()
    [item] = share.scene.inbox("export-source")
    assert "[EXP-044]" in item.text
    assert path.read_text("utf-8") == ROW
    os.utime(path, (ahead - 7200, ahead - 7200))
    share.cycle(600)
    share.cycle(600)
    assert share.scene.inbox("export-source") == []
    assert len(share.scene.files()) == 2


@pytest.mark.sweep
def test_an_outage_is_one_item_that_clears_itself_and_holds_up_nothing(share: Share) -> None:
    share.put("leads-1.csv")
    away = share.folder.rename(share.folder.with_name("away"))
    record = share.scene.cycle()
    assert record.error is None
    share.scene.cycle(600)
    [item] = share.scene.inbox("export-source")
    assert item.text == f"[EXP-041] file://{share.folder} does not exist."
    assert share.known()["reason"] == f"file://{share.folder} does not exist."
    away.rename(share.folder)
    share.cycle(600)
    assert share.scene.inbox("export-source") == []
    assert any(name.startswith("done/") for name in share.scene.files())


@pytest.mark.sweep
def test_a_file_that_cannot_be_read_keeps_no_other_from_being_fetched(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    share.put("leads-1.csv", OTHER)
    share.put("leads-2.csv")
    real = FolderSession.read

    def read(self: FolderSession, original: Original, offset: int, size_bytes: int) -> bytes:
        if original.name == "leads-1.csv":
            raise SourceRefused("permission denied.")
        return real(self, original, offset, size_bytes)

    monkeypatch.setattr(FolderSession, "read", read)
    share.cycle()
    [item] = share.scene.inbox("export-source")
    assert item.text == "[EXP-041] leads-1.csv: permission denied."
    since, times = share.known()["failing_at"], share.known()["failures"]
    share.cycle(600)
    assert (share.known()["failing_at"], share.known()["failures"]) == (since, times + 1)
    assert [name.partition("-")[2] for name in share.scene.files() if name.startswith("done/")] == ["leads-2.csv"]
    monkeypatch.undo()
    share.cycle(600)
    assert share.scene.inbox("export-source") == []
    assert (share.known()["failing_at"], share.known()["failures"]) == (None, 0)
    assert {name.partition("-")[2] for name in share.scene.files()} == {"leads-1.csv", "leads-2.csv"}


@pytest.mark.sweep
def test_a_file_that_is_replaced_between_two_pieces_is_no_trouble(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    path = share.put("leads-1.csv")
    real = FolderSession.read

    def read(self: FolderSession, original: Original, offset: int, size_bytes: int) -> bytes:
        path.write_text(OTHER + OTHER.partition("\n")[2], "utf-8")
        raise SourceRefused("that version does not exist.")  # as a bucket says it, which gives bytes of one version only

    monkeypatch.setattr(FolderSession, "read", read)
    first = share.scene.cycle()
    assert first.counts["exports replaced while fetched"] == 1
    assert share.scene.inbox("export-source") == []
    assert share.known()["failing_at"] is None
    monkeypatch.setattr(FolderSession, "read", real)
    share.cycle(600)
    assert {name.partition("/")[0] for name in share.scene.files()} == {"done"}


@pytest.mark.sweep
def test_a_source_that_gives_less_than_it_lists_is_told_and_nothing_is_taken(
    share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    share.put("leads-1.csv")
    real = FolderSession.read
    monkeypatch.setattr(FolderSession, "read", lambda self, original, offset, size: real(self, original, offset, size)[:-1])
    share.cycle()
    [item] = share.scene.inbox("export-source")
    assert "[EXP-040] leads-1.csv has" in item.text
    assert share.scene.files() == set()


@pytest.mark.sweep
def test_a_file_that_is_dropped_while_one_of_its_name_is_fetched_is_not_set_aside(
    share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    share.put("leads-1.csv", OTHER)
    dropped = share.scene.home / "exports" / "marketo" / "leads-1.csv"
    real = FolderSession.read

    def read(self: FolderSession, original: Original, offset: int, size_bytes: int) -> bytes:
        dropped.write_text(ROW, "utf-8")
        return real(self, original, offset, size_bytes)

    monkeypatch.setattr(FolderSession, "read", read)
    share.scene.cycle()
    assert dropped.read_text("utf-8") == ROW
    monkeypatch.undo()
    os.utime(dropped, (1e9, 1e9))
    share.cycle(600)
    share.cycle(600)
    assert {name.partition("/")[0] for name in share.scene.files()} == {"done"}
    assert len(share.scene.files()) == 2


@pytest.mark.sweep
def test_names_that_will_not_be_fetched_are_told_once(share: Share) -> None:
    share.put("notes.txt")
    (share.folder / "link.csv").symlink_to("/etc/passwd")
    share.cycle()
    assert {item.subject for item in share.scene.inbox("export-source")} == {"marketo/names", "marketo/odd"}
    assert share.scene.files() == set()


@pytest.mark.sweep
def test_a_source_without_a_mapping_is_told_and_not_looked_at(share: Share) -> None:
    path = share.scene.home / "config.toml"
    path.write_text(path.read_text("utf-8").replace("[exports.marketo]", "[exports.marketto]"), "utf-8")
    share.put("leads-1.csv")
    share.cycle()
    assert ["EXP-045" in item.text for item in share.scene.inbox("export-source")] == [True]
    assert share.scene.files() == set()


@pytest.mark.sweep
def test_a_plan_fetches_nothing(share: Share) -> None:
    share.put("leads-1.csv")
    with share.scene.world(is_read_only=True) as (world, _):
        preview(world)
    assert share.scene.files() == set()
    assert share.known() is None


@pytest.mark.sweep
def test_a_large_file_is_gone_on_with_where_the_last_cycle_left_it(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    share.put("leads-1.csv", ROW + "#" * (2 * PIECE_BYTES))
    reads: list[int] = []
    real = FolderSession.read

    def read(self: FolderSession, original: Original, offset: int, size_bytes: int) -> bytes:
        reads.append(offset)
        return real(self, original, offset, size_bytes)

    monkeypatch.setattr(FolderSession, "read", read)
    records = []
    for already in range(4):
        # as if each piece took all the time of a cycle
        monkeypatch.setattr("syncd.engine.fetching._Turn._is_enough", lambda _, already=already: len(reads) > already)
        records.append(share.scene.cycle(1 if already else 60))
    assert reads == [0, PIECE_BYTES, 2 * PIECE_BYTES]
    assert [record.counts.get("exports fetched", 0) for record in records] == [0, 0, 1, 0]
    assert not [name for name in share.scene.files() if ".part" in name]


class Killed(BaseException):
    """The process ended here."""


@pytest.mark.sweep
@pytest.mark.parametrize("is_before", [True, False])
@pytest.mark.parametrize(
    ("kind", "method"),
    [(FilePart, "add"), (FilePart, "take"), (_Turn, "_keep"), (FolderSession, "put_away"), (FolderIncoming, "sweep")],
)
def test_killed_at_any_step_nothing_is_lost_and_nothing_is_taken_twice(
    share: Share, monkeypatch: pytest.MonkeyPatch, kind: type, method: str, is_before: bool
) -> None:
    share.configure('after = "delete"')
    share.put("leads-1.csv")
    real, deaths = getattr(kind, method), 3

    def deadly(*given: Any) -> Any:
        nonlocal deaths
        deaths -= 1
        if is_before and deaths >= 0:
            raise Killed
        answer = real(*given)
        if deaths >= 0:
            raise Killed
        return answer

    monkeypatch.setattr(kind, method, deadly)
    for _ in range(10):
        with suppress(Killed):
            share.scene.cycle(310)
    assert deaths < 3
    with share.scene.store() as store:
        assert store.has_file(sha256(ROW.encode()).hexdigest())
    assert [name.partition("/")[0] for name in share.scene.files()] == ["done"]
    assert share.names() == set()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SftpServer]:
    folder, home = tmp_path / "served", tmp_path / "keys"
    folder.mkdir()
    home.mkdir()
    with served(folder, home) as running:
        yield running


@pytest.mark.sweep
def test_a_file_replaced_while_it_is_fetched_is_begun_again(share: Share, server: SftpServer) -> None:
    lines = [f'known_hosts_file = "{server.known_hosts}"', f'key_file = "{server.home / "key"}"']
    share.configure(*lines, url=f"sftp://syncd@127.0.0.1:{server.port}/out")
    path = server.put("leads-1.csv", ROW.encode())
    real = SftpSession.read
    replaced: list[bool] = []

    def read(self: SftpSession, original: Original, offset: int, size_bytes: int) -> bytes:
        data = real(self, original, offset, size_bytes)
        if not replaced:
            replaced.append(True)
            path.write_text(OTHER + OTHER.partition("\n")[2], "utf-8")
        return data

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SftpSession, "read", read)
        first = share.scene.cycle()
    assert first.counts["exports replaced while fetched"] == 1
    assert "exports fetched" not in first.counts
    share.cycle()
    [name] = share.scene.files()
    assert (share.scene.home / "exports" / "marketo" / name).read_bytes() == path.read_bytes()


@pytest.mark.sweep
def test_an_unknown_host_key_is_an_inbox_item_with_the_line_to_add(share: Share, server: SftpServer) -> None:
    right = server.known_hosts.read_text("utf-8").strip()
    server.known_hosts.write_text("", "utf-8")
    lines = [f'known_hosts_file = "{server.known_hosts}"', f'key_file = "{server.home / "key"}"']
    share.configure(*lines, url=f"sftp://syncd@127.0.0.1:{server.port}/out")
    share.cycle()
    [item] = share.scene.inbox("export-source")
    assert "is not known" in item.text
    assert right in item.remedy


@pytest.mark.sweep
def test_originals_are_removed_when_they_are_old_and_nobody_needs_them(share: Share) -> None:
    share.put("leads-1.csv")
    share.put("leads-2.csv", "no,such,header\n1,2,3\n")
    share.cycle()
    folder = share.scene.home / "exports" / "marketo"
    (folder / "done" / "0123456789abcdef-unfinished.csv").write_text("x", "utf-8")
    (folder / "done" / "mine.txt").write_text("x", "utf-8")

    def swept(days: int, world: World) -> int:
        class Later:
            def now(self) -> datetime:
                return datetime.now(UTC) + timedelta(days=days)

            def sleep(self, seconds: float) -> None: ...

        with world.store.begin() as tx:
            tx.put_setting(SWEPT, None)
        cycle = begin(world)
        sweep_archive(replace(world, clock=Later()), cycle)
        sweep_archive(replace(world, clock=Later()), cycle)  # once a day
        return cycle.counts.get("originals removed", 0)

    with share.scene.world() as (world, _):
        assert swept(29, world) == 0
        assert swept(31, world) == 1
        with world.store.begin() as tx:
            tx.resolve_inbox("export-file", ["marketo/leads-2.csv"], datetime.now(UTC))
        assert swept(31, world) == 1
    left = {path.name for path in folder.rglob("*") if path.is_file()}
    assert left == {"0123456789abcdef-unfinished.csv", "mine.txt"}
