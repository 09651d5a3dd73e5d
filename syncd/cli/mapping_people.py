"""Which people of an export does the database, or the org, know, and what are their values?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from syncd.cli import wire
from syncd.core.suggestions.cells import PEOPLE_MAX
from syncd.errors import StoreUnusable

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.core.suggestions.suggesting import Sample
    from syncd.core.values import OrgRecord, Scalar
    from syncd.ports import ObjectSchema

People = dict[str, list[tuple[int, Mapping[str, "Scalar"]]]]
_OBJECTS = {"00Q": "Lead", "003": "Contact"}
_NOT_READ = ("address", "location", "base64", "complexvalue", "anyType")


def people_of(
    config: Config, sample: Sample, keys: Mapping[str, str], schema: Mapping[str, ObjectSchema], *, ask: bool
) -> People:
    """Find people of some rows by their id or e-mail address, and return (row, values) by object.

    Shapes: `keys` names the column of "id" and of "email". Without `ask` the database is read, which holds the fields that some
    policy needs; with it the org, for all fields of PEOPLE_MAX people at most, in at most two calls for each object.
    Errors: those of the org, when it is asked.
    """
    from syncd.core.cells import normal_address

    wanted: dict[str, list[int]] = {}
    kind = "id" if "id" in keys else "email"
    if kind not in keys:
        return {}
    place = sample.header.index(keys[kind])
    for number, cells in enumerate(sample.rows):
        value = cells[place].strip()
        if value and (kind == "email" or _is_id(value)):
            wanted.setdefault(normal_address(value) if kind == "email" else value[:15], []).append(number)
            if len(wanted) >= PEOPLE_MAX:
                break
    field = "Email" if kind == "email" else "Id"
    records = _asked(config, field, list(wanted), schema) if ask else _kept(config, field, list(wanted))
    found: People = {}
    for record in records:
        key = normal_address(record.text("Email") or "") if kind == "email" else record.id[:15]
        found.setdefault(record.object, []).extend((number, record.fields) for number in wanted.get(key, ())[:1])
    return found


def _is_id(value: str) -> bool:
    """Tell whether a cell is the id of a lead or contact, and not only as long as one."""
    from syncd.core.cells import long_id
    from syncd.core.unreadable import Unreadable

    try:
        return bool(long_id(value))
    except Unreadable:
        return False


def _kept(config: Config, field: str, values: Sequence[str]) -> list[OrgRecord]:
    from syncd.core.cells import long_id

    try:
        with wire.open_store_to_read(config) as store:
            if field == "Email":
                return [one for object in _OBJECTS.values() for one in store.by_key(object, field, values)]
            ids = [long_id(value) for value in values]
            return [one for object in _OBJECTS.values() for one in store.get(object, ids).values() if not one.is_deleted]
    except StoreUnusable:
        return []


def _asked(config: Config, field: str, values: Sequence[str], schema: Mapping[str, ObjectSchema]) -> list[OrgRecord]:
    found: list[OrgRecord] = []
    with wire.open_org(config) as org:
        for object in _OBJECTS.values():
            one = schema.get(object)
            names = [name for name, each in one.fields.items() if each.type not in _NOT_READ] if one is not None else []
            if field in names and values:
                found += org.find(object, names, {field: list(values)}).records.values()
    return found
