"""Is each thing that a person wrote found on the line and column where it stands?"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.tables import Table
from syncd.policies.documents import nearest, read_table

SAMPLE = """\
# ünïcode before
a.b = 1
"x y" = { c = 2, d.e = [1,
 { f = 1 }] }
[t."q\\u00e9"]
k = 1
[[arr]]
z = 1
[arr.sub]
y = 2
[[arr]]
z = 2
"é" = { k = 1 }
"""


def table(tmp_path: Path, data: str | bytes) -> Table:
    path = tmp_path / "some.toml"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    found, problems = read_table(path)
    assert problems == []
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("a",), (2, 1)),
        (("a", "b"), (2, 3)),
        (("x y", "c"), (3, 11)),
        (("x y", "d", "e"), (3, 20)),
        (("x y", "d", "e", 0), (3, 25)),
        (("x y", "d", "e", 1), (4, 2)),
        (("x y", "d", "e", 1, "f"), (4, 4)),
        (("t", "qé", "k"), (6, 1)),
        (("arr", 0, "z"), (8, 1)),
        (("arr", 0, "sub", "y"), (10, 1)),
        (("arr", 1), (11, 3)),
        (("arr", 1, "z"), (12, 1)),
        (("arr", 1, "é", "k"), (13, 9)),
    ],
)
def test_every_key_and_element_has_its_line_and_column(
    tmp_path: Path, path: tuple[str | int, ...], place: tuple[int, int]
) -> None:
    assert table(tmp_path, SAMPLE).positions[path] == place


@pytest.mark.parametrize("value", ['"sales"', '["sdr", "sales"]', '{ k = "sales" }', '["sdr",\n # more\n "sales"]'])
def test_the_word_that_a_problem_quotes_is_pointed_at_and_not_the_comment_behind_it(tmp_path: Path, value: str) -> None:
    path = tmp_path / "f.toml"
    path.write_text(f"by = {value}    # and so on\n", "utf-8")
    table, _ = read_table(path)
    assert table is not None
    problem = table.problem(("by",), "MAP-063", "'sales' is no team.", "Name a team.")
    lines = path.read_text("utf-8").splitlines()
    assert lines[problem.line - 1][problem.column - 1 :][: problem.length] == "sales"


def test_values_are_those_of_toml(tmp_path: Path) -> None:
    values = table(tmp_path, SAMPLE).values
    assert values["a"] == {"b": 1}
    assert values["arr"] == [{"z": 1, "sub": {"y": 2}}, {"z": 2, "é": {"k": 1}}]


@pytest.mark.parametrize("dress", [lambda d: b"\xef\xbb\xbf" + d, lambda d: d.replace(b"\n", b"\r\n")])
def test_a_bom_and_windows_line_ends_change_nothing_but_the_hash(tmp_path: Path, dress) -> None:  # type: ignore[no-untyped-def]
    plain, dressed = table(tmp_path, SAMPLE), table(tmp_path, dress(SAMPLE.encode()))
    assert (plain.values, plain.positions) == (dressed.values, dressed.positions)
    assert dressed.sha256 == hashlib.sha256(dress(SAMPLE.encode())).hexdigest()
    assert dressed.sha256 != plain.sha256


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "1:1 [FILE-003] The file is empty: nothing in it is in force. Fill it, or restore it: syncd init"),
        (b"# only a remark\n", "1:1 [FILE-003] The file is empty: nothing in it is in force. Fill it, or restore it: syncd init"),
        (b'a = 1\nb = "\xe9"\n', "2:6 [FILE-004] The file is not UTF-8: byte 0xe9 at offset 11. Save it again as UTF-8."),
        (b"a = 1\na = 2\n", "2:1 [FILE-006] a is defined twice: here and on line 1. Keep one of the two lines."),
        (b"[a]\nx = 1\n[a]\n", "3:2 [FILE-006] a is defined twice: here and on line 1. Keep one of the two lines."),
        (
            b'a = { "b c" = 1, "b c" = 2 }',
            '1:18 [FILE-006] a."b c" is defined twice: here and on line 1. Keep one of the two lines.',
        ),
        (b"a.b = 1\n[a]\nc = 1", "2:3 [FILE-006] a is defined twice: here and on line 1. Keep one of the two lines."),
        (
            b"a =\n",
            "1:4 [FILE-005] This is not valid TOML: Invalid value."
            ' Correct the line; text stands in "quotes", lists in [brackets].',
        ),
        (
            b'ok = 1\nb = "open',
            "2:10 [FILE-005] This is not valid TOML: Unterminated string."
            ' Correct the line; text stands in "quotes", lists in [brackets].',
        ),
        (b"x = " + b"[" * 5000, "1:1 [FILE-007] The file is nested too deeply. Write it with fewer brackets."),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_what_to_do(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(data)
    found, problems = read_table(path)
    assert found is None
    assert [str(problem) for problem in problems] == [f"{path}:{said}"]


def test_a_missing_file_and_a_folder_are_problems(tmp_path: Path) -> None:
    _, [missing] = read_table(tmp_path / "none.toml")
    _, [folder] = read_table(tmp_path)
    assert (missing.code, folder.code) == ("FILE-001", "FILE-002")
    assert "syncd init" in missing.remedy


def test_an_array_may_be_extended_and_a_table_opened_late(tmp_path: Path) -> None:
    late = table(tmp_path, "[a.b]\nx = 1\n[a]\nc = 1\n")
    assert late.positions[("a", "c")] == (4, 1)


@pytest.mark.parametrize(
    ("word", "choices", "best"),
    [("Stauts", ("Status", "OwnerId"), "Status"), ("oberve", ("observe", "write"), "observe"), ("qqq", ("observe",), None)],
)
def test_the_nearest_name_is_offered_only_when_it_is_near(word: str, choices: tuple[str, ...], best: str | None) -> None:
    assert nearest(word, choices) == best
    assert nearest(word, ()) is None


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=80), st.text(alphabet="ab.\"[]{}=,\n \\u1#'", max_size=60).map(str.encode)))
def test_no_bytes_whatever_raise(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.toml"
    path.write_bytes(data)
    found, problems = read_table(path)
    assert (found is None) == bool(problems)
    for key in () if found is None else found.values:
        assert (key,) in found.positions  # type: ignore[union-attr]
