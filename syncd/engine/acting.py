"""How do open intents become writes, and each write an outcome?

Every intent is looked at before it is sent: one that a lost answer may have carried out already is settled by what stands
in the org, never by guessing. Killed between any two lines, the next cycle looks again and carries on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.core.guard import Limits, too_many
from syncd.core.plan import Plan
from syncd.core.values import InboxItem, Intent, OrgRecord, Outcome, OutcomeKind, Scalar
from syncd.engine.consent import external_fields, flags_against
from syncd.engine.plans import write_plan
from syncd.engine.world import Cycle, World
from syncd.ports import Fresh, OpenIntent, OrgWriter, StoreWriter, Update, WriteResult

CHUNK = 200
PATCHES_A_CALL = 25
GRAIN_S = 1.1
LIMIT = "mass-change limit"
REFUSED = "refused-write"
WAITING_PLAN = "plan-waiting"
Closing = tuple[OpenIntent, Outcome]


@dataclass(frozen=True, slots=True)
class Group:
    """Intents on one record that travel in one request."""

    items: tuple[OpenIntent, ...]

    @property
    def intent(self) -> Intent:
        """Return the first intent; all name the same record."""
        return self.items[0].intent

    @property
    def values(self) -> dict[str, Scalar]:
        """Return what would be written."""
        return {item.intent.field: item.intent.after for item in self.items}

    def all(self, outcome: Outcome) -> list[Closing]:
        """Close every intent of the group alike."""
        return [(item, outcome) for item in self.items]


def act(world: World, org: OrgWriter, cycle: Cycle, *, limits: Limits | None = None) -> None:
    """Carry out the open intents, or hold all of them back when they are too many for one cycle.

    Shapes: `limits` None means that a person approved these writes.
    """
    if not world.store.count_open():
        return
    if limits is not None and hold_back(world, cycle, limits):
        return
    late: list[Group] = []
    for chunk in _chunks(_open(world)):
        world.pause_point()
        creates = [item for item in chunk if item.intent.is_create]
        _create(world, org, cycle, creates)
        late += _update(world, org, cycle, _grouped([item for item in chunk if not item.intent.is_create]))
    if late and world.clock is not None:
        world.clock.sleep(GRAIN_S)
        # A look is dated by the answer before it: without one more answer the next look would be dated before the wait.
        _look(org, late[0].intent.object, late[:1])
        _update(world, org, cycle, late)


def _open(world: World) -> Iterator[OpenIntent]:
    after = 0
    while page := world.store.open_intents(1000, after):
        yield from page
        after = page[-1].seq


def _chunks(items: Iterable[OpenIntent]) -> Iterator[list[OpenIntent]]:
    """Cut the outbox into pieces, never between intents that travel in one request."""
    chunk: list[OpenIntent] = []
    for item in items:
        if len(chunk) >= CHUNK and (item.intent.is_create or _target(item) != _target(chunk[-1])):
            yield chunk
            chunk = []
        chunk.append(item)
    if chunk:
        yield chunk


def _target(item: OpenIntent) -> tuple[str, str, str]:
    return (item.intent.object, item.intent.record_id, item.intent.part)


def hold_back(world: World, cycle: Cycle, limits: Limits) -> bool:
    """Turn the open intents into a plan when they break the mass-change limit. Nothing of them is sent then.

    Source: promise 8: a cycle that would change more than the agreed number of records stops and asks.
    """
    people = world.store.count("Lead") + world.store.count("Contact") if world.store.count_open() > limits.records_min else 0
    reason = too_many((item.intent for item in _open(world)), limits, people)
    if reason is not None:
        remedy = "or raise [limits] in config.toml"
        _hold(world, cycle, list(_open(world)), f"{LIMIT}: {reason}", remedy)
    return reason is not None


def hold_for_asking(world: World, cycle: Cycle) -> None:
    """Turn new enrolments into a plan when nurture.toml says that a person is asked first."""
    nurture = world.policies.nurture
    held = [item for item in _open(world) if item.intent.is_create] if nurture is not None and nurture.mode == "ask" else []
    if held:
        _hold(world, cycle, held, f'{len(held)} enrolments wait for a word (mode = "ask")', "or leave it")


def _hold(world: World, cycle: Cycle, held: Sequence[OpenIntent], reason: str, otherwise: str) -> None:
    intents = [item.intent for item in held]
    path = write_plan(world, Plan(cycle.identity.org_id, cycle.now, dict(world.policies.hashes), intents, reason))
    outcome = Outcome(OutcomeKind.NOT_SENT, f"{reason}; plan {path.name}", code="HELD")
    remedy = f"Read it, then run: syncd apply {path}    ({otherwise})"
    item = InboxItem(WAITING_PLAN, path.name, str(path), f"{reason}. Nothing was written.", remedy)
    with world.store.begin() as tx:
        tx.close([(one, outcome) for one in held], cycle.now, cycle.id)
        tx.defer(intents)
        tx.put_inbox([item], cycle.now)
    cycle.count("held back", len(held))


def _grouped(items: Sequence[OpenIntent]) -> list[Group]:
    groups: dict[tuple[str, str, str], list[OpenIntent]] = {}
    for item in items:
        groups.setdefault(_target(item), []).append(item)
    return [Group(tuple(group)) for group in groups.values()]


def _update(world: World, org: OrgWriter, cycle: Cycle, groups: Sequence[Group]) -> list[Group]:
    """Look, then send what still stands. Returns the groups whose record was saved within the clock's last second."""
    late: list[Group] = []
    for name in sorted({group.intent.object for group in groups}):
        mine = [group for group in groups if group.intent.object == name]
        fresh = _look(org, name, mine)
        ours = _written_by_us(org, cycle, name, mine, fresh)
        closing: list[Closing] = []
        ready: list[tuple[Group, Update]] = []
        busy: set[str] = set()
        for group in mine:
            settled = _settled(group, fresh.records.get(group.intent.record_id), cycle, ours)
            if settled is not None:
                closing += settled
            elif group.intent.record_id not in busy:
                record = fresh.records[group.intent.record_id]
                if record.modified_at.replace(microsecond=0) >= fresh.asked_at.replace(microsecond=0):
                    late.append(group)
                    continue
                busy.add(group.intent.record_id)
                ready.append((group, Update(name, record.id, group.values, record.modified_at)))
        _close(world, cycle, closing)
        for start in range(0, len(ready), PATCHES_A_CALL):
            world.pause_point()
            batch = ready[start : start + PATCHES_A_CALL]
            results = org.update([update for _, update in batch])
            answers = [_answered(group, result) for (group, _), result in zip(batch, results, strict=True)]
            _close(world, cycle, [pair for pairs in answers for pair in pairs])
    return late


