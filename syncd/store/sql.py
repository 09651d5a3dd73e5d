"""How is one org's database opened, read, written and copied?"""

from __future__ import annotations

import secrets
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, select, union
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from syncd.errors import StoreUnusable
from syncd.store import sqlite, tables
from syncd.store.base import in_our_words
from syncd.store.export_rows import ExportReads, ExportWrites
from syncd.store.jobs import JobReads, JobWrites
from syncd.store.lease import Leases
from syncd.store.ledger import LedgerReads, LedgerWrites
from syncd.store.mirror import MirrorReads, MirrorWrites, read_indexed, refuse_reindex, reindex
from syncd.store.notes import NoteReads, NoteWrites
from syncd.store.requests import Requests, RequestWrites
from syncd.store.schema import is_current, migrate
from syncd.store.staging import StagingReads, StagingWrites


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


class SqlWriter(MirrorWrites, StagingWrites, NoteWrites, ExportWrites, LedgerWrites, JobWrites, RequestWrites):
    """One write transaction."""


class SqlStore(MirrorReads, StagingReads, NoteReads, ExportReads, LedgerReads, JobReads, Leases, Requests):
    """The database of one org. Made by `open_store`.

    `is_new`: the database was made by this opening; its ledger is empty. `identity`: the file that writers must still find at
    its path; None where the database is no file of its own name.
    """

    is_new = False
    identity: sqlite.FileIdentity | None = None

    def __init__(self, engine: Engine, org: str, where: str, around: Surroundings, *, read_only: bool) -> None:
        self.engine = engine
        self.org = org
        self.where = where
        self.read_only = read_only
        self.now = around.now
        self.host = around.host or socket.gethostname()
        self._around = around
        self._writers = engine.execution_options(syncd_writes=True)
        with self._reading() as connection:
            self.indexed: Mapping[str, Sequence[str]] = read_indexed(connection, org)

    @contextmanager
    def _writing(self, *, as_writer: bool = True) -> Iterator[Connection]:
        if self.read_only:
            raise AssertionError("this store was opened for reading only")
        self._check_file()
        with in_our_words(self.where), self._writers.begin() as connection:
            if as_writer:
                self._require_writer(connection)
            yield connection
            if as_writer:
                self._beat_along(connection)
            self._check_file()

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
        if self.engine.dialect.name != "sqlite":
            raise StoreUnusable(f"{self.where}: a private copy can be made of SQLite databases only.")
        with tempfile.TemporaryDirectory(prefix="syncd-") as folder:
            path = Path(folder) / "scratch.db"
            with in_our_words(self.where):
                sqlite.copy_to(self.engine, path)
            copy = SqlStore(
                sqlite.engine_on(path, is_durable=False), self.org, f"{self.where} (private copy)", self._around, read_only=False
            )
            copy.is_private = True
            try:
                yield copy
            finally:
                copy.dispose()

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def open_store(url: str, org_id: str | None, *, read_only: bool = False, around: Surroundings | None = None) -> SqlStore:
    """Open the database of one org; one that is missing is created (`is_new`), one of an older syncd is brought up to date.

    Shapes: `read_only` changes nothing and may leave `org_id` None: then the only org in the database is meant.
    Errors: StoreUnusable for a missing folder, or a file that is missing when only reading, malformed, another program's or
    of a newer syncd; a damaged file is never replaced.
    """
    if org_id is None and not read_only:
        raise ValueError("only a reader may leave the org open")
    parsed = _parsed(url)
    where = parsed.database if parsed.get_backend_name() == "sqlite" and parsed.database else parsed.render_as_string()
    engine, identity, is_new = _opened(parsed, read_only=read_only)
    try:
        with in_our_words(where):
            _bring_up_to_date(engine, where, read_only=read_only)
            org = org_id if org_id is not None else _only_org(engine, where)
        store = SqlStore(engine, org, where, around or Surroundings(), read_only=read_only)
        store.identity, store.is_new = identity, is_new
        return store
    except BaseException:
        engine.dispose()
        raise


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise StoreUnusable(
            "The database URL cannot be read.",
            hint="Write [store] url in config.toml as sqlite:////var/lib/syncd/syncd.db.",
        ) from error


def _opened(url: URL, *, read_only: bool) -> tuple[Engine, sqlite.FileIdentity | None, bool]:
    if url.get_backend_name() == "sqlite":
        opened = sqlite.open_file(url, read_only=read_only, migrate=migrate)
        return opened.engine, opened.identity, opened.is_new
    return create_engine(url), None, False


def _bring_up_to_date(engine: Engine, where: str, *, read_only: bool) -> None:
    with engine.connect() as connection:
        if is_current(connection, where, may_migrate=not read_only):
            return
    with engine.execution_options(syncd_writes=True).begin() as connection:
        if not is_current(connection, where, may_migrate=True):  # another process may have done it meanwhile
            migrate(connection)


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
