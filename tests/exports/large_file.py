"""Reads one large export out of the drop folder, as a process of its own: python -m tests.exports.large_file FOLDER"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from syncd.core.mapping_file.parsing import parse_mapping
from syncd.exports.folder import DropFolder
from syncd.logs import configure
from syncd.policies.documents import read_table
from syncd.ports import LinesCounted

STARTER = Path(__file__).parents[2] / "mappings" / "fields" / "marketo.toml"


class Machine:
    """The machine's clock, a minute ahead: a file that was just written is quiet already."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + 60, UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def main(root: Path) -> dict[str, object]:
    """Read the waiting file to its end and say what was in it, and how much memory that took."""
    table, _ = read_table(STARTER)
    assert table is not None
    mapping, _ = parse_mapping("marketo", table)
    assert mapping is not None
    folder = DropFolder(root, Machine())
    [file], problems = folder.waiting(mapping)
    assert not problems
    seen: Counter[str] = Counter()
    counted = None
    for item in folder.rows(file, mapping):
        seen[type(item).__name__] += 1
        counted = item if isinstance(item, LinesCounted) else counted
    assert counted is not None
    return {**seen, "lines": counted.lines, "peak_mb": round(peak_mb()), "cpu_s": round(time.process_time())}


def peak_mb() -> float:
    """Return the most memory that this program held. `getrusage` would count what its parent held when it was begun."""
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


if __name__ == "__main__":
    configure()
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
