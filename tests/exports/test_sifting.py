"""Does the fast reader see the very rows that the careful one sees, or decline?"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from syncd.core.mapping import Column, SourceMapping
from syncd.core.rows import ParsedRow
from syncd.core.values import Problem, Rule
from syncd.exports.reading import items_of
from syncd.exports.sieve import sifting
from syncd.exports.sieve.proof import walk
from syncd.exports.sieve.sifting import sift
from syncd.ports import Background, ExportFile, Item, LinesCounted

RULE = Rule("x", "mappings/fields/some.toml", 1)
COLUMNS = tuple(Column(name, "text", RULE, side="sales", fields={"Lead": "Company"}) for name in ("name", "note"))
MAPPING = SourceMapping("some", "mappings/fields/some.toml", "ab", "1", COLUMNS, {"email": "email"})
NOW = datetime(2026, 11, 2, tzinfo=UTC)
NOTHING = Background("policy", (), (), (), (), {"Lead": {"Company": "string", "Email": "email"}})


@pytest.fixture(autouse=True)
def _small_files_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sifting, "SIFTED_FROM_BYTES", 0)


def file_of(folder: Path, body: bytes) -> ExportFile:
    path = folder / "a.csv"
    path.write_bytes(body)
    return ExportFile("some", str(path), "a.csv", hashlib.sha256(body).hexdigest(), len(body))


def fast(folder: Path, body: bytes, mapping: SourceMapping = MAPPING) -> list[Item] | None:
    """Return the rows as the sieve gives them to be looked at, and how many lines it counted; None where it declines."""
    with sift(file_of(folder, body), mapping, NOW, NOTHING) as sieve:
        if sieve is None:
            return None
        items: list[Item] = [item for some in sieve.rest() for item, _ in some]
        return [*items, LinesCounted(*sieve.lines)]


def careful(folder: Path, body: bytes, mapping: SourceMapping = MAPPING) -> list[Item]:
    file = file_of(folder, body)
    with Path(file.path).open("rb") as stream:
        return [item for item in items_of(stream, file, mapping, NOW) if isinstance(item, (ParsedRow, Problem, LinesCounted))]


PLAIN = b"email,name,note\na@x.example,Ana,\nb@x.example,Bo,n\n"


@pytest.mark.parametrize(
    "body",
    [
        PLAIN,
        PLAIN.replace(b"\n", b"\r\n"),
        PLAIN.rstrip(b"\n"),
        b"\xef\xbb\xbf" + PLAIN,
        "email,name,note\na@x.example,Ünal 😀,\u00a0n\n".encode(),
        b'email,name,note\na@x.example,"A ""na"", n",\nb@x.example,"two\nlines","three\n\nlines"\nc@x.example,C,\n',
        b'email,name,note\r\na@x.example,"two\r\nlines",\r\nb@x.example,B,x\r\n',
        b"email,name,note\na@x.example,a\x01b,\nb@x.example,B,x\n",
        "email,name,note\na@x.example,a\x85b,\nb@x.example,B,x\n".encode(),
        b"email,name,note\nTotal,,\nb@x.example,B,x\n",
    ],
)
def test_a_plain_file_is_read_fast_and_gives_the_same_rows(tmp_path: Path, body: bytes) -> None:
    assert fast(tmp_path, body) == careful(tmp_path, body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"email,name,note\n",
        b"email,name,note\na@x.example,Ana\n",
        b"email,name,note\na@x.example,Ana,,more\n",
        b"email,name,note\na@x.example,Ana,,\n",
        b"email,name,note\r\na@x.example,Ana,,\r\nb@x.example,Bo,\r\n",
        b"email,name,note\r\na@x.example,Ana,\r\nb@x.example,Bo,,",
        b"email,name,note\n\na@x.example,Ana,\n",
        b"email,name,note\na@x.example,Ana,\n\n",
        b'email,name,note\na@x.example,"Ana,\nb@x.example,Bo,\n',
        b'email,name,note\na@x.example,"An"a,\nb@x.example,Bo,\n',
        b"email,name,note\na@x.example,Ana,\r\nb@x.example,Bo,\n",
        b"email,name,note\na@x.example,A\rna,\nb@x.example,Bo,\n",
        b"email,name,note\na@x.example,Ana,\xff\nb@x.example,Bo,\n",
        b"email,name\na@x.example,Ana\n",
        b'email,name,note\na@x.example, "Ana",\nb@x.example,Bo,\n',
        b'email,name,note\na@x.example,"Ana" ,\nb@x.example,Bo,\n',
        b'"email\n",name,note\na@x.example,Ana,\n',
        PLAIN + PLAIN,
        PLAIN + b"\xef\xbb\xbf" + PLAIN,
        PLAIN + b"email,note,name\nc@x.example,n,Cy\n",
        PLAIN.decode().encode("utf-16"),
        b"\x1f\x8b" + PLAIN,
        b"email,name,note\na@x.example," + b"x" * 140_000 + b",\n",
    ],
)
def test_what_the_bytes_do_not_prove_is_left_to_the_careful_reader(tmp_path: Path, body: bytes) -> None:
    assert fast(tmp_path, body) is None


def test_signs_in_a_file_name_are_no_pattern(tmp_path: Path) -> None:
    odd = tmp_path / "export [1]*.csv"
    odd.write_bytes(PLAIN)
    (tmp_path / "export 1.csv").write_bytes(PLAIN.replace(b"Ana", b"Eva"))
    file = replace(file_of(tmp_path, PLAIN), path=str(odd), name=odd.name)
    with sift(file, MAPPING, NOW, NOTHING) as sieve:
        assert sieve is not None
        rows = [item for some in sieve.rest() for item, _ in some]
    assert [row.values["name"] for row in rows if isinstance(row, ParsedRow)] == ["Ana", "Bo"]


def test_a_file_that_is_another_one_by_now_is_left_to_the_careful_reader(tmp_path: Path) -> None:
    file = file_of(tmp_path, PLAIN)
    Path(file.path).write_bytes(PLAIN.replace(b"Ana", b"Eva"))
    with sift(file, MAPPING, NOW, NOTHING) as sieve:
        assert sieve is None


@pytest.mark.sweep
def test_the_fast_reader_gives_the_same_rows_for_any_bytes_or_declines(tmp_path: Path) -> None:
    rng = random.Random(3)
    signs = [
        b'"',
        b'""',
        b",",
        b"\n",
        b"\r\n",
        b"\r",
        b"a",
        b" ",
        b"\t",
        "ü".encode(),
        b"\x00",
        b"x" * 50,
        b"\\",
        b";",
        b"'",
        b"\xc2\x85",
        b"\xff",
        b' "',
        b'" ',
        b'\t"',
    ]
    taken = 0
    for _ in range(250):
        lines = [
            b",".join(
                rng.choice((b"a@x.example", b'"q"', b'"a\nb"', b"", b'"c,d"', b'"e""f"', b" g", b'h"i', b'""')) for _ in range(3)
            )
            for _ in range(rng.randrange(1, 12))
        ]
        end = rng.choice((b"\n", b"\n", b"\r\n"))
        body = bytearray(end.join((b"email,name,note", *lines)) + rng.choice((b"", end)))
        for _ in range(rng.choice((0, 0, 1, 2))):
            at = rng.randrange(16, len(body))
            body[at : at + rng.randrange(2)] = rng.choice(signs)
        found = fast(tmp_path, bytes(body))
        if found is not None:
            taken += 1
            assert found == careful(tmp_path, bytes(body)), bytes(body)
    assert taken > 50


def test_a_walk_over_the_bytes_counts_across_its_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "email,name\r\nä,ü\r\n\u0085,é".encode()
    path = tmp_path / "x"
    path.write_bytes(body)
    for size in range(1, len(body) + 1):
        monkeypatch.setattr("syncd.exports.sieve.proof.CHUNK_BYTES", size)
        with path.open("rb") as stream:
            seen = walk(stream, ",")
        assert (seen.lines, seen.new_line, seen.is_ascii, seen.is_utf8, seen.has_controls) == (3, "\r\n", False, True, True)
        assert seen.sha256 == hashlib.sha256(body).hexdigest()


def test_without_room_for_the_sieve_every_row_is_looked_at(tmp_path: Path) -> None:
    def full() -> Iterator[str]:
        yield "00Q1\x1f\x1f\x1f0\n"
        raise OSError(28, "No space left on device")

    structlog.reset_defaults()  # another test may have hushed the log
    file = file_of(tmp_path, PLAIN)
    with capture_logs() as said, sift(file, MAPPING, NOW, replace(NOTHING, known=full())) as sieve:
        assert sieve is None
    assert [(one["event"], one["file"]) for one in said] == [("export-not-sifted", "a.csv")]


def test_a_reading_of_the_store_is_let_go_where_every_row_is_looked_at(tmp_path: Path) -> None:
    is_open: list[bool] = []

    def reading() -> Iterator[str]:
        is_open.append(True)
        try:
            yield "00Q1\x1f\x1f\x1f0\n"
        finally:
            is_open.clear()

    with sift(file_of(tmp_path, PLAIN + b"\n"), MAPPING, NOW, replace(NOTHING, known=reading())) as sieve:
        assert (sieve, is_open) == (None, [])


def test_without_a_folder_to_work_in_every_row_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: str) -> str:
        raise OSError(28, "No space left on device")

    structlog.reset_defaults()  # another test may have hushed the log
    monkeypatch.setattr("tempfile.mkdtemp", full)
    with capture_logs() as said, sift(file_of(tmp_path, PLAIN), MAPPING, NOW, NOTHING) as sieve:
        assert sieve is None
    assert [one["event"] for one in said] == ["export-not-sifted"]
