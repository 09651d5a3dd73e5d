"""Is every line of a spoilt export accounted for, and does none of them end in a traceback?

Files of all tools are spoilt from a seed and go through the drop folder into one store that stays open.
"""

from __future__ import annotations

import codecs
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from syncd.core.mapping import SourceMapping, keys_needed
from syncd.core.rows import ParsedRow
from syncd.core.values import Problem
from syncd.engine.intake import take_in
from syncd.engine.intake_context import IntakeContext
from syncd.exports.folder import DropFolder
from syncd.exports.lines import _BOMS
from syncd.ports import ExportFile, Header, Item, LinesCounted, Refused
from syncd.store.sql import open_store
from tests.engine.test_intake import NOW, ORG, SCHEMA, Standing, lead
from tests.exports.mutated import Spoilt, mappings, spoilt

ENDS = ("applied", "unchanged", "quarantined", "unmatched", "superseded")


class Folder:
    """One drop folder, and one store that is kept open, for all files."""

    def __init__(self, root: Path) -> None:
        self.root = root / "drop"
        for tool in mappings():
            (self.root / tool).mkdir(parents=True)
        self.folder = DropFolder(self.root, Standing())
        self.store = open_store(f"sqlite:///{root / 'syncd.db'}", ORG)
        self.store.acquire_lease("here", 1)  # only who holds it keeps the log of the database short
        self.store.index(keys_needed(mappings().values()))
        self.context = IntakeContext(ORG, "c1", NOW, SCHEMA, self.store)
        self.count = 0
        with self.store.begin() as tx:
            tx.mirror([lead(number) for number in range(1, 20)])

    def put(self, file: Spoilt) -> tuple[SourceMapping, Path]:
        if self.count % 100 == 0:
            self.work_off()
        self.count += 1
        path = self.root / file.tool / f"{self.count}.csv"
        path.write_bytes(file.data)
        os.utime(path, (NOW.timestamp() - 60,) * 2)
        return mappings()[file.tool], path

    def read(self, file: Spoilt) -> list[tuple[ExportFile, list[Item]]]:
        """Read a file, and leave the folder empty."""
        mapping, path = self.put(file)
        files, _ = self.folder.waiting(mapping)
        found = [(one, list(self.folder.rows(one, mapping, NOW))) for one in files]
        path.unlink()
        return found

    def take(self, file: Spoilt) -> tuple[Mapping[str, int], str]:
        """Take a file in; return the counts and the folder that it lies in then."""
        mapping, path = self.put(file)
        counts = take_in(self.folder, [mapping], self.context)
        [left] = [one for one in path.parent.rglob("*") if one.is_file()]
        left.unlink()
        return counts, left.parent.name

    def told_of(self, count: int) -> tuple[int, bool]:
        """Return how many rows of a file are in the inbox, and whether a choice is asked for, which stands for several."""
        inbox = [item for _, item, _ in self.store.inbox()]
        rows = [item for item in inbox if item.kind == "export-row"]
        told = sum(item.subject.startswith((f"{count}.csv:", f"{count}.csv/")) for item in rows)
        # Of very many rows in one file only the first have an item of their own; of the others one tells how many there are.
        more = [item for item in inbox if item.kind == "export-rows" and item.subject == f"{count}.csv"]
        told += sum(int(item.text.split()[0]) for item in more)
        return told, any(item.kind == "export-choice" for item in inbox)

    def work_off(self) -> None:
        """Close what is in the inbox, as somebody does who keeps it short."""
        open_items: dict[str, list[str]] = {}
        for _, item, _ in self.store.inbox():
            open_items.setdefault(item.kind, []).append(item.subject)
        with self.store.begin() as tx:
            for kind, subjects in open_items.items():
                tx.resolve_inbox(kind, subjects, NOW)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    yield made
    made.store.dispose()


