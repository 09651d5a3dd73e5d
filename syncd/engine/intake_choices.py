"""What is asked when a row fits several people, or several lines of a file fit one person?

The rows that ask are kept with the question: see `engine.choosing`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from syncd.core.mapping import SourceMapping
from syncd.core.matching import choice_key
from syncd.core.rows import ParsedRow, to_payload
from syncd.core.values import InboxItem, OrgRecord
from syncd.ports import ExportFile, StoreReader

CHOICE = "export-choice"
KEPT = "asked-rows"
"""The scope of verdicts that holds the rows of each open question, by its subject."""
SHOWN_MAX = 10


def which_person(
    store: StoreReader, mapping: SourceMapping, file: ExportFile, row: ParsedRow, candidates: Sequence[OrgRecord]
) -> tuple[InboxItem, str]:
    """Ask whom a row is about; the same keys ask once, however often they come. Returns the item, and what is kept for it."""
    names = _owners(store, candidates)
    shown = "; ".join(_told(one, names) for one in candidates[:SHOWN_MAX])
    more = f"; and {len(candidates) - SHOWN_MAX} more" if len(candidates) > SHOWN_MAX else ""
    item = InboxItem(
        CHOICE,
        f"{mapping.name} {choice_key(row)}",
        f"{file.name}:{row.line}",
        f"[ROW-011] The row fits {len(candidates)} people: {shown}{more}. Nothing of it was written.",
        "Say who it is, with one of these ids: syncd inbox resolve NUMBER --person ID    "
        "Or merge them in Salesforce; the next export settles it.",
    )
    return item, _kept(mapping, file, [row], "person", [one.id for one in candidates])


def which_line(mapping: SourceMapping, file: ExportFile, rows: Sequence[ParsedRow], why: str) -> tuple[InboxItem, str]:
    """Ask which of several lines about one person counts. Returns the item, and what is kept for it."""
    first = rows[0]
    item = InboxItem(
        CHOICE,
        f"{mapping.name} tie {choice_key(first)}",
        f"{file.name}:{first.line}",
        f"[ROW-010] {why} None of them was written.",
        "Say which line counts: syncd inbox resolve NUMBER --line LINE    "
        "Or correct the person in the source; the next export settles it.",
    )
    return item, _kept(mapping, file, rows, "line", [])


def _kept(mapping: SourceMapping, file: ExportFile, rows: Iterable[ParsedRow], asks: str, candidates: Sequence[str]) -> str:
    body = {
        "asks": asks,
        "mapping": mapping.sha256,
        "file": asdict(file),
        "rows": [[row.line, to_payload(row)] for row in rows],
        "candidates": list(candidates),
    }
    return json.dumps(body, ensure_ascii=False)


def _owners(store: StoreReader, people: Iterable[OrgRecord]) -> dict[str, str]:
    ids = {one.text("OwnerId") or "" for one in people} - {""}
    rows = {**store.get("User", _of(ids, "005")), **store.get("Group", _of(ids, "00G"))}
    return {id: row.text("Name") or id for id, row in rows.items()}


def _of(ids: Iterable[str], prefix: str) -> list[str]:
    return sorted(one for one in ids if one.startswith(prefix))


def _told(person: OrgRecord, owners: dict[str, str]) -> str:
    """Describe a candidate by what is mirrored of it."""
    owner = person.text("OwnerId")
    parts = [
        person.text("Name"),
        person.text("Company"),
        person.text("Status"),
        f"owner {owners.get(owner, owner)}" if owner else None,
        f"last activity {person.text('LastActivityDate')}" if person.text("LastActivityDate") else None,
        f"last saved {person.modified_at:%Y-%m-%d}",
    ]
    return f"{person.object} {person.id} ({', '.join(part for part in parts if part)})"
