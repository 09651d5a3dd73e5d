"""What follows from all that is new about one record: ledger rows, a revert, a debt, an inbox item?

The decision of one cycle for one lead or opportunity, as a function from values to values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncd.core.actors import Directory, actor_of
from syncd.core.changes import CONVERSION, changes_of
from syncd.core.fence_model import Fences
from syncd.core.fences import Replay, replay
from syncd.core.fights import CAME_BACK, PARKED, Fight, boomerang, fought_over, parking
from syncd.core.fiscal import QuietPeriod
from syncd.core.ladder import FOLLOWED_UP
from syncd.core.sparing import CALM, Spared, Surroundings
from syncd.core.values import (
    Actor,
    ActorKind,
    Change,
    Entry,
    InboxItem,
    Intent,
    Judgement,
    OrgRecord,
    Proof,
    Rule,
    Scalar,
    Verdict,
    digest,
)

FENCED = {"Lead": ("Status", "OwnerId")}
WATCHED = {"Opportunity": ("StageName", "OwnerId")}
FENCE_PART = "fence"


@dataclass(frozen=True, slots=True)
class Subject:
    """One record with everything that is new about it.

    `owed` holds the lawful values still owed by field, `written` the value that syncd last meant to write by field,
    `fought` the fight over each field as `Fight.text` gives it, `pending` the fields with an open intent.
    """

    object: str
    id: str
    staged: OrgRecord | None
    known: OrgRecord | None
    history: Sequence[OrgRecord]
    owed: Mapping[str, Scalar] = field(default_factory=dict)
    written: Mapping[str, str] = field(default_factory=dict)
    fought: Mapping[str, str] = field(default_factory=dict)
    pending: frozenset[str] = frozenset()


@dataclass(slots=True)
class Ruling:
    """What follows for one record. `intents` come with the index in `entries` of the row that caused them, or None; `moves`
    counts the changes by field that others made, those that cannot be judged included; `made_up` names the fights that are
    over."""

    mirror: list[OrgRecord] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    intents: list[tuple[Intent, int | None]] = field(default_factory=list)
    owe: dict[str, Scalar] = field(default_factory=dict)
    settled: list[str] = field(default_factory=list)
    fought: dict[str, str] = field(default_factory=dict)
    inbox: list[InboxItem] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)
    moves: dict[str, int] = field(default_factory=dict)
    made_up: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bench:
    """What every judgement of a cycle shares: the policy, the people, the cycle's id, the org's time, what is known
    beside the fences, and the quiet period that today lies in."""

    fences: Fences
    people: Directory
    cycle: str
    now: datetime
    around: Surroundings = CALM
    quiet: QuietPeriod | None = None
    _actors: dict[str | None, Actor] = field(default_factory=dict, repr=False, compare=False)

    def actor(self, user_id: str | None) -> Actor:
        """Resolve a user, each once a cycle."""
        if user_id not in self._actors:
            self._actors[user_id] = actor_of(user_id, self.people, self.fences.teams)
        return self._actors[user_id]


def rule_on(subject: Subject, bench: Bench) -> Ruling:
    """Decide everything that follows from what is new about one record.

    Source: docs/architecture.md, One cycle: first sight is a baseline; several changes are replayed in order; a record
    that moved is judged again, not overwritten.
    """
    ruling = Ruling()
    if subject.staged is not None and subject.staged.is_deleted:
        _note_deletion(subject, bench, ruling)
        return ruling
    if subject.known is None and not subject.history:
        ruling.mirror = [subject.staged] if subject.staged is not None else []
        return ruling
    latest: dict[str, Scalar] = {}
    odd: list[Change] = []
    for name in FENCED.get(subject.object, ()):
        found = _changes(subject, bench, name)
        if not found and name not in subject.owed:
            continue
        ruling.moves[name] = sum(change.actor.kind is not ActorKind.SYNCD for change in found)
        changes = _plausible(subject, found, odd)
        result = _replayed(subject, changes, bench, name)
        _record(subject, result, bench, name, ruling)
        latest |= {name: changes[-1].after} if changes else {}
    for name in WATCHED.get(subject.object, ()):
        changes = _changes(subject, bench, name)
        if subject.known is not None:
            judged = [Judgement(change, Verdict.ALLOW, f"no fence stands on {subject.object} {name}") for change in changes]
            _enter(subject, judged, bench, ruling)
        latest |= {name: changes[-1].after} if changes else {}
    ruling.inbox += [_impossible(subject, odd)] if odd else []
    ruling.mirror = _mirrored(subject, latest)
    return ruling


def _changes(subject: Subject, bench: Bench, name: str) -> list[Change]:
    return changes_of(
        subject.object,
        subject.id,
        name,
        known=subject.known,
        staged=subject.staged,
        history=subject.history,
        actor=bench.actor,
    )


def _created_at(subject: Subject) -> datetime | None:
    record = subject.staged or subject.known
    return record.moment("CreatedDate") if record else None


def _plausible(subject: Subject, changes: list[Change], odd: list[Change]) -> list[Change]:
    """Return the changes that can have happened, and set aside those before the record was created."""
    created_at = _created_at(subject)
    kept = [change for change in changes if created_at is None or change.changed_at >= created_at]
    odd += [change for change in changes if change not in kept]
    return kept


def _replayed(subject: Subject, changes: list[Change], bench: Bench, name: str) -> Replay:
    own = [
        index
        for index, change in enumerate(changes)
        if change.actor.kind is ActorKind.SYNCD and subject.written.get(name) == str(change.after)
    ]
    converted_at = {row.modified_at for row in subject.history if row.text("Field") == CONVERSION}
    events = {i: why for i, change in enumerate(changes) if (why := bench.around.lawful(change)) is not None}
    events |= {i: "part of a lead conversion" for i, change in enumerate(changes) if change.changed_at in converted_at}
    return replay(
        changes,
        bench.fences,
        bench.people,
        owed=subject.owed.get(name),
        held=subject.known.fields.get(name) if subject.known is not None else None,
        first_sight=subject.known is None,
        explained=own,
        events=events,
        quiet=bench.quiet,
        spare=_sparing(subject, bench, name),
    )


def _record(subject: Subject, result: Replay, bench: Bench, name: str, ruling: Ruling) -> None:
    judged = list(result.judgements)
    for item in judged:
        if item.change.actor.kind is ActorKind.SYNCD:
            ruling.inbox.append(_borrowed_user(item))
        elif item.reason.endswith(CAME_BACK):
            ruling.inbox.append(boomerang(item))
        elif item.reason.endswith(PARKED):
            ruling.inbox.append(fought_over(item, Fight.read(subject.fought.get(name)).lately(bench.now)))
    if parking(subject.id, name) in bench.around.parked and judged and judged[-1].verdict is Verdict.ALLOW:
        ruling.made_up.append(parking(subject.id, name))
    entered = _enter(subject, judged, bench, ruling)
    record = subject.staged or subject.known
    current = judged[-1].change.after if judged else (record.fields.get(name) if record else None)
    if not result.owed:
        if name in subject.owed:
            ruling.settled.append(name)
        return
    moved = subject.staged is not None and subject.known is not None and subject.staged.modified_at != subject.known.modified_at
    if current == result.standing or name in subject.pending or not (judged or moved) or record is None:
        return
    ruling.owe[name] = result.standing
    cause = judged[-1] if judged else None
    last = entered[-1] if entered else None
    ruling.intents.append((_revert(subject, record, bench, name, current, result.standing, cause), last))
    if cause is not None:
        ruling.fought[name] = Fight.read(subject.fought.get(name)).after(cause.change, bench.now).text()


def _sparing(subject: Subject, bench: Bench, name: str) -> Callable[[Change, Verdict, Rule], Spared | None]:
    """Soften verdicts whose revert cannot or should not happen: on converted leads, and by all that is known beside the fence."""
    fight = Fight.read(subject.fought.get(name))
    record = subject.staged or subject.known
    is_converted = record is not None and bool(record.fields.get("IsConverted"))

    def spare(change: Change, verdict: Verdict, rule: Rule) -> Spared | None:
        if is_converted and verdict in FOLLOWED_UP:
            return Spared(Verdict.NOTE, "the lead is converted and read-only")
        return bench.around.spared(change, verdict, rule, fight, bench.now)

    return spare


def _revert(
    subject: Subject, record: OrgRecord, bench: Bench, name: str, current: Scalar, lawful: Scalar, cause: Judgement | None
) -> Intent:
    fence = bench.fences.status if name == "Status" else bench.fences.owner
    reason = cause.reason if cause else "the record moved before the last lawful value could be put back"
    evidence = str(cause.change.evidence.get("history_id", "")) if cause else ""
    return Intent(
        key=digest(bench.cycle, subject.object, subject.id, name, lawful),
        object=subject.object,
        record_id=subject.id,
        field=name,
        before=current,
        after=lawful,
        part=FENCE_PART,
        rule=(cause.rule if cause and cause.rule else fence.rule),
        reason=reason,
        policy_hash=bench.fences.policy_hash,
        cause=evidence,
        decided_on=record.modified_at.isoformat(),
    )


def _enter(subject: Subject, judged: Sequence[Judgement], bench: Bench, ruling: Ruling) -> list[int]:
    entered = []
    for item in judged:
        ruling.judgements.append(item)
        if subject.known is None and item.verdict is Verdict.ALLOW:
            continue
        entered.append(len(ruling.entries))
        ruling.entries.append(_entry(item, bench))
    return entered


def _entry(item: Judgement, bench: Bench) -> Entry:
    change = item.change
    is_proved = change.proof is Proof.HISTORY
    return Entry(
        kind="change",
        at=bench.now,
        cycle=bench.cycle,
        object=change.object,
        record_id=change.record_id,
        field=change.field,
        before=change.before,
        after=change.after,
        changed_at=change.changed_at,
        actor_id=change.actor.user_id if is_proved else None,
        actor=change.actor.name if is_proved else None,
        actor_kind=change.actor.kind.value,
        proof=change.proof.value,
        team=change.actor.team,
        verdict=item.verdict.value,
        fence=item.fence,
        rule=item.rule or item.gate,
        policy_hash=bench.fences.policy_hash,
        reason=item.reason,
        evidence=change.evidence,
    )


def _mirrored(subject: Subject, latest: Mapping[str, Scalar]) -> list[OrgRecord]:
    """Return the rows to mirror: the record as read, with what newer history says, and the history rows."""
    rows = list(subject.history)
    record = subject.staged
    newest = max((row.modified_at for row in subject.history), default=None)
    if record is not None and newest is not None and newest > record.modified_at:
        record = replace(record, fields={**record.fields, **latest})
    if record is None and subject.known is not None and latest:
        record = replace(subject.known, fields={**subject.known.fields, **latest})
    if record is not None and record != subject.known:
        rows.append(record)
    return rows


def _note_deletion(subject: Subject, bench: Bench, ruling: Ruling) -> None:
    assert subject.staged is not None
    if subject.known is None or subject.known.is_deleted:
        return
    ruling.mirror = [subject.staged]
    ruling.settled = list(subject.owed)
    entry = Entry(
        kind="deleted", at=bench.now, cycle=bench.cycle, object=subject.object, record_id=subject.id, reason="gone from the org"
    )
    ruling.entries.append(entry)


def _impossible(subject: Subject, odd: Sequence[Change]) -> InboxItem:
    """Tell of all changes of one record that lie before its creation: whoever looks at it looks at them together."""
    what = ", ".join(f"{change.field} at {change.changed_at:%Y-%m-%d %H:%M} UTC" for change in odd)
    return InboxItem(
        "impossible-date",
        subject.id,
        f"{subject.object} {subject.id}",
        f"Changed before the record was created at {_created_at(subject):%Y-%m-%d %H:%M} UTC: {what}. This was not judged.",
        "Look at the record's history in Salesforce; an import usually set one of the dates.",
    )


def _borrowed_user(item: Judgement) -> InboxItem:
    change = item.change
    return InboxItem(
        "own-user-used",
        change.record_id,
        f"{change.object} {change.record_id}",
        f"{change.field} was changed to {change.after!r} by syncd's own user, but not by syncd.",
        "Give every tool a user of its own; syncd's user must be used by nothing else, not by a second syncd either.",
    )
