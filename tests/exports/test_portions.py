"""Are the few rows that are looked at of a large export rows of it, on their own lines, and spread over all of it?"""

from __future__ import annotations

import gzip
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.exports import record_bytes
from syncd.exports.portions import Thinning, portion
from syncd.exports.records import Record
from syncd.ports import ExportFile
from tests.exports.test_excerpts import CELLS, PLAIN, mapping, naming, written


def file(data: bytes) -> ExportFile:
    return ExportFile("marketo", "day.csv", "day.csv", "", len(data))


@settings(max_examples=40)
@given(rows=st.lists(st.tuples(CELLS, CELLS).map(list), max_size=12), number=st.integers(1, 20), size=st.integers(1, 90))
def test_what_is_cut_out_are_whole_rows_on_their_own_lines(rows: list[list[str]], number: int, size: int) -> None:
    data = written(rows)
    before = record_bytes.BLOCK_BYTES
    record_bytes.BLOCK_BYTES = size
    try:
        found = portion(io.BytesIO(data), file(data), PLAIN, number)
    finally:
        record_bytes.BLOCK_BYTES = before
    assert found is not None
    cut, lines = found
    assert lines == data.count(b"\n")
    assert len(cut.found) <= number + 1
    all_rows = naming(data, "")
    assert [(cut.lines[line], cells) for line, cells in naming(cut.data, "")] == [
        one for one in all_rows if one[0] in {each.line for each in cut.found}
    ]


def test_rows_are_spread_over_the_whole_file_packed_or_not_and_are_the_same_each_time() -> None:
    data = written([[f"p{number}@example.com", "x"] for number in range(5000)])
    seen = []
    for given_as in (data, data, gzip.compress(data)):
        found = portion(io.BytesIO(given_as), file(given_as), PLAIN, 100)
        assert found is not None
        seen.append([one.line for one in found[0].found])
    assert seen[0] == seen[1] == seen[2]
    for tenth in range(10):
        assert sum(tenth * 500 < line - 1 <= tenth * 500 + 500 for line in seen[0]) in range(9, 12)


def test_what_cannot_be_cut_is_thinned_while_it_is_read() -> None:
    data = "email,note\n".encode("utf-16")
    assert portion(io.BytesIO(data), file(data), mapping('encoding = "utf-16"'), 9) is None
    assert portion(io.BytesIO(data), file(data), PLAIN, 9) is None
    thinning = Thinning(100)
    picked = [line for line in range(2, 20_002) if thinning((), Record(line, line, ()))]
    kept = list(filter(thinning.is_kept, picked))
    assert 100 <= len(kept) <= 200
    assert thinning.lines == 20_001
    assert 30 <= sum(line <= 10_000 for line in kept) <= 120
