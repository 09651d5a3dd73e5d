"""Does syncd fetch over SFTP only from the server that it was told to trust, and whole files only?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from syncd.core.fetching import Original
from syncd.errors import SourceRefused, SourceUnreachable
from syncd.exports.access import RemoteAccess
from syncd.exports.remote.sources import RemoteSource
from tests.exports.sftp_server import PASSWORD, SftpServer, served


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SftpServer]:
    folder, home = tmp_path / "served", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    with served(folder, home) as running:
        yield running


def source(access: RemoteAccess) -> RemoteSource:
    return RemoteSource(access, sleep=lambda _: None)


def listed(access: RemoteAccess) -> list[Original]:
    with source(access).opened() as session:
        return list(session.listing().originals)


def refusal(access: RemoteAccess) -> SourceRefused:
    with pytest.raises(SourceRefused) as refused:
        listed(access)
    return refused.value


def test_files_are_listed_and_read_from_any_place(server: SftpServer) -> None:
    server.put("b.csv", b"0123456789" * 30_000)
    server.put("a.csv", b"x")
    (server.folder / "out" / "done").mkdir()
    (server.folder / "out" / "link.csv").symlink_to("/etc/passwd")
    with source(server.access()).opened() as session:
        found = session.listing()
        small, large = found.originals
        assert (small.name, large.name, large.size_bytes, found.odd) == ("a.csv", "b.csv", 300_000, ("link.csv",))
        assert session.read(large, 299_995, 100) == b"56789"
        assert session.read(large, 100_001, 100_000) == (b"0123456789" * 30_000)[100_001:200_001]
        proof = session.look(large)
        assert proof is not None
        assert proof.original == large
        assert session.look(Original("gone.csv", 1, "1")) is None


def test_a_password_lets_in_and_a_wrong_one_does_not(server: SftpServer) -> None:
    assert listed(server.with_password(PASSWORD)) == []
    told = refusal(server.with_password("wrong-password"))
    assert str(told) == "127.0.0.1 does not let syncd in with the password."
    assert "wrong-password" not in f"{told} {told.hint}"


def test_an_unknown_host_key_is_refused_with_its_fingerprint_and_the_line_to_add(server: SftpServer) -> None:
    right = server.known_hosts.read_text("utf-8").strip()
    server.known_hosts.write_text("", "utf-8")
    told = refusal(server.access())
    fingerprint = asyncssh.import_public_key(right.split(" ", 1)[1]).get_fingerprint()
    assert "is not known" in str(told)
    assert fingerprint in str(told)
    line = told.hint.partition(": ")[2]
    server.known_hosts.write_text(line + "\n", "utf-8")
    assert listed(server.access()) == []


def test_without_any_file_of_host_keys_nothing_is_sent(server: SftpServer) -> None:
    server.known_hosts.unlink()
    assert "is not known" in str(refusal(server.access()))
    assert not server.known_hosts.exists()


def test_a_changed_host_key_is_refused_as_changed(server: SftpServer) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {other}", "utf-8")
    told = refusal(server.access())
    assert "has CHANGED" in str(told)
    assert "Somebody may be between you and the server" in told.hint
    assert server.known_hosts.read_text("utf-8").endswith(other)


def test_a_key_that_the_server_does_not_know_is_refused(server: SftpServer) -> None:
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(server.home / "other")
    assert str(refusal(server.access(key_file=server.home / "other"))).startswith("127.0.0.1 does not let syncd in with the key")
    (server.home / "broken").write_text("no key", "utf-8")
    assert "cannot be used as a private key" in str(refusal(server.access(key_file=server.home / "broken")))


def test_a_folder_that_is_not_there_is_named(server: SftpServer) -> None:
    (server.folder / "out").rmdir()
    assert str(refusal(server.access())) == f"sftp://syncd@127.0.0.1:{server.port}/out does not exist on the server."


def test_a_server_that_dies_in_the_middle_is_asked_again(server: SftpServer) -> None:
    server.put("a.csv", b"y" * 500_000)
    with source(server.access()).opened() as session:
        [original] = session.listing().originals
        server.dies_after = 200_000
        assert session.read(original, 0, 500_000) == b"y" * 500_000
    assert server.opened == 2


def test_a_server_that_is_not_there_is_unreachable_after_three_attempts(server: SftpServer) -> None:
    slept: list[float] = []
    away = RemoteSource(RemoteAccess("m", "sftp", "127.0.0.1", 1, "u", "", "/out", "leave", server.known_hosts), slept.append)
    with pytest.raises(SourceUnreachable, match="cannot be reached"), away.opened() as session:
        session.listing()
    assert len(slept) == 2


@pytest.mark.parametrize(("after", "left"), [("delete", set()), ("move", {"done/0123456789abcdef-a.csv"})])
def test_an_original_is_put_away_as_configured_unless_it_was_replaced(server: SftpServer, after: str, left: set[str]) -> None:
    path = server.put("a.csv", b"one")
    with source(server.access(after=after)).opened() as session:
        session.may_put_away()
        [original] = session.listing().originals
        path.write_bytes(b"another")
        assert not session.put_away(original, "0123456789abcdef" * 4)
        assert path.read_bytes() == b"another"
        [original] = session.listing().originals
        assert session.put_away(original, "0123456789abcdef" * 4)
        assert not session.put_away(original, "0123456789abcdef" * 4)
    root = server.folder / "out"
    assert {str(each.relative_to(root)) for each in root.rglob("*") if each.is_file()} == left


@pytest.mark.parametrize("scheme", ["sftp", "file"])
def test_what_was_left_on_the_way_to_be_put_away_has_its_name_again_at_the_next_look(server: SftpServer, scheme: str) -> None:
    left = server.put(".syncd-0123456789abcdef-a.csv", b"a newer version")
    server.put(".syncd-0123456789abcdef-b.csv", b"old")
    server.put("b.csv", b"new")

    def access(after: str) -> RemoteAccess:
        folder = RemoteAccess("marketo", "file", "", 0, "", "", str(server.folder / "out"), after)
        return folder if scheme == "file" else server.access(after=after)

    listed(access("leave"))
    assert left.exists()
    found = [each for each in listed(access("delete")) if not each.name.startswith(".")]
    assert [(each.name, each.size_bytes) for each in found] == [("a.csv", 15), ("b.csv", 3)]
    with source(access("delete")).opened() as session:
        assert [session.put_away(each, "0123456789abcdef" * 4) for each in found] == [True, True]
    assert [each.name for each in listed(access("delete"))] == ["b.csv"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_that_originals_may_not_be_put_away_is_found_out_beforehand(server: SftpServer) -> None:
    (server.folder / "out").chmod(0o500)
    with pytest.raises(SourceRefused, match="may not do that"), source(server.access(after="delete")).opened() as session:
        session.may_put_away()
