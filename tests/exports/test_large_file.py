"""Is an export of 10 GB read to its last line within 600 MB, and is it told how far it is?"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

GB = 10**9
BLOCK_ROWS = 4_000
COLUMNS = 25
FREE_BYTES_MIN = 20 * GB
PEAK_MB_MAX = 600
ROOT = Path(__file__).parents[2]
HEADER = "id,email,firstName,lastName,company,leadScore,unsubscribed,emailInvalid,leadSource,updatedAt"


def block(bad_every: int = 1_000) -> bytes:
    """Return some thousand rows of 25 columns and 2 kB each, a bad one now and then, and some that go on in a second line."""
    told = ",".join(["some words of an answer in a form as people write them there " * 2] * (COLUMNS - 10))
    rows = []
    for number in range(BLOCK_ROWS):
        name = f'"of two\nlines {number}"' if number % 100 == 0 else "Ana"
        row = f"{number},p{number}@example.com,{name},Null,Acme,12,false,false,Web,2026-11-01T10:00:00Z,{told}\n"
        rows.append(row if number % bad_every else f"{number},too short\n")
    return "".join(rows).encode()


def written(path: Path, size_bytes: int) -> int:
    """Write an export of about a size, and return how many blocks it has."""
    one = block()
    count = max(size_bytes // len(one), 1)
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.write(f"{HEADER},{','.join(f'answer{number}' for number in range(COLUMNS - 10))}\n".encode())
        for _ in range(count):
            file.write(one)
    return count


def read_by_another(tmp_path: Path, size_bytes: int) -> tuple[int, dict[str, int], list[dict[str, Any]]]:
    """Read a file of a size in a process of its own; return its blocks, what was found, and the lines of the log."""
    count = written(tmp_path / "exports" / "marketo" / "all.csv", size_bytes)
    command = [sys.executable, "-m", "tests.exports.large_file", str(tmp_path / "exports")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return count, json.loads(done.stdout), [json.loads(line) for line in done.stderr.splitlines()]


def check(count: int, found: dict[str, int]) -> None:
    bad = BLOCK_ROWS // 1_000
    assert found["Problem"] == count * bad
    assert found["ParsedRow"] == count * (BLOCK_ROWS - bad)
    assert found["lines"] == 1 + count * (BLOCK_ROWS + BLOCK_ROWS // 100 - bad)
    assert found["peak_mb"] <= PEAK_MB_MAX


@pytest.mark.sweep
def test_a_hundred_megabytes_take_no_more_memory_than_a_few(tmp_path: Path) -> None:
    count, found, _ = read_by_another(tmp_path, GB // 10)
    check(count, found)
    assert found["peak_mb"] < 200


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_ten_gigabytes_are_read_within_bounds_and_told_of_on_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where less than 20 GB of disk are free the file has 1 GB."""
    size = 10 * GB if shutil.disk_usage(tmp_path).free > FREE_BYTES_MIN else GB
    count, found, said = read_by_another(tmp_path, size)
    (tmp_path / "exports" / "marketo" / "all.csv").unlink()
    with capsys.disabled():
        sys.stdout.write(f"\n{size / GB:.0f} GB: {found}\n")
    check(count, found)
    places = [line["bytes"] for line in said if line["event"] == "export-read"]
    assert len(places) > 3
    assert places == sorted(places)
