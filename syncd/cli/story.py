"""What happened to one record, in order, in sentences that prove what they say?

Nobody is named where the proof is weaker than a history row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from syncd.cli import output
from syncd.core.changes import field_moved, in_order
from syncd.core.consent import Consent
from syncd.core.policies import Policies
from syncd.core.telling import POST, TELL
from syncd.core.values import Entry, FlagFact, OrgRecord, Proof, Rule, Scalar
from syncd.engine.privacy import PEOPLE
from syncd.engine.whole_person import whole_person
from syncd.ports import LedgerQuery, LedgerRow, StoreReader

HISTORY_OF = {"Lead": ("LeadHistory", "LeadId"), "Opportunity": ("OpportunityFieldHistory", "OpportunityId")}
OBJECT_OF_PREFIX = {"00Q": "Lead", "003": "Contact", "006": "Opportunity", "701": "Campaign", "005": "User"}
SHOWN = ("Status", "StageName", "OwnerId", "Email", "HasOptedOutOfEmail", "IsConverted", "ConvertedContactId", "IsClosed")
EVENTS = {"created": "created it", "leadConverted": "converted it"}
ROWS_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of the story. `row` is the ledger row it tells of, None for what only Salesforce's history knows."""

    at: datetime
    text: str
    rule: str | None = None
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """All that syncd knows of one record. Flags and consents are the person's, `same` names the person's other records and
    `says` what the org's own records say against mail."""

    object: str
    record_id: str
    name: str
    lines: Sequence[Line]
    flags: Sequence[FlagFact]
    consents: Sequence[Consent]
    owed: Mapping[str, Scalar]
    state: Mapping[str, Scalar]
    is_deleted: bool
    baseline_at: datetime | None
    same: Sequence[str] = ()
    says: Sequence[str] = ()


class Names:
    """Names of users, queues, campaigns and people by id, read from the mirror once."""

    def __init__(self, store: StoreReader) -> None:
        self._store = store
        self._known: dict[str, str] = {}

    def learn(self, record_ids: Iterable[str]) -> None:
        """Read the names of many records at once: one question for each object."""
        wanted: dict[str, list[str]] = {}
        for id in set(record_ids) - set(self._known):
            self._known[id] = id
            wanted.setdefault("Group" if id[:3] == "00G" else OBJECT_OF_PREFIX.get(id[:3], ""), []).append(id)
        for object in wanted.keys() - {""}:
            named = ((row.id, row.text("Name")) for row in self._store.get(object, wanted[object]).values())
            self._known.update({id: name for id, name in named if name})

    def of(self, record_id: Scalar) -> str:
        """Return a record's name, or its id when it is not mirrored."""
        id = str(record_id)
        self.learn([id])
        return self._known[id]

    def value(self, field: str | None, value: Scalar) -> str:
        """Return a field's value as one reads it: an owner by name, a text in quotes, nothing as `empty`."""
        if value is None or value == "":
            return "empty"
        if field is not None and (field.endswith("Id") or field == "Owner"):
            return self.of(value)
        return repr(value)


def story_of(store: StoreReader, object: str, record_id: str, policies: Policies | None = None) -> Story | None:
    """Tell all that the mirror, the ledger and the flags know of one record; None when they know nothing."""
    record = store.get(object, [record_id]).get(record_id)
    rows = list(store.ledger(LedgerQuery(record_id=record_id, limit=ROWS_MAX)))
    if record is None and not rows:
        return None
    names = Names(store)
    lines = [_ledger_line(row, record_id, names) for row in rows if row.entry.kind != "baseline"]
    judged = {str(row.entry.evidence.get("history_id")) for row in rows}
    baseline_at = _baseline_at(store, object)
    history = list(_history_lines(store, object, record_id, judged, names, baseline_at))
    lines += history + _creation(record, history)
    whole = whole_person(store, record, policies) if record is not None and object in PEOPLE else None
    same = () if whole is None else [f"{one.object} {one.id}" for one in whole.person.records if one.id != record_id]
    return Story(
        object,
        record_id,
        names.of(record_id),
        sorted(lines, key=lambda line: (line.at, line.row or 0)),
        store.flags([record_id], ()) if whole is None else whole.flags,
        store.consents([record_id], ()) if whole is None else whole.consents,
        {field: value for (_, field), value in store.lawful(object, [record_id]).items()},
        {name: record.fields[name] for name in SHOWN if name in record.fields} if record is not None else {},
        record is not None and record.is_deleted,
        baseline_at,
        same,
        whole.says if whole is not None else (),
    )


def _creation(record: OrgRecord | None, history: Sequence[Line]) -> list[Line]:
    created_at = record.moment("CreatedDate") if record is not None else None
    is_told = any(line.at == created_at and EVENTS["created"] in line.text for line in history)
    return [] if created_at is None or is_told else [Line(created_at, "Created in Salesforce.")]


def _baseline_at(store: StoreReader, object: str) -> datetime | None:
    rows = store.ledger(LedgerQuery(kind="baseline", limit=ROWS_MAX))
    return next((row.entry.at for row in rows if row.entry.object == object), None)


