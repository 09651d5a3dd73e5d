"""Which fields does a fence stand on?"""

from __future__ import annotations

import re

from syncd.core.fence_model import OWNER, STATUS, Bound
from syncd.core.reading import Reader
from syncd.core.tables import Path

LIFECYCLE = "lifecycle"
FENCE = "fence"
OPPORTUNITY = "Opportunity"
FOLLOWED = ("Lead", "Contact", OPPORTUNITY)
LEAD_STATUS = (Bound("Lead", "Status"),)
LEAD_OWNER = (Bound("Lead", "OwnerId"),)
# What [crossing] says of all fences; a fence of that name could not be told from it.
LIFECYCLE_KEYS = ("fields", "reason")
FENCE_KEYS = (*LIFECYCLE_KEYS, "status", "gate")
BOUND_KEYS = ("field", "record_type")
LADDER_KEYS = ("mode", "since", "grace_minutes", "tell")
_NAME = re.compile(r"[A-Za-z]\w*")
_OBJECT_FIELD = re.compile(r"([A-Za-z]\w*)\.([A-Za-z]\w*)", re.ASCII)


def read_lifecycle(read: Reader) -> tuple[tuple[Bound, ...], str | None]:
    """Read [lifecycle]: the fields of the lifecycle, Lead.Status when none are named, and its reason field."""
    read.known_keys((LIFECYCLE,), LIFECYCLE_KEYS)
    if read.value((LIFECYCLE, "fields")) is None:
        return LEAD_STATUS, _reason(read, (LIFECYCLE,))
    return _bound(read, (LIFECYCLE, "fields")), _reason(read, (LIFECYCLE,))


def read_fence_names(read: Reader) -> list[str]:
    """Return the names of the further fences under [fence], in the order of the file."""
    names = []
    for name in read.table((FENCE,)):
        path = (FENCE, name)
        read.plain_text(path, name)
        if name in (STATUS, OWNER, "fields", *LADDER_KEYS):
            text = f"a fence can't be called {name!r}: that word means something else under [crossing]."
            read.refuse(path, "MAP-048", text, f"Give it another name, such as [fence.{name}_2].")
        else:
            names.append(name)
        read.known_keys(path, FENCE_KEYS)
    return names


def read_fence_fields(read: Reader, name: str) -> tuple[tuple[Bound, ...], str | None]:
    """Read the fields that a further fence stands on, and its reason field."""
    path = (FENCE, name)
    if read.value((*path, "fields")) is None:
        read.refuse(path, "MAP-003", "'fields' is missing.", 'Add: fields = ["Opportunity.StageName"]')
        return (), _reason(read, path)
    return _bound(read, (*path, "fields")), _reason(read, path)


def _reason(read: Reader, path: Path) -> str | None:
    reason = read.text((*path, "reason"))
    if reason is not None and not _NAME.fullmatch(reason):
        text = f"reason = {reason!r} is no field's API name."
        read.refuse((*path, "reason"), "MAP-046", text, "Write the field alone, such as: Status_Reason__c")
    return reason


def _bound(read: Reader, path: Path) -> tuple[Bound, ...]:
    entries = read.value(path)
    if not isinstance(entries, list) or not entries:
        text = f"fields = {entries!r} names no fields."
        read.refuse(path, "MAP-005", text, 'Write it as fields = ["Lead.Status", "Contact.Contact_Status__c"].')
        return ()
    found = [_one(read, (*path, index)) for index in range(len(entries))]
    return tuple(bound for bound in found if bound is not None)


def _one(read: Reader, path: Path) -> Bound | None:
    entry, record_types = read.value(path), frozenset[str]()
    if isinstance(entry, dict):
        read.known_keys(path, BOUND_KEYS)
        record_types = frozenset(read.texts((*path, "record_type")))
        path = (*path, "field")
        entry = read.value(path)
    split = object_field(read, path, entry)
    if split is None:
        return None
    object, field = split
    if field == "OwnerId":
        text = f"{entry} is no field of a lifecycle: its values are users and queues."
        read.refuse(path, "MAP-046", text, "Owner moves stand under [owner].")
        return None
    return Bound(object, field, record_types)


def object_field(read: Reader, path: Path, written: object) -> tuple[str, str] | None:
    """Split "Object.Field" of an object whose history syncd follows."""
    found = _OBJECT_FIELD.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        text = f"{written!r} is no field." if isinstance(written, str) else f"{written!r} is no text."
        read.refuse(path, "MAP-046", text, 'Write object and field by their API names, such as "Lead.Status".')
        return None
    object, field = found.groups()
    if object not in FOLLOWED and not object.endswith("__c"):
        known = (*FOLLOWED, "Your_Object__c")
        read.unknown(path, "MAP-049", f"syncd follows no changes of {object}", known, object)
        return None
    return object, field


def refuse_twice(read: Reader, bound: list[tuple[Path, Bound]]) -> None:
    """Refuse a field that two fences, or one fence twice, stand on."""
    first: dict[tuple[str, str], int] = {}
    for path, one in bound:
        key = (one.object, one.field)
        if key in first:
            text = f"{one.object}.{one.field} has a fence already, at line {first[key]}."
            remedy = "One fence stands on a field: put the record types into one entry, or take the field out here."
            read.refuse(path, "MAP-047", text, remedy)
        first.setdefault(key, read.rule("", *path).line)
