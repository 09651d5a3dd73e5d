"""Is an edit of policy files told rule by rule, in the words of the files?"""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from syncd.core.policy_changes import changes_between

BEFORE = """
mode = "observe"
[status]
"MQL" = { team = "sdr" }
"Old" = { team = "sales" }
[gate]
"MQL, Working -> Nurture" = { by = ["sdr"] }
"""


def told(before: str, after: str, file: str = "fences.toml") -> list[str]:
    tables: list[dict[str, Any]] = [tomllib.loads(before), tomllib.loads(after)]
    return [change.text for change in changes_between({file: tables[0]}, {file: tables[1]})]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('mode = "observe"', 'mode = "write"', 'fences.toml mode: "observe" -> "write"'),
        ('{ team = "sdr" }', '{ team = "sales" }', 'fences.toml [status] MQL team: "sdr" -> "sales"'),
        ('"Old" = { team = "sales" }\n', "", 'fences.toml [status] Old: removed, was { team = "sales" }'),
        ('by = ["sdr"] }', 'by = ["sdr", "ae"] }', 'fences.toml [gate] "MQL, Working -> Nurture" by: ["sdr"] -> ["sdr", "ae"]'),
        ("[gate]\n", '[gate]\n"a -> b" = { by = ["x"] }\n', 'fences.toml [gate] "a -> b": added, { by = ["x"] }'),
        ('mode = "observe"', "mode = 1", 'fences.toml mode: "observe" -> 1'),
    ],
)
def test_a_change_names_file_table_and_key_with_before_and_after(old: str, new: str, says: str) -> None:
    assert old in BEFORE
    assert told(BEFORE, BEFORE.replace(old, new)) == [says]


def test_comments_and_order_are_no_change() -> None:
    head, _, tail = BEFORE.partition("[gate]")
    assert told(BEFORE, "# a comment\n" + head + "\n\n[gate]  # more" + tail) == []


def test_true_and_one_differ() -> None:
    assert told("a = true", "a = 1") == ["fences.toml a: true -> 1"]


def test_a_file_that_came_or_went_is_one_change() -> None:
    both = {"fences.toml": {"a": 1}, "nurture.toml": {"b": 2}}
    assert [one.text for one in changes_between({"fences.toml": {"a": 1}}, both)] == ["nurture.toml: added"]
    assert [one.text for one in changes_between(both, {"fences.toml": {"a": 1}})] == ["nurture.toml: removed"]


def test_a_long_value_is_cut_in_words_only() -> None:
    [change] = changes_between({"f": {"a": "x"}}, {"f": {"a": "y" * 200}})
    assert change.text.endswith(" …")
    assert change.after == '"' + "y" * 200 + '"'
