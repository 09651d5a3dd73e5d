"""Are the records that name somebody found in a file as the reader of whole files finds them, and on the same lines?"""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.cells import seen
from syncd.core.mapping import SourceMapping
from syncd.exports import excerpts, record_bytes
from syncd.exports.excerpts import Excerpt, excerpt, has_cell
from syncd.exports.lines import Lines
from syncd.exports.records import BadRecord, records_of
from syncd.ports import ExportFile
from tests.core.samples import table

FILE = ExportFile("marketo", "day.csv", "day.csv", "", 0)
ANN = "ann@example.com"
CELLS = st.sampled_from(
    [ANN, ANN.upper(), "bob@example.com", "x", "", "two\nlines", 'a "quoted" word', "a,b", f"see {ANN},\nplease", "é"]
)
KEYS = st.one_of(CELLS, st.sampled_from(["7", " 7", "\u200b7 ", "77", "a7", "7,\n7"]))


def mapping(extra: str = "", match: str = 'email = "email"') -> SourceMapping:
    from syncd.core.mapping_file.parsing import parse_mapping

    note = '[column."note"]\ntype = "text"\nfield = "Title"\nside = "marketing"\nconflict = "fill"\nblank = "leave"\n'
    text = f'version = "1"\n[file]\n{extra}\n[match]\n{match}\n{note}'
    found, problems = parse_mapping("marketo", table(text, "marketo.toml"))
    assert found is not None, problems
    return found


PLAIN = mapping()
BY_ID = mapping(match='external = { column = "id", field = "MA_Id__c" }\nemail = "email"')


def written(rows: list[list[str]], end: str = "\r\n") -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator=end)
    writer.writerows([["email", "note"], *rows])
    return stream.getvalue().encode()


def cut(data: bytes, words: tuple[str, ...] = (ANN,), lines: tuple[int, ...] = (), of: SourceMapping = PLAIN) -> Excerpt | None:
    return excerpt(io.BytesIO(data), FILE, of, words, lines)


def naming(data: bytes, word: str) -> list[tuple[int, tuple[str, ...]]]:
    """Return (line, cells) of the records of a file in which a word stands, read whole by the reader of exports."""
    found = []
    for record in list(records_of(Lines(io.BytesIO(data), "utf-8", _NoHash()).blocks(), ","))[1:]:
        assert not isinstance(record, BadRecord)
        if any(word in cell.casefold() for cell in record.cells):
            found.append((record.line, record.cells))
    return found


class _NoHash:
    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str:
        return ""


@given(
    rows=st.lists(st.tuples(CELLS, CELLS).map(list), min_size=1, max_size=12),
    end=st.sampled_from(["\n", "\r\n"]),
    size=st.integers(1, 90),
)
def test_what_is_cut_out_is_what_the_reader_finds_on_the_same_lines(rows: list[list[str]], end: str, size: int) -> None:
    data = written(rows, end)
    before = record_bytes.BLOCK_BYTES
    record_bytes.BLOCK_BYTES = size
    try:
        found = cut(data)
    finally:
        record_bytes.BLOCK_BYTES = before
    assert found is not None
    again = naming(found.data, ANN)
    assert [(found.lines[line], cells) for line, cells in again] == naming(data, ANN)


@given(rows=st.lists(st.tuples(CELLS, CELLS).map(list), min_size=1, max_size=12), line=st.integers(2, 30))
def test_the_record_that_covers_a_line_is_cut_out_whole(rows: list[list[str]], line: int) -> None:
    data = written(rows)
    records = list(records_of(Lines(io.BytesIO(data), "utf-8", _NoHash()).blocks(), ","))[1:]
    covering = [one.line for one in records if not isinstance(one, BadRecord) and one.line <= line <= one.last_line]
    found = cut(data, (), (line,))
    assert found is not None
    assert [one.line for one in found.found] == covering


@pytest.mark.parametrize(
    ("data", "of"),
    [
        (b"email,note\rann@example.com,x\r", PLAIN),
        (written([[ANN, "x"]]).decode().encode("utf-16"), mapping('encoding = "utf-16"')),
        (f"\ufeffemail,note\n{ANN},x\n".encode("utf-16-le"), PLAIN),
        (f"\ufeffemail,note\n{ANN},x\n".encode("utf-16-be"), PLAIN),
        (gzip.compress(f"\ufeffemail,note\n{ANN},x\n".encode("utf-32-le")), PLAIN),
        (written([[ANN, "x"]]), mapping('escape = "\\\\"')),
        (b"PK\x05\x06" + b"\0" * 18, PLAIN),
    ],
)
def test_a_file_in_which_bytes_do_not_tell_where_records_end_is_left_to_the_reader(data: bytes, of: SourceMapping) -> None:
    assert cut(data, of=of) is None


