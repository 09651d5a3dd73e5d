"""How are PostgreSQL's own programs called, pg_dump and pg_restore?

Secrets go to them in the environment, never in the arguments, which everybody on the machine can read.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy.engine import URL

from syncd.errors import StoreUnusable
from syncd.store.postgres import shown

_ENVIRONMENT = {"host": "PGHOST", "port": "PGPORT", "username": "PGUSER", "password": "PGPASSWORD", "database": "PGDATABASE"}
_ARCHIVE = b"PGDMP"


def make(url: URL, path: Path, snapshot: str) -> None:
    """Dump what a snapshot sees into a file that only its owner may read. Errors: StoreUnusable."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    words = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={path}"]
    _run(url, "pg_dump", words, f"{shown(url)} could not be dumped")
    check(path)


def check(path: Path) -> None:
    """Refuse a file that is no whole dump of syncd's tables. Errors: StoreUnusable."""
    with path.open("rb") as file:
        is_archive = file.read(len(_ARCHIVE)) == _ARCHIVE
    if not is_archive:
        raise StoreUnusable(
            f"{path}: is no dump of a PostgreSQL database.",
            hint="A backup of a SQLite database is restored where [store] url in config.toml names a SQLite file.",
        )
    listed = _run(None, "pg_restore", ["--list", str(path)], f"{path}: the dump is damaged")
    if " ledger_head " not in listed:
        raise StoreUnusable(f"{path}: is a dump of another program's database.", hint="Check the path.")


def load(url: URL, path: Path) -> None:
    """Put a dump in the place of what is there, all of it or nothing. Errors: StoreUnusable."""
    words = ["--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    name = url.database or ""
    _run(url, "pg_restore", [*words, f"--dbname={name}", str(path)], f"{shown(url)} could not be restored; it is as it was")


def _run(url: URL | None, program: str, words: list[str], wrong: str) -> str:
    given = {} if url is None else _environment(url)
    done = subprocess.run(
        [_program(program), *words], env={**os.environ, **given}, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        said = " ".join(done.stderr.split())[:400]
        raise StoreUnusable(f"{wrong}: {said}", hint=f"{program} must be as new as the server; check its version and the disk.")
    return done.stdout


def _environment(url: URL) -> dict[str, str]:
    parts = {name: getattr(url, name) for name in _ENVIRONMENT}
    query = {name: value for name, value in url.query.items() if isinstance(value, str)}
    given = {**{name: value for name, value in parts.items() if value}, **{k: v for k, v in query.items() if k in _ENVIRONMENT}}
    if "sslmode" in query:
        return {_ENVIRONMENT[name]: str(value) for name, value in given.items()} | {"PGSSLMODE": query["sslmode"]}
    return {_ENVIRONMENT[name]: str(value) for name, value in given.items()}


def _program(name: str) -> str:
    """Find the newest of PostgreSQL's programs, on the PATH or where Debian installs them."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda found: int(found.parent.parent.name))
    found = str(installed[-1]) if installed else shutil.which(name)
    if found is None:
        raise StoreUnusable(
            f"{name} is not installed.", hint="Install PostgreSQL's client programs: apt-get install postgresql-client"
        )
    return found
