"""What does the engine ask of the database?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from syncd.core.consent import Consent
from syncd.core.kin import Link
from syncd.core.ladder import NO_WAITS, Wait
from syncd.core.past import Former
from syncd.core.values import Entry, FlagFact, InboxItem, Intent, OrgRecord, Outcome, Scalar
from syncd.ports.bulk import Chunk, Packed
from syncd.ports.census import CensusStore
from syncd.ports.exports import ExportFile, ExportRow, TakenFile
from syncd.ports.jobs import Job
from syncd.ports.org import Keyset
from syncd.ports.requests import Request
from syncd.ports.sifting import KnownReader, KnownWriter
from syncd.ports.tally import TallyStore


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
class InboxCard:
    """One inbox item with its number, how often and when it was seen by the org's clock, and when it was closed."""

    number: int
    item: InboxItem
    times: int
    first_at: datetime
    last_at: datetime
    resolved_at: datetime | None


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


class StoreReader(CensusStore, TallyStore, KnownReader, Protocol):
    """The database of one org, read only."""

    @property
    def indexed(self) -> Mapping[str, Sequence[str]]:
        """Return by object the fields that rows are looked up by."""
        ...

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

    def within(self, object: str, field: str, after: datetime, until: datetime) -> Iterator[list[OrgRecord]]:
        """Give live mirrored rows whose indexed time lies after one moment and not after another, in id order, by pages."""
        ...

    def count(self, object: str) -> int:
        """Count the live mirrored rows of an object."""
        ...

    def staged_objects(self) -> frozenset[str]:
        """Name the objects of which something is staged."""
        ...

    def cases(
        self,
        objects: tuple[str, ...],
        limit: int,
        *,
        history_since: datetime | None = None,
        first_sight_until: datetime | None = None,
    ) -> list[Case]:
        """Return the next staged cases of one family, subject object first, history object second, in subject id order.

        Shapes: with `history_since`, history before it stays where it is; with `first_sight_until`, only history before it
        comes, each with the mirrored row of its subject as if that had just been read for the first time.
        """
        ...

    def flags(self, person_ids: Iterable[str], addresses: Iterable[str]) -> list[FlagFact]:
        """Return all flag facts about these people or addresses."""
        ...

    def consents(self, person_ids: Iterable[str], addresses: Iterable[str]) -> list[Consent]:
        """Return all consents of these people or addresses, the oldest first."""
        ...

    def all_consents(self) -> list[Consent]:
        """Return every consent, the oldest first."""
        ...

    def former_handles(self, person_ids: Iterable[str], handles: Iterable[str]) -> list[Link]:
        """Return (person, handle) of all that these people were known by, and of all who were known by these handles."""
        ...

    def handles_of_merged(self) -> list[str]:
        """Return every address and external id by which somebody was known into whom a record was merged."""
        ...

    def flag_counts(self) -> Mapping[str, int]:
        """Count distinct people by flag, under "scoped" those opted out of a brand or topic, under "any" those with at least
        one flag, and under "consents" those who consented again."""
        ...

    def lawful(self, object: str, record_ids: Iterable[str]) -> dict[tuple[str, str], Scalar]:
        """Return the last lawful values still owed to records, by (record id, field)."""
        ...

    def waits(self, object: str, record_ids: Iterable[str]) -> dict[tuple[str, str], Wait]:
        """Return the reverts of these records that wait, by (record id, field)."""
        ...

    def due_waits(self, until: datetime, limit: int = 1000) -> list[Wait]:
        """Return the reverts whose time has come, the longest due first."""
        ...

    def verdicts(self, scope: str, subjects: Iterable[str]) -> dict[str, str]:
        """Return the last recorded verdict by subject, to record only what is new."""
        ...

    def has_file(self, sha256: str) -> bool:
        """Tell whether an export with these bytes was finished before."""
        ...

    def taken_files(self, limit: int, source: str | None = None) -> list[TakenFile]:
        """Return the files that were taken in last, newest first; of one source, or of all."""
        ...

    def export_groups(self, sha256: str, after_key: str, limit: int) -> list[tuple[str, list[ExportRow]]]:
        """Return the next staged rows of a file grouped by key, in key order, strictly after `after_key`."""
        ...

    def open_intents(self, after_seq: int = 0) -> Iterator[OpenIntent]:
        """Give every intent without an outcome in ledger order, by pages: meanwhile they may be ended."""
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

    def former(self) -> list[Former]:
        """Return what users, roles, groups and queues were before they changed, in the order in which they changed."""
        ...

    def jobs(self, kind: str) -> list[Job]:
        """Return the Bulk jobs of a kind ("query", "ingest") that are not done with, oldest first."""
        ...

    def inbox(self, *, kind: str | None = None, open_only: bool = True) -> list[tuple[int, InboxItem, int]]:
        """Return (number, item, times seen) of the inbox, or of one kind of items."""
        ...

    def inbox_cards(self, *, kind: str | None = None, open_only: bool = True) -> list[InboxCard]:
        """Return the inbox with everything that is known of each item, in order of number."""
        ...

    def cycles(self, limit: int = 20) -> list[CycleRecord]:
        """Return the latest cycles, newest first."""
        ...

    def lease_holder(self) -> LeaseHolder | None:
        """Return who holds the lease now, or None; an expired lease or a dead process on this host holds nothing."""
        ...


