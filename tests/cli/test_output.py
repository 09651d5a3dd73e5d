"""Is what syncd prints readable by a person, a program and a spreadsheet, and harmless to all three?"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from syncd.cli import output
from syncd.cli.finding import wrong
from syncd.cli.main import VERBS
from syncd.core.values import Problem, Rule, Verdict

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=59.6), "1 min"),
        (timedelta(minutes=3, seconds=20), "3 min 20 s"),
        (timedelta(days=2, hours=3, minutes=4), "2 d 3 h"),
        (timedelta(seconds=-5), "0 s"),
    ],
)
def test_a_length_of_time_is_told_in_its_two_largest_units(length: timedelta, words: str) -> None:
    assert output.span(length) == words


def test_columns_line_up_and_a_long_cell_is_cut_except_in_the_last_column() -> None:
    header, row = output.table(("a", "why"), [("x" * 100, "y" * 200)])
    assert row == "x" * 71 + "…  " + "y" * 200
    assert header.index("why") == row.index("y")


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (None, ""), ("", ""), (0, "0"), (-1, "-1"), ("-1,234.50", "-1,234.50"), ("+49 (30) 123/45-67", "+49 (30) 123/45-67"),
        ("=A1", "'=A1"), ("-A1", "'-A1"), ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"), ("\t=A1", "\\u0009=A1"),
    ],
)  # fmt: skip
def test_no_cell_is_a_formula_and_numbers_stay_as_they_are(cell: object, shown: str) -> None:
    assert output.harmless(cell) == shown


def test_json_has_times_in_utc_words_of_fixed_lists_and_whole_texts(capsys: pytest.CaptureFixture[str]) -> None:
    value = {
        "at": AT,
        "on": date(2026, 3, 2),
        "verdict": Verdict.NOTE,
        "rule": Rule("r", "f", 1),
        "name": "Zoë\x1b",
        "rows": (1, 2),
    }
    output.as_json(value)
    assert json.loads(capsys.readouterr().out) == {
        "at": "2026-03-02T09:00:00Z",
        "on": "2026-03-02",
        "verdict": "note",
        "rule": {"name": "r", "file": "f", "line": 1},
        "name": "Zoë\x1b",
        "rows": [1, 2],
    }


def test_there_is_no_colour_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    assert output.coloured("finding") == "finding"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert output.coloured("finding") == "\x1b[31mfinding\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert output.coloured("finding") == "finding"


@pytest.mark.parametrize(
    ("text", "config", "called"),
    [
        ("Run: syncd check", None, "Run: syncd check"),
        ("Run: syncd check", "acme", "Run: syncd --config acme check"),
        (
            "`syncd apply p.json`, syncd status",
            "my acme",
            "`syncd --config 'my acme' apply p.json`, syncd --config 'my acme' status",
        ),
        ("give syncd's user the right; syncd init", "acme", "give syncd's user the right; syncd init"),
    ],
)
def test_a_command_to_paste_names_the_config_that_the_user_gave(text: str, config: str | None, called: str) -> None:
    assert output.as_called(text, None if config is None else Path(config)) == called


def test_every_verb_that_reads_a_config_is_called_with_the_one_that_was_given() -> None:
    reading = VERBS.keys() - {"demo", "init", "sandbox"}
    for verb in reading:
        assert output.as_called(f"Run: syncd {verb}", Path("a.toml")) == f"Run: syncd --config a.toml {verb}"


@pytest.mark.parametrize(
    ("source", "column", "length", "shown"),
    [
        ('mode = "wirte"', 9, 5, ['    mode = "wirte"', "            ^^^^^"]),
        ("\tmode = 1", 9, 1, ["     mode = 1", "            ^"]),
        ("名前 = 1", 6, 1, ["    名前 = 1", "           ^"]),
        ("a\u202eb = 1", 7, 1, ["    a\\u202eb = 1", "               ^"]),
        ("x" * 300, 250, 3, ["    …" + "x" * 111, "    " + " " * 61 + "^^^"]),
        ("short", 40, 1, []),
        ("   ", 1, 1, []),
    ],
)
def test_a_mistake_is_shown_under_its_word_whatever_stands_before_it(
    source: str, column: int, length: int, shown: list[str]
) -> None:
    problem = Problem("m.toml", 1, column, "MAP-104", "wrong.", "Write it.", length, source)
    assert output.pointed(problem) == shown


def test_a_finding_of_check_has_its_place_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    problem = Problem("m.toml", 3, 9, "MAP-104", "wrong.", "Write it.", 5, 'mode = "wirte"')
    output.as_json({"checks": [wrong("mappings", problem)]})
    [told] = json.loads(capsys.readouterr().out)["checks"]
    assert told["place"] == {"file": "m.toml", "line": 3, "column": 9, "length": 5}
    assert told["text"] == "m.toml:3:9 [MAP-104] wrong."