def check_items(items: list[Item], file: Spoilt) -> Counter[str]:
    """Check that a file's items account for each of its lines, and return what they are."""
    assert items
    told = [item.line for item in items if isinstance(item, (ParsedRow, Problem))]
    assert told == sorted(set(told))
    assert all(str(problem).isprintable() for item in items for problem in _problems(item))
    last = items[-1]
    if isinstance(last, Refused):
        assert not any(isinstance(item, (Refused, LinesCounted)) for item in items[:-1])
        return Counter({last.kind: 1})
    assert isinstance(items[0], Header)
    assert isinstance(last, LinesCounted)
    assert last.lines == last.header + last.taken + last.rejected
    assert last.taken + last.rejected >= len(told) > 0
    if file.is_text and (lines := physical_lines(file.data)) is not None:
        assert last.lines == len(lines)
        _check_gaps(told, lines)
    return Counter(read=1, rows=len(told))


def _check_gaps(told: list[int], lines: list[str]) -> None:
    """A line that nothing is told of belongs to the record before it, which can only go on within quotes."""
    for line, following in zip([1, *told], [*told, len(lines) + 1], strict=True):
        assert following == line + 1 or '"' in lines[line - 1], line


def physical_lines(data: bytes) -> list[str] | None:
    """Return the lines of a text by its BOM, or as UTF-8; None when it is another encoding."""
    bom, name = next(((bom, name) for bom, name in _BOMS if data.startswith(bom)), (b"", "utf-8"))
    try:
        text = codecs.decode(data[len(bom) :], name)
    except UnicodeDecodeError:
        return None
    *whole, rest = text.split("\n")
    return [*whole, rest] if rest else whole


def _problems(item: Item) -> list[Problem]:
    if isinstance(item, Refused):
        return [item.problem]
    return [item] if isinstance(item, Problem) else list(item.problems) if isinstance(item, ParsedRow) else []


def check_reading(kept: Folder, seed: int, count: int) -> Counter[str]:
    seen: Counter[str] = Counter()
    for file in spoilt(seed, count):
        for _, items in kept.read(file):
            seen += check_items(items, file)
    return seen


def check_intake(kept: Folder, seed: int, count: int) -> Counter[str]:
    """Read and take in each file: what was read is what became of it, whole or not at all."""
    seen: Counter[str] = Counter()
    for file in spoilt(seed, count):
        found = kept.read(file)
        known = {one.sha256 for one, _ in found if kept.store.has_file(one.sha256)}
        fresh = {one.sha256: items for one, items in found if one.sha256 not in known}
        refused = [items[-1].kind for items in fresh.values() if isinstance(items[-1], Refused)]
        rows = sum(
            isinstance(item, (ParsedRow, Problem)) for items in fresh.values() for item in items if not refused_whole(items)
        )
        counts, place = kept.take(file)
        assert counts.get("rows", 0) == rows == sum(counts.get(name, 0) for name in ENDS)
        told, is_asked = kept.told_of(kept.count)
        is_settled = len(fresh) > 1  # a later file of an archive says of the same person what can be taken: that settles the item
        assert told == counts.get("quarantined", 0) or ((is_asked or is_settled) and told < counts["quarantined"])
        assert place == ("refused" if "refuse" in refused else file.tool if refused else "done")
        seen.update({name: counts.get(name, 0) for name in (*ENDS, "flags")})
        seen[place if place in ("done", "refused") else "paused"] += 1
    return seen


def refused_whole(items: list[Item]) -> bool:
    return isinstance(items[-1], Refused)


def test_some_spoilt_exports_are_told_of_to_the_last_line(kept: Folder) -> None:
    seen = check_intake(kept, 1, 15)
    assert all(seen[name] for name in ("done", "refused", "applied", "quarantined", "unmatched"))
    assert len(kept.store.inbox()) > 10
    assert check_reading(kept, 2, 300)["read"] > 100


@pytest.mark.sweep
def test_many_spoilt_exports_are_told_of_to_the_last_line(kept: Folder) -> None:
    assert check_intake(kept, 3, 1_000)["done"] > 300
    assert check_reading(kept, 4, 10_000)["read"] > 3_000


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_hundred_thousand_spoilt_exports_are_told_of_to_the_last_line(kept: Folder) -> None:
    assert check_intake(kept, 5, 100_000)["done"] > 30_000
    assert check_reading(kept, 6, 100_000)["read"] > 30_000
