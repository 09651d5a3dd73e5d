"""Which records, addresses and external ids are one person, by all that they ever were?

Records are one person where one was converted or merged into the other, or where they are known by the same thing: an address
or an external id, today's or a former one. That is meant for keeping people out of mail, never for letting them in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from syncd.core.cells import normal_address, spellings
from syncd.core.values import OrgRecord

Link = tuple[str, str]
"""A record's id, and a handle that it is or was known by."""
_RECORD = "id="


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at some ids and handles brought: their records, deleted ones by id too, and what is known of the past."""

    records: Iterable[OrgRecord] = ()
    links: Iterable[Link] = ()


Look = Callable[[frozenset[str], frozenset[str]], Found]


@dataclass(frozen=True, slots=True)
class Person:
    """All that is one person.

    `records` are those that are there, `ids` all that ever were, `handles` all that they are or were known by. `lineages`
    holds the ids that are surely one person, because one became the other and did not come back, and what those are known by.
    """

    records: tuple[OrgRecord, ...]
    ids: frozenset[str]
    handles: frozenset[str]
    lineages: Mapping[str, tuple[frozenset[str], frozenset[str]]] = field(default_factory=dict)

    def with_others(self, target: OrgRecord) -> Iterator[OrgRecord]:
        """Give the record that would be mailed as it was just read, then the person's others."""
        yield target
        yield from (record for record in self.records if record.id != target.id)


def handle_of(field: str, value: str) -> str:
    """Return the text that stands for an external id where an address would stand, in a flag of somebody not in the org yet."""
    text = f"{field}={value}"
    return normal_address(text) if "@" in text else text  # the store compares what looks like an address without case


def handle_of_record(id: str) -> str:
    """Return the text that stands for a record that became another one, where an address would stand."""
    return _RECORD + id


def record_of(handle: str) -> str | None:
    """Return the id of the record that a handle stands for; None for an address or an external id."""
    return handle.removeprefix(_RECORD) if handle.startswith(_RECORD) else None


def handles_of(person: OrgRecord, external_fields: Iterable[str]) -> list[str]:
    """Return what flags without a person may be about this one by: the normalised address in every form that a record may hold,
    and every external id."""
    address = person.text("Email")
    found = spellings(normal_address(address)) if address else ()
    return [*found, *(handle_of(name, value) for name in external_fields if (value := person.text(name)) is not None)]


def values_of(handles: Iterable[str], field: str, external_fields: Iterable[str]) -> list[str]:
    """Return the values of a field among some handles: the addresses, or the external ids that the field holds."""
    parts = [(handle, *handle.partition("=")) for handle in handles]
    if field == "Email":
        others = {"id", *(name.casefold() for name in external_fields)}
        return [handle for handle, name, equals, _ in parts if not (equals and name.casefold() in others)]
    return [value for _, name, equals, value in parts if equals and name.casefold() == field.casefold()]


def became(record: OrgRecord) -> str | None:
    """Return the contact that a lead was converted into."""
    return record.text("ConvertedContactId") if record.object == "Lead" else None


def people_of(ids: Iterable[str], look: Look, external_fields: Sequence[str]) -> dict[str, Person]:
    """Return by id the person that each record is or was; each round looks at what the one before brought."""
    started = frozenset(ids)
    records: dict[str, OrgRecord] = {}
    edges: set[tuple[str, str]] = {(_RECORD + id, _RECORD + id) for id in started}
    seen_ids: frozenset[str] = frozenset()
    seen_handles: frozenset[str] = frozenset()
    new_ids, new_handles = started, frozenset(_RECORD + id for id in started)
    while new_ids or new_handles:
        found = look(new_ids, new_handles)
        seen_ids, seen_handles = seen_ids | new_ids, seen_handles | new_handles
        for record in found.records:
            records[record.id] = record
            edges.update(_edges(record, external_fields))
        for id, handle in found.links:
            edges.update(((_RECORD + id, _RECORD + id), (_RECORD + id, handle)))
        nodes = {node for edge in edges for node in edge}
        new_ids = frozenset(node.removeprefix(_RECORD) for node in nodes if node.startswith(_RECORD)) - seen_ids
        new_handles = frozenset(nodes) - seen_handles
    people = _grouped(records, edges)
    return {id: people[_RECORD + id] for id in started}


def _edges(record: OrgRecord, external_fields: Sequence[str]) -> Iterator[tuple[str, str]]:
    own = _RECORD + record.id
    yield own, own
    for handle in handles_of(record, external_fields):
        yield own, handle
    contact = became(record)
    if contact is not None:
        yield own, _RECORD + contact


def _grouped(records: Mapping[str, OrgRecord], edges: Iterable[tuple[str, str]]) -> dict[str, Person]:
    """Return the person by each of its nodes."""
    edges = list(edges)
    wholes = _joined(edges)
    lineage = _joined([edge for edge in edges if edge[1].startswith(_RECORD) and not _is_itself_again(records, *edge)])
    held: dict[str, set[str]] = {}
    for first, second in edges:
        if not second.startswith(_RECORD):
            held.setdefault(lineage[first][0], set()).add(second)
    people: dict[str, Person] = {}
    for nodes in {id(nodes): nodes for nodes in wholes.values()}.values():
        ids = frozenset(node.removeprefix(_RECORD) for node in nodes if node.startswith(_RECORD))
        there = tuple(records[one] for one in sorted(ids) if one in records and not records[one].is_deleted)
        lineages = {}
        for one in ids:
            family = lineage[_RECORD + one]
            members = frozenset(node.removeprefix(_RECORD) for node in family)
            lineages[one] = (members, frozenset(held.get(family[0], ())))
        person = Person(there, ids, frozenset(node for node in nodes if not node.startswith(_RECORD)), lineages)
        people.update(dict.fromkeys(nodes, person))
    return people


def _is_itself_again(records: Mapping[str, OrgRecord], whole: str, former: str) -> bool:
    """Tell whether a record that was merged into another came back from the bin: they may have been two people all along."""
    record = records.get(former.removeprefix(_RECORD))
    is_of_one_object = whole.removeprefix(_RECORD)[:3] == former.removeprefix(_RECORD)[:3]
    return whole != former and is_of_one_object and record is not None and not record.is_deleted


def _joined(edges: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return by node all nodes that edges lead to, itself among them; those of one group share one list."""
    groups: dict[str, list[str]] = {}
    for first, second in edges:
        one = groups.setdefault(first, [first])
        other = groups.setdefault(second, [second])
        if one is other:
            continue
        small, large = sorted((one, other), key=len)
        large += small
        groups.update(dict.fromkeys(small, large))
    return groups
