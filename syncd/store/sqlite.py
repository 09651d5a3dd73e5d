"""What holds for SQLite only: the file, its connections and its copy.

WAL with synchronous=FULL, so that a committed intent survives a power cut; BEGIN IMMEDIATE for writers, so that two of
them wait for each other instead of failing half-way; secure_delete, so that what is erased is not left in the file.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import QueuePool

from syncd.errors import StoreUnusable
from syncd.store.base import Database
from syncd.store.faults import in_our_words, unusable
from syncd.store.lockers import lockers_of

BUSY_TIMEOUT_S = 5.0
_WAL_BYTES = 16 * 1024 * 1024  # the log is moved into the file when it is longer
_WAL_BYTES_KEPT = 64 * 1024 * 1024

Migrate = Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """Which file it is that was opened, whatever its name points to later."""

    path: Path
    device: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> FileIdentity:
        """Take down which file stands at a path now. Errors: StoreUnusable when there is none."""
        whole = path.absolute()
        try:
            found = whole.stat()
        except OSError as error:
            raise _lost(whole, f"is gone ({error.strerror or error})") from error
        return cls(whole, found.st_dev, found.st_ino)

    def check(self) -> None:
        """Refuse to go on when another file, or none, stands at the path. Errors: StoreUnusable."""
        if FileIdentity.of(self.path) != self:
            raise _lost(self.path, "is another file than the one that was opened")


def _lost(path: Path, what: str) -> StoreUnusable:
    return StoreUnusable(
        f"{path}: the database {what}; it was removed or replaced while syncd ran. Nothing more is written.",
        hint="Stop syncd. Put the removed file back, or restore the latest backup, and start syncd again.",
    )


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A database file that is open. `is_new`: it was made just now, with an empty ledger."""

    database: Database
    identity: FileIdentity
    is_new: bool


def open_file(url: URL, *, read_only: bool, migrate: Migrate) -> OpenedFile:
    """Open the database file of `url`, which is created when it is missing; its folder never is.

    Errors: StoreUnusable for a missing folder, a missing file that is to be read, an empty file, or one that is not SQLite.
    """
    if not url.database or url.database == ":memory:":
        raise StoreUnusable(
            "The database URL names no file.",
            hint="Give [store] url in config.toml a path, such as sqlite:////var/lib/syncd/syncd.db",
        )
    path = Path(url.database)
    is_new = False
    if not path.exists():
        _require_folder(path)
        if read_only:
            raise StoreUnusable(
                f"{path}: there is no database yet.",
                hint="Check [store] url in config.toml, or run `syncd run --once` to make one.",
            )
        is_new = _create(path, migrate)
    elif path.is_dir() or path.stat().st_size == 0:
        what = "is a folder" if path.is_dir() else "is empty"
        raise StoreUnusable(
            f"{path}: {what}, and not a database.",
            hint="If syncd ran here before, restore a backup: an empty start decides everything again. If not, remove it.",
        )
    if not read_only:
        _require_log(path)
    return OpenedFile(database_on(path, read_only=read_only), FileIdentity.of(path), is_new)


def _require_log(path: Path) -> None:
    """Give a file a write-ahead log that has none: a backup made whole by VACUUM INTO, or one that a tool changed.

    Source: sqlite.org, "Database File Format", the bytes 18 and 19 of the header.
    """
    try:
        with path.open("rb") as file:
            header = file.read(20)
    except OSError as error:
        raise unusable(str(path), f"unable to open: {error.strerror or error}") from error
    if header.startswith(b"SQLite format 3\0") and header[18:] != b"\x02\x02":
        engine = engine_on(path)
        try:
            with in_our_words(str(path)), engine.connect() as connection:
                connection.exec_driver_sql("SELECT 1")
        finally:
            engine.dispose()