class StoreWriter(KnownWriter, Protocol):
    """Changes that become durable together, or not at all."""

    def put_setting(self, key: str, value: object) -> None:
        """Store a JSON value."""
        ...

    def stage(self, object: str, records: Sequence[OrgRecord], subject_field: str | None, read: Keyset | None) -> int:
        """Stage rows as read and move the read mark. `subject_field` names the parent reference of a history object.

        Shapes: rows that are in the mirror as they are, or newer, are not staged; returns how many were left out.
        """
        ...

    def stage_deleted(self, object: str, ids: Sequence[str], covered_until: datetime) -> None:
        """Stage deletions (in their case, `staged` is the mirrored row with `is_deleted`) and move the deletes mark."""
        ...

    def mirror(self, records: Sequence[OrgRecord], known: Mapping[str, OrgRecord | None] = ...) -> None:
        """Insert or replace mirrored rows with their keys, history rows included.

        Shapes: `known` saves reading again what the mirror holds until now, by id; None: it has no such row.
        """
        ...

    def load(self, packed: Packed) -> int:
        """Put rows of a first load straight into the mirror; those that are there stay as they are. Returns how many are new.

        Shapes: nobody can look them up by key before `key_loaded`.
        """
        ...

    def reload(self, packed: Packed, subject_field: str | None) -> int:
        """Take rows of an object that is read again. Returns how many are staged to be decided.

        Shapes: a row whose stamp is the mirror's is put into the mirror: what differs is a field that is new to syncd, or one
        that Salesforce works out. Other rows are staged, unless the mirror has a newer one.
        """
        ...

    def key_loaded(self, object: str, after_id: str = "") -> str | None:
        """Make the keys of rows that were loaded, in id order, some of them in each transaction.

        Shapes: returns the id to go on after, or None when all rows have their keys.
        """
        ...

    def unstage(
        self,
        objects: tuple[str, ...],
        subject_ids: Sequence[str],
        *,
        history_since: datetime | None = None,
        first_sight_until: datetime | None = None,
    ) -> None:
        """Drop the staged rows of these subjects of one family, as `cases` with the same limits gave them."""
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
        """Store flag facts; one that is known (same flag, person, address, source, scope) stays as it was. Returns how many
        were new."""
        ...

    def renew_flags(self, facts: Sequence[FlagFact]) -> None:
        """Store flag facts that were said again: of one that is known only the time of that is kept."""
        ...

    def add_consents(self, given: Sequence[Consent]) -> int:
        """Store consents; one that is known (same person, address, scope, time, source) stays as it was. Returns how many
        were new."""
        ...

    def add_former_handles(self, links: Iterable[Link]) -> None:
        """Remember what people were known by; what is remembered already stays."""
        ...

    def clear_flags(self, facts: Sequence[FlagFact]) -> None:
        """Drop facts of flags that may clear themselves (never OPTED_OUT: that raises AssertionError)."""
        ...

    def owe(
        self, object: str, lawful: Mapping[tuple[str, str], Scalar], waits: Mapping[tuple[str, str], Wait] = NO_WAITS
    ) -> None:
        """Remember the last lawful values that records are owed, by (record id, field), in place of what was known of them.

        Shapes: `waits` holds those whose reverts wait for their time, or for a person's word; they end with the debt.
        """
        ...

    def settle_debts(self, object: str, debts: Sequence[tuple[str, str]]) -> None:
        """Forget what records were owed, as (record id, field): their values are lawful again."""
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
        """Mark a file as finished and drop its staged rows."""
        ...

    def reopen_file(self, sha256: str) -> None:
        """Have a finished file taken in once more when it comes; nothing happens to one that is not finished."""
        ...

    def put_former(self, rows: Sequence[Former]) -> None:
        """Keep what rows of the directory were until they changed; what is kept for that time already is replaced."""
        ...

    def put_inbox(self, items: Sequence[InboxItem], at: datetime) -> None:
        """Add items; one with the same kind and subject is the same item, seen again."""
        ...

    def put_job(self, job: Job) -> None:
        """Remember a Bulk job, or replace what was known of it."""
        ...

    def drop_job(self, key: str) -> None:
        """Forget a Bulk job: all of it is done."""
        ...

    def resolve_inbox(self, kind: str, subjects: Sequence[str], at: datetime) -> None:
        """Close items whose cause is gone."""
        ...

    def put_cycle(self, cycle: CycleRecord) -> None:
        """Record a finished cycle."""
        ...

    def take_request(self, request: Request, at: datetime) -> None:
        """Note that a request is being carried out, and how often that was begun."""
        ...

    def finish_request(self, number: int, payload: Mapping[str, Any], result: Mapping[str, Any], at: datetime) -> None:
        """Note what became of a request; `payload` replaces what was asked, so that no list of records stays behind."""
        ...


