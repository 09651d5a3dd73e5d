"""Does every part of a policy file know where it stands?"""

from __future__ import annotations

import pytest

from syncd.core.tables import Path, Table
from syncd.core.values import Problem, Rule

TABLE = Table("f.toml", {}, {("a",): (2, 1), ("a", "b", 0): (3, 9), ("a", "b", 1): (4, 9)}, "hash")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("a",), (2, 1)),
        (("a", "b", 1), (4, 9)),
        (("a", "b", 0, "deeper", "still"), (3, 9)),
        (("a", "b"), (2, 1)),
        (("a", "b", 7), (2, 1)),
        (("z",), (1, 1)),
        (("z", "a"), (1, 1)),
        ((), (1, 1)),
    ],
)
def test_a_path_stands_where_its_nearest_ancestor_does(path: Path, place: tuple[int, int]) -> None:
    assert TABLE.where(*path) == place


def test_a_problem_and_a_rule_point_at_their_path() -> None:
    problem = TABLE.problem(("a", "b", 0), "MAP-001", "it is wrong.", "Do it right.")
    assert problem == Problem("f.toml", 3, 9, "MAP-001", "it is wrong.", "Do it right.")
    assert str(problem) == "f.toml:3:9 [MAP-001] it is wrong. Do it right."
    assert TABLE.rule("r", "a", "b", 1) == Rule("r", "f.toml", 4)


def test_a_problem_without_a_remedy_ends_without_space() -> None:
    assert str(Problem("f", 1, 1, "X", "it is wrong.", "")) == "f:1:1 [X] it is wrong."
