"""Which values do all parts of syncd speak in?

Plain frozen records: what was read from the org, what changed, who did it, what was decided, what is to be written.
Ids are 18 characters, times aware UTC datetimes, and Salesforce field names stay the strings that the org uses.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default
from datetime import date, datetime
from enum import StrEnum

Scalar = str | int | float | bool | None
GLOBAL = "global"
"""The scope of an opt-out that covers all mail; others are `brand:NAME` and `topic:NAME`."""
Fields = Mapping[str, Scalar]


class ActorKind(StrEnum):
    """What sort of actor made a change."""

    PERSON = "person"
    TOOL = "tool"
    AUTOMATION = "automation"
    ADMIN = "admin"
    PARTNER = "partner"
    SHARED = "shared"
    SYNCD = "syncd"
    UNKNOWN = "unknown"


MACHINES = (ActorKind.TOOL, ActorKind.AUTOMATION)


class Proof(StrEnum):
    """How the actor of a change is known. Only `HISTORY` proves anything: LastModifiedById is a hint, behind a login that
    several use stands nobody in particular, and what automation did in somebody's name was not done by them."""

    HISTORY = "history"
    AUTOMATION = "automation"
    SHARED_LOGIN = "shared-login"
    LAST_MODIFIED = "last-modified"
    NONE = "none"


class Verdict(StrEnum):
    """What a judgement comes to, from harmless to enforced."""

    ALLOW = "allow"
    NOTE = "note"
    WARN = "warn"
    ASK = "ask"
    REVERT = "revert"


class Flag(StrEnum):
    """Why a person gets no campaign mail. Hold, the third flag, is a date field that Sales fills in the org."""

    OPTED_OUT = "opted_out"
    OPT_OUT_UNREADABLE = "opt_out_unreadable"
    UNREACHABLE = "unreachable"


class OutcomeKind(StrEnum):
    """The only ways in which an intent may end."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    NOT_SENT = "not_sent"
    NOT_APPLIED = "not_applied"


@dataclass(frozen=True, slots=True)
class Rule:
    """The line of a policy file that a decision rests on."""

    name: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in something that a person wrote: where, what, and the way out.

    `source` is the line of the file where it is at hand, `length` how many of its characters are meant, from `column` on.
    """

    file: str
    line: int
    column: int
    code: str
    text: str
    remedy: str
    length: int = default(default=1, compare=False)
    source: str = default(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column} [{self.code}] {self.text} {self.remedy}".rstrip()


@dataclass(frozen=True, slots=True)
class OrgRecord:
    """One row of the org as last read.

    `modified_at` is SystemModstamp, or CreatedDate for history objects. `fields` holds the selected fields by API
    name as JSON scalars; a relationship path such as `Profile.Name` is one key.
    """

    object: str
    id: str
    modified_at: datetime
    fields: Fields
    is_deleted: bool = False

    def text(self, name: str) -> str | None:
        """Return a field as text, or None when it is empty or not read."""
        value = self.fields.get(name)
        return None if value is None or value == "" else str(value)

    def moment(self, name: str) -> datetime | None:
        """Return a datetime field as an aware UTC datetime, or None when it is empty."""
        value = self.text(name)
        return None if value is None else datetime.fromisoformat(value)

    def day(self, name: str) -> date | None:
        """Return a date field, or None when it is empty."""
        value = self.text(name)
        return None if value is None else date.fromisoformat(value[:10])


@dataclass(frozen=True, slots=True)
class Actor:
    """Who made a change, as far as it is known. `team` is None for an actor of no team or of two."""

    user_id: str | None
    name: str
    kind: ActorKind
    team: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One field of one record, before → after, with actor and proof. `evidence` names the rows it rests on."""

    object: str
    record_id: str
    field: str
    before: Scalar
    after: Scalar
    changed_at: datetime
    actor: Actor
    proof: Proof
    evidence: Mapping[str, Scalar] = default(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A change and what was made of it. `fence` is the crossed fence, or None; `restore` what a revert writes.

    `is_knowable` False: whether the change was lawful cannot be known, and `reason` says why. `due_at`: a revert, or a question
    about one, waits until then; None: it does not.
    """

    change: Change
    verdict: Verdict
    reason: str
    fence: str | None = None
    rule: Rule | None = None
    gate: Rule | None = None
    restore: Scalar = None
    is_knowable: bool = True
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """One field of one record that is to be written, or one campaign member that is to be created.

    `key` is the idempotency key: it names this intent for ever and is the same in every retry. Intents with the same
    `record_id` and `part` travel in one request. For a create, `object` is "CampaignMember", `record_id` the person's
    id, `field` "CampaignId", `after` the campaign's id, and `values` the row to create. `decided_on` is the record's
    SystemModstamp (ISO) when the decision rests on the whole record: moved since, it is judged again, not written.
    `is_contested` is False for a field that nobody but syncd writes, and for an opt-out, which is lawful over anything: such
    a write needs no precondition.
    """

    key: str
    object: str
    record_id: str
    field: str
    before: Scalar
    after: Scalar
    part: str
    rule: Rule
    reason: str
    policy_hash: str
    cause: str
    related_id: str | None = None
    values: Fields | None = None
    decided_on: str | None = None
    is_contested: bool = True

    @property
    def is_create(self) -> bool:
        """Tell whether the intent creates a row instead of updating one."""
        return self.values is not None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one intent ended. `code` is Salesforce's error code, `text` its words or ours."""

    kind: OutcomeKind
    text: str = ""
    code: str = ""
    request_id: str = ""
    created_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the ledger before it has a sequence number. Unused parts stay None.

    `at` is the org's time of writing, `changed_at` that of the change it tells of. `cause_seq` points at an earlier
    row: from an intent to the change or decision behind it, from an outcome to its intent.
    """

    kind: str
    at: datetime
    cycle: str
    object: str | None = None
    record_id: str | None = None
    related_id: str | None = None
    field: str | None = None
    before: Scalar = None
    after: Scalar = None
    changed_at: datetime | None = None
    actor_id: str | None = None
    actor: str | None = None
    actor_kind: str | None = None
    proof: str | None = None
    team: str | None = None
    verdict: str | None = None
    fence: str | None = None
    rule: Rule | None = None
    policy_hash: str | None = None
    reason: str | None = None
    evidence: Mapping[str, Scalar] = default(default_factory=dict)
    cause_seq: int | None = None
    key: str | None = None
    outcome: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class FlagFact:
    """One piece of evidence that a person may not be mailed.

    `person_id` (Lead or Contact) or `address` (a normalised e-mail address) names whom it is about; both when both are
    known. `source` is a mapping's name or "salesforce"; `evidence` where it was read, such as `file.csv:12`. `scope` says what
    an opt-out covers. `said_at` is when it was last said, if later than `seen_at`: consent given before opens nothing.
    """

    flag: Flag
    person_id: str | None
    address: str | None
    source: str
    evidence: str
    seen_at: datetime
    scope: str = GLOBAL
    said_at: datetime | None = None

    @property
    def last_said(self) -> datetime:
        """Return when it was last said; the opt-out itself is no younger."""
        return self.seen_at if self.said_at is None else max(self.seen_at, self.said_at)


@dataclass(frozen=True, slots=True)
class InboxItem:
    """Something that needs a human. Items of one `kind` and `subject` are one item, seen again."""

    kind: str
    subject: str
    where: str
    text: str
    remedy: str
    detail: str = ""


def digest(*parts: object) -> str:
    """Return the SHA-256 of the parts as 64 hex characters. Equal parts give equal digests on every machine."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
