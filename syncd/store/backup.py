"""How is a database copied while it is used, and how does a copy take its place?

A copy is checked before it gets its name, and so is a copy that is to be restored. What is restored carries a mark: the next
cycle reads and compares before anything is written to the org.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, func, inspect, select, update
from sqlalchemy.engine import URL, make_url

from syncd.errors import StoreUnusable
from syncd.ports.restored import RESTORED
from syncd.store import dump, postgres, sqlite, tables
from syncd.store.base import Database, write_setting
from syncd.store.encoding import to_json, to_text
from syncd.store.faults import in_our_words, unusable
from syncd.store.schema import is_current, migrate
from syncd.store.sql import SqlStore, Surroundings, open_store
from syncd.store.verify import verify_ledger


@dataclass(frozen=True, slots=True)
class OrgState:
    """One org in a copy: its ledger's rows and root, its mirrored rows, and when its last cycle ended by the org's clock.

    `problems` says what is wrong with the ledger; a copy of a bad ledger is as bad, and still better than none.
    """

    org: str
    ledger_rows: int
    root: str
    records: int
    last_cycle_at: str | None
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Copy:
    """A whole copy: its file, size and orgs. `took_s` counts the check too; `put_aside` is the database that it replaced."""

    path: Path
    size_bytes: int
    orgs: tuple[OrgState, ...]
    took_s: float
    put_aside: Path | None = None


def back_up(url: str, path: Path, *, replace: bool = False) -> Copy:
    """Copy a database into a file, while others go on with it.

    Shapes: the file is whole and checked before it gets its name, and only its owner may read it.
    Errors: StoreUnusable when there is no database, when the file is there already (without `replace`), when there is no
    room, or when the copy is damaged; then there is no file.
    """
    began_s = time.monotonic()
    _require_place(path, replace=replace)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    parsed = make_url(url)
    try:
        with in_our_words(str(path)), _files_in_our_words(path):
            states = _dump(parsed, draft) if parsed.get_backend_name() == postgres.DIALECT else _copy(parsed, draft)
            _make_durable(draft, path)
        return Copy(path, path.stat().st_size, states, time.monotonic() - began_s)
    finally:
        draft.unlink(missing_ok=True)


def restore(url: str, path: Path, *, by: str, replace: bool = False) -> Copy:
    """Put a copy in the place of a database.

    Shapes: the database that was there is put aside, never removed (PostgreSQL: it is replaced in one transaction).
    Errors: StoreUnusable when the copy is missing, damaged, another program's or of a newer syncd, and when there is a
    database already (without `replace`); LeaseHeld when somebody writes to that one. Then nothing was changed.
    """
    began_s = time.monotonic()
    if not path.is_file():
        raise StoreUnusable(f"{path}: there is no backup of this name.", hint="Check the path.")
    parsed = make_url(url)
    told = {"at": to_text(datetime.now(UTC)), "from": str(path.absolute()), "by": by}
    with in_our_words(str(path)), _files_in_our_words(path), _seized(url):
        if parsed.get_backend_name() == postgres.DIALECT:
            states, aside = _restore_dump(parsed, path, told, replace=replace), None
        else:
            states, aside = _restore_file(parsed, path, told, replace=replace)
    return Copy(path, path.stat().st_size, states, time.monotonic() - began_s, aside)


def orgs_in(connection: Connection) -> Sequence[str]:
    """Return the orgs that a database holds anything of."""
    found: set[str] = set()
    for table in (tables.lease, tables.settings, tables.marks, tables.ledger_head):
        found |= set(connection.execute(select(table.c.org).distinct()).scalars())
    return sorted(found)


@contextmanager
def _seized(url: str) -> Iterator[None]:
    """Take the lease of every org in a database, so that no daemon starts on it, and close it: nothing of it stays open.

    Shapes: the leases are given back when the block fails; when it succeeds they are in the database that was put aside.
    """
    host, pid = socket.gethostname(), os.getpid()
    for org in _orgs_of(url):
        with closing_store(url, org) as store:
            store.acquire_lease(host, pid)
    try:
        yield
    except BaseException:
        for org in _orgs_of(url):
            with closing_store(url, org) as store, suppress(StoreUnusable):
                store.acquire_lease(host, pid)
                store.release_lease(host, pid)
        raise


@contextmanager
def closing_store(url: str, org: str) -> Iterator[SqlStore]:
    """Open the store of one org for a block."""
    store = open_store(url, org)
    try:
        yield store
    finally:
        store.dispose()


def _orgs_of(url: str) -> Sequence[str]:
    """Return the orgs of a database; none when there is none, or when it is damaged, as it may be when it is replaced."""
    parsed = make_url(url)
    where = str(parsed.database)
    if parsed.get_backend_name() != postgres.DIALECT and not Path(where).exists():
        return []
    try:
        database = _database(parsed)
        try:
            with in_our_words(where), database.readers.connect() as connection:
                if not inspect(connection).get_table_names():
                    return []
                is_current(connection, where, may_migrate=True)
                return orgs_in(connection)
        finally:
            database.dispose()
    except StoreUnusable as problem:
        if "damaged" in str(problem) or "is empty" in str(problem):
            return []
        raise


def _require_place(path: Path, *, replace: bool) -> None:
    if not path.absolute().parent.is_dir():
        raise StoreUnusable(f"{path}: its folder does not exist.", hint="Make the folder first; it may be a disk to mount.")
    if path.is_dir():
        raise StoreUnusable(f"{path}: is a folder.", hint="Name a file in it.")
    if path.exists() and not replace:
        raise StoreUnusable(f"{path}: is there already; nothing was written.", hint="Name another file, or add --replace.")


@contextmanager
def _files_in_our_words(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnusable(
            f"{path}: cannot be read or written ({error.strerror or error}).",
            hint="Check its folder, its permissions and the free space.",
        ) from error


def _make_durable(draft: Path, path: Path) -> None:
    """Give a whole file its name, so that a power cut leaves the old one or the new one."""
    with draft.open("rb") as made:
        os.fsync(made.fileno())
    draft.replace(path)
    folder = os.open(path.absolute().parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


# --- SQLite ------------------------------------------------------------------------------------------------------------


def _database(url: URL) -> Database:
    if url.get_backend_name() == postgres.DIALECT:
        return postgres.database_at(url, read_only=True)
    return sqlite.open_file(url, read_only=True, migrate=migrate).database


def _copy(url: URL, draft: Path) -> tuple[OrgState, ...]:
    source = _database(url)
    where = str(url.database)
    try:
        with in_our_words(where), source.readers.connect() as connection:
            is_current(connection, where, may_migrate=True)
        draft.unlink(missing_ok=True)
        sqlite.copy_to(source.readers, draft)
    finally:
        source.dispose()
    return _checked(draft)


def _checked(path: Path) -> tuple[OrgState, ...]:
    """Look at every page and every ledger row of a file that nobody else uses, and leave it as one file."""
    engine = sqlite.engine_on(path, journal="DELETE")
    try:
        with in_our_words(str(path)), engine.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
            if found != "ok":
                raise unusable(str(path), f"malformed: {found}")
            return _states(connection)
    finally:
        engine.dispose()


def _states(connection: Connection) -> tuple[OrgState, ...]:
    return tuple(_state(connection, org) for org in orgs_in(connection))


def _state(connection: Connection, org: str) -> OrgState:
    found = verify_ledger(connection, org)
    return _named_state(connection, org, found.rows, found.root, found.problems)


def _named_state(connection: Connection, org: str, rows: int, root: str, problems: tuple[str, ...]) -> OrgState:
    ended = select(func.max(tables.cycles.c.ended_at)).where(tables.cycles.c.org == org)
    mirrored = select(func.count()).select_from(tables.records).where(tables.records.c.org == org)
    last = connection.execute(ended).scalar_one()
    return OrgState(org, rows, root, connection.execute(mirrored).scalar_one(), last, problems)


def _restore_file(url: URL, path: Path, told: Mapping[str, str], *, replace: bool) -> tuple[tuple[OrgState, ...], Path | None]:
    target = Path(str(url.database))
    if not target.absolute().parent.is_dir():
        raise StoreUnusable(
            f"{target}: its folder does not exist.", hint="Mount the disk, or correct [store] url in config.toml."
        )
    if target.exists() and not replace:
        raise StoreUnusable(
            f"{target}: there is a database already; nothing was changed.",
            hint="Add --replace to put it aside; it is renamed, not removed.",
        )
    draft = target.with_name(f".{target.name}.{os.getpid()}.restore")
    try:
        source = sqlite.open_file(make_url(f"sqlite:///{path}"), read_only=True, migrate=migrate).database
        try:
            with source.readers.connect() as connection:
                is_current(connection, str(path), may_migrate=True)
            draft.unlink(missing_ok=True)
            sqlite.copy_to(source.readers, draft)
        finally:
            source.dispose()
        states = _checked(draft)
        _mark(f"sqlite:///{draft}", states, told, _epochs(url))
        with sqlite.engine_on(draft, journal="DELETE").connect() as connection:
            connection.exec_driver_sql("SELECT 1")
        aside = _put_aside(target) if target.exists() else None
        _make_durable(draft, target)
        return states, aside
    finally:
        for left in (draft, *(draft.with_name(draft.name + end) for end in ("-wal", "-shm", "-journal"))):
            left.unlink(missing_ok=True)


def _epochs(url: URL) -> Mapping[str, int]:
    """Return the epochs of the database that is replaced, so that no writer of before can pass for one of after."""
    if url.get_backend_name() != postgres.DIALECT and not Path(str(url.database)).exists():
        return {}
    try:
        database = _database(url)
        try:
            with in_our_words(str(url.database)), database.readers.connect() as connection:
                return {row.org: row.epoch for row in connection.execute(select(tables.lease.c.org, tables.lease.c.epoch))}
        finally:
            database.dispose()
    except StoreUnusable:  # it is damaged: that is why it is replaced
        return {}


def _mark(url: str, states: Sequence[OrgState], told: Mapping[str, str], epochs: Mapping[str, int]) -> None:
    """Bring a copy up to date, and say in it that it is one: no writer, no request, and a comparison before all writes."""
    for state in states:
        store = open_store(url, state.org, around=Surroundings())
        try:
            with store.begin(as_writer=False) as tx:
                mark_restored(tx.connection, state, told, epochs.get(state.org, 0))
        finally:
            store.dispose()


def mark_restored(connection: Connection, state: OrgState, told: Mapping[str, str], epoch: int) -> None:
    """Mark one org of a restored database."""
    lease, requests = tables.lease, tables.requests
    known = {**told, "ledger_rows": state.ledger_rows, "root": state.root, "last_cycle_at": state.last_cycle_at}
    write_setting(connection, state.org, RESTORED, known)
    kept = connection.execute(select(lease.c.epoch).where(lease.c.org == state.org)).scalar_one_or_none()
    if kept is not None:
        free = {"host": "", "pid": 0, "token": None, "boot": None, "beat_s": None, "epoch": max(kept, epoch) + 1}
        connection.execute(update(lease).where(lease.c.org == state.org).values(**free))
    words = {"error": {"kind": "SyncdError", "text": "The store was restored to before this request.", "hint": "Ask again."}}
    left = update(requests).where(requests.c.org == state.org, requests.c.done_at.is_(None))
    connection.execute(left.values(done_at=told["at"], result=to_json(words)))


def _put_aside(target: Path) -> Path:
    """Give the database that was there another name, with its log: a log beside another file would be read into it."""
    aside = target.with_name(f"{target.name}.before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    for end in ("-wal", "-shm"):
        log = target.with_name(target.name + end)
        if log.exists():
            log.replace(aside.with_name(aside.name + end))
    try:
        aside.hardlink_to(target)  # the name is never without a database: its next one takes it over in one step
    except OSError:  # a file system without hard links
        target.replace(aside)
    return aside


# --- PostgreSQL --------------------------------------------------------------------------------------------------------


def _dump(url: URL, draft: Path) -> tuple[OrgState, ...]:
    """Dump in one snapshot, and name the ledger's root in the same."""
    database = postgres.database_at(url, read_only=True)
    where = postgres.shown(url)
    try:
        with in_our_words(where), database.readers.connect() as connection:
            if not is_current(connection, where, may_migrate=False):
                raise AssertionError("an older schema was refused before")
            snapshot = str(connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one())
            dump.make(url, draft, snapshot)
            return _states(connection)
    finally:
        database.dispose()


def _restore_dump(url: URL, path: Path, told: Mapping[str, str], *, replace: bool) -> tuple[OrgState, ...]:
    where = postgres.shown(url)
    dump.check(path)
    database = postgres.database_at(url, read_only=True)
    try:
        with in_our_words(where), database.readers.connect() as connection:
            is_empty = not inspect(connection).get_table_names()
        if not is_empty and not replace:
            raise StoreUnusable(
                f"{where}: there is a database already; nothing was changed.",
                hint="Add --replace to overwrite it; make a backup of it first: syncd store backup",
            )
        epochs = {} if is_empty else _epochs(url)
    finally:
        database.dispose()
    dump.load(url, path)
    database = postgres.database_at(url, read_only=True)
    try:
        with in_our_words(where), database.readers.connect() as connection:
            states = _states(connection)
    finally:
        database.dispose()
    _mark(url.render_as_string(hide_password=False), states, told, epochs)
    return states
