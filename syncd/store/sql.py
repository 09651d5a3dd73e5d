"""How is one org's database opened, read, written and copied?"""

from __future__ import annotations

import secrets
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NoReturn

from sqlalchemy import Connection, Engine, select, union
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from syncd.errors import StoreUnusable
from syncd.store import postgres, sqlite, tables
from syncd.store.base import Database
from syncd.store.counting import CountReads
from syncd.store.export_known import KnownReads, KnownWrites
from syncd.store.export_rows import ExportReads, ExportWrites
from syncd.store.faults import in_our_words
from syncd.store.flags import FlagReads, FlagWrites
from syncd.store.former import FormerReads, FormerWrites
from syncd.store.jobs import JobReads, JobWrites
from syncd.store.lease import Leases
from syncd.store.ledger import LedgerReads, LedgerWrites
from syncd.store.loading import LoadReads, LoadWrites
from syncd.store.mirror import MirrorReads, MirrorWrites, read_indexed, refuse_reindex, reindex
from syncd.store.notes import NoteReads, NoteWrites
from syncd.store.requests import Requests, RequestWrites
from syncd.store.schema import is_current, migrate, version_of
from syncd.store.staging import StagingReads, StagingWrites
from syncd.store.tallying import TallyReads


def _nothing() -> None:
    """Do nothing."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the store takes from the world, to be set by tests.

    `now` and `host` decide only whether a lease seen by a reader is still alive; `before_commit` and `after_commit` run
    around every commit of `begin()`.
    """

    now: Callable[[], datetime] = _utc_now
    host: str = ""
    salts: Callable[[int], bytes] = secrets.token_bytes
    before_commit: Callable[[], None] = _nothing
    after_commit: Callable[[], None] = _nothing


class SqlWriter(
    MirrorWrites,
    LoadWrites,
    StagingWrites,
    NoteWrites,
    FlagWrites,
    ExportWrites,
    KnownWrites,
    LedgerWrites,
    JobWrites,
    RequestWrites,
    FormerWrites,
):
    """One write transaction."""


