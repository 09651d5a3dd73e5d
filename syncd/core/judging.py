"""What follows from all that is new about one record: ledger rows, a revert, a debt, an inbox item?

The decision of one cycle for one lead or opportunity, as a function from values to values.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncd.core.actors import actor_of
from syncd.core.asking import question
from syncd.core.changes import changes_of
from syncd.core.directory import Directory
from syncd.core.fence_model import Fences
from syncd.core.fights import CAME_BACK, PARKED, Fight, boomerang, fought_over, parking
from syncd.core.fiscal import QuietPeriod
from syncd.core.ladder import FOLLOWED_UP, Wait, wait_of
from syncd.core.law import Law, Posts
from syncd.core.replay import Course, Spare, Standing, replay
from syncd.core.sparing import CALM, Spared, Surroundings
from syncd.core.transactions import UNDELETED, Followers, automated, events_of
from syncd.core.unowned import is_unowned, unowned
from syncd.core.values import (
    Actor,
    ActorKind,
    Change,
    Entry,
    Fields,
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

UNKNOWABLE = "cannot be known: "
WATCHED = {"Opportunity": ("StageName", "OwnerId")}
FENCE_PART = "fence"
NO_INDICES: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Subject:
    """One record with everything that is new about it.

    `owed` holds the lawful values still owed by field, `written` the value that syncd last meant to write by field,
    `fought` the fight over each field as `Fight.text` gives it, `pending` the fields with an open intent, `waits` the reverts
    by field that are not made yet.
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
    waits: Mapping[str, Wait] = field(default_factory=dict)


@dataclass(slots=True)
class Ruling:
    """What follows for one record. `intents` come with the index in `entries` of the row that caused them, or None; `moves`
    counts the changes by field that others made, those that cannot be judged included; `made_up` names the fights that are
    over; `waits` gives by field how the revert among `intents` waits that is not made now, `is_unasked` that nothing about the
    record waits for a person's word any more."""

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
    waits: dict[str, Wait] = field(default_factory=dict)
    is_unasked: bool = False


@dataclass(frozen=True, slots=True)
class Bench:
    """What every judgement of a cycle shares: the policy, the people, the cycle's id, the org's time, what is known beside the
    fences, the quiet period that today lies in, the people of any moment, and the fields that never move alone."""

    fences: Fences
    people: Directory
    cycle: str
    now: datetime
    around: Surroundings = CALM
    quiet: QuietPeriod | None = None
    past: Callable[[datetime], Directory] | None = None
    followers: Followers = field(default_factory=dict)
    law: Law = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "law", Law(self.fences, self.people, self.quiet, self.past))

    def actor(self, user_id: str | None, at: datetime | None = None) -> Actor:
        """Resolve a user as of a moment, by default now."""
        return actor_of(user_id, self.people if at is None else self.law.people_at(at), self.fences.teams)


def rule_on(subject: Subject, bench: Bench) -> Ruling:
    """Decide everything that follows from what is new about one record.

    Source: docs/architecture.md, One cycle: first sight is a baseline; several changes are replayed in order; a record
    that moved is judged again, not overwritten.
    """
    ruling = Ruling()
    if subject.staged is not None and subject.staged.is_deleted:
        _note_deletion(subject, bench, ruling)
        _ask(subject, ruling)
        return ruling
    if subject.known is None and not subject.history:
        ruling.mirror = [subject.staged] if subject.staged is not None else []
        return ruling
    posts = bench.law.posts(subject.object)
    seen = dict.fromkeys([*posts.judged, *WATCHED.get(subject.object, ())])
    found = automated(_changes(subject, bench, seen), bench.followers)
    changes = _plausible(subject, found, ruling)
    ruling.moves = _moves(found, posts.fences)
    result = replay(_course(subject, changes, bench), bench.law, spare=_sparing(subject, bench))
    judged = _watched(subject, changes, posts, result.judgements)
    _tell(subject, judged, bench, posts, ruling)
    rows = _enter(subject, judged, bench, ruling)
    last = {item.change.field: (item, row) for item, row in zip(judged, rows, strict=True)}
    asked = _asked_about(subject, judged)
    for name in posts.judged:
        standing = result.standing.get(name)
        if standing is not None and standing.is_owed:
            _follow_up(subject, name, standing, last.get(name), bench, ruling, was_asked=name in asked)
        elif name in subject.owed:
            ruling.settled.append(name)
    latest = {change.field: change.after for change in changes}
    ruling.mirror = _mirrored(subject, {name: value for name, value in latest.items() if name in seen})
    _ask(subject, ruling)
    return ruling


def _moves(changes: Iterable[Change], fenced: Iterable[str]) -> dict[str, int]:
    moves = dict.fromkeys(fenced, 0)
    for change in changes:
        if change.field in moves and change.actor.kind is not ActorKind.SYNCD:
            moves[change.field] += 1
    return moves