@pytest.mark.parametrize(
    ("word", "cell"),
    [
        ("jörg@example.com", "JÖRG@example.com"),
        ("ann@müller.example", "Ann@xn--mller-kva.example"),
        ("ann@xn--mller-kva.example", "ann@MÜLLER.example"),
    ],
)
def test_an_address_beyond_ascii_is_found_by_what_every_encoding_writes_alike(word: str, cell: str) -> None:
    found = cut(written([["bob@example.org", "x"], [cell, "y"]]), (word,))
    assert found is not None
    assert [one.line for one in found.found] == [3]


def test_a_word_of_too_few_ascii_letters_is_left_to_the_reader() -> None:
    assert cut(written([["7é", "x"]]), ("7é",)) is None


def test_a_packed_file_is_looked_through_as_well(tmp_path: Path) -> None:
    found = cut(gzip.compress(written([["bob@example.com", "x"], [ANN, "y"]])))
    assert found is not None
    assert [(one.line, one.data) for one in found.found] == [(3, b"ann@example.com,y\r\n")]


def test_a_record_without_end_is_given_up_before_memory_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_bytes, "RECORD_BYTES_MAX", 1000)
    monkeypatch.setattr(record_bytes, "BLOCK_BYTES", 100)
    assert cut(b'email,note\n"' + b"a\n" * 2000) is None


def test_a_word_counts_for_a_bad_line_only_when_it_fills_a_cell() -> None:
    found = cut(b"email,note\nann@example.com\nx,see ann@example.com today\n")
    assert found is not None
    assert [has_cell(one, PLAIN, [ANN]) for one in found.found] == [True, False]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("header", ["id,email,note", "email,note,id"])
def test_a_short_id_is_found_where_ids_stand_however_many_others_hold_its_digits(header: str, quote: str) -> None:
    def line(id: str, email: str) -> str:
        cells = {"id": id, "email": email, "note": "7"}
        return ",".join(f"{quote}{cells[name]}{quote}" for name in header.split(",")) + "\n"

    rows = "".join(line(f"7{number}", f"p{number}7@example.com") for number in range(5_000))
    few = [line(id, "a@b.c") for id in ("7", "17", " 7 ", "")]
    found = cut(f"{header}\n{rows}{''.join(few)}".encode(), ("7",), of=BY_ID)
    assert found is not None
    assert [(one.line, one.data.decode()) for one in found.found] == [(5_002, few[0]), (5_004, few[2])]
    assert len((cut(f"{header}\n{rows}{''.join(few)}".encode(), ("a@b.c",), of=BY_ID) or found).found) == len(few)


@pytest.mark.parametrize("header", [["id", "email", "note"], ["email", "id", "note"]])
@settings(max_examples=40)
@given(rows=st.lists(st.tuples(KEYS, KEYS, KEYS).map(list), max_size=8), size=st.integers(1, 90), is_alone=st.booleans())
def test_no_row_that_holds_a_short_id_is_missed(header: list[str], rows: list[list[str]], size: int, is_alone: bool) -> None:
    data = written(rows).replace(b"email,note", ",".join(header).encode(), 1)
    before = record_bytes.BLOCK_BYTES
    record_bytes.BLOCK_BYTES = size
    try:
        found = cut(data, ("7",) if is_alone else ("7", "bob@example.com"), of=BY_ID)
    finally:
        record_bytes.BLOCK_BYTES = before
    assert found is not None
    wanted = {line for line, cells in naming(data, "") if seen(cells[header.index("id")]) == "7"}
    lines = {one.line for one in found.found}
    assert wanted <= lines
    assert not is_alone or lines == wanted


def test_each_row_of_what_is_cut_out_keeps_its_line_below_a_stray_quote() -> None:
    data = b'email,note\nbob@example.com,5" pipe\nann@example.com,x\nann@example.com,6" pipe\nann@example.com,y\n'
    found = cut(data)
    assert found is not None
    assert [(found.lines[line], cells[1]) for line, cells in naming(found.data, ANN)] == [(3, "x"), (4, '6" pipe'), (5, "y")]


def test_an_id_of_15_characters_is_found_in_one_of_18() -> None:
    found = cut(b"email,note\n00QSX0000000001AAA,x\n", ("00Qsx0000000001",))
    assert found is not None
    assert [one.line for one in found.found] == [2]


def test_what_is_found_in_too_many_rows_is_left_to_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excerpts, "FOUND_BYTES_MAX", 1000)
    assert cut(b"id,email,note\n" + b"7,,x\n" * 1000, ("7",), of=BY_ID) is None