def _require_folder(path: Path) -> None:
    """Refuse a missing folder: it may be a disk that is not mounted, with the ledger of years on it."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise StoreUnusable(
            f"{path}: the folder {folder} does not exist.",
            hint="If syncd ran here before, mount the disk that it is on; a new database would be a new, empty ledger. "
            f"If not, correct [store] url in config.toml, or make the folder: mkdir -p {shlex.quote(str(folder))}",
        )


def database_on(path: Path, *, read_only: bool = False, is_durable: bool = True) -> Database:
    """Reach an existing file: readers that cannot write, and the one connection that does."""
    readers = engine_on(path, read_only=True)
    writer = readers if read_only else engine_on(path, is_durable=is_durable)
    return Database(readers, lambda org: writer.execution_options(syncd_writes=True), lambda org: lockers_of(path))


def engine_on(path: Path, *, read_only: bool = False, journal: str = "WAL", is_durable: bool = True) -> Engine:
    """Return an engine on an existing file. `is_durable` is False for a copy that nobody will miss.

    Shapes: `journal` is SQLite's journal_mode. Only with WAL do readers go on beside a writer whose changes outgrow its cache.
    No connection moves the log into the file by itself: `checkpoint` does, and only the process that holds the lease calls it.
    """

    def connect() -> sqlite3.Connection:
        if read_only:
            return _connect_to_read(path)
        connection = _connect(path, "mode=rw")
        try:
            connection.execute(f"PRAGMA journal_mode={journal}")
            connection.execute(f"PRAGMA synchronous={'FULL' if is_durable else 'OFF'}")
            connection.execute(f"PRAGMA journal_size_limit={_WAL_BYTES_KEPT}")
            connection.execute(f"PRAGMA wal_autocheckpoint={0 if is_durable else 1000}")
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("PRAGMA threads=1")  # a second core for what is sorted, such as the keys of a first load
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    pool = {} if read_only else {"pool_size": 1, "max_overflow": 0}
    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, **pool)
    event.listen(engine, "begin", _begin)
    return engine


def _connect(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?{how}", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a file to read, also on a disk that takes no more writes: the index of the log cannot be made there.

    Shapes: with an empty log there is nobody who could change the file meanwhile, for the same reason.
    """
    connection = _connect(path, "mode=ro")
    try:
        connection.execute("PRAGMA schema_version")
    except sqlite3.OperationalError as error:
        connection.close()
        is_shut = any(words in str(error) for words in ("unable to open", "readonly", "disk I/O error", "disk is full"))
        if not is_shut or (_log_of(path).exists() and _log_of(path).stat().st_size):
            raise
        return _connect(path, "mode=ro&immutable=1")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


class Log:
    """The write-ahead log of one file, as the one process that moves it into the file sees it."""

    def __init__(self, path: Path, writer: Engine) -> None:
        self._path = _log_of(path)
        self._writer = writer
        self._held_bytes = 0  # what was left when the log was last moved, because somebody held on to it

    def keep_short(self) -> None:
        """Move the log into the file when it has grown; readers that still need it are not waited for."""
        if self.size() >= self._held_bytes + _WAL_BYTES:
            self.checkpoint()

    def checkpoint(self) -> bool:
        """Move the log into the file and empty it; False when a reader or another writer holds on to a part of it.

        Shapes: TRUNCATE takes the writers' lock, so that nothing is written while the log begins anew.
        Source: sqlite.org, "Write-Ahead Logging", the WAL-reset bug.
        """
        with closing(self._writer.raw_connection()) as connection:
            driver: Any = connection.driver_connection
            driver.execute("PRAGMA busy_timeout=0")
            try:
                busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.OperationalError:  # a full disk, or locked whole: the log stays, and holds all of it
                busy = 1
            finally:
                driver.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_S * 1000)}")
        self._held_bytes = self.size()
        return not busy

    def size(self) -> int:
        """Return the log's length in bytes."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0


def _begin(connection: Connection) -> None:
    # The driver's own transactions are off (isolation_level=None): it would begin too late, and deferred.
    writes = connection.get_execution_options().get("syncd_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _create(path: Path, migrate: Migrate) -> bool:
    """Make the file whole under another name first: a crash never leaves a half-made database in its place.

    Returns whether it is ours that came into its place.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with in_our_words(str(path)):
            engine = engine_on(draft, journal="MEMORY", is_durable=False)
            try:
                with engine.execution_options(syncd_writes=True).begin() as connection:
                    migrate(connection)
            finally:
                engine.dispose()
        with draft.open("rb") as made:
            os.fsync(made.fileno())
        return _put_in_place(draft, path)
    except OSError as error:
        raise StoreUnusable(
            f"{path}: cannot be created ({error.strerror or error}).",
            hint="Check that the user syncd runs as may write to the folder.",
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def _put_in_place(draft: Path, path: Path) -> bool:
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return False  # another process was faster; its file is as good
    except OSError:  # a file system without hard links
        if path.exists():
            return False
        draft.rename(path)
    return True


def copy_to(engine: Engine, path: Path) -> None:
    """Copy the database as it stands now into a new file, while others go on writing."""
    path.touch(mode=0o600)
    with closing(engine.raw_connection()) as source, closing(sqlite3.connect(path)) as target:
        driver: Any = source.driver_connection
        try:
            driver.backup(target)
        except sqlite3.Error as error:
            raise unusable(f"private copy in {path.parent}", str(error)) from error


@contextmanager
def reading_any_bytes(connection: Connection) -> Iterator[None]:
    """Let text that is not UTF-8 come back with marks in it: a forger's row is to be named, not to stop the reading."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.text_factory = lambda raw: raw.decode(errors="backslashreplace")
    try:
        yield
    finally:
        driver.text_factory = str
