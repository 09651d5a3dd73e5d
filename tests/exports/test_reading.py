"""Is every line of an export a row, a problem or the header, and is a wrong file refused whole?"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.dialect import Dialect
from syncd.core.mapping import Column, SourceMapping
from syncd.core.rows import ParsedRow
from syncd.core.values import Flag, Problem, Rule
from syncd.exports import lines, records
from syncd.exports.lines import Block
from syncd.exports.reading import items_of
from syncd.exports.records import BadRecord, Record, records_of
from syncd.ports import ExportFile, Header, Item, LinesCounted, Refused

RULE = Rule("x", "mappings/fields/some.toml", 1)
COLUMNS = (
    Column("name", "text", RULE),
    Column("out", "boolean", RULE, null=frozenset(), flag=Flag.OPTED_OUT),
)
MAPPING = SourceMapping("some", "mappings/fields/some.toml", "ab", "1", COLUMNS, {"email": "email"})
HEAD = "email,name,out\n"


def read(data: str | bytes, mapping: SourceMapping = MAPPING) -> list[Item]:
    body = data.encode() if isinstance(data, str) else data
    file = ExportFile("some", "/x/a.csv", "a.csv", hashlib.sha256(body).hexdigest(), len(body))
    return list(items_of(io.BytesIO(body), file, mapping))


def changed(**more: object) -> SourceMapping:
    return replace(MAPPING, **more)  # type: ignore[arg-type]


def rows(items: list[Item]) -> list[ParsedRow]:
    return [item for item in items if isinstance(item, ParsedRow)]


def problems(items: list[Item]) -> list[tuple[int, str]]:
    return [(item.line, item.code) for item in items if isinstance(item, Problem)]


GOOD = HEAD + "ana@example.com,Ana,false\nbo@example.com,Bo,true\n"


@pytest.mark.parametrize(
    "data",
    [
        GOOD.encode(),
        GOOD.encode("utf-8-sig"),
        GOOD.encode("utf-16"),
        GOOD.encode("utf-32"),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.rstrip().encode(),
    ],
    ids=["utf-8", "bom", "utf-16", "utf-32", "crlf", "no last line end"],
)
def test_the_same_rows_come_out_of_every_good_dress(data: bytes) -> None:
    items = read(data)
    assert isinstance(items[0], Header)
    assert [(row.line, row.address, row.values["name"], row.values["out"]) for row in rows(items)] == [
        (2, "ana@example.com", "Ana", False),
        (3, "bo@example.com", "Bo", True),
    ]
    assert items[3:] == [LinesCounted(3, 1, 2, 0)]
    assert len(items) == 4


def test_another_declared_encoding_and_delimiter_are_read() -> None:
    [row] = rows(read("email;name;out\na@b.cd;Zoë;false\n".encode("cp1252"), changed(encoding="cp1252", delimiter=";")))
    assert row.values["name"] == "Zoë"


def test_line_breaks_and_carriage_returns_in_quotes_are_kept_and_lines_stay_physical() -> None:
    items = read(HEAD + 'a@b.cd,"two\r\nlines\rand a return",false\nb@b.cd,Bo,false\n')
    assert [(row.line, row.values["name"]) for row in rows(items)] == [(2, "two\r\nlines\rand a return"), (4, "Bo")]


@pytest.mark.parametrize("name", ["=1+1", "+49", "-5", "@x", "Null", "😀", "e\u0301", "\u202b\u05e2\u05d1"])
def test_values_are_kept_as_they_are(name: str) -> None:
    assert rows(read(f"{HEAD}a@b.cd,{name},false\n"))[0].values["name"] == name


def test_extra_columns_are_named_once() -> None:
    header = read("email,x,name,out\na@b.cd,1,Ana,false\n")[0]
    assert isinstance(header, Header)
    assert header.extra == ("x",)


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (b"", "pause", "a.csv:1:1 [EXP-004] The file is empty."),
        (b"\xef\xbb\xbf", "pause", "a.csv:1:1 [EXP-004] The file is empty."),
        (HEAD, "pause", "a.csv:1:1 [EXP-004] The file has a header and no rows."),
        ("\n" + GOOD, "refuse", "a.csv:1:1 [EXP-005] The first line is empty; the header belongs there."),
        ('"email,name\n' + GOOD, "refuse", "a.csv:1:1 [EXP-005] The header cannot be read: A quoted cell is never closed."),
        ('"email"x,name\n', "refuse", "a.csv:1:1 [EXP-005] The header cannot be read: A quote stands inside a quoted cell."),
        (
            GOOD.replace("\n", "\r"),
            "refuse",
            "a.csv:1:1 [EXP-005] The header cannot be read: A carriage return stands outside quotes.",
        ),
        (
            "email,name,out,name\n",
            "refuse",
            "a.csv:1:4 [EXP-006] Column 'name' stands in the header twice: as columns 2 and 4.",
        ),
        ("E-mail,name,out\n", "refuse", "a.csv:1:1 [EXP-008] The header lacks 'email' (nearest: 'E-mail')."),
        ("email,Name,out\n", "refuse", "a.csv:1:1 [EXP-008] The header lacks 'name' (nearest: 'Name')."),
        ("email,name \n", "refuse", "a.csv:1:1 [EXP-008] The header lacks 'name' (nearest: 'name '), 'out'."),
        (
            GOOD.replace(",", ";"),
            "refuse",
            "a.csv:1:1 [EXP-007] The file has one column; its cells look separated by ';', not by ','."
            ' Write delimiter = ";" under [file] in the mapping.',
        ),
        (
            GOOD.replace(",", "\t"),
            "refuse",
            "a.csv:1:1 [EXP-007] The file has one column; its cells look separated by '\\t', not by ','."
            ' Write delimiter = "\\t" under [file] in the mapping.',
        ),
        (
            HEAD.encode() + b"a@b.cd,Zo\xeb,false\n",
            "refuse",
            "a.csv:2:1 [EXP-002] The file is not what [file] encoding declares: byte 0xeb at offset 24 is not utf-8.",
        ),
        (
            b"\xef\xbb\xbf" + HEAD.encode() + b"a@b.cd,Zo\xeb",
            "refuse",
            "a.csv:2:1 [EXP-002] The file is not what [file] encoding declares: byte 0xeb at offset 27 is not utf-8.",
        ),
        (
            GOOD.encode("utf-16")[:-1],
            "refuse",
            "a.csv:3:1 [EXP-002] The file is not what [file] encoding declares: byte 0x0a at offset 128 is not utf-16-le.",
        ),
        (
            GOOD.encode("utf-16-le"),
            "refuse",
            "a.csv:1:1 [EXP-005] The header holds the control character U+0000: the file may be in another encoding.",
        ),
        (b"PK\x03\x04rest", "refuse", "a.csv:1:1 [EXP-009] The archive is damaged or cut off: File is not a zip file. Transfer"),
        (b"\x1f\x8b\x08rest", "refuse", "a.csv:1:1 [EXP-009] The archive is damaged or cut off: "),
        (b"BZh91AY", "refuse", "a.csv:1:1 [EXP-001] This is a bzip2 archive, not a CSV file. Unpack it, or pack it"),
        (
            b"\xd0\xcf\x11\xe0rest",
            "refuse",
            "a.csv:1:1 [EXP-001] This is an old Excel workbook, or one with a password, not a CSV",
        ),
        (b"%PDF-1.7", "refuse", "a.csv:1:1 [EXP-001] This is a PDF document, not a CSV file. Export as CSV."),
    ],
)
def test_a_wrong_file_is_refused_whole_with_the_way_out(data: str | bytes, kind: str, said: str) -> None:
    last = read(data)[-1]
    assert isinstance(last, Refused)
    assert last.kind == kind
    assert str(last.problem).startswith(said)
    assert last.problem.remedy


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        ("a@b.cd,Ana", [(3, "ROW-001")]),
        ("a@b.cd,Ana,false,x", [(3, "ROW-001")]),
        ("", [(3, "ROW-001")]),
        ('a@b.cd,"Ana"x,false', [(3, "ROW-007")]),
        ('a@b.cd,"Ana,false', [(3, "ROW-007")]),
        ("a@b.cd,An\ra,false", [(3, "ROW-007")]),
        ('a@b.cd,"' + "x" * 131_073 + '",false', [(3, "ROW-007")]),
        (",Ana,false", [(3, "ROW-006")]),
        ("not an address,Ana,false", [(3, "ROW-006")]),
        ('"a@b.cd,Ana,false"', [(3, "ROW-001")]),
        ("Total rows: 2", [(3, "ROW-001")]),
    ],
)
def test_one_bad_row_costs_itself_and_nobody_else(bad: str, found: list[tuple[int, str]]) -> None:
    items = read(f"{HEAD}first@b.cd,One,false\n{bad}\nlast@b.cd,Two,true\n")
    assert problems(items) == found
    assert [(row.line, row.address) for row in rows(items)] == [(2, "first@b.cd"), (4, "last@b.cd")]


@pytest.mark.parametrize(
    ("bad", "flags"),
    [
        ('a@b.cd,"Ana"x,true', {Flag.OPT_OUT_UNREADABLE: "out"}),
        ("a@b.cd,An\ra,true", {Flag.OPT_OUT_UNREADABLE: "out"}),
        ('a@b.cd,"' + "x" * 131_073 + '",true', {Flag.OPT_OUT_UNREADABLE: "out"}),
        ('a@b.cd,"Ana"x,perhaps', {Flag.OPT_OUT_UNREADABLE: "out"}),
        ('a@b.cd,"Ana"x,false', None),
        ('a@b.cd,"Ana,true', None),  # nothing tells which cell is which
        (',"Ana"x,true', None),
    ],
)
def test_a_line_that_is_no_csv_keeps_whoever_may_be_opted_out_by_it_until_it_can_be_read(
    bad: str, flags: dict[Flag, str] | None
) -> None:
    items = read(f"{HEAD}first@b.cd,One,false\n{bad}\n")
    kept = [(row.address, row.flags, [one.code for one in row.problems]) for row in rows(items)[1:]]
    assert kept == ([] if flags is None else [("a@b.cd", flags, ["ROW-007"])])
    assert problems(items) == ([] if flags else [(3, "ROW-007")])
    assert items[-1] == LinesCounted(3, 1, 1, 1)


def test_control_characters_make_the_row_a_problem_and_its_opt_out_counts() -> None:
    [row] = rows(read(HEAD + "a@b.cd,A\x00na,true\n"))
    assert [problem.code for problem in row.problems] == ["ROW-002"]
    assert row.flags == {Flag.OPTED_OUT: "out"}


def test_an_open_quote_swallows_nobody() -> None:
    body = HEAD + 'a@b.cd,"open,false\n' + "".join(f"p{n}@b.cd,P,true\n" for n in range(500))
    items = read(body)
    assert problems(items) == [(2, "ROW-007")]
    assert len(rows(items)) == 500


def test_a_file_that_changed_while_it_was_read_is_read_again() -> None:
    file = ExportFile("some", "/x/a.csv", "a.csv", "0" * 64, 1)
    last = list(items_of(io.BytesIO(GOOD.encode()), file, MAPPING))[-1]
    assert isinstance(last, Refused)
    assert last.kind == "wait"


def test_a_line_without_end_is_cut_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LINE_CHARS_MAX", 1000)
    monkeypatch.setattr(lines, "CHUNK_BYTES", 64)
    items = read(HEAD + "x" * 5000 + "\na@b.cd,Ana,false\n")
    assert problems(items) == [(2, "ROW-007")]
    assert [row.line for row in rows(items)] == [3]


@pytest.mark.parametrize("before", [0, 3])
def test_a_file_that_is_utf_8_throughout_is_not_read_by_an_encoding_that_takes_any_byte(before: int) -> None:
    plain = f"a@b.cd,{'x' * 130_000},false\n" * before  # more than is read at once
    body = f"{HEAD}{plain}a@b.cd,Zoë,false\nb@b.cd,Müller,false\n"
    old = changed(encoding="cp1252")
    refused = read(body.encode(), old)[-1]
    assert isinstance(refused, Refused)
    assert (refused.problem.code, refused.problem.line) == ("EXP-002", 2 + before)
    assert "'ë' would be read as 'Ã«'" in refused.problem.text
    assert 'write encoding = "utf-8"' in refused.problem.remedy
    assert len(rows(read(body.encode("cp1252"), old))) == before + 2
    assert len(rows(read(body.encode() + b"d@b.cd,\xfc,false\n", old))) == before + 3  # no UTF-8 after all


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "shift_jis", "cp1252"])
@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
def test_pieces_of_any_size_give_the_same_lines(monkeypatch: pytest.MonkeyPatch, encoding: str, chunk: int) -> None:
    monkeypatch.setattr(lines, "CHUNK_BYTES", max(chunk, 4))
    text = "ab\r\nc\n\nend" if encoding == "cp1252" else "aあ\r\nc\n\nend"
    found = lines.Lines(io.BytesIO(text.encode(encoding)), encoding, hashlib.sha256())
    blocks = list(found.blocks())
    assert [(number, part) for block in blocks for number, part in enumerate(block.texts, block.number)] == [
        (number, part) for number, part in enumerate(text.splitlines(keepends=True), 1)
    ]
    assert found.count == 4


def in_blocks(text: str, lines_each: int = 2) -> Iterator[Block]:
    parts = [*(part + "\n" for part in text.split("\n")[:-1]), *filter(None, text.split("\n")[-1:])]
    for start in range(0, len(parts), lines_each):
        yield Block(start + 1, parts[start : start + lines_each])


def lines_in(text: str) -> int:
    return text.count("\n") + (text[-1:] not in ("", "\n"))


@settings(deadline=None)
@given(st.text(alphabet='a,"\n\r;😀\x00\\ ', max_size=60), st.sampled_from([1, 2, 50]), st.sampled_from(["", "\\"]))
def test_every_line_belongs_to_exactly_one_record_or_problem(text: str, lines_each: int, escape: str) -> None:
    accounted: list[int] = []
    for one in records_of(in_blocks(text, lines_each), ",", escape):
        accounted += range(one.line, one.last_line + 1) if isinstance(one, Record) else [one.line]
    assert accounted == list(range(1, lines_in(text) + 1))


def test_lines_are_accounted_for_when_a_cell_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "CELL_CHARS_MAX", 5)
    found = list(records_of(in_blocks('a,b\n"abc\ndefg",x\nc,d\n'), ","))
    assert [(one.line, isinstance(one, BadRecord)) for one in found] == [(1, False), (2, True), (3, False), (4, False)]


PIECES = st.sampled_from(
    [b"email,name,out\n", b"a@b.cd", b",", b"\n", b"\r\n", b'"', b"true", b"false", b"\x00", b"\xff", b"\xef\xbb\xbf", b";"]
)


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=120), st.lists(PIECES, max_size=40).map(lambda parts: b"email,name,out\n" + b"".join(parts))))
def test_no_bytes_whatever_end_in_a_traceback_and_no_row_vanishes(data: bytes) -> None:
    items = read(data)
    refused = [item for item in items if isinstance(item, Refused)]
    assert refused == items[-len(refused) :] if refused else isinstance(items[0], Header)
    told = [item.line for item in items if isinstance(item, (ParsedRow, Problem))]
    assert told == sorted(set(told))
    if not refused:
        assert len(told) == len(items) - 2 > 0
        assert isinstance(items[-1], LinesCounted)


def as_php_writes(cells: list[str]) -> str:
    """Write a record as PHP's fputcsv does: a quote that follows a backslash is not doubled."""
    written = []
    for cell in cells:
        inner, is_escaped = "", False
        for char in cell:
            inner += '""' if char == '"' and not is_escaped else char
            is_escaped = char == "\\"
        written.append(f'"{inner}"' if any(char in ',"\\\n\r\t ' for char in cell) else cell)
    return ",".join(written) + "\n"


