"""Does the fast reader see the very rows that the careful one sees, or decline?"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import random
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from syncd.core.dialect import Dialect
from syncd.core.mapping import Column, SourceMapping
from syncd.core.rows import ParsedRow
from syncd.core.values import Problem, Rule
from syncd.exports.reading import items_of
from syncd.exports.sieve import sifting
from syncd.exports.sieve.proof import walk
from syncd.exports.sieve.sifting import sift
from syncd.ports import Background, ExportFile, Item, LinesCounted
from tests.exports.test_sheets import Rows, workbook

RULE = Rule("x", "mappings/fields/some.toml", 1)
COLUMNS = tuple(Column(name, "text", RULE, side="sales", fields={"Lead": "Company"}) for name in ("name", "note"))
MAPPING = SourceMapping("some", "mappings/fields/some.toml", "ab", "1", COLUMNS, {"email": "email"})
NOW = datetime(2026, 11, 2, tzinfo=UTC)
NOTHING = Background("policy", (), (), (), (), {"Lead": {"Company": "string", "Email": "email"}})


@pytest.fixture(autouse=True)
def _small_files_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sifting, "SIFTED_FROM_BYTES", 0)


def zipped(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return made.getvalue()


def file_of(folder: Path, body: bytes) -> ExportFile:
    path = folder / "a.csv"
    path.write_bytes(body)
    return ExportFile("some", str(path), "a.csv", hashlib.sha256(body).hexdigest(), len(body))


def fast(folder: Path, body: bytes, mapping: SourceMapping = MAPPING) -> list[Item] | None:
    """Return the rows as the sieve gives them to be looked at, in their order, and how many lines it counted; None where it
    declines."""
    with sift(file_of(folder, body), mapping, NOW, NOTHING) as sieve:
        if sieve is None:
            return None
        items = sorted((item for some in sieve.rest() for item, _ in some), key=lambda item: item.line)
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
        b"email,name,note\na@x.example,Ana,,more\nb@x.example,Bo,\n",
        b"email,name,note\r\na@x.example,Ana,,\r\nb@x.example,Bo,\r\n",
        b"email,name,note\r\na@x.example,Ana,\r\nb@x.example,Bo,,",
        b"email,name,note\n\na@x.example,Ana,\n\n",
        b'email,name,note\na@x.example,"Ana,\nb@x.example,Bo,\n',
        b'email,name,note\na@x.example,"An"a,\nb@x.example,"two\nlines",\n,B,\nc@x.example,C,n\n',
        b"email,name,note\na@x.example,Ana,\r\nb@x.example,Bo,\n",
        b"email,name,note\na@x.example,A\rna,\nb@x.example,Bo,\n",
        b'email,name,note\na@x.example,"A\rna","\r\n"\nb@x.example,Bo,\n',
        b'email,name,note\na@x.example, "Ana",\nb@x.example," Bo",\n',
        b'email,name,note\na@x.example,"Ana" ,\nb@x.example,Bo,\n',
        b'"email",name,note,"a, b\n"\na@x.example,Ana,,\nb@x.example,Bo\n',
        b"email,name,note\na@x.example,a\x01b,\nb@x.example,B\n\x00\nc@x.example,C,\x00\n",
        PLAIN + PLAIN,
        PLAIN + b"\xef\xbb\xbf" + PLAIN,
        PLAIN + b"Total,5\n",
        gzip.compress(PLAIN + b"\n"),
        b"email,name,note\na@x.example," + b"x" * 140_000 + b",\nb@x.example,B,\n" + b"c@x.example,B," + b"x" * 30_000,
    ],
)
def test_of_a_torn_file_the_good_rows_are_read_fast_and_the_rest_as_ever(tmp_path: Path, body: bytes) -> None:
    assert fast(tmp_path, body) == careful(tmp_path, body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"email,name,note\n",
        b"email,name,note\na@x.example,Ana\n",
        b"email,name,note\na@x.example,Ana,\xff\nb@x.example,Bo,\n",
        b"email,name\na@x.example,Ana\n",
        b"note\nAna\n",
        PLAIN + b"email,note,name\nc@x.example,n,Cy\n",
        PLAIN.replace(b"\n", b"\n\n") + b"email,note,name\nc@x.example,n,Cy\n",
        b"\x1f\x8b" + PLAIN,
        gzip.compress(PLAIN)[:-6],
        gzip.compress(gzip.compress(PLAIN)),
        gzip.compress(PLAIN + b"x" * (65 << 20)),
        zipped({}),
        zipped({"a.csv": PLAIN, "b.csv": PLAIN}),
        zipped({"[Content_Types].xml": b"", "xl/a.xml": PLAIN}),
        codecs.BOM_UTF16_LE + ("\ufeff" + PLAIN.decode()).encode("utf-16-le"),
        PLAIN.decode().encode("utf-16")[:-1],
        PLAIN.decode().encode("utf-16-le"),
    ],
)
def test_what_the_bytes_do_not_prove_is_left_to_the_careful_reader(tmp_path: Path, body: bytes) -> None:
    assert fast(tmp_path, body) is None


@pytest.mark.parametrize(
    ("pack", "encoding", "written"),
    [
        (gzip.compress, "utf-8", "utf-8"),
        (gzip.compress, "cp1252", "cp1252"),
        (lambda body: zipped({"a.csv": body}), "utf-8", "utf-8-sig"),
        (lambda body: zipped({"a.csv": body}), "utf-8", "utf-16"),
        (bytes, "utf-16-be", "utf-16-be"),
        (bytes, "utf-16", "utf-16"),
        (bytes, "cp1252", "cp1252"),
        (bytes, "cp1252", "ascii"),
        (bytes, "cp1252", "utf-8-sig"),
        (bytes, "shift_jis", "shift_jis"),
    ],
)
def test_a_file_that_is_packed_or_encoded_otherwise_gives_the_same_rows(
    tmp_path: Path, pack: Callable[[bytes], bytes], encoding: str, written: str
) -> None:
    sign = {"shift_jis": "\u30ab", "ascii": "A"}.get(written, "\u00dc")
    text = f'email,name,note\r\na@x.example,{sign}nal,"two\r\nlines"\r\nb@x.example,"{sign}, {sign}",\r\n'
    body, mapping = pack(text.encode(written)), replace(MAPPING, encoding=encoding)
    found = fast(tmp_path, body, mapping)
    assert found is not None
    assert found == careful(tmp_path, body, mapping)
    assert isinstance(found[0], ParsedRow)
    assert found[0].values == {"name": f"{sign}nal", "note": "two\r\nlines"}


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("cp1252", "email,name,note\na@x.example,\u00dcnal,\n".encode()),
        ("cp1252", b"email,name,note\na@x.example,\x81,\n"),
        ("ascii", "email,name,note\na@x.example,\u00dcnal,\n".encode()),
        ("utf-16-le", "email,name,note\na@x.example,\u00dcnal,\n".encode("utf-16-be")),
    ],
)
def test_what_is_not_in_its_declared_encoding_is_left_to_the_careful_reader(tmp_path: Path, encoding: str, body: bytes) -> None:
    for packed in (body, gzip.compress(body)):
        assert fast(tmp_path, packed, replace(MAPPING, encoding=encoding)) is None


def test_a_file_of_an_archive_is_read_fast_while_it_is_the_one_that_was_seen(tmp_path: Path) -> None:
    archive = zipped({"a.csv": PLAIN, "b.csv": PLAIN.replace(b"Ana", b"Eva")})
    file = replace(file_of(tmp_path, archive), name="a.zip/b.csv", member="b.csv")
    for body, names in ((PLAIN.replace(b"Ana", b"Eva"), ["Eva", "Bo"]), (PLAIN, None)):
        with sift(replace(file, sha256=hashlib.sha256(body).hexdigest()), MAPPING, NOW, NOTHING) as sieve:
            rows = [item for some in sieve.rest() for item, _ in some] if sieve is not None else None
        found = None if rows is None else [row.values["name"] for row in rows if isinstance(row, ParsedRow)]
        assert found == names


def test_a_copy_leaves_some_of_the_disk_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    structlog.reset_defaults()  # another test may have hushed the log
    monkeypatch.setattr("syncd.exports.sieve.copying.FREE_BYTES_MIN", 1 << 62)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with capture_logs() as said:
        assert fast(tmp_path, gzip.compress(PLAIN)) is None
    assert [one["event"] for one in said] == ["export-not-sifted"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_the_good_rows_of_a_workbook_are_read_fast(tmp_path: Path) -> None:
    rows: Rows = [
        ["email", "name", "note"],
        ["a@x.example", "Ana"],
        ["b@x.example"],
        ["c@x.example", "two\nlines", 5],
        ["", "D", "x"],
    ]
    body = workbook(rows)
    found = fast(tmp_path, body)
    assert found is not None
    assert found == careful(tmp_path, body)
    assert len(found) == len(rows)


@pytest.mark.parametrize("name", [b"A\\b", b'"A \\" b"', b'"A\\""'])
def test_a_quote_behind_a_backslash_is_data_where_that_is_declared(tmp_path: Path, name: bytes) -> None:
    body, mapping = PLAIN.replace(b"Ana", name), replace(MAPPING, dialect=Dialect(escape="\\"))
    assert fast(tmp_path, body, mapping) == careful(tmp_path, body, mapping)


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
    for _ in range(120):
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

    with sift(file_of(tmp_path, PLAIN + b"note,name,email\n"), MAPPING, NOW, replace(NOTHING, known=reading())) as sieve:
        assert (sieve, is_open) == (None, [])


def test_without_a_folder_to_work_in_every_row_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: str) -> str:
        raise OSError(28, "No space left on device")

    structlog.reset_defaults()  # another test may have hushed the log
    monkeypatch.setattr("tempfile.mkdtemp", full)
    with capture_logs() as said, sift(file_of(tmp_path, PLAIN), MAPPING, NOW, NOTHING) as sieve:
        assert sieve is None
    assert [one["event"] for one in said] == ["export-not-sifted"]
