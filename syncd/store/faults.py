"""What does it mean for the user when the database refuses, and what is there to do?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from syncd.errors import StoreUnusable


@dataclass(frozen=True, slots=True)
class _Cause:
    """What a database's words mean: known by `marks` in the text, or by the beginning of a SQLSTATE."""

    marks: tuple[str, ...]
    text: str
    hint: str
    is_permanent: bool = False


_LOCKED = "another program kept it locked for 5 seconds"
_ROOM = "What was committed stays readable. Make room; syncd goes on by itself."

_SQLITE = (
    _Cause(
        ("malformed", "not a database", "file is encrypted"),
        "the file is damaged or is not a SQLite database",
        "Nothing was changed. Keep the file aside and restore the latest backup; syncd never starts a new database over it.",
        is_permanent=True,
    ),
    _Cause(
        ("locked", "busy"),
        _LOCKED,
        "Close the program that has the database open (a backup tool, a SQLite shell); syncd tries again by itself.",
    ),
    _Cause(("disk is full", "no space"), "the disk is full", _ROOM),
    _Cause(
        ("readonly", "read-only", "unable to open", "permission", "i/o error"),
        "the file or its folder cannot be opened or written",
        "Check that the folder exists, that the user syncd runs as may write to it, and that the disk is healthy.",
    ),
)

# Source: PostgreSQL, Appendix A, error codes. A connection that is refused has words only.
_POSTGRESQL = (
    _Cause(
        ("55P03",),
        _LOCKED,
        "Look which one in pg_locks and pg_stat_activity, and end it; syncd tries again by itself.",
    ),
    _Cause(("53100",), "the disk of the database server is full", _ROOM),
    _Cause(("53",), "the database server has no room for more connections or memory", "syncd tries again by itself."),
    _Cause(
        ("25006",),
        "the database takes no writes now: it is a standby, or was set to read only",
        "Point [store] url at the primary server; syncd goes on by itself when the database takes writes.",
    ),
    _Cause(
        ("25P03", "57P", "08", "server closed the connection", "connection is lost", "connection refused", "no such file"),
        "the database server cannot be reached, or ended the connection",
        "Nothing of this transaction was kept. Check that the server runs; syncd goes on by itself when it answers.",
    ),
    _Cause(
        ("timeout expired", "could not translate", "could not connect", "no route", "failed to resolve", "connection failed"),
        "the database server cannot be reached",
        "Check the host and port of [store] url, and that the server runs; syncd goes on by itself when it answers.",
    ),
    _Cause(("57014",), "a question took longer than 10 minutes and was ended", "Ask for a shorter time or fewer rows."),
    _Cause(
        ("42501", "permission denied"),
        "syncd's user of the database may not do this",
        "Make it the owner of the database: ALTER DATABASE ... OWNER TO ...",
        is_permanent=True,
    ),
    _Cause(
        ("XX001", "XX002"),
        "the database is damaged",
        "Nothing was changed. Restore the latest backup; syncd never starts a new database over it.",
        is_permanent=True,
    ),
)

# What the server says before there is a connection, asked first: its words also name a connection.
_REFUSED = (
    _Cause(
        ("does not exist",),
        "there is no such database or user",
        "Check [store] url. If this is the first run, make it: createdb --owner=USER DATABASE",
        is_permanent=True,
    ),
    _Cause(
        ("authentication failed", "no password supplied", "no pg_hba.conf entry"),
        "the database server did not accept the user",
        "Give the password in the environment variable PGPASSWORD or in a file named by PGPASSFILE, and check the user's name.",
        is_permanent=True,
    ),
)


def _nobody() -> Sequence[str]:
    return ()


@contextmanager
def in_our_words(where: str, lockers: Callable[[], Sequence[str]] = _nobody) -> Iterator[None]:
    """Turn a database error into StoreUnusable with the place, the cause and the remedy.

    Shapes: `lockers` names who holds a lock, when that is what is wrong.
    """
    try:
        yield
    except DBAPIError as error:
        words, code = " ".join(str(error.orig).split()), getattr(error.orig, "sqlstate", "")
        problem = unusable(where, words) if code == "" else _unreached(where, words, code)
        if _LOCKED in str(problem) and (found := lockers()):
            problem.args = (f"{problem} It is {', '.join(found)}.",)
        raise problem from error


def unusable(where: str, words: str) -> StoreUnusable:
    """Make the exception for what SQLite's driver said."""
    return _problem(where, words, next((cause for cause in _SQLITE if _is_named(cause, words)), None))


def _unreached(where: str, words: str, code: str | None) -> StoreUnusable:
    """Make the exception for what PostgreSQL's driver said; it has no code when there was no connection."""
    if code:
        found = (cause for cause in _POSTGRESQL if any(code.startswith(mark) for mark in cause.marks))
    else:
        found = (cause for cause in (*_REFUSED, *_POSTGRESQL) if _is_named(cause, words))
    return _problem(where, words, next(found, None))


def _is_named(cause: _Cause, words: str) -> bool:
    return any(mark in words.lower() for mark in cause.marks)


def _problem(where: str, words: str, cause: _Cause | None) -> StoreUnusable:
    if cause is None:
        return StoreUnusable(f"{where}: the database refused a statement ({words}). Nothing of this transaction was kept.")
    problem = StoreUnusable(f"{where}: {cause.text} ({words}).", hint=cause.hint)
    problem.permanent = cause.is_permanent
    return problem
