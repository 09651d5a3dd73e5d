"""Are the records that name somebody found in a file as the reader of whole files finds them, and on the same lines?"""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.mapping import SourceMapping
from syncd.exports import excerpts
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


def mapping(extra: str = "") -> SourceMapping:
    from syncd.core.mapping_file.parsing import parse_mapping

    note = '[column."note"]\ntype = "text"\nfield = "Title"\nside = "marketing"\nconflict = "fill"\nblank = "leave"\n'
    text = f'version = "1"\n[file]\n{extra}\n[match]\nemail = "email"\n{note}'
    found, problems = parse_mapping("marketo", table(text, "marketo.toml"))
    assert found is not None, problems
    return found


PLAIN = mapping()


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
    before = excerpts.BLOCK_BYTES
    excerpts.BLOCK_BYTES = size
    try:
        found = cut(data)
    finally:
        excerpts.BLOCK_BYTES = before
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
        (written([[ANN, "x"]]), mapping('escape = "\\\\"')),
        (b"PK\x05\x06" + b"\0" * 18, PLAIN),
    ],
)
def test_a_file_in_which_bytes_do_not_tell_where_records_end_is_left_to_the_reader(data: bytes, of: SourceMapping) -> None:
    assert cut(data, of=of) is None


def test_a_word_beyond_ascii_is_left_to_the_reader() -> None:
    assert cut(written([["jörg@example.com", "x"]]), ("jörg@example.com",)) is None


def test_a_packed_file_is_looked_through_as_well(tmp_path: Path) -> None:
    found = cut(gzip.compress(written([["bob@example.com", "x"], [ANN, "y"]])))
    assert found is not None
    assert [(one.line, one.data) for one in found.found] == [(3, b"ann@example.com,y\r\n")]


def test_a_record_without_end_is_given_up_before_memory_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excerpts, "RECORD_BYTES_MAX", 1000)
    monkeypatch.setattr(excerpts, "BLOCK_BYTES", 100)
    assert cut(b'email,note\n"' + b"a\n" * 2000) is None


def test_a_word_counts_for_a_bad_line_only_when_it_fills_a_cell() -> None:
    found = cut(b"email,note\nann@example.com\nx,see ann@example.com today\n")
    assert found is not None
    assert [has_cell(one, PLAIN, [ANN]) for one in found.found] == [True, False]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_short_id_is_found_as_a_word_however_many_others_hold_its_digits(quote: str) -> None:
    rows = "".join(f"p{number}7@example.com,{quote}of 77 {number}7{quote}\n" for number in range(40_000))
    found = cut(f"email,note\n{rows}7,x\n0017,7\n".encode(), ("7",))
    assert found is not None
    assert [(one.line, one.data) for one in found.found] == [(40_002, b"7,x\n"), (40_003, b"0017,7\n")]


def test_an_id_of_15_characters_is_found_in_one_of_18() -> None:
    found = cut(b"email,note\n00QSX0000000001AAA,x\n", ("00Qsx0000000001",))
    assert found is not None
    assert [one.line for one in found.found] == [2]


def test_what_is_found_in_too_many_rows_is_left_to_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excerpts, "FOUND_BYTES_MAX", 1000)
    assert cut(b"email,note\n" + b"7,x\n" * 1000, ("7",)) is None