class Store(StoreReader, Protocol):
    """The database of one org."""

    def begin(self, *, as_writer: bool = True) -> AbstractContextManager[StoreWriter]:
        """Open one write transaction: committed at the end of the block, rolled back when it raises.

        Raises LeaseHeld when another process is the one writer; `as_writer` is False for what commands may append then.
        """
        ...

    def index(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Say which fields of which object `by_key` and `scan` look up. Rows mirrored before get their keys at once."""
        ...

    def pack(self, chunk: Chunk) -> Packed:
        """Prepare rows for `load` or `reload`, outside of the transaction that then takes them."""
        ...

    def scratch(self) -> AbstractContextManager[Store]:
        """Give a private layer over this store: reads see the store, writes vanish at the end. `plan` runs on it."""
        ...

    def ask(self, verb: str, payload: Mapping[str, Any], by: str, at: datetime) -> int:
        """Append a request for the one writer and return its number. It needs no lease."""
        ...

    def withdraw(self, number: int, result: Mapping[str, Any], at: datetime) -> bool:
        """Close a request that nobody has taken up; False when somebody has. It needs no lease."""
        ...

    def request(self, number: int) -> Request | None:
        """Return one request, or None."""
        ...

    def waiting_requests(self) -> Sequence[Request]:
        """Return what is not done yet, oldest first; what was taken up by a writer that died over it is among them."""
        ...

    def acquire_lease(self, host: str, pid: int, at: datetime | None = None) -> None:
        """Become the one writer. Raises LeaseHeld naming host, pid and since when. Without `at` the store's clock counts."""
        ...

    def renew_lease(self, host: str, pid: int, at: datetime | None = None) -> None:
        """Keep the lease alive; nothing happens when it was given back. Raises LeaseHeld when another took it."""
        ...

    def checkpoint(self) -> None:
        """Bring the database up to date with its log, as the one writer does after each cycle."""
        ...

    def check_writer(self) -> None:
        """Make sure, right before anything leaves for the org, that no other process took over. Raises LeaseHeld."""
        ...

    def release_lease(self, host: str, pid: int) -> None:
        """Give the lease back; nothing happens when it is not ours."""
        ...

    def dispose(self) -> None:
        """Close all connections."""
        ...