def _look(org: OrgWriter, name: str, groups: Sequence[Group]) -> Fresh:
    fields = sorted({field for group in groups for field in group.values} | {"LastModifiedById"})
    return org.read(name, sorted({group.intent.record_id for group in groups}), fields)


def _written_by_us(org: OrgWriter, cycle: Cycle, name: str, groups: Sequence[Group], fresh: Fresh) -> set[tuple[str, str]]:
    """Return (record id, new value) of our own history rows since the decision, asked only for what somebody else saved since."""
    if name != "Lead":
        return set()
    decided_at: dict[str, datetime | None] = {}
    for group in groups:
        record, decided_on = fresh.records.get(group.intent.record_id), group.intent.decided_on
        if record is None or (_holds(group, record) and record.fields.get("LastModifiedById") == cycle.identity.user_id):
            continue
        at = None if decided_on is None else datetime.fromisoformat(decided_on)
        if _holds(group, record) if at is None else record.modified_at != at:
            decided_at[record.id] = at
    if not decided_at:
        return set()
    where = {"LeadId": sorted(decided_at), "CreatedById": [cycle.identity.user_id]}
    rows = org.find("LeadHistory", ("LeadId", "NewValue"), where).records.values()
    return {
        (row.text("LeadId") or "", row.text("NewValue") or "")
        for row in rows
        if (at := decided_at.get(row.text("LeadId") or "")) is None or row.modified_at > at
    }


