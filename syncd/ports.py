"""What does the engine ask of the world?

Protocols only: Salesforce (`OrgReader`, `OrgWriter`), the export folder (`Exports`), the database (`Store`) and the host's
clock. The adapters live in `salesforce/`, `exports/`, `store/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from syncd.core.mapping import SourceMapping
from syncd.core.rows import ParsedRow
from syncd.core.values import Entry, Flag, FlagFact, InboxItem, Intent, OrgRecord, Outcome, Problem, Scalar

# --- Salesforce -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrgIdentity:
    """Which org this is and as whom syncd runs in it. Ids have 18 characters."""

    org_id: str
    user_id: str
    instance_url: str


@dataclass(frozen=True, slots=True)
class ApiUsage:
    """Daily API requests of the whole org, from Sforce-Limit-Info; `ours` counts this process's own calls."""

    used: int
    allowed: int
    ours: int


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """One visible field, from describe. `picklist` holds the active values' API names, empty for other types."""

    name: str
    type: str
    length: int
    is_updateable: bool
    is_createable: bool
    is_external_id: bool
    picklist: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ObjectSchema:
    """One visible object. A field that is absent may exist and be hidden by field-level security."""

    name: str
    fields: Mapping[str, FieldSchema]
    is_updateable: bool
    is_createable: bool


@dataclass(frozen=True, slots=True, order=True)
class Keyset:
    """A place in an object's rows ordered by (stamp, Id): everything up to and including it has been read."""

    at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Pull:
    """Rows of one object that changed: from `since_at` on (inclusive), or strictly after the keyset `after`; else all.

    Rows come ordered by (`stamp_field`, Id). `stamp_field` is SystemModstamp, or CreatedDate for history objects.
    """

    object: str
    fields: tuple[str, ...]
    stamp_field: str = "SystemModstamp"
    since_at: datetime | None = None
    after: Keyset | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of one pull, in order."""

    object: str
    records: tuple[OrgRecord, ...]
    is_last: bool


@dataclass(frozen=True, slots=True)
class DeletedSince:
    """Ask which rows of an object were deleted since then."""

    object: str
    since_at: datetime


@dataclass(frozen=True, slots=True)
class Deletions:
    """Rows of one object that are gone. `covered_until` is where to ask from next; `is_complete` is False when the org
    no longer knows all deletes since the time asked for."""

    object: str
    ids: tuple[str, ...]
    covered_until: datetime
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Fresh:
    """Rows as they stand now. `asked_at` is the org's clock in the answer *before* this request was sent: a row stamped
    in that second or later may still change within the same second (HTTP dates have one-second grain)."""

    records: Mapping[str, OrgRecord]
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Update:
    """One conditional update: applied only when the row was not modified after `unmodified_since`."""

    object: str
    id: str
    values: Mapping[str, Scalar]
    unmodified_since: datetime


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What Salesforce answered for one row, by position.

    `status`: "done"; "stale" (precondition failed, HTTP 412); "gone" (deleted, merged or not visible); "locked" (row
    lock: try that row again); "duplicate" (a unique key exists already); "refused" (with Salesforce's code and text).
    """

    status: str
    id: str | None = None
    code: str = ""
    text: str = ""
    request_id: str = ""


