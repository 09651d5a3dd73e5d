"""Is a large export taken in to its last line within 600 MB, each line applied, unchanged, or told of?"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engine.large_intake import MATCHED_EACH, THOUSAND, prepared, row_of
from tests.exports.test_large_file import GB, PEAK_MB_MAX, ROOT

FREE_BYTES_MIN = 40 * GB
TOLD_MAX = 100
WRITTEN, FAULTY, BROKEN = 2, 1, 10  # of each thousand rows


def taken_in(folder: Path, size_bytes: int, *, has_torn_lines: bool) -> tuple[int, int, dict[str, Any]]:
    """Take an export of a size in by a process of its own; return its rows, its lines, and what became of them."""
    rows = size_bytes // len(row_of(1, has_torn_lines=False)) // THOUSAND * THOUSAND
    lines = prepared(folder, rows, has_torn_lines=has_torn_lines)
    command = [sys.executable, "-m", "tests.engine.large_intake", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [path.parent.name for path in (folder / "exports").rglob("*all.csv")] == ["done"]
    shutil.rmtree(folder)
    return rows, lines, json.loads(done.stdout)


def check(rows: int, lines: int, found: dict[str, Any], *, has_torn_lines: bool) -> None:
    """Hold what became of an export against what was written into it."""
    thousands, torn = rows // THOUSAND, rows // THOUSAND if has_torn_lines else 0
    faulty = FAULTY * thousands + torn
    matched = rows // MATCHED_EACH
    settled = {
        "applied": WRITTEN * thousands,
        "quarantined": faulty,
        "unchanged": matched - (WRITTEN + FAULTY) * thousands,
        "unmatched": rows - matched - torn,
    }
    assert sum(settled.values()) == rows
    assert {name: found["file"].get(name) for name in (*settled, "rows")} == {**settled, "rows": rows}
    assert {name: found["counts"].get(name) for name in settled} == settled
    assert lines == 1 + rows + BROKEN * thousands
    placed = {name: found["file"][name] for name in ("lines", "lines_header", "lines_taken", "lines_rejected")}
    assert placed == {"lines": lines, "lines_header": 1, "lines_taken": lines - 1 - torn, "lines_rejected": torn}
    assert found["writes"] == WRITTEN * thousands
    assert found["file"]["flags"] == thousands
    told = [text for kind, text in found["inbox"] if kind == "export-row"]
    assert len(told) == min(faulty, TOLD_MAX)
    rest = {kind: text for kind, text in found["inbox"] if kind != "export-row"}
    assert rest["export-unmatched"] == f"{settled['unmatched']} rows fit nobody in Salesforce; nobody was created."
    assert rest.get("export-rows", "0 more rows").startswith(f"{max(faulty - TOLD_MAX, 0)} more row")
    assert found["peak_mb"] <= PEAK_MB_MAX


@pytest.mark.sweep
@pytest.mark.parametrize("has_torn_lines", [False, True])
def test_a_hundred_megabytes_are_taken_in_and_every_line_is_accounted_for(tmp_path: Path, has_torn_lines: bool) -> None:
    rows, lines, found = taken_in(tmp_path / "large", GB // 10, has_torn_lines=has_torn_lines)
    check(rows, lines, found, has_torn_lines=has_torn_lines)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("has_torn_lines", [False, True])
def test_ten_gigabytes_are_taken_in_within_bounds_and_every_line_is_accounted_for(
    tmp_path: Path, has_torn_lines: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where less than 40 GB of disk are free the file has 1 GB; so has one with torn lines, whose good rows are written anew."""
    size = 10 * GB if shutil.disk_usage(tmp_path).free >= FREE_BYTES_MIN and not has_torn_lines else GB
    rows, lines, found = taken_in(tmp_path / "large", size, has_torn_lines=has_torn_lines)
    figures = {name: found[name] for name in ("peak_mb", "seconds", "cpu_s", "file")}
    with capsys.disabled():
        sys.stdout.write(f"\n{size / GB:.0f} GB: {figures}\n")
    check(rows, lines, found, has_torn_lines=has_torn_lines)