def _holds(group: Group, record: OrgRecord) -> bool:
    return all(record.fields.get(field) == value for field, value in group.values.items())


def _settled(group: Group, record: OrgRecord | None, cycle: Cycle, ours: set[tuple[str, str]]) -> list[Closing] | None:
    """Say how a group ends without being sent, or None when it still stands."""
    if record is None:
        return group.all(Outcome(OutcomeKind.SUPERSEDED, "the record is gone or no longer visible", code="GONE"))
    is_in_history = all((record.id, str(value)) in ours for value in group.values.values())
    if _holds(group, record):
        if is_in_history or record.fields.get("LastModifiedById") == cycle.identity.user_id:
            return group.all(Outcome(OutcomeKind.CONFIRMED, "found written when looking"))
        return group.all(Outcome(OutcomeKind.SUPERSEDED, "somebody else has set the same value"))
    if is_in_history:
        return group.all(Outcome(OutcomeKind.CONFIRMED, "written, as the history shows, and changed again since"))
    decided_on = group.intent.decided_on
    if decided_on is not None and record.modified_at != datetime.fromisoformat(decided_on):
        return group.all(Outcome(OutcomeKind.SUPERSEDED, "the record was saved since; it is judged again"))
    moved = [item for item in group.items if record.fields.get(item.intent.field) not in (item.intent.before, item.intent.after)]
    if moved:
        names = ", ".join(item.intent.field for item in moved)
        return group.all(Outcome(OutcomeKind.SUPERSEDED, f"{names} was changed since; theirs stands"))
    return None


def _answered(group: Group, result: WriteResult) -> list[Closing]:
    """Turn Salesforce's answer into outcomes; an empty list leaves the intents open for the next cycle."""
    if result.status == "done":
        return group.all(Outcome(OutcomeKind.CONFIRMED, request_id=result.request_id))
    if result.status == "gone":
        return group.all(Outcome(OutcomeKind.SUPERSEDED, result.text, result.code, result.request_id))
    if result.status == "stale":
        if group.intent.decided_on is None:
            return []
        return group.all(
            Outcome(OutcomeKind.SUPERSEDED, "saved by somebody meanwhile; it is judged again", "412", result.request_id)
        )
    if result.status == "locked":
        return []
    return group.all(Outcome(OutcomeKind.REJECTED, result.text, result.code, result.request_id))


def _create(world: World, org: OrgWriter, cycle: Cycle, items: Sequence[OpenIntent]) -> None:
    """Add campaign members: look for each by its natural key and at the person's consent, then send the rest."""
    if not items:
        return
    kept_out = _kept_out(world, org, cycle, items)
    closing: list[Closing] = []
    missing: list[OpenIntent] = []
    known = _members(org, items)
    for item in items:
        member = known.get((str(item.intent.after), item.intent.record_id))
        if member is not None:
            closing.append((item, _found_member(member, cycle)))
        elif item.intent.record_id in kept_out:
            closing.append((item, Outcome(OutcomeKind.NOT_SENT, kept_out[item.intent.record_id], code="EXCLUDED")))
        else:
            missing.append(item)
    _close(world, cycle, closing)
    if not missing:
        return
    results = org.create("CampaignMember", [dict(item.intent.values or {}) for item in missing])
    closing = []
    for item, result in zip(missing, results, strict=True):
        if result.status == "duplicate":
            continue
        closing += [(pair[0], replace(pair[1], created_id=result.id)) for pair in _answered(Group((item,)), result)]
    _close(world, cycle, closing)


def _members(org: OrgWriter, items: Sequence[OpenIntent]) -> dict[tuple[str, str], OrgRecord]:
    people = sorted({item.intent.record_id for item in items})
    campaigns = sorted({str(item.intent.after) for item in items})
    fields = ("CampaignId", "ContactId", "CreatedById")
    found = org.find("CampaignMember", fields, {"CampaignId": campaigns, "ContactId": people})
    return {(row.text("CampaignId") or "", row.text("ContactId") or ""): row for row in found.records.values()}


