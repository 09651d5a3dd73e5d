"""Which rows of a large export are staged at all, and when may a row be known again by its content?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from operator import attrgetter

from syncd.core.mapping import SourceMapping, fields_needed
from syncd.core.mapping_file.keys import PEOPLE
from syncd.core.matching import Match
from syncd.core.rows import ParsedRow
from syncd.core.values import OrgRecord, digest
from syncd.engine.intake_context import Batch, IntakeContext, Tally
from syncd.engine.intake_flags import address_of
from syncd.ports import Background, FieldSchema, KnownRow

_READING = "3"
"""Raised with every change to how rows are read or compared: then all rows are looked at once more."""
_OF_NO_EFFECT = frozenset(("known", "forgotten", "told", "settled"))
_effects_of = attrgetter(*(one.name for one in fields(Batch) if one.name not in _OF_NO_EFFECT))
_UNTOLD = frozenset(("rows", "unchanged", "would_write"))


def background_of(context: IntakeContext, mapping: SourceMapping) -> Background:
    """Return what a file of this source is held against; it is read from the store when it is asked for."""
    store = context.store
    types = {
        name: {one.name: one.type for one in context.schema[name].fields.values()} for name in PEOPLE if name in context.schema
    }
    needed = fields_needed([mapping])
    used = [f"{name}.{field}:{_facts(context, name, field)}" for name in PEOPLE for field in needed.get(name, ())]
    policy = digest(_READING, mapping.sha256, mapping.mode, *used)
    return Background(
        policy, store.known_rows(mapping.name), _names_to_look_at(context, mapping), store.flagged(), store.people_blocks(), types
    )


def _names_to_look_at(context: IntakeContext, mapping: SourceMapping) -> Iterator[str]:
    """Give the names of people about whom rows are looked at in any case: one of them waits in the inbox, or a record that was
    known by that name was merged."""
    yield from context.store.told_rows(mapping.name)
    handles, external = context.store.handles_of_merged(), f"{mapping.external_field}="
    ids = (f"ext:{handle.removeprefix(external)}" for handle in handles if handle.startswith(external))
    names = sorted({*ids, *(f"email:{handle}" for handle in handles if "@" in handle)})
    yield "".join(f"{' '.join(name.splitlines())}\n" for name in names)


def _facts(context: IntakeContext, object: str, field: str) -> FieldSchema | None:
    """Return all that is known of a field: what it takes decides on a row that would write it, not only its type."""
    schema = context.schema.get(object)
    return schema.fields.get(field) if schema else None


@dataclass(frozen=True, slots=True)
class Trace:
    """How much came of the rows until now, to tell whether anything came of the next ones."""

    effects: int
    told: int

    @classmethod
    def of(cls, batch: Batch, tally: Tally) -> Trace:
        """Count what would be written and told."""
        return cls(sum(map(len, _effects_of(batch))), sum(count for name, count in tally.counts.items() if name not in _UNTOLD))


def known_row(mapping: SourceMapping, row: ParsedRow, found: Match, row_hash: str | None, would: int) -> KnownRow | None:
    """Return what is remembered of the row that counted for a person.

    Shapes: `row_hash` is given where nothing came of the row; it is kept only where the row is certainly about the same person
            until that person, or who shares its key, changes.
    """
    if found.person is None:
        return None
    stamp = row.newest_at.isoformat() if row.newest_at else ""
    kept = row_hash if row_hash and _is_direct(mapping, row, found, found.person) else None
    return (found.person.id, kept, stamp, would if kept else 0) if kept or stamp else None


def _is_direct(mapping: SourceMapping, row: ParsedRow, found: Match, person: OrgRecord) -> bool:
    """Tell whether the first key of a row is the person's own: then only a change of this person, or of somebody with the same
    key, can lead the row to another. An address in the row has to be theirs too, or what is said about it would go unnoticed.
    A converted lead leads to its contact as soon as that is there, whatever the contact's keys are."""
    if person.fields.get("IsConverted") is True:
        return False
    address = address_of(person)
    if row.address not in (None, address) or (address is not None and not (address.isascii() and "xn--" not in address)):
        return False
    external = person.text(mapping.external_field) if mapping.external_field else None
    keys = {"id": (row.person_id, person.id), "external": (row.external, external), "email": (row.address, address)}
    for kind in mapping.match:
        said, own = keys[kind]
        if said is not None:
            return kind == found.by and said == own and said.isascii() and "xn--" not in said
    return False
