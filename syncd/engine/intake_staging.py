"""How does a file get from the drop folder to where its rows wait to be decided?

Of a large file only those rows are staged that may lead to something (`exports.sifting`); what is known of the others is
remembered and counted at once. They were held against the mirror as it stood: a file that is decided in a later cycle is sifted
again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from syncd.core.mapping import SourceMapping
from syncd.core.matching import Match
from syncd.core.rows import ParsedRow, problem_payload, to_payload
from syncd.core.values import Problem
from syncd.engine.ahead import made_ahead
from syncd.engine.intake_context import IntakeContext
from syncd.engine.intake_people import People
from syncd.engine.intake_sifting import background_of
from syncd.ports import ExportFile, ExportRow, Exports, Header, LinesCounted, Refused, Sieve, SiftedItem, StoreWriter

CHUNK_ROWS = 1000
BLOCKS_A_COMMIT = 5
PROGRESS = "exports"


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file whose every row is staged or needs no look. `extra` columns are in the file and not in the mapping."""

    file: ExportFile
    mapping: SourceMapping
    extra: tuple[str, ...] = ()


def stage(
    folder: Exports, file: ExportFile, mapping: SourceMapping, context: IntakeContext, *, is_decided_now: bool
) -> StagedFile | Refused:
    """Stage a file to its end, or say why nothing of it counts: then some of its rows may be staged still.

    Rows that need no look are remembered only where the others are decided at once.
    """
    early = progress(context).get(file.sha256, {}).get("early", False)
    with context.store.begin() as tx:
        tx.begin_file(file)
        keep_progress(tx, context, file, None)
    with folder.sift(file, mapping, context.now_at, background_of(context, mapping)) as sieve:
        staging = _Staging(file, mapping, context, is_decided_now=is_decided_now)
        state = staging.sift(sieve) if sieve is not None else staging.read(folder)
    if isinstance(state, Refused):
        return state
    whole = {"mapping": mapping.sha256, "staged": True, "after": "", **({"early": True} if early else {}), **state}
    with context.store.begin() as tx:
        keep_progress(tx, context, file, whole)
    return StagedFile(file, mapping, tuple(whole["extra"]))


def is_outdated(state: Mapping[str, Any], context: IntakeContext) -> bool:
    """Tell whether a file was sifted in an earlier cycle and nothing of it is decided yet."""
    return "sifted" in state and state["sifted"] != context.cycle and not state.get("after")


class _Staging:
    def __init__(self, file: ExportFile, mapping: SourceMapping, context: IntakeContext, *, is_decided_now: bool) -> None:
        self.file, self.mapping, self.context, self.is_decided_now = file, mapping, context, is_decided_now
        self.people = People(context, mapping)

    def read(self, folder: Exports) -> dict[str, Any] | Refused:
        """Stage every row."""
        items = folder.rows(self.file, self.mapping, self.context.now_at)
        state: dict[str, Any] = {"extra": [], "counts": {}, "lines": {}}
        while chunk := list(islice(items, CHUNK_ROWS)):
            for item in chunk:
                if isinstance(item, Refused):
                    return item
                if isinstance(item, Header):
                    state["extra"] = list(item.extra)
                elif isinstance(item, LinesCounted):
                    state["read"] = _lines(item.lines, item.header, item.taken, item.rejected)
            self._stage([(item, "") for item in chunk if isinstance(item, (ParsedRow, Problem))])
        return state

    def sift(self, sieve: Sieve) -> dict[str, Any]:
        """Stage the rows that need a look, and remember the others."""
        for items in sieve.rest():
            found = self._stage(items)
            people = {person.id for one in found for person in (one.person, *one.candidates) if person is not None}
            rows = [item for item, _ in items if isinstance(item, ParsedRow)]
            sieve.related(people, {row.key for row, one in zip(rows, found, strict=True) if one.person is None})
        for items in sieve.others():
            self._stage(items)
        blocks = made_ahead(sieve.unchanged(), lambda lines: False) if self.is_decided_now else iter(())
        while some := list(islice(blocks, BLOCKS_A_COMMIT)):
            with self.context.store.begin() as tx:
                for lines in some:
                    tx.put_unchanged(self.mapping.name, lines)
        sifted = sieve.sifted()
        counts = {"unchanged": sifted.unchanged, "unmatched": sifted.unmatched, "would_write": sifted.would_write}
        return {
            "sifted": self.context.cycle if self.is_decided_now else "",
            "extra": list(sieve.extra),
            "counts": {"rows": sifted.unchanged + sifted.unmatched, **{name: count for name, count in counts.items() if count}},
            "lines": {"unmatched": list(sifted.unmatched_lines)} if sifted.unmatched_lines else {},
            "read": _lines(*sieve.lines),
        }

    def _stage(self, items: Sequence[SiftedItem]) -> list[Match]:
        """Keep rows to be decided, and return whom those that can be read are about."""
        rows = [(item, row_hash) for item, row_hash in items if isinstance(item, ParsedRow)]
        found = self.people.find([row for row, _ in rows])
        stored = [staged_row(row, one, row_hash) for (row, row_hash), one in zip(rows, found, strict=True)]
        stored += [staged_problem(item) for item, _ in items if isinstance(item, Problem)]
        with self.context.store.begin() as tx:
            tx.stage_rows(self.file.sha256, stored)
        return found


def staged_row(row: ParsedRow, found: Match, row_hash: str = "") -> ExportRow:
    """Make a row as it is staged: the rows of one person share a key, by whatever column each of them names the person."""
    key = row.key if found.person is None else f"id:{found.person.id}"
    version = row.newest_at.isoformat() if row.newest_at else ""
    return ExportRow(row.line, key, version, {**to_payload(row), "hash": row_hash} if row_hash else to_payload(row))


def staged_problem(problem: Problem) -> ExportRow:
    """Make a line that is no row as it is staged."""
    return ExportRow(problem.line, f"problem:{problem.line:012d}", "", {"problem": problem_payload(problem)})


def _lines(lines: int, header: int, taken: int, rejected: int) -> dict[str, int]:
    return {"lines": lines, "lines_header": header, "lines_taken": taken, "lines_rejected": rejected}


def progress(context: IntakeContext) -> dict[str, Any]:
    """Return how far each unfinished file is, by its hash."""
    kept = context.store.setting(PROGRESS)
    return dict(kept) if isinstance(kept, dict) else {}


def keep_progress(tx: StoreWriter, context: IntakeContext, file: ExportFile, state: Mapping[str, Any] | None) -> None:
    """Write how far a file is; None forgets it."""
    kept = {sha: old for sha, old in progress(context).items() if sha != file.sha256}
    tx.put_setting(PROGRESS, kept if state is None else {**kept, file.sha256: dict(state)})
