"""Is a workbook whose parts were spoilt refused or read, and never the end of anything?"""

from __future__ import annotations

import io
import random
import zipfile
from collections import Counter

import pytest

from syncd.core.rows import ParsedRow
from syncd.ports import LinesCounted, Refused
from tests.exports.mutated import WAYS
from tests.exports.test_reading import read
from tests.exports.test_sheets import GOOD, MEANT, workbook
from tests.exports.test_unpacking import zipped

SPOILT = [*GOOD, ["x@y.zz", 12345678901234567, True], ["c@d.ef", 45000.25, False]]


def check(seed: int, count: int) -> Counter[str]:
    """Spoil parts of a workbook and read it; return what came of it by code."""
    data = workbook(SPOILT, lambda book, sheet: sheet.write_formula(5, 1, "=NA()", None, "#N/A"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    said = [name for name in parts if any(word in name for word in ("sheet", "Strings", "styles", "workbook"))]
    chance, seen = random.Random(seed), Counter[str]()
    for _ in range(count):
        changed = dict(parts)
        for _ in range(chance.choice((1, 1, 2, 4))):
            name = chance.choice(said)
            changed[name] = chance.choice(WAYS)(changed[name], chance)
        *items, last = read(zipped(changed, zipfile.ZIP_STORED), MEANT)
        assert isinstance(last, (Refused, LinesCounted))
        problems = [problem for item in items if isinstance(item, ParsedRow) for problem in item.problems]
        assert all(str(problem).isprintable() for problem in problems)
        seen[last.problem.code if isinstance(last, Refused) else "read"] += 1
    return seen


def test_some_spoilt_workbooks_are_refused_or_read() -> None:
    seen = check(1, 150)
    assert seen["read"]
    assert seen["EXP-009"]


@pytest.mark.sweep
def test_many_spoilt_workbooks_are_refused_or_read() -> None:
    assert check(2, 8_000)["read"] > 500