class OrgReader(Protocol):
    """One Salesforce org, read only. Methods raise OrgUnreachable, OrgRefused, LoginRefused, BudgetSpent."""

    def identity(self) -> OrgIdentity:
        """Log in when needed and say which org and user this is. Costs no API call."""
        ...

    def now(self) -> datetime:
        """Return the org's clock as in the `Date` header of the latest answer."""
        ...

    def usage(self) -> ApiUsage:
        """Return the API usage as in the latest answer."""
        ...

    def schema(self, objects: Sequence[str]) -> Mapping[str, ObjectSchema]:
        """Describe up to 25 objects in one API call; an object that is not visible is absent from the answer."""
        ...

    def pull(self, pulls: Sequence[Pull], deleted: Sequence[DeletedSince] = ()) -> Iterator[Page | Deletions]:
        """Read changed rows: at most 5 pulls and 20 deletion questions travel in one API call, further pages one call each."""
        ...

    def read(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Fresh:
        """Read rows by id as they stand now, at most 2,000 a call; missing, deleted or invisible rows are absent."""
        ...

    def find(self, object: str, fields: Sequence[str], where: Mapping[str, Sequence[Scalar]]) -> Fresh:
        """Find rows whose fields each hold one of the given values (AND over fields, IN over values).

        An empty list of values asks nothing and finds nothing.
        """
        ...


class OrgWriter(OrgReader, Protocol):
    """One Salesforce org that may be written to. Only `engine.act` holds one."""

    def update(self, updates: Sequence[Update]) -> list[WriteResult]:
        """Send at most 25 conditional updates in one API call, assignment rules off. Raises AnswerLost when no answer came."""
        ...

    def create(self, object: str, rows: Sequence[Mapping[str, Scalar]]) -> list[WriteResult]:
        """Create at most 200 rows in one API call. Raises AnswerLost when no answer came."""
        ...


# --- Exports --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file waiting in the drop folder of one source. `sha256` is that of its bytes."""

    source: str
    path: str
    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One parsed row, as JSON scalars: see `syncd.core.mapping`."""

    line: int
    key: str
    version: str
    payload: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Header:
    """The header of an export of one source; `extra` columns are in the file and not in the mapping."""

    columns: tuple[str, ...]
    extra: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a whole export is not taken; nothing of it may be applied.

    `kind`: "refuse" (it never will be), "pause" (it has no rows: somebody must look), "wait" (it changed while it was read).
    """

    problem: Problem
    kind: str = "refuse"


Item = Header | ParsedRow | Problem | Refused


class Exports(Protocol):
    """The drop folder of every source's exports."""

    def waiting(self, mapping: SourceMapping) -> tuple[list[ExportFile], list[Problem]]:
        """Return the files of a source that may be read now, in name order, and what may never be read."""
        ...

    def rows(self, file: ExportFile, mapping: SourceMapping, now_at: datetime | None = None) -> Iterator[Item]:
        """Read a file: its header, then a row or a problem for each record."""
        ...

    def done(self, file: ExportFile) -> None:
        """Put a finished file away; nothing happens when it is there already."""
        ...

    def refused(self, file: ExportFile) -> None:
        """Put a file away that will never be taken."""
        ...


# --- Store ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mark:
    """How far one object is kept: `decided_at` (the watermark), `read` (the keyset staged), `deleted_at` (deletes followed)."""

    decided_at: datetime | None = None
    read: Keyset | None = None
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """All that is new about one subject (a lead, an opportunity, a user …).

    `staged` is the row as just read (None when only history arrived), `known` the row as mirrored before (None at first
    sight), `history` its staged history rows that the mirror does not have yet, in (CreatedDate, Id) order.
    """

    subject_id: str
    staged: OrgRecord | None
    known: OrgRecord | None
    history: tuple[OrgRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One stored ledger row with its sequence number and leaf hash (64 hex characters)."""

    seq: int
    entry: Entry
    leaf: str


@dataclass(frozen=True, slots=True)
class OpenIntent:
    """An intent that has no outcome yet; `seq` is its ledger row."""

    seq: int
    cycle: str
    intent: Intent


@dataclass(frozen=True, slots=True)
class Verification:
    """What recomputing the ledger found. `problems` is empty when all is well; each names the first bad row and what is wrong."""

    rows: int
    root: str
    open_intents: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LedgerQuery:
    """Which ledger rows to show; every given part must match. `newest_first` turns the order round."""

    record_id: str | None = None
    field: str | None = None
    actor: str | None = None
    kind: str | None = None
    verdict: str | None = None
    outcome: str | None = None
    since_at: datetime | None = None
    until_at: datetime | None = None
    limit: int = 1000
    newest_first: bool = False


@dataclass(frozen=True, slots=True)
class LeaseHolder:
    """Who writes for an org."""

    host: str
    pid: int
    since_at: datetime


@dataclass(frozen=True, slots=True)
class CycleRecord:
    """One finished cycle: its id, the org's time at its begin and end, and its counts by name."""

    id: str
    started_at: datetime
    ended_at: datetime
    counts: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None


class StoreReader(Protocol):
    """The database of one org, read only."""

    def setting(self, key: str) -> object:
        """Return a stored JSON value, or None."""
        ...

    def marks(self) -> Mapping[str, Mark]:
        """Return the marks by object name."""
        ...

    def get(self, object: str, ids: Iterable[str]) -> dict[str, OrgRecord]:
        """Return mirrored rows by id; deleted rows come with `is_deleted`."""
        ...

    def by_key(self, object: str, field: str, values: Iterable[str]) -> list[OrgRecord]:
        """Return live mirrored rows whose indexed field equals one of the values (e-mail: normalised), in id order."""
        ...

    def scan(
        self, object: str, *, field: str | None = None, values: Iterable[str] = (), after_id: str = "", limit: int = 1000
    ) -> list[OrgRecord]:
        """Return the next live rows of an object in id order, optionally only those with an indexed value."""
        ...

    def count(self, object: str) -> int:
        """Count the live mirrored rows of an object."""
        ...

    def cases(self, objects: tuple[str, ...], limit: int) -> list[Case]:
        """Return the next staged cases of one family, subject object first, history object second, in subject id order."""
        ...

    def flags(self, person_ids: Iterable[str], addresses: Iterable[str]) -> list[FlagFact]:
        """Return all flag facts about these people or addresses."""
        ...

    def flag_counts(self) -> Mapping[str, int]:
        """Count distinct people by flag, and under "any" those with at least one."""
        ...

    def lawful(self, object: str, record_ids: Iterable[str]) -> dict[tuple[str, str], Scalar]:
        """Return the last lawful values still owed to records, by (record id, field)."""
        ...

    def verdicts(self, scope: str, subjects: Iterable[str]) -> dict[str, str]:
        """Return the last recorded verdict by subject, to record only what is new."""
        ...

    def has_file(self, sha256: str) -> bool:
        """Tell whether an export with these bytes was finished before."""
        ...

    def export_groups(self, sha256: str, after_key: str, limit: int) -> list[tuple[str, list[ExportRow]]]:
        """Return the next staged rows of a file grouped by key, in key order, strictly after `after_key`."""
        ...

    def open_intents(self, limit: int = 10_000, after_seq: int = 0) -> list[OpenIntent]:
        """Return intents without an outcome in ledger order."""
        ...

    def deferred(self) -> list[Intent]:
        """Return the intents that the mass-change limit or a mode of asking held back, in the order of their deferral."""
        ...

    def count_open(self) -> int:
        """Count the intents without an outcome."""
        ...

    def ledger(self, query: LedgerQuery) -> Iterator[LedgerRow]:
        """Return ledger rows in order of sequence (a row matches `record_id` by its record or its related record)."""
        ...

    def ledger_size(self) -> int:
        """Return the number of ledger rows."""
        ...

    def verify(self) -> Verification:
        """Recompute leaves, commitments and the RFC 6962 root, and check that every closed intent has exactly one outcome."""
        ...

    def inbox(self, *, open_only: bool = True) -> list[tuple[int, InboxItem, int]]:
        """Return (number, item, times seen) of the inbox."""
        ...

    def cycles(self, limit: int = 20) -> list[CycleRecord]:
        """Return the latest cycles, newest first."""
        ...

    def lease_holder(self) -> LeaseHolder | None:
        """Return who holds the lease now, or None; an expired lease or a dead process on this host holds nothing."""
        ...


class StoreWriter(Protocol):
    """Changes that become durable together, or not at all."""

    def put_setting(self, key: str, value: object) -> None:
        """Store a JSON value."""
        ...

    def stage(self, object: str, records: Sequence[OrgRecord], subject_field: str | None, read: Keyset | None) -> None:
        """Stage rows as read and move the read mark. `subject_field` names the parent reference of a history object."""
        ...

    def stage_deleted(self, object: str, ids: Sequence[str], covered_until: datetime) -> None:
        """Stage deletions (in their case, `staged` is the mirrored row with `is_deleted`) and move the deletes mark."""
        ...

    def mirror(self, records: Sequence[OrgRecord]) -> None:
        """Insert or replace mirrored rows with their keys, history rows included."""
        ...

    def unstage(self, objects: tuple[str, ...], subject_ids: Sequence[str]) -> None:
        """Drop the staged rows of these subjects of one family."""
        ...

    def advance(self, object: str, decided_at: datetime) -> None:
        """Move the watermark and set the read mark back to it."""
        ...

    def append(self, entries: Sequence[Entry]) -> list[int]:
        """Append ledger rows and return their sequence numbers."""
        ...

    def open(self, intents: Sequence[tuple[Intent, int | None]], at: datetime, cycle: str) -> list[int]:
        """Append intents (with the sequence number of their cause) to the ledger and the outbox; a known key is skipped."""
        ...

    def close(self, outcomes: Sequence[tuple[OpenIntent, Outcome]], at: datetime, cycle: str) -> None:
        """Append outcomes and take their intents out of the outbox."""
        ...

    def defer(self, intents: Sequence[Intent]) -> None:
        """Keep intents that wait for a person's word; one for the same object, record, field and value is kept once."""
        ...

    def undefer(self, intents: Sequence[Intent]) -> None:
        """Forget waiting intents for the same object, record, field and value."""
        ...

    def forget_marks(self, object: str) -> None:
        """Forget how far an object was read, so that it is read again from the beginning."""
        ...

    def add_flags(self, facts: Sequence[FlagFact]) -> int:
        """Store flag facts; one that is known (same flag, person, address, source) stays as it was. Returns how many were new."""
        ...

    def clear_flags(self, flag: Flag, source: str, person_ids: Sequence[str]) -> None:
        """Drop facts of a flag that may clear itself (never OPTED_OUT: that raises AssertionError)."""
        ...

    def owe(self, object: str, record_id: str, field: str, lawful: Scalar) -> None:
        """Remember the last lawful value that a record is owed."""
        ...

    def settle_debt(self, object: str, record_id: str, field: str) -> None:
        """Forget what a record was owed: its value is lawful again."""
        ...

    def put_verdicts(self, scope: str, verdicts: Mapping[str, str]) -> None:
        """Remember the last recorded verdicts."""
        ...

    def begin_file(self, file: ExportFile) -> None:
        """Start staging a file; rows of an earlier unfinished attempt are dropped."""
        ...

    def stage_rows(self, sha256: str, rows: Sequence[ExportRow]) -> None:
        """Stage parsed rows of a file."""
        ...

    def finish_file(self, sha256: str, counts: Mapping[str, int], at: datetime) -> None:
        """Mark a file as finished for ever and drop its staged rows."""
        ...

    def put_inbox(self, items: Sequence[InboxItem], at: datetime) -> None:
        """Add items; one with the same kind and subject is the same item, seen again."""
        ...

    def resolve_inbox(self, kind: str, subjects: Sequence[str], at: datetime) -> None:
        """Close items whose cause is gone."""
        ...

    def put_cycle(self, cycle: CycleRecord) -> None:
        """Record a finished cycle."""
        ...


class Store(StoreReader, Protocol):
    """The database of one org."""

    def begin(self) -> AbstractContextManager[StoreWriter]:
        """Open one write transaction: committed at the end of the block, rolled back when it raises."""
        ...

    def index(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Say which fields of which object `by_key` and `scan` look up. Rows mirrored before get their keys at once."""
        ...

    def scratch(self) -> AbstractContextManager[Store]:
        """Give a private layer over this store: reads see the store, writes vanish at the end. `plan` runs on it."""
        ...

    def acquire_lease(self, host: str, pid: int, at: datetime) -> None:
        """Become the one writer. Raises LeaseHeld naming host, pid and since when."""
        ...

    def renew_lease(self, host: str, pid: int, at: datetime) -> None:
        """Keep the lease alive. Raises LeaseHeld when another took it."""
        ...

    def release_lease(self, host: str, pid: int) -> None:
        """Give the lease back; nothing happens when it is not ours."""
        ...

    def dispose(self) -> None:
        """Close all connections."""
        ...


class Clock(Protocol):
    """The host's clock. Decisions never use it: they use the org's."""

    def now(self) -> datetime:
        """Return the host's time as an aware UTC datetime."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...