def _changes(subject: Subject, bench: Bench, fields: Iterable[str]) -> list[Change]:
    return changes_of(
        subject.object,
        subject.id,
        fields,
        known=subject.known,
        staged=subject.staged,
        history=subject.history,
        actor=bench.actor,
    )


def _created_at(subject: Subject) -> datetime | None:
    record = subject.staged or subject.known
    return record.moment("CreatedDate") if record else None


def _plausible(subject: Subject, changes: list[Change], ruling: Ruling) -> list[Change]:
    """Return the changes that can have happened; those before the record was created go to the inbox."""
    created_at = _created_at(subject)
    if created_at is None or not changes or changes[0].changed_at >= created_at:
        return changes
    odd = [change for change in changes if change.changed_at < created_at]
    ruling.inbox.append(_impossible(subject, odd, created_at))
    return [change for change in changes if change.changed_at >= created_at]


def _course(subject: Subject, changes: list[Change], bench: Bench) -> Course:
    own = NO_INDICES
    if subject.written:
        own = frozenset(
            index
            for index, change in enumerate(changes)
            if change.actor.kind is ActorKind.SYNCD and subject.written.get(change.field) == str(change.after)
        )
    held, found = _held(subject, {change.field for change in changes})
    return Course(
        subject.object,
        changes,
        held,
        subject.owed,
        own,
        _events(subject, changes, bench),
        subject.known is None,
        found,
        None if subject.staged is None else subject.staged.modified_at,
    )


def _events(subject: Subject, changes: Sequence[Change], bench: Bench) -> dict[int, str]:
    found: dict[int, str] = {}
    if bench.around.windows:
        found = {index: why for index, change in enumerate(changes) if (why := bench.around.lawful(change)) is not None}
    if events := events_of(subject.history):
        found |= {index: events[change.changed_at] for index, change in enumerate(changes) if change.changed_at in events}
    if subject.known is not None and subject.known.is_deleted:
        found |= {index: UNDELETED for index, change in enumerate(changes) if change.proof is Proof.LAST_MODIFIED}
    return found


def _held(subject: Subject, moved: Collection[str]) -> tuple[Fields, Fields]:
    """Return what the record held before all changes, and what it holds now in fields whose moves no history tells.

    Shapes: a field that is not the same before and after, and whose moves are not known, is in the second only.
    """
    if subject.known is None:
        return {} if subject.staged is None else {k: v for k, v in subject.staged.fields.items() if k not in moved}, {}
    if subject.staged is None:
        return subject.known.fields, {}
    known, staged = subject.known.fields, subject.staged.fields
    held = {name: value for name, value in known.items() if name in moved or staged.get(name, value) == value}
    return held, {name: value for name, value in staged.items() if name not in moved and known.get(name) != value}


def _watched(subject: Subject, changes: Sequence[Change], posts: Posts, judged: Sequence[Judgement]) -> Sequence[Judgement]:
    """Add the changes of fields that are always in the ledger, whether a fence stands on them or not."""
    if subject.known is None:
        return judged
    names = [name for name in WATCHED.get(subject.object, ()) if name not in posts.judged]
    why = f"no fence stands on {subject.object} "
    added = [Judgement(change, Verdict.ALLOW, why + change.field) for change in changes if change.field in names]
    return sorted([*judged, *added], key=lambda item: item.change.changed_at)


def _tell(subject: Subject, judged: Sequence[Judgement], bench: Bench, posts: Posts, ruling: Ruling) -> None:
    """Put into the inbox what a person should look at, and name the fights that a lawful move ends."""
    last: dict[str, Judgement] = {}
    for item in judged:
        last[item.change.field] = item
        if item.change.actor.kind is ActorKind.SYNCD:
            ruling.inbox.append(_borrowed_user(item))
        elif item.reason.endswith(CAME_BACK):
            ruling.inbox.append(boomerang(item))
        elif item.reason.endswith(PARKED):
            ruling.inbox.append(fought_over(item, Fight.read(subject.fought.get(item.change.field)).lately(bench.now)))
    for name, item in last.items():
        if item.verdict is Verdict.ALLOW and parking(subject.id, name) in bench.around.parked:
            ruling.made_up.append(parking(subject.id, name))
        for fence in posts.fences.get(name, ()):
            if item.rule == fence.rule and is_unowned(item.change, fence):
                ruling.inbox.append(unowned(item.change, fence))


def _follow_up(
    subject: Subject,
    name: str,
    standing: Standing,
    last: tuple[Judgement, int | None] | None,
    bench: Bench,
    ruling: Ruling,
    *,
    was_asked: bool,
) -> None:
    """Owe a field its last lawful value, and put it back, now or when its time comes."""
    record = subject.staged or subject.known
    moved = subject.staged is not None and subject.known is not None and subject.staged.modified_at != subject.known.modified_at
    if record is None or name in subject.pending or not (last or moved):
        return
    current = last[0].change.after if last else record.fields.get(name)
    waiting = subject.waits.get(name)
    if current == standing.value or (last is None and waiting is not None):
        return
    cause, row = last or (None, None)
    intent = _revert(subject, record, bench, name, current, standing.value, cause)
    ruling.owe[name] = standing.value
    ruling.intents.append((intent, row))
    wait = wait_of(cause, intent, bench.now, was_asked=was_asked) if cause is not None else None
    if wait is not None:
        ruling.waits[name] = wait
    elif cause is not None:
        ruling.fought[name] = Fight.read(subject.fought.get(name)).after(cause.change, bench.now).text()