class SqlStore(
    MirrorReads,
    LoadReads,
    CountReads,
    TallyReads,
    StagingReads,
    NoteReads,
    FlagReads,
    ExportReads,
    KnownReads,
    LedgerReads,
    JobReads,
    FormerReads,
    Leases,
    Requests,
):
    """The database of one org. Made by `open_store`.

    `is_new`: the database was made by this opening; its ledger is empty. `identity`: the file that writers must still find at
    its path; None where the database is no file of its own name.
    """

    is_new = False
    identity: sqlite.FileIdentity | None = None
    log: sqlite.Log | None = None

    def __init__(self, database: Database, org: str, where: str, around: Surroundings, *, read_only: bool) -> None:
        self.database = database
        self.engine = database.readers
        self.org = org
        self.where = where
        self.read_only = read_only
        self.now = around.now
        self.host = around.host or socket.gethostname()
        self._around = around
        self._writers = database.writers(org)
        self._write_lock = threading.Lock()
        self._writing_thread = 0
        with self._reading() as connection:
            self.indexed: Mapping[str, Sequence[str]] = read_indexed(connection, org)

    @contextmanager
    def _writing(self, *, as_writer: bool = True) -> Iterator[Connection]:
        if self.read_only:
            raise AssertionError("this store was opened for reading only")
        self._check_file()
        with self._one_thread(), in_our_words(self.where, partial(self.database.lockers, self.org)):
            with self._writers.begin() as connection:
                if as_writer:
                    self._require_writer(connection)
                yield connection
                if as_writer:
                    self._beat_along(connection)
                self._check_file()
            if self.log is not None and self.holds_lease:
                self.log.keep_short()

    @contextmanager
    def _one_thread(self) -> Iterator[None]:
        """Let the threads of this process write one after the other, without waiting for each other in the database."""
        if self._writing_thread == threading.get_ident():
            raise AssertionError("a write transaction was begun inside another one of the same thread")
        with self._write_lock:
            self._writing_thread = threading.get_ident()
            try:
                yield
            finally:
                self._writing_thread = 0

    def _check_file(self) -> None:
        """Refuse to write into a file that nobody would find again. Errors: StoreUnusable."""
        if self.identity is not None:
            self.identity.check()

    @contextmanager
    def begin(self, *, as_writer: bool = True) -> Iterator[SqlWriter]:
        """Open one write transaction: committed at the end of the block, rolled back when it raises.

        Shapes: `as_writer` is False for what a command may append while another process holds the lease: to `requests`.
        Errors: LeaseHeld when another process is the one writer now; StoreUnusable, permanent, when the database file was
                removed or replaced since it was opened.
        """
        with self._writing(as_writer=as_writer) as connection:
            yield SqlWriter(connection, self.org, self.indexed, self._around.salts)
            self._around.before_commit()
        self._around.after_commit()

    def index(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Say which fields of which object `by_key` and `scan` look up. Rows mirrored before get their keys at once.

        Errors: StoreUnusable when a store opened for reading lacks one of them.
        """
        wanted = {object: tuple(sorted(set(names))) for object, names in fields.items() if names}
        if self.read_only:
            if any(set(names) - set(self.indexed.get(object, ())) for object, names in wanted.items()):
                raise refuse_reindex(self.where)
            return
        if wanted != self.indexed:
            with self._writing() as connection:
                reindex(connection, self.org, wanted)
            self.indexed = wanted

    @contextmanager
    def scratch(self) -> Iterator[SqlStore]:
        """Give a private layer over this store: reads see the store, writes vanish at the end. `plan` runs on it.

        Errors: StoreUnusable when there is no room for the copy.
        """
        if self.engine.dialect.name == postgres.DIALECT:
            with in_our_words(self.where), postgres.private_layer(self.database, self.org) as connection:
                yield LayerStore(connection, self)
            return
        with tempfile.TemporaryDirectory(prefix="syncd-") as folder:
            path = Path(folder) / "scratch.db"
            with in_our_words(self.where):
                sqlite.copy_to(self.engine, path)
            copy = SqlStore(
                sqlite.database_on(path, is_durable=False),
                self.org,
                f"{self.where} (private copy)",
                self._around,
                read_only=False,
            )
            copy.is_private = True
            try:
                yield copy
            finally:
                copy.dispose()

    def checkpoint(self) -> None:
        """Bring the file up to date with its log, as the one writer does after each cycle. Nothing to do on PostgreSQL."""
        if self.log is not None and self.holds_lease:
            with self._one_thread(), in_our_words(self.where):
                self.log.checkpoint()

    def dispose(self) -> None:
        """Close all connections; those that write last: the last one of SQLite's empties its log into the file."""
        self.unclaim()
        self.database.dispose()


class LayerStore(SqlStore):
    """A private layer on one connection of a PostgreSQL database: what is read there includes what is being written."""

    is_private = True

    def __init__(self, connection: Connection, real: SqlStore) -> None:
        self._connection = connection
        self._taking_turns = threading.RLock()
        database = Database(real.engine, lambda org: real.engine)
        super().__init__(database, real.org, f"{real.where} (private copy)", real._around, read_only=False)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._taking_turns, in_our_words(self.where):
            if self._connection.in_transaction():
                yield self._connection
            else:
                with self._connection.begin():
                    yield self._connection

    @contextmanager
    def _writing(self, *, as_writer: bool = True) -> Iterator[Connection]:
        with self._taking_turns, in_our_words(self.where), self._connection.begin():
            yield self._connection

    def scratch(self) -> NoReturn:
        """Refuse a layer over a layer."""
        raise AssertionError("a private layer has no private layer of its own")

    def dispose(self) -> None:
        """Leave the connection to the store that lent it."""


def open_store(url: str, org_id: str | None, *, read_only: bool = False, around: Surroundings | None = None) -> SqlStore:
    """Open the database of one org; one that is missing is created (`is_new`), one of an older syncd is brought up to date.

    Shapes: `read_only` changes nothing and may leave `org_id` None: then the only org in the database is meant.
    Errors: StoreUnusable for a missing folder, or a file that is missing when only reading, malformed, another program's or
    of a newer syncd; a damaged file is never replaced.
    """
    if org_id is None and not read_only:
        raise ValueError("only a reader may leave the org open")
    parsed = _parsed(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    where = parsed.database if is_sqlite and parsed.database else postgres.shown(parsed)
    if is_sqlite:
        opened = sqlite.open_file(parsed, read_only=read_only, migrate=migrate)
        database, identity, is_new = opened.database, opened.identity, opened.is_new
    else:
        database, identity, is_new = postgres.database_at(parsed, read_only=read_only), None, False
    try:
        with in_our_words(where):
            is_new |= _bring_up_to_date(database, where, read_only=read_only)
            org = org_id if org_id is not None else _only_org(database.readers, where)
        store = SqlStore(database, org, where, around or Surroundings(), read_only=read_only)
        store.identity, store.is_new = identity, is_new
        if identity is not None and not read_only:
            store.log = sqlite.Log(identity.path, database.writers(store.org))
        return store
    except BaseException:
        database.dispose()
        raise


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() in ("sqlite", postgres.DIALECT):
            return parsed
    except ArgumentError:
        pass
    raise StoreUnusable(
        "The database URL cannot be read.",
        hint="Write [store] url in config.toml as sqlite:////var/lib/syncd/syncd.db or postgresql://user@host/database.",
    )


def _bring_up_to_date(database: Database, where: str, *, read_only: bool) -> bool:
    """Make or migrate the tables; tell whether there were none before."""
    with database.readers.connect() as connection:
        if is_current(connection, where, may_migrate=not read_only):
            return False
    with database.writers("").begin() as connection:
        if is_current(connection, where, may_migrate=True):  # another process may have done it meanwhile
            return False
        is_new = version_of(connection) is None
        migrate(connection)
        return is_new


def _only_org(engine: Engine, where: str) -> str:
    sources = (tables.lease, tables.settings, tables.marks, tables.ledger_head)
    with engine.connect() as connection:
        orgs = sorted(connection.execute(union(*(select(table.c.org) for table in sources))).scalars())
    if not orgs:
        raise StoreUnusable(
            f"{where}: holds no org yet.", hint="Run `syncd run --once` first: it connects the org of config.toml."
        )
    if len(orgs) > 1:
        raise StoreUnusable(f"{where}: holds several orgs: {', '.join(orgs)}.", hint="Say which one is meant.")
    return str(orgs[0])
