"""How do parents and their children arrive in one call, all of them or none?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from syncd.sandbox import save
from syncd.sandbox.call import Answer, Call
from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.schema import SObject

RECORDS_MAX, LEVELS_MAX, KINDS_MAX = 200, 5, 5


class _Undo(Exception):
    """Leaves the outer savepoint when a record was refused."""


@dataclass(frozen=True, slots=True)
class _Sprig:
    """One record of the tree, with the field that points at its parent."""

    reference: str
    sobject: SObject
    fields: dict[str, Any]
    pointer: str | None
    children: tuple[_Sprig, ...]

    def all(self) -> Iterator[_Sprig]:
        """Walk the record and everything below it."""
        yield self
        for child in self.children:
            yield from child.all()


def tree(call: Call, sobject: SObject) -> Answer:
    """Create up to 200 records with their children: 201 and all ids, or 400 and the refused references alone.

    Errors: 400 for the whole call when the tree itself is malformed.
    """
    roots = tuple(_grow(call, record, sobject, None, 1) for record in _listed(call.object_body(), "records"))
    sprigs = [each for root in roots for each in root.all()]
    _check_whole(sprigs)
    ids: dict[str, str] = {}
    refused: list[dict[str, Any]] = []
    try:
        with call.org.database.savepoint():
            for root in roots:
                _plant(call, root, None, ids, refused)
            if refused:
                raise _Undo
    except _Undo:
        return Answer(400, {"hasErrors": True, "results": refused})
    return Answer(201, {"hasErrors": False, "results": [{"referenceId": name, "id": ids[name]} for name in ids]})


def _listed(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    records = body.get(name)
    if not isinstance(records, list) or not records or not all(isinstance(each, dict) for each in records):
        raise SalesforceError("JSON_PARSER_ERROR", f"{name} must be a list of records at [line:1, column:2]")
    return records


def _grow(call: Call, record: Mapping[str, Any], sobject: SObject, pointer: str | None, level: int) -> _Sprig:
    if level > LEVELS_MAX:
        raise SalesforceError("LIMIT_EXCEEDED", f"A tree has at most {LEVELS_MAX} levels")
    attributes = record.get("attributes")
    facts = attributes if isinstance(attributes, dict) else {}
    reference, kind = facts.get("referenceId"), facts.get("type")
    if not isinstance(reference, str) or not reference:
        raise SalesforceError("INVALID_INPUT", "Every record of a tree needs attributes with a type and a referenceId")
    if not isinstance(kind, str) or kind.lower() != sobject.name.lower():
        raise SalesforceError("INVALID_INPUT", f"Record {reference} is of type {kind!r}, expected {sobject.name}")
    fields, children = {}, []
    for name, value in record.items():
        if isinstance(value, dict) and "records" in value and name != "attributes":
            child, field = _relationship(call, sobject, name)
            children += [_grow(call, each, child, field, level + 1) for each in _listed(value, "records")]
        else:
            fields[name] = value
    return _Sprig(reference, sobject, fields, pointer, tuple(children))


def _relationship(call: Call, parent: SObject, name: str) -> tuple[SObject, str]:
    for child, pointer in call.org.schema.children_of(parent.name):
        if pointer.child_relationship and pointer.child_relationship.lower() == name.lower():
            return child, pointer.name
    raise SalesforceError("INVALID_FIELD", f"No such column '{name}' on sobject of type {parent.name}")


def _check_whole(sprigs: list[_Sprig]) -> None:
    if len(sprigs) > RECORDS_MAX:
        raise SalesforceError("LIMIT_EXCEEDED", f"A tree has at most {RECORDS_MAX} records, this one has {len(sprigs)}")
    if len({each.sobject.name for each in sprigs}) > KINDS_MAX:
        raise SalesforceError("LIMIT_EXCEEDED", f"A tree has records of at most {KINDS_MAX} types")
    names = [each.reference for each in sprigs]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled:
        raise SalesforceError("INVALID_INPUT", f"Duplicate referenceId provided in the request: {doubled}")


def _plant(call: Call, sprig: _Sprig, parent: str | None, ids: dict[str, str], refused: list[dict[str, Any]]) -> None:
    given = sprig.fields | ({sprig.pointer: parent} if sprig.pointer else {})
    try:
        ids[sprig.reference] = save.create(call.org, sprig.sobject, given, call.how)
    except SalesforceError as refusal:
        refused.append({"referenceId": sprig.reference, "errors": [refusal.dml()]})
        return
    for child in sprig.children:
        _plant(call, child, ids[sprig.reference], ids, refused)