@settings(deadline=None)
@given(st.lists(st.lists(st.text(alphabet='ab,"\\\n ü'), min_size=2, max_size=3), min_size=1, max_size=5))
def test_what_php_writes_is_read_back_to_the_letter(written: list[list[str]]) -> None:
    wanted = [[cell.rstrip("\\") or "x" for cell in cells] for cells in written]
    text = "".join(map(as_php_writes, wanted))
    found = list(records_of(in_blocks(text), ",", "\\"))
    assert [list(one.cells) for one in found if isinstance(one, Record)] == wanted


def test_a_value_that_ends_in_a_backslash_costs_its_line_only() -> None:
    lines_of = [as_php_writes(["a b\\", "x"]), as_php_writes(["c d", "y"])]
    first, second = records_of(in_blocks("".join(lines_of)), ",", "\\")
    assert isinstance(first, BadRecord)
    assert isinstance(second, Record)
    assert second.cells == ("c d", "y")


def test_what_a_tool_put_before_a_formula_is_taken_away_where_it_is_declared() -> None:
    [row] = rows(read(HEAD + "a@b.cd, -5,false\n", changed(dialect=Dialect(has_guard=True))))
    assert row.values["name"] == "-5"


def test_a_stream_that_cannot_go_back_is_read_once_from_its_beginning() -> None:
    body = GOOD.encode("utf-16")
    out, into = os.pipe()
    with os.fdopen(into, "wb") as pipe:
        pipe.write(body)
    file = ExportFile("some", "/x/a.csv", "a.csv", hashlib.sha256(body).hexdigest(), len(body))
    with os.fdopen(out, "rb") as stream:
        items = list(items_of(stream, file, MAPPING))
    assert items == read(body)
    assert items[-1] == LinesCounted(3, 1, 2, 0)
