"""Which changes are few enough to be decided straight from memory, without a way through staging?

A small delta, the daily bread, is read, judged and recorded in one go: its rows are kept in the cycle until they are decided.
Killed before, the next cycle reads them again, since neither the watermark nor the read mark has moved. Whatever comes in
several pages, with deletions, beside rows that are staged already, or while an object is loaded, goes through staging.
"""

from __future__ import annotations

from collections.abc import Sequence

from syncd.core.changes import in_order
from syncd.core.values import OrgRecord
from syncd.engine.world import Cycle, World
from syncd.ports import Case, Mark, Page


def catch(world: World, cycle: Cycle, page: Page) -> bool:
    """Keep a page in memory when it is all that has changed of its object. Tells whether it was kept."""
    name = cycle.subject_of(page.object)
    if name not in cycle.families or not page.is_last or len(page.records) != page.total:
        return False
    family = (name, cycle.families[name])
    marks = world.store.marks()
    if any(marks.get(object, Mark()).decided_at is None for object in family if object in cycle.needs):
        return False
    if world.store.cases(family, 1) or any(job.object in family for job in world.store.jobs("query")):
        return False
    cycle.caught[page.object] = (*cycle.caught.get(page.object, ()), *page.records)
    return True


def spill(world: World, cycle: Cycle, object: str) -> None:
    """Stage what was caught of an object's family, because the rest of it comes by way of staging."""
    name = cycle.subject_of(object)
    for member in (name, cycle.families.get(name, name)):
        rows = cycle.caught.pop(member, ())
        if rows:
            with world.store.begin() as tx:
                tx.stage(member, rows, cycle.needs[member].parent, None)


def caught_cases(world: World, cycle: Cycle, name: str, history: str) -> list[Case]:
    """Return what was caught of one family as cases, in subject id order; what the mirror has already is left out."""
    rows = {row.id: row for row in cycle.caught.pop(name, ())}
    news = _new_history(world, cycle, history, cycle.caught.pop(history, ()))
    if not rows and not news:
        return []
    known = world.store.get(name, {*rows, *news})
    fresh = {id: row for id, row in rows.items() if not _has(known.get(id), row)}
    return [Case(id, fresh.get(id), known.get(id), tuple(in_order(news.get(id, ())))) for id in sorted({*fresh, *news})]


def _new_history(world: World, cycle: Cycle, history: str, rows: Sequence[OrgRecord]) -> dict[str, list[OrgRecord]]:
    parent = cycle.needs[history].parent if rows else None
    known = world.store.get(history, [row.id for row in rows])
    news: dict[str, list[OrgRecord]] = {}
    for row in rows:
        if row.id not in known:
            news.setdefault((row.text(parent) if parent else None) or row.id, []).append(row)
    return news


def _has(known: OrgRecord | None, row: OrgRecord) -> bool:
    """Tell whether the mirror has a row as it was read, or newer."""
    if known is None or known.is_deleted != row.is_deleted:
        return False
    return known.modified_at > row.modified_at or known == row
