"""What `check` finds out about a database before anything is written."""

from __future__ import annotations

import pytest

from syncd.errors import StoreUnusable
from syncd.store.checking import ask_server, has_reset_bug
from tests.postgres import Server


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 0), False),
    ],
)
def test_a_sqlite_with_the_wal_reset_bug_is_known(version: tuple[int, ...], expected: bool) -> None:
    assert has_reset_bug(version) is expected


def test_a_server_says_what_it_is_and_that_it_forgets(postgres_url: str) -> None:
    answer = ask_server(postgres_url)
    assert " is there (PostgreSQL " in answer.text
    assert "password" not in answer.text
    [(text, remedy)] = answer.warnings
    assert text.startswith("The server has fsync or full_page_writes off")  # the test's own server has
    assert "postgresql.conf" in remedy


def test_an_empty_database_will_be_set_up(postgres_server: Server) -> None:
    url = postgres_server.new_database(template="template0")
    assert " will be set up by the first cycle " in ask_server(url).text
    postgres_server.drop(url)


def test_a_user_that_may_make_no_temporary_tables_is_told(postgres_server: Server, postgres_url: str) -> None:
    database = postgres_url.partition("?")[0].rpartition("/")[2]
    postgres_server.run(
        "DROP ROLE IF EXISTS narrow",
        "CREATE ROLE narrow LOGIN",
        f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO narrow",
        database=database,
    )
    try:
        found = ask_server(postgres_url.replace("//syncd@", "//narrow@")).warnings
        assert any("GRANT TEMPORARY ON DATABASE" in remedy for _, remedy in found)
    finally:
        postgres_server.run("DROP OWNED BY narrow", "DROP ROLE narrow", database=database)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("CREATE DATABASE fault ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0", "is kept in LATIN1"),
        ("SELECT 1", "no such database or user"),
    ],
)
def test_a_database_that_will_not_do_is_refused(postgres_server: Server, statement: str, words: str) -> None:
    postgres_server.run(statement)
    with pytest.raises(StoreUnusable, match=words) as caught:
        ask_server(postgres_server.url("fault"))
    assert "createdb" in caught.value.hint
    postgres_server.run("DROP DATABASE IF EXISTS fault")
