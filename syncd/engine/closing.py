"""What follows once the fate of intents is known: outcomes, the mirror, debts and the inbox, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncd.core.fights import blocked, is_blocked
from syncd.core.telling import TELL
from syncd.core.values import InboxItem, Intent, OrgRecord, Outcome, OutcomeKind
from syncd.engine.owner_health import see_written
from syncd.engine.regret import count_write
from syncd.engine.world import Cycle, World
from syncd.ports import OpenIntent, StoreWriter, WriteResult

REFUSED = "refused-write"
Closing = tuple[OpenIntent, Outcome]
_COUNTED = {"fence": "reverts", TELL: "reverts told of"}


def outcome_of(result: WriteResult, *, is_judged_again: bool) -> Outcome | None:
    """Turn Salesforce's answer into an outcome; None leaves the intent open, to be looked at again.

    Shapes: `is_judged_again` tells that a newer state of the record leads to a new decision of its own.
    """
    if result.status == "done":
        return Outcome(OutcomeKind.CONFIRMED, request_id=result.request_id)
    if result.status == "gone":
        return Outcome(OutcomeKind.SUPERSEDED, result.text, result.code, result.request_id)
    if result.status == "stale" and is_judged_again:
        return Outcome(OutcomeKind.SUPERSEDED, "saved by somebody meanwhile; it is judged again", "412", result.request_id)
    if result.status in ("refused", "duplicate"):
        return Outcome(OutcomeKind.REJECTED, result.text, result.code, result.request_id)
    return None


def close(world: World, cycle: Cycle, closing: Sequence[Closing], known: Mapping[str, OrgRecord] | None = None) -> None:
    """Record how intents ended. `known` saves reading the mirrored rows of the records that were written."""
    if not closing:
        return
    done = [item.intent for item, outcome in closing if outcome.kind is OutcomeKind.CONFIRMED]
    refused = [item.intent for item, outcome in closing if outcome.kind is OutcomeKind.REJECTED and not item.intent.is_create]
    before = _mirrored(world, done) if known is None else known
    told = _refused_before(world) if refused else {}
    with world.store.begin() as tx:
        tx.close(closing, cycle.now, cycle.id)
        tx.mirror(_as_written(done, before), before)
        tx.undefer(done)
        tx.defer(refused)
        tx.resolve_inbox(REFUSED, [_subject(intent) for intent in done], cycle.now)
        _follow_up(tx, cycle, closing, told)
    for item, outcome in closing:
        cycle.count(f"outcomes {outcome.kind.value}")
        if outcome.kind is OutcomeKind.CONFIRMED:
            count_write(cycle, item.intent)
            see_written(cycle, item.intent)
            cycle.count(_counted_as(item.intent))


def _counted_as(intent: Intent) -> str:
    if intent.is_create and intent.part == "map":
        return "people created"
    return _COUNTED.get(intent.part, "enrolled" if intent.is_create else "fields written")


def _mirrored(world: World, done: Sequence[Intent]) -> dict[str, OrgRecord]:
    written: dict[str, set[str]] = {}
    for intent in done:
        if not intent.is_create:
            written.setdefault(intent.object, set()).add(intent.record_id)
    return {id: row for name, ids in sorted(written.items()) for id, row in world.store.get(name, ids).items()}


def _as_written(done: Sequence[Intent], before: Mapping[str, OrgRecord]) -> list[OrgRecord]:
    """Return the mirrored rows with the values that were written to them."""
    rows: dict[str, OrgRecord] = {}
    for intent in done:
        row = rows.get(intent.record_id) or before.get(intent.record_id)
        if row is not None and not intent.is_create:
            fields = {**row.fields, intent.field: intent.after}
            rows[row.id] = OrgRecord(row.object, row.id, row.modified_at, fields, row.is_deleted)
    return list(rows.values())


def _follow_up(tx: StoreWriter, cycle: Cycle, closing: Sequence[Closing], told: Mapping[str, str]) -> None:
    """Settle what is done with, and tell of refusals: one whose item is open already may be two protections at odds."""
    settled: dict[str, list[tuple[str, str]]] = {}
    for item, outcome in closing:
        if item.intent.part == "fence" and outcome.kind in (OutcomeKind.CONFIRMED, OutcomeKind.REJECTED):
            settled.setdefault(item.intent.object, []).append((item.intent.record_id, item.intent.field))
    for name, debts in settled.items():
        tx.settle_debts(name, debts)
    refused = [(item.intent, outcome) for item, outcome in closing if outcome.kind is OutcomeKind.REJECTED]
    at_odds = [(one, end) for one, end in refused if told.get(_subject(one), one.cause) != one.cause and is_blocked(one, end)]
    tx.put_inbox([_refusal(*pair) for pair in refused if pair not in at_odds] + [blocked(*pair) for pair in at_odds], cycle.now)
    tx.resolve_inbox(REFUSED, [_subject(intent) for intent, _ in at_odds], cycle.now)


def _refused_before(world: World) -> dict[str, str]:
    """Return by subject of the open refusals which change the refused write was about."""
    subjects = {item.subject for _, item, _ in world.store.inbox(kind=REFUSED)}
    return {_subject(intent): intent.cause for intent in world.store.deferred() if _subject(intent) in subjects}


def _subject(intent: Intent) -> str:
    return f"{intent.record_id}:{intent.field}"


def _refusal(intent: Intent, outcome: Outcome) -> InboxItem:
    if intent.is_create and intent.part == "map":
        return _not_created(intent, outcome)
    return InboxItem(
        REFUSED,
        _subject(intent),
        f"{intent.object} {intent.record_id}",
        f"Salesforce refused {intent.field} = {intent.after!r}: {outcome.code} {outcome.text}".rstrip(),
        "Correct the record, the rule or the permission in Salesforce, then: syncd plan --out plan.json, syncd apply plan.json",
        detail=f"{intent.rule.file}:{intent.rule.line} {intent.reason}",
    )


def _not_created(intent: Intent, outcome: Outcome) -> InboxItem:
    """Tell once that Salesforce refused to create a person; the same values are not sent again by themselves."""
    return InboxItem(
        REFUSED,
        _subject(intent),
        f"new {intent.object}, {intent.field} {(intent.values or {}).get(intent.field)}",
        f"Salesforce refused to create them: {outcome.code} {outcome.text}".rstrip(),
        "Correct the person in the source, or create them in Salesforce. To send the same values once more with the next export: "
        "syncd inbox resolve",
        detail=f"{intent.rule.file}:{intent.rule.line} {intent.reason}",
    )
