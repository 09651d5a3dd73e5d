"""Can the folders that config.toml names be used, and does everything in them belong to something?"""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from syncd.cli import output
from syncd.cli.finding import Finding, Level
from syncd.errors import StoreUnusable

MOUNTS = Path("/proc/mounts")
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "afs", "glusterfs", "fuse.sshfs", "fuse.glusterfs"})
SHOWN_MAX = 5


def database_ready(database: Path) -> Iterator[Finding]:
    """Say whether the database can be opened or made where [store] url puts it: on a local disk that can be written."""
    check, folder = "database", database.parent
    if not folder.is_dir():
        remedy = f"Mount the disk that it is on, correct [store] url, or make it: mkdir -p {shlex.quote(str(folder))}"
        yield Finding(Level.FINDING, check, f"{folder}, the folder of the database, does not exist.", remedy)
        return
    if database.exists() and not database.is_file():
        yield Finding(Level.FINDING, check, f"{database} is no file.", "Give [store] url the path of a file.")
        return
    shut = [path for path in (folder, database) if path.exists() and not os.access(path, os.R_OK | os.W_OK)]
    if shut:
        remedy = "Give the folder and the file to the user that runs syncd, with read and write permission."
        yield Finding(Level.FINDING, check, f"{shut[0]} cannot be written by this user.", remedy)
        return
    kind = file_system_of(folder, MOUNTS)
    if kind in NETWORK:
        remedy = "Put it on a local disk: the database cannot be kept whole over a network."
        yield Finding(Level.FINDING, check, f"{folder} is on a network file system ({kind}).", remedy)
        return
    state = "is there" if database.exists() else "will be made by the first cycle"
    yield Finding(Level.OK, check, f"{database} {state}")
    yield from sqlite_sound(sqlite3.sqlite_version)


def sqlite_sound(version: str) -> Iterator[Finding]:
    """Name a SQLite with the WAL-reset bug. syncd works with it: only the daemon empties the log, while nobody writes."""
    from syncd.store.checking import has_reset_bug

    if has_reset_bug(tuple(int(part) for part in version.split("."))):
        text = (
            f"Python's SQLite {version} has the WAL-reset bug: a database may be damaged when one program empties its log "
            "while another writes. syncd's own do not; another tool that opens the file might."
        )
        remedy = "Open the file with other tools read-only, or use a Python with SQLite 3.51.3 or newer (3.50.7, 3.44.6)."
        yield Finding(Level.WARNING, "sqlite", text, remedy)


def server_ready(url: str) -> Iterator[Finding]:
    """Say whether the PostgreSQL database of [store] url answers and is fit for syncd."""
    from syncd.store.checking import ask_server

    check = "database"
    try:
        answer = ask_server(url)
    except StoreUnusable as problem:
        yield Finding(Level.FINDING, check, output.one_stop(str(problem)), problem.hint)
        return
    yield Finding(Level.OK, check, answer.text)
    for text, remedy in answer.warnings:
        yield Finding(Level.WARNING, check, text, remedy)


def file_system_of(folder: Path, mounts: Path) -> str:
    """Return the type of the file system that a folder is on, or an empty text where the host does not tell.

    Source: proc(5), /proc/mounts: device, mount point, type; a space in a path is written as \\040.
    """
    try:
        lines = [line.split() for line in mounts.read_text("utf-8", "replace").splitlines()]
    except OSError:
        return ""
    real = folder.resolve()
    found = [(Path(parts[1].replace("\\040", " ")), parts[2]) for parts in lines if len(parts) > 2]
    around = [(len(point.parts), kind) for point, kind in found if real.is_relative_to(point)]
    return max(around, key=lambda pair: pair[0])[1] if around else ""


def exports_ready(exports: Path, mappings: Path, sources: tuple[str, ...]) -> Iterator[Finding]:
    """Say whether each source's drop folder is there, and what lies in [exports] folder that no mapping names."""
    check = "exports"
    if not exports.is_dir():
        level = Level.FINDING if sources else Level.OK
        remedy = f"Mount it, correct [exports] folder, or make it: mkdir -p {shlex.quote(str(exports))}" if sources else ""
        yield Finding(level, check, f"{exports} does not exist{'' if sources else '; no mapping reads exports'}.", remedy)
        return
    try:
        entries = sorted(path for path in exports.iterdir() if not path.name.startswith("."))
    except OSError as problem:
        yield Finding(Level.FINDING, check, f"{exports} cannot be read: {problem.strerror}.", "Check its owner and permissions.")
        return
    found = [_missing(check, exports / name) for name in sources if not (exports / name).is_dir()]
    found += [_unnamed(check, path, mappings) for path in entries if path.is_dir() and path.name not in sources]
    files = [path.name for path in entries if not path.is_dir()]
    if files:
        more = f" and {len(files) - SHOWN_MAX} more" if len(files) > SHOWN_MAX else ""
        text = f"{exports} holds files that belong to no source: {', '.join(files[:SHOWN_MAX])}{more}. They are never read."
        into = exports / (sources[0] if len(sources) == 1 else "<source>")
        found.append(Finding(Level.WARNING, check, text, f"Move each into the folder of its source, such as {into}."))
    yield from found or [Finding(Level.OK, check, f"{exports}: {', '.join(sources) or 'no source'}")]


def _missing(check: str, folder: Path) -> Finding:
    text = f"{folder} does not exist: no export of {folder.name} can arrive."
    return Finding(Level.WARNING, check, text, f"Make it: mkdir {shlex.quote(str(folder))}")


def _unnamed(check: str, folder: Path, mappings: Path) -> Finding:
    text = f"{folder} belongs to no mapping: what is dropped there is never read."
    mapping = mappings / "fields" / f"{folder.name}.toml"
    return Finding(Level.WARNING, check, text, f"Write {mapping}, which says what its columns mean, or remove the folder.")


def plans_ready(plans: Path) -> Finding:
    """Say whether a plan that waits for somebody can be kept."""
    check = "plans"
    if plans.exists() and not plans.is_dir():
        return Finding(Level.FINDING, check, f"{plans} is no folder.", "Move it away, or correct [plans] folder.")
    nearest = next(path for path in (plans, *plans.parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        text = f"{plans} cannot be {'written' if plans.exists() else 'made'} by this user."
        return Finding(Level.FINDING, check, text, f"Give {nearest} to the user that runs syncd, or correct [plans] folder.")
    return Finding(Level.OK, check, f"{plans} {'is there' if plans.exists() else 'will be made when a plan has to wait'}")
