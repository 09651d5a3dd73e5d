"""Does a promise that is not kept fail the measuring, and is a small org held only to what its size can show?"""

from __future__ import annotations

import pytest

import bench.__main__ as measuring
from bench.figures import Figure


@pytest.mark.parametrize(
    ("figure", "options", "code"),
    [
        (Figure("calls", 3, "calls", 3), [], 0),
        (Figure("calls", 4, "calls", 3), [], 1),
        (Figure("calls", 4, "calls", 3), ["--quick"], 1),
        (Figure("told", 4, "calls"), [], 0),
        (Figure("ratio", 2.1, "x bare", 2), [], 1),
        (Figure("ratio", 2.1, "x bare", 2), ["--quick"], 0),
        (Figure("memory", 201, "MiB", 200), ["--quick"], 1),
    ],
)
def test_a_promise_that_is_not_kept_fails_the_measuring(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], figure: Figure, options: list[str], code: int
) -> None:
    monkeypatch.setattr(measuring, "scenarios", lambda sizes: {"one": lambda hall: iter([figure])})
    monkeypatch.setattr("sys.argv", ["bench", *options])
    assert measuring.main() == code
    assert ("NOT REACHED" in capsys.readouterr().out) == bool(code)


def test_only_what_was_asked_for_is_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = {name: lambda hall, name=name: iter([Figure(f"figure of {name}", 1, "s")]) for name in ("pull", "idle")}
    monkeypatch.setattr(measuring, "scenarios", lambda sizes: told)
    monkeypatch.setattr("sys.argv", ["bench", "--only", "idle"])
    assert measuring.main() == 0
    out = capsys.readouterr().out
    assert "figure of idle" in out
    assert "figure of pull" not in out
