"""A real PostgreSQL server for tests: begun once in a run, in a folder of its own, and gone with the run.

Each test gets a database copied from one that was migrated once. Where the server's programs are missing the tests that need
them are skipped, naming them; under CI that is a failure.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from syncd.store.sql import open_store
from syncd.store.tables import metadata

ORG = "00D5e00000SYNCDAAA"
STARTS_WITHIN_S = 60
_NUMBERS = count(1)


class Missing(Exception):
    """A program is not installed."""


def programs() -> Path:
    """Return the folder with initdb and postgres, the newest of those that Debian installs, or that on the PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda found: int(found.parent.parent.name))
    on_path = shutil.which("initdb")
    if not installed and on_path is None:
        raise Missing("initdb and postgres of PostgreSQL are not installed: run make ci-tools (apt-get install postgresql)")
    return (installed[-1] if installed else Path(str(on_path)).resolve()).parent


class Server:
    """A running server. Its socket is a file: no port of the machine is taken."""

    def __init__(self, folder: Path, command: list[str]) -> None:
        self.folder = folder
        self._command = command
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd=self.folder)
        until = time.monotonic() + STARTS_WITHIN_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((self.folder / "log").read_text("utf-8", "replace"))
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT disconnects whoever is there; SIGQUIT is what a power cut does."""
        self._process.send_signal(how)
        self._process.wait()

    def restart(self) -> None:
        """Let it crash and recover."""
        self.stop(signal.SIGQUIT)
        self.start()

    def url(self, database: str) -> str:
        """Return the URL of one of its databases."""
        return f"postgresql://syncd@/{database}?host={self.folder}"

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Run statements, each by itself."""
        with psycopg.connect(dbname=database, user="syncd", host=str(self.folder), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def new_database(self, template: str = "migrated") -> str:
        """Copy a database and return the URL of the copy."""
        name = f"test_{next(_NUMBERS)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected."""
        self.run(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server for a block. Errors: Missing."""
    bin = programs()
    folder = Path(tempfile.mkdtemp(prefix="syncd-pg-"))
    try:
        account = _account(folder)
        data = folder / "data"
        made = [
            str(bin / "initdb"),
            "-D",
            str(data),
            "-U",
            "syncd",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ]
        subprocess.run([*account, *made], check=True, capture_output=True, cwd=folder)
        options = {
            "listen_addresses": "",
            "unix_socket_directories": folder,
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "64MB",
            "max_connections": "100",
        }
        given = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        server = Server(folder, [*account, str(bin / "postgres"), "-D", str(data), *given])
        try:
            _migrate_template(server)
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account(folder: Path) -> list[str]:
    """Return the words that run a program as somebody who may run PostgreSQL, which root may not, and end it with us."""
    if shutil.which("setpriv") is None:
        raise Missing("setpriv of util-linux is not installed")
    words = ["setpriv", "--pdeathsig", "QUIT"]
    if os.getuid() == 0:
        names = {account.pw_name for account in pwd.getpwall()}
        account = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
        os.chown(folder, account.pw_uid, account.pw_gid)
        words += [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    return words


def _migrate_template(server: Server) -> None:
    # A language whose order of letters is not that of code points, as most databases have it.
    server.run("CREATE DATABASE migrated TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
    open_store(server.url("migrated"), ORG).dispose()


def copy_to_sqlite(url: str, path: Path) -> None:
    """Copy a database into a SQLite file, for those who read such a file with nothing but Python."""
    open_store(f"sqlite:///{path}", ORG).dispose()
    source = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    target = create_engine(f"sqlite:///{path}")
    try:
        with source.connect() as reading, target.begin() as writing:
            for table in metadata.tables.values():
                rows = [dict(row) for row in reading.execute(table.select()).mappings()]
                if rows:
                    writing.execute(table.insert(), rows)
    finally:
        source.dispose()
        target.dispose()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """Return the server of this run."""
    try:
        with serving() as server:
            yield server
    except Missing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"{missing}")
        pytest.skip(f"{missing}")


@pytest.fixture
def postgres_url(postgres_server: Server) -> Iterator[str]:
    """Return the URL of a fresh database with syncd's tables."""
    url = postgres_server.new_database()
    yield url
    postgres_server.drop(url)
