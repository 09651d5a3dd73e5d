"""What happens when somebody stores evidence that a person wants mail again?

The evidence is kept for ever and opens what it outweighs; nothing is written to Salesforce, whose own opt-out a person clears.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from syncd.core.cells import long_id, normal_address, spellings
from syncd.core.consent import Consent, scope_of
from syncd.core.kin import Person
from syncd.core.unreadable import Unreadable
from syncd.core.values import OrgRecord
from syncd.engine.consent import PREFIX, external_fields, keyed_by, persons, reasons_by
from syncd.engine.cycle import begin
from syncd.engine.intake_flags import address_of, consent_entry
from syncd.engine.merging import winners_of
from syncd.engine.privacy import PEOPLE
from syncd.engine.world import Cycle, World
from syncd.errors import SyncdError
from syncd.ports import OrgWriter, Request

CONSENT = "consent"


@dataclass(frozen=True, slots=True)
class _Whom:
    """Whose consent it is: a record with all that it was, or an address that nobody has yet."""

    record: OrgRecord | None
    address: str | None


def store_consent(world: World, org: OrgWriter, request: Request) -> Mapping[str, Any]:
    """Keep a consent with its source, time and wording, and say what still speaks against mail.

    Errors: SyncdError when nobody, or more than one human, may be meant; when its time lies ahead; when a part is missing.
    """
    cycle = begin(world)
    given = request.payload
    parts = {name: str(given.get(name) or "").strip() for name in ("who", "source", "wording", "at", "scope")}
    missing = [name for name in ("source", "wording", "at") if not parts[name]]
    if missing:
        raise SyncdError(
            f"The consent has no {missing[0]}.", hint="Consent counts only with its source, its time and its wording."
        )
    scope, given_at = scope_of(parts["scope"] or "global"), datetime.fromisoformat(parts["at"])
    if scope is None:
        raise SyncdError(f"{parts['scope']!r} does not say what the consent covers.", hint="global, brand:NAME or topic:NAME.")
    if given_at > cycle.now:
        raise SyncdError("The consent lies in the future.", hint="Give the time at which the person consented: --at")
    whom = _whom(world, cycle, parts["who"])
    id = whom.record.id if whom.record is not None else None
    consent = Consent(id, whom.address, scope, given_at, parts["source"], parts["wording"], request.asked_by, cycle.now)
    with world.store.begin() as tx:
        is_new = tx.add_consents([consent]) > 0
        tx.append([consent_entry(consent, cycle.id, whom.record.object if whom.record else None)] if is_new else [])
    return {"person": id, "address": whom.address, "scope": scope, "is_new": is_new, "still": _still(world, cycle, whom)}


def _whom(world: World, cycle: Cycle, who: str) -> _Whom:
    if "@" in who:
        return _at_address(world, cycle, normal_address(who))
    try:
        id = long_id(who)
    except Unreadable as problem:
        raise SyncdError(
            f"{who!r} is neither an e-mail address nor the id of a lead or contact.", hint=problem.remedy
        ) from problem
    id = winners_of(world.store, [id]).get(id, id)
    object = next(name for name in PEOPLE if id.startswith(PREFIX[name]))
    record = world.store.get(object, [id]).get(id)
    if record is None or record.is_deleted:
        raise SyncdError(f"{object} {id} is not in the mirror, or gone.", hint="Run `syncd run --once` to read what is new.")
    return _Whom(record, address_of(record))


def _at_address(world: World, cycle: Cycle, address: str) -> _Whom:
    """Find the one human at an address; what became of a lead is no second one."""
    keyed = keyed_by(cycle)
    rows = [
        row for object in PEOPLE if "Email" in keyed[object] for row in world.store.by_key(object, "Email", spellings(address))
    ]
    people = persons(world.store, keyed, external_fields(world), [row.id for row in rows])
    humans = {_lineage(people[row.id], row.id): row for row in sorted(rows, key=lambda row: row.object, reverse=True)}
    if len(humans) > 1:
        named = ", ".join(f"{row.object} {row.id}" for row in humans.values())
        raise SyncdError(
            f"{len(humans)} records have the address {address}: {named}.", hint="Give the id of the one who consented."
        )
    return _Whom(next(iter(humans.values()), None), address)


def _lineage(person: Person, id: str) -> frozenset[str]:
    return person.lineages[id][0]


def _still(world: World, cycle: Cycle, whom: _Whom) -> Sequence[str]:
    """Say what speaks against mail all the same."""
    if whom.record is None:
        return []
    return [reason.text for reason in reasons_by(world, cycle, {whom.record.id: whom.record})[whom.record.id]]
