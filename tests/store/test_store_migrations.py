"""Databases of older versions: brought up to date with all they hold, or left as they were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from syncd.core.values import Entry
from syncd.errors import LeaseHeld, StoreUnusable
from syncd.store import postgres, schema
from syncd.store.sql import Surroundings, open_store
from syncd.store.sqlite import database_on
from tests.postgres import ORG

T = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OLDEST = schema.KNOWN[0]
HELD = {"org": ORG, "host": "host-b", "pid": 7, "since": "2026-03-01T11:00:00.000000Z", "beat": "2026-03-01T12:00:00.000000Z"}


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the URL of a database that the first version made, with a lease that is held."""
    if request.param == "sqlite":
        path = tmp_path / "syncd.db"
        path.touch()
        url, database, end = f"sqlite:///{path}", database_on(path), None
    else:
        server = request.getfixturevalue("postgres_server")
        url = server.new_database(template="template0")
        database, end = postgres.database_at(make_url(url), read_only=False), server
    with database.writers("").begin() as connection:
        schema.migrate(connection, OLDEST)
        connection.execute(text("INSERT INTO lease VALUES (:org, :host, :pid, :since, :beat)"), HELD)
        connection.execute(text("INSERT INTO flags VALUES (:org, 'opted_out', '0031', 'a@b.example', 'm', 'f:2', :since)"), HELD)
    database.dispose()
    yield url
    if end is not None:
        end.drop(url)


def test_a_reader_leaves_an_older_database_alone_and_says_who_brings_it_up_to_date(old: str) -> None:
    with pytest.raises(StoreUnusable, match=f"older syncd \\(schema {OLDEST}") as caught:
        open_store(old, ORG, read_only=True)
    assert "syncd run --once" in caught.value.hint


def test_an_older_database_keeps_what_it_holds_and_the_lease_its_holder(old: str) -> None:
    store = open_store(old, ORG, around=Surroundings(host="host-a", now=lambda: T))
    assert not store.is_new
    with pytest.raises(LeaseHeld, match="process 7 on host-b, since 2026-03-01T11:00:00"):
        store.acquire_lease("host-a", 8, T + timedelta(seconds=23))
    store.acquire_lease("host-a", 8, T + timedelta(seconds=25))
    with store.begin() as tx:
        tx.append([Entry(kind="note", at=T, cycle="c")])
    assert store.verify().problems == ()
    store.dispose()


def test_an_opt_out_of_an_older_syncd_covers_everything_and_was_last_said_when_it_was_seen(old: str) -> None:
    store = open_store(old, ORG, around=Surroundings(host="host-a", now=lambda: T))
    [kept] = store.flags(["0031"], [])
    assert (kept.scope, kept.address, kept.evidence, kept.last_said) == ("global", "a@b.example", "f:2", T - timedelta(hours=1))
    assert (store.all_consents(), store.former_handles(["0031"], [])) == ([], [])
    store.dispose()


def test_a_migration_that_fails_is_rolled_back_and_done_by_the_next_start(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_at_the_end(connection: object) -> None:
        schema.migrate(connection)  # type: ignore[arg-type]
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr("syncd.store.sql.migrate", fail_at_the_end)
        with pytest.raises(RuntimeError, match="power cut"):
            open_store(old, ORG)
    with pytest.raises(StoreUnusable, match=f"schema {OLDEST}"):
        open_store(old, ORG, read_only=True)
    store = open_store(old, ORG)
    with store.engine.connect() as connection:
        assert schema.version_of(connection) == schema.HEAD
    store.dispose()


def test_how_new_the_rows_of_exports_were_is_known_after_the_move_to_a_table_of_their_own(old: str) -> None:
    parsed = make_url(old)
    is_file = parsed.get_backend_name() == "sqlite"
    database = database_on(Path(str(parsed.database))) if is_file else postgres.database_at(parsed, read_only=False)
    with database.writers("").begin() as connection:
        rows = [("newest:tool", "00Q1", "2026-03-01T10:00:00+00:00"), ("nurture", "006A", "stalled")]
        for scope, subject, verdict in rows:
            values = {"org": ORG, "scope": scope, "subject": subject, "verdict": verdict}
            connection.execute(text("INSERT INTO verdicts VALUES (:org, :scope, :subject, :verdict)"), values)
    database.dispose()
    store = open_store(old, ORG)
    assert store.newest_stamps("tool", ["00Q1"]) == {"00Q1": "2026-03-01T10:00:00+00:00"}
    assert store.verdicts("newest:tool", ["00Q1"]) == {}
    assert store.verdicts("nurture", ["006A"]) == {"006A": "stalled"}
    store.dispose()
