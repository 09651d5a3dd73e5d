"""Does every refusal of a database say what it means and what to do?"""

from __future__ import annotations

import sqlite3

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from syncd.errors import StoreUnusable
from syncd.store.faults import in_our_words

GOES_ON, ENDS = False, True


def told(cause: BaseException) -> StoreUnusable:
    with pytest.raises(StoreUnusable) as caught, in_our_words("the place", lambda: ["process 7 (sqlite3)"]):
        raise DBAPIError("SELECT 1", {}, cause)
    return caught.value


@pytest.mark.parametrize(
    ("words", "meaning", "remedy", "permanent"),
    [
        ("database disk image is malformed", "is damaged", "restore the latest backup", ENDS),
        ("file is not a database", "is damaged", "restore the latest backup", ENDS),
        ("database is locked", "kept it locked for 5 seconds (database is locked). It is process 7 (sqlite3).", "Close", GOES_ON),
        ("database or disk is full", "the disk is full", "Make room", GOES_ON),
        ("attempt to write a readonly database", "cannot be opened or written", "may write", GOES_ON),
        ("unable to open database file", "cannot be opened or written", "folder exists", GOES_ON),
        ("disk I/O error", "cannot be opened or written", "disk is healthy", GOES_ON),
    ],
)
def test_what_sqlite_says_is_told_in_the_users_words(words: str, meaning: str, remedy: str, permanent: bool) -> None:
    problem = told(sqlite3.OperationalError(words))
    assert str(problem).startswith("the place: ")
    assert meaning in str(problem)
    assert remedy in problem.hint
    assert problem.permanent is permanent


@pytest.mark.parametrize(
    ("code", "meaning", "remedy", "permanent"),
    [
        ("55P03", "kept it locked for 5 seconds (words). It is process 7", "pg_locks", GOES_ON),
        ("53100", "disk of the database server is full", "Make room", GOES_ON),
        ("53300", "no room for more connections", "tries again", GOES_ON),
        ("25006", "takes no writes now", "primary server", GOES_ON),
        ("25P03", "ended the connection", "server runs", GOES_ON),
        ("57P01", "ended the connection", "server runs", GOES_ON),
        ("08006", "ended the connection", "server runs", GOES_ON),
        ("57014", "longer than 10 minutes", "shorter time", GOES_ON),
        ("42501", "may not do this", "ALTER DATABASE", ENDS),
        ("XX001", "is damaged", "latest backup", ENDS),
    ],
)
def test_what_postgresql_says_is_told_by_its_code(code: str, meaning: str, remedy: str, permanent: bool) -> None:
    problem = told(psycopg.errors.lookup(code)("words"))
    assert meaning in str(problem)
    assert remedy in problem.hint
    assert problem.permanent is permanent


@pytest.mark.parametrize(
    ("words", "meaning", "permanent"),
    [
        ('connection failed: FATAL:  database "syncd" does not exist', "no such database or user", ENDS),
        ('connection failed: FATAL:  role "syncd" does not exist', "no such database or user", ENDS),
        ('connection failed: FATAL:  password authentication failed for user "syncd"', "did not accept the user", ENDS),
        ("fe_sendauth: no password supplied", "did not accept the user", ENDS),
        ("connection failed: Connection refused", "cannot be reached", GOES_ON),
        ("connection timeout expired", "cannot be reached", GOES_ON),
        ("server closed the connection unexpectedly", "cannot be reached", GOES_ON),
        ("failed to resolve host 'db': Name or service not known", "cannot be reached", GOES_ON),
    ],
)
def test_what_postgresql_says_before_there_is_a_connection_is_told_by_its_words(
    words: str, meaning: str, permanent: bool
) -> None:
    problem = told(psycopg.OperationalError(words))
    assert meaning in str(problem)
    assert problem.permanent is permanent
    assert problem.hint


def test_what_nobody_foresaw_is_told_as_it_is() -> None:
    for cause in (sqlite3.OperationalError("no such table: leads"), psycopg.errors.UndefinedTable("no such table: leads")):
        assert "the database refused a statement (no such table: leads). Nothing of this transaction was kept." in str(
            told(cause)
        )