def _found_member(member: OrgRecord, cycle: Cycle) -> Outcome:
    if member.text("CreatedById") == cycle.identity.user_id:
        return Outcome(OutcomeKind.CONFIRMED, "found written when looking", created_id=member.id)
    return Outcome(OutcomeKind.SUPERSEDED, "already a campaign member", "DUPLICATE_VALUE", created_id=member.id)


def _kept_out(world: World, org: OrgWriter, cycle: Cycle, items: Sequence[OpenIntent]) -> Mapping[str, str]:
    """Look at each person's consent once more, right before the push.

    Source: promise 4: an opt-out is never overridden, lost or late.
    """
    ids = sorted({item.intent.record_id for item in items})
    wanted = ("Email", "HasOptedOutOfEmail", *external_fields(world))
    fresh = org.read("Contact", ids, [name for name in wanted if name in cycle.schema["Contact"].fields]).records
    against = flags_against(world, fresh)
    gone = {id: "the contact is gone or no longer visible" for id in ids if id not in fresh}
    return gone | {id: "; ".join(reasons) for id, reasons in against.items() if reasons}


def _close(world: World, cycle: Cycle, closing: Sequence[Closing]) -> None:
    if not closing:
        return
    done = [item.intent for item, outcome in closing if outcome.kind is OutcomeKind.CONFIRMED]
    refused = [item.intent for item, outcome in closing if outcome.kind is OutcomeKind.REJECTED and not item.intent.is_create]
    rows = _as_written(world, done)
    with world.store.begin() as tx:
        tx.close(closing, cycle.now, cycle.id)
        tx.mirror(rows)
        tx.undefer(done)
        tx.defer(refused)
        tx.resolve_inbox(REFUSED, [_subject(intent) for intent in done], cycle.now)
        for item, outcome in closing:
            _follow_up(tx, cycle, item.intent, outcome)
    for item, outcome in closing:
        cycle.count(f"outcomes {outcome.kind.value}")
        if outcome.kind is OutcomeKind.CONFIRMED:
            cycle.count("enrolled" if item.intent.is_create else "reverts" if item.intent.part == "fence" else "fields written")


def _as_written(world: World, done: Sequence[Intent]) -> list[OrgRecord]:
    """Return the mirrored rows with the values that were written to them."""
    written: dict[tuple[str, str], dict[str, Scalar]] = {}
    for intent in done:
        if not intent.is_create:
            written.setdefault((intent.object, intent.record_id), {})[intent.field] = intent.after
    rows: list[OrgRecord] = []
    for name in sorted({name for name, _ in written}):
        known = world.store.get(name, [id for object, id in written if object == name])
        rows += [replace(row, fields={**row.fields, **written[name, row.id]}) for row in known.values()]
    return rows


def _follow_up(tx: StoreWriter, cycle: Cycle, intent: Intent, outcome: Outcome) -> None:
    if outcome.kind in (OutcomeKind.CONFIRMED, OutcomeKind.REJECTED) and intent.part == "fence":
        tx.settle_debt(intent.object, intent.record_id, intent.field)
    if outcome.kind is OutcomeKind.REJECTED:
        tx.put_inbox([_refusal(intent, outcome)], cycle.now)


def _subject(intent: Intent) -> str:
    return f"{intent.record_id}:{intent.field}"


def _refusal(intent: Intent, outcome: Outcome) -> InboxItem:
    return InboxItem(
        REFUSED,
        _subject(intent),
        f"{intent.object} {intent.record_id}",
        f"Salesforce refused {intent.field} = {intent.after!r}: {outcome.code} {outcome.text}".rstrip(),
        "Correct the record, the rule or the permission in Salesforce, then: syncd plan --out plan.json, syncd apply plan.json",
        detail=f"{intent.rule.file}:{intent.rule.line} {intent.reason}",
    )