def _history_lines(
    store: StoreReader, object: str, record_id: str, judged: set[str], names: Names, baseline_at: datetime | None
) -> Iterable[Line]:
    history, parent = HISTORY_OF.get(object, ("", ""))
    if history not in store.marks():  # never read: no history for this object, or the org hides it
        return
    rows = store.scan(history, field=parent, values=[record_id], limit=ROWS_MAX)
    for row in in_order(rows):
        field = field_moved(row)
        before, after = row.fields.get("OldValue"), row.fields.get("NewValue")
        if row.id in judged or _is_names_twin(row, rows):
            continue
        by = names.of(row.text("CreatedById")) if row.text("CreatedById") else "somebody"
        moved = f"changed {field} from {names.value(field, before)} to {names.value(field, after)}"
        is_older = baseline_at is not None and row.modified_at < baseline_at
        since = "from before syncd watched" if is_older else "nothing in it to judge"
        yield Line(row.modified_at, f"{by} {EVENTS.get(field, moved)} (history row {row.id}; {since}).")


def _is_names_twin(row: OrgRecord, rows: Sequence[OrgRecord]) -> bool:
    """Tell whether this is the row with names of an owner move that Salesforce wrote as two, one with names and one with ids."""
    field, value = row.text("Field"), row.text("NewValue") or ""
    if field != "Owner" or value[:3] in ("005", "00G"):
        return False
    return any(other is not row and other.text("Field") == "Owner" and other.modified_at == row.modified_at for other in rows)


def _ledger_line(row: LedgerRow, record_id: str, names: Names) -> Line:
    entry = row.entry
    tell = _SENTENCES.get(entry.kind, _other)
    text = tell(entry, names)
    if entry.record_id not in (None, record_id):
        text = f"{entry.object} {names.of(entry.record_id)}: {text}"
    return Line(entry.changed_at or entry.at, text, place_of(entry.rule), row.seq)


def place_of(rule: Rule | None) -> str | None:
    """Return where a rule stands."""
    return None if rule is None else f"{rule.name}, {rule.file}:{rule.line}"


def _change(entry: Entry, names: Names) -> str:
    moved = f"{entry.field} from {names.value(entry.field, entry.before)} to {names.value(entry.field, entry.after)}"
    if entry.proof == Proof.HISTORY:
        team = f", team {entry.team}" if entry.team and entry.team != entry.actor_kind else ""
        actor = f"{entry.actor or entry.actor_id or 'somebody'} ({entry.actor_kind or 'unknown'}{team})"
        text = f"{actor} changed {moved}, proved by history row {entry.evidence.get('history_id', '')}.".replace(" .", ".")
    else:
        text = f"{moved.replace(' from ', ' went from ', 1)}. Nobody is named: no history row proves who did it."
    fence = f" across the {entry.fence} fence" if entry.fence else ""
    told = _ended(f"{text} Verdict{fence}: {entry.verdict}; {entry.reason}")
    due_at = entry.evidence.get("due_at")
    return told if due_at is None else f"{told} Nothing is done about it before {datetime.fromisoformat(str(due_at)):%H:%M} UTC."


def _intent(entry: Entry, names: Names) -> str:
    if entry.evidence.get("part") == TELL:
        return _ended(f"syncd set out to leave a {'post' if entry.object == POST else 'task'} on the record that {entry.reason}")
    if entry.evidence.get("values.CampaignId") is not None:
        return _ended(f"syncd set out to add this person to campaign {names.of(entry.after)}: {entry.reason}")
    before, after = names.value(entry.field, entry.before), names.value(entry.field, entry.after)
    return _ended(f"syncd set out to write {entry.field} = {after} (was {before}): {entry.reason}")


def _outcome(entry: Entry, names: Names) -> str:
    after = names.value(entry.field, entry.after)
    words = " ".join(str(part) for part in (entry.evidence.get("code"), entry.reason) if part)
    told = f"The write of {entry.field} = {after} (row {entry.cause_seq}) ended {entry.outcome}"
    return _ended(f"{told}: {words}" if words else told)


def _flag(entry: Entry, names: Names) -> str:
    return _ended(f"Flag {entry.after or entry.before}: {entry.reason}")


def _consent(entry: Entry, names: Names) -> str:
    scope = entry.evidence.get("scope", "global")
    return _ended(f"Consent ({scope}) to {entry.after!r}, given {output.when(entry.changed_at)}: {entry.reason}")


def _decision(entry: Entry, names: Names) -> str:
    if entry.fence is not None:
        moved = f"{entry.field} from {names.value(entry.field, entry.before)} to {names.value(entry.field, entry.after)}"
        return _ended(f"What became of {moved}: {entry.verdict}; {entry.reason}")
    campaign = entry.evidence.get("campaign")
    where = f" for campaign {names.of(campaign)}" if campaign else ""
    return _ended(f"Nurture decided {entry.verdict}{where}: {entry.reason}")


def _deleted(entry: Entry, names: Names) -> str:
    return _ended(f"The record is {entry.reason or 'gone from the org'}")


def _other(entry: Entry, names: Names) -> str:
    parts = [entry.kind, entry.field or "", entry.outcome or entry.verdict or "", entry.reason or ""]
    return _ended(" ".join(part for part in parts if part))


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


_SENTENCES = {
    "change": _change,
    "intent": _intent,
    "outcome": _outcome,
    "flag": _flag,
    "consent": _consent,
    "decision": _decision,
    "deleted": _deleted,
}
