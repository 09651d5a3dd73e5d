"""How is a person created who must never be there twice?

Looked for by the natural key, and by the address among leads and contacts, right before it is sent: a lost answer may have
created them, or somebody else meanwhile. The first ones of a mapping go alone (`engine.canary`), and are looked at afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from syncd.core.cells import normal_address, spellings
from syncd.core.kin import handle_of
from syncd.core.routes import ROWS_A_CALL
from syncd.core.values import OrgRecord, Outcome, OutcomeKind
from syncd.engine.canary import watch_created
from syncd.engine.closing import Closing, close, outcome_of
from syncd.engine.sending import Lane, batches_of, send_locked
from syncd.engine.world import Cycle
from syncd.ports import OpenIntent, WriteResult

PEOPLE = frozenset({"Lead"})


def is_person(item: OpenIntent) -> bool:
    """Tell whether an intent creates a person."""
    return item.intent.is_create and item.intent.object in PEOPLE


def create(lane: Lane, items: Sequence[OpenIntent]) -> None:
    """Look for each person, then create those who are missing."""
    for assign in (False, True):
        mine = [item for item in items if _assigns(lane, item) is assign]
        for some in batches_of(mine, ROWS_A_CALL):
            _create_some(lane, some, assign=assign)


def _create_some(lane: Lane, items: Sequence[OpenIntent], *, assign: bool) -> None:
    missing = _apart(settle(lane, items))

    def deliver(some: Sequence[OpenIntent]) -> list[OpenIntent]:
        rows = [dict(item.intent.values or {}) for item in some]
        return _record(lane, some, lane.org.create(some[0].intent.object, rows, assign=assign))

    if missing and lane.is_open():
        send_locked(lane, deliver(missing), ROWS_A_CALL, deliver)


def _apart(items: Sequence[OpenIntent]) -> list[OpenIntent]:
    """Return the first of those with one key or one address; the others wait for the next cycle, which looks and finds it."""
    seen: set[str] = set()
    found: list[OpenIntent] = []
    for item in items:
        known = {handle_of(item.intent.field, _key(item)).casefold(), _address(item)} - {""}
        if not known & seen:
            found.append(item)
        seen |= known
    return found


def _assigns(lane: Lane, item: OpenIntent) -> bool:
    """Tell whether the mapping, as it is today, wants the org's assignment rules to run."""
    return any(
        source.create is not None and source.create.assign
        for source in lane.world.policies.sources
        if source.file == item.intent.rule.file
    )


def settle(lane: Lane, items: Sequence[OpenIntent]) -> list[OpenIntent]:
    """Send nothing: close what is there already, or may not be created any more; return the rest."""
    if not items:
        return []
    own, others = _by_key(lane, items), _by_address(lane, items)
    closing: list[Closing] = []
    missing: list[OpenIntent] = []
    for item in items:
        address = _address(item)
        row, twin = own.get((item.intent.field, _key(item))), others.get(address)
        against = lane.world.store.flags((), sorted({address, handle_of(item.intent.field, _key(item))} - {""}))
        if row is not None:
            closing.append((item, _there_already(row, lane.cycle)))
        elif twin is not None:
            text = f"{twin.object} {twin.id} has this address already"
            closing.append((item, Outcome(OutcomeKind.SUPERSEDED, text, created_id=twin.id)))
        elif against:
            kind = OutcomeKind.NOT_SENT if item.cycle == lane.cycle.id else OutcomeKind.NOT_APPLIED
            text = f"{against[0].flag.value}, says {against[0].source} ({against[0].evidence})"
            closing.append((item, Outcome(kind, text, code="EXCLUDED")))
        else:
            missing.append(item)
    close(lane.world, lane.cycle, closing)
    watch_created(lane, closing)
    return missing


def _by_key(lane: Lane, items: Sequence[OpenIntent]) -> dict[tuple[str, str], OrgRecord]:
    found: dict[tuple[str, str], OrgRecord] = {}
    for field in sorted({item.intent.field for item in items}):
        wanted = sorted({_key(item) for item in items if item.intent.field == field})
        for object in ("Lead", "Contact"):
            schema = lane.cycle.schema.get(object)
            if schema is not None and field in schema.fields:
                rows = lane.org.find(object, (field, "CreatedById"), {field: wanted}).records.values()
                found |= {(field, _folded(row.text(field) or "", wanted)): row for row in rows}
    return found


def _folded(value: str, wanted: Sequence[str]) -> str:
    """Return the value as it was asked for: Salesforce compares texts without case."""
    return next((one for one in wanted if one.casefold() == value.casefold()), value)


def _by_address(lane: Lane, items: Sequence[OpenIntent]) -> Mapping[str, OrgRecord]:
    wanted = sorted({one for item in items if _address(item) for one in spellings(_address(item))})
    found: dict[str, OrgRecord] = {}
    for object in ("Lead", "Contact") if wanted else ():
        rows = lane.org.find(object, ("Email", "CreatedById"), {"Email": wanted}).records.values()
        found |= {normal_address(row.text("Email") or ""): row for row in rows}
    return found


def _key(item: OpenIntent) -> str:
    return str((item.intent.values or {}).get(item.intent.field) or "")


def _address(item: OpenIntent) -> str:
    value = (item.intent.values or {}).get("Email")
    return normal_address(str(value)) if value else ""


def _there_already(row: OrgRecord, cycle: Cycle) -> Outcome:
    if row.text("CreatedById") == cycle.identity.user_id:
        return Outcome(OutcomeKind.CONFIRMED, "found written when looking", created_id=row.id)
    return Outcome(OutcomeKind.SUPERSEDED, f"somebody else has created {row.object} {row.id} meanwhile", created_id=row.id)


def _record(lane: Lane, items: Sequence[OpenIntent], results: Sequence[WriteResult]) -> list[OpenIntent]:
    """Record what became of each, and return those that somebody held."""
    closing: list[Closing] = []
    for item, result in zip(items, results, strict=True):
        outcome = outcome_of(result, is_judged_again=False)
        if outcome is not None and result.status != "duplicate":
            closing.append((item, replace(outcome, created_id=result.id if result.status == "done" else None)))
    close(lane.world, lane.cycle, closing)
    watch_created(lane, closing)
    _look_at_twins(lane, [(item, result) for item, result in zip(items, results, strict=True) if result.status == "duplicate"])
    return [item for item, result in zip(items, results, strict=True) if result.status == "locked"]


def _look_at_twins(lane: Lane, twice: Sequence[tuple[OpenIntent, WriteResult]]) -> None:
    """Look at those whose key is taken; where nothing can be seen that has it, the refusal stands."""
    unseen = {item.seq for item in settle(lane, [item for item, _ in twice])} if twice else set()
    refused = [(item, outcome_of(result, is_judged_again=False)) for item, result in twice if item.seq in unseen]
    close(lane.world, lane.cycle, [(item, outcome) for item, outcome in refused if outcome is not None])
