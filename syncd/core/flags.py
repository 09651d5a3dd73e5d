"""Who gets no mail, and by which evidence?"""

from __future__ import annotations

from collections.abc import Iterable

from syncd.core.cells import normal_address
from syncd.core.mapping_checks import OPT_OUT
from syncd.core.values import Flag, FlagFact, OrgRecord


def handle_of(field: str, value: str) -> str:
    """Return the text that stands for an external id where an address would stand, in a flag of somebody not in the org yet."""
    text = f"{field}={value}"
    return normal_address(text) if "@" in text else text  # the store compares what looks like an address without case


def handles_of(person: OrgRecord, external_fields: Iterable[str]) -> list[str]:
    """Return what flags without a person may be about this one by: the normalised address, and every external id."""
    address = person.text("Email")
    found = [normal_address(address)] if address else []
    return [*found, *(handle_of(name, value) for name in external_fields if (value := person.text(name)) is not None)]


def excluded_by(
    person: OrgRecord,
    address: str | None,
    facts: Iterable[FlagFact],
    leads: Iterable[OrgRecord] = (),
    handles: Iterable[str] = (),
) -> list[str]:
    """Say why a person gets no campaign mail; an empty list means that nothing speaks against it.

    Shapes: `address` is the person's current one; `facts` are those about the person, the leads converted into it, or the
            address (others are ignored); `leads` are those converted leads; `handles` are all that `handles_of` says of them.
    Source: promise 4: any source may opt out, and what cannot be read counts as opted out.
    """
    current = normal_address(address) if address else None
    leads = list(leads)
    ids, keys = {person.id, *(lead.id for lead in leads)}, {current, *handles} - {None}
    reasons = [] if OPT_OUT in person.fields else [f"opt-out can't be read ({OPT_OUT} is not visible)"]
    for one in (person, *leads):
        value = one.fields.get(OPT_OUT)
        if value is True:
            reasons.append(f"opted out ({one.object} {OPT_OUT})")
        elif value is not False and one is person and not reasons:
            reasons.append(f"opt-out can't be read ({OPT_OUT} is empty)")
    for fact in facts:
        is_theirs = fact.person_id in ids
        is_at = fact.address is not None and fact.address == current
        if fact.flag is Flag.UNREACHABLE:
            if is_at or (is_theirs and fact.address == current):
                reasons.append(f"unreachable ({fact.source}, {fact.evidence})")
        elif is_theirs or fact.address in keys:
            words = "opted out" if fact.flag is Flag.OPTED_OUT else "opt-out can't be read"
            reasons.append(f"{words} ({fact.source}, {fact.evidence})")
    return list(dict.fromkeys(reasons))