def _asked_about(subject: Subject, judged: Iterable[Judgement]) -> set[str]:
    """Return the fields whose debt began with a question, in an earlier cycle or in this one."""
    asked = {name for name, wait in subject.waits.items() if wait.is_asked}
    for item in judged:
        if item.verdict is Verdict.ASK:
            asked.add(item.change.field)
        elif item.verdict is not Verdict.REVERT:
            asked.discard(item.change.field)
    return asked


def _ask(subject: Subject, ruling: Ruling) -> None:
    """Keep the record's question in step with what waits for a person's word."""
    earlier = {name: wait for name, wait in subject.waits.items() if wait.is_put}
    left = {name: wait for name, wait in earlier.items() if name not in ruling.owe and name not in ruling.settled}
    asked = {name: wait for name, wait in ruling.waits.items() if wait.is_put}
    if asked or (left and len(left) < len(earlier)):
        ruling.inbox.append(question([*left.values(), *asked.values()]))
    ruling.is_unasked = bool(earlier) and not (left or asked)


def _sparing(subject: Subject, bench: Bench) -> Spare:
    """Soften verdicts whose revert cannot or should not happen: on converted leads, and by all that is known beside the fence."""
    record = subject.staged or subject.known
    is_converted = record is not None and bool(record.fields.get("IsConverted"))

    def spare(change: Change, verdict: Verdict, rule: Rule) -> Spared | None:
        if verdict is Verdict.NOTE:
            return None
        if is_converted and verdict in FOLLOWED_UP:
            return Spared(Verdict.NOTE, "the lead is converted and read-only")
        return bench.around.spared(change, verdict, rule, Fight.read(subject.fought.get(change.field)), bench.now)

    return spare


def _revert(
    subject: Subject, record: OrgRecord, bench: Bench, name: str, current: Scalar, lawful: Scalar, cause: Judgement | None
) -> Intent:
    reason = cause.reason if cause else "the record moved before the last lawful value could be put back"
    evidence = str(cause.change.evidence.get("history_id") or "") if cause else ""
    return Intent(
        key=digest(bench.cycle, subject.object, subject.id, name, lawful),
        object=subject.object,
        record_id=subject.id,
        field=name,
        before=current,
        after=lawful,
        part=FENCE_PART,
        rule=(cause.rule if cause and cause.rule else bench.law.posts(subject.object).rule_of(name)),
        reason=reason,
        policy_hash=bench.fences.policy_hash,
        cause=evidence,
        decided_on=record.modified_at.isoformat(),
    )


def _enter(subject: Subject, judged: Sequence[Judgement], bench: Bench, ruling: Ruling) -> list[int | None]:
    """Make the ledger rows; what was lawful before a record was first seen needs none. Shapes: the row of each judgement."""
    entered: list[int | None] = []
    for item in judged:
        ruling.judgements.append(item)
        if subject.known is None and item.verdict is Verdict.ALLOW:
            entered.append(None)
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
        reason=item.reason if item.is_knowable else f"{UNKNOWABLE}{item.reason}",
        evidence=_evidence(item, bench),
    )


def _evidence(item: Judgement, bench: Bench) -> Mapping[str, Scalar]:
    """Return the rows that a change rests on, and until when the reaction to it waits."""
    if item.due_at is None or item.due_at <= bench.now:
        return item.change.evidence
    return {**item.change.evidence, "due_at": item.due_at.isoformat()}


def _mirrored(subject: Subject, latest: Mapping[str, Scalar]) -> list[OrgRecord]:
    """Return the rows to mirror: the record as read, with what newer history says, and the history rows."""
    rows = list(subject.history)
    record = subject.staged or subject.known
    if record is None:
        return rows
    if subject.staged is None or any(row.modified_at > record.modified_at for row in rows):
        record = replace(record, fields={**record.fields, **latest})
    return rows if record == subject.known else [*rows, record]


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


def _impossible(subject: Subject, odd: Sequence[Change], created_at: datetime) -> InboxItem:
    """Tell of all changes of one record that lie before its creation: whoever looks at it looks at them together."""
    what = ", ".join(f"{change.field} at {change.changed_at:%Y-%m-%d %H:%M} UTC" for change in odd)
    return InboxItem(
        "impossible-date",
        subject.id,
        f"{subject.object} {subject.id}",
        f"Changed before the record was created at {created_at:%Y-%m-%d %H:%M} UTC: {what}. This was not judged.",
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
