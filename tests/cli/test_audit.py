"""Can an auditor ask the ledger, and see that it is whole?"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.cli.audit import KINDS, OUTCOMES, VERDICTS
from syncd.store.sql import SqlStore
from tests.cli.conftest import AT, LEAD, OTHER_LEAD, REP, Syncd, change

CHANGE, INTENT, OUTCOME, UNPROVED = 2, 3, 4, 5


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ([], [1, CHANGE, INTENT, OUTCOME, UNPROVED]),
        (["--record", LEAD], [CHANGE, INTENT, OUTCOME, UNPROVED]),
        (["--record", LEAD[:15], "--kind", "change"], [CHANGE, UNPROVED]),
        (["--record", OTHER_LEAD], []),
        (["--actor", REP], [CHANGE]),
        (["--actor", "Ines Rossi"], [CHANGE]),
        (["--verdict", "revert"], [CHANGE]),
        (["--outcome", "confirmed"], [OUTCOME]),
        (["--field", "OwnerId"], []),
        (["--since", "2026-03-02T09:30:00Z"], [UNPROVED]),
        (["--until", "2026-03-02"], [1]),
        (["--since", "2026-03-02", "--until", "2026-03-02T10:30:00+01:00", "--kind", "intent"], [INTENT]),
        (["--limit", "2"], [OUTCOME, UNPROVED]),
    ],
)
def test_a_query_shows_the_rows_that_match_every_option_in_ledger_order(
    syncd: Syncd, told: SqlStore, asked: list[str], rows: list[int]
) -> None:
    said = syncd("audit", "query", "--json", *asked)
    assert said.code == 0
    assert [row["seq"] for row in said.json["rows"]] == rows


def test_a_row_carries_everything_that_was_recorded(syncd: Syncd, told: SqlStore) -> None:
    (row,) = syncd("audit", "query", "--verdict", "revert", "--json").json["rows"]
    assert row["rule"] == {"name": "status Working", "file": "mappings/fences.toml", "line": 27}
    assert (row["actor"], row["proof"], row["before"], row["after"]) == ("Ines Rossi", "history", "Working", "Nurture")
    assert row["changed_at"] == "2026-03-02T08:57:00Z"
    assert row["evidence"] == {"history_id": "0175e00000C1b2cAAB"}
    assert len(row["leaf"]) == 64


def test_a_shortened_answer_says_that_it_is_one(syncd: Syncd, told: SqlStore) -> None:
    assert "there are more" in syncd("audit", "query", "--limit", "2").err
    assert syncd("audit", "query", "--limit", "2", "--json").json["is_complete"] is False
    assert syncd("audit", "query", "--json").json["is_complete"] is True


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+49", "+49"),
        ("-x", "'-x"),
        ("@me", "'@me"),
        ("a\x1b[2Jb", "a\\u001b[2Jb"),
        ("a\nb", "a\\u000ab"),
        ("a‮b", "a\\u202eb"),
        ("Zoë", "Zoë"),
    ],
)
def test_a_cell_does_no_harm_in_a_terminal_or_a_spreadsheet(syncd: Syncd, store: SqlStore, value: str, shown: str) -> None:
    with store.begin() as tx:
        tx.append([change(after=value)])
    (line,) = syncd("audit", "query").out.splitlines()[1:]
    assert f"  {shown}  " in line


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["--record", "Ada"], "'Ada' is not a Salesforce id"),
        (["--since", "yesterday"], "--since 'yesterday' is no time"),
        (["--until", "2026-03-02T09:00:00"], "has no time zone"),
        (["--limit", "0"], "limit"),
        (
            ["--kind", "foo"],
            "Known: baseline, change, deleted, merged, schema, census, decision, intent, outcome, flag, consent, plan, asked.",
        ),
        (["--kind", "changes"], "Did you mean change?"),
        (["--verdict", "foo"], "Known: allow, note, warn, ask, revert, recycle, enroll, exclude."),
        (["--outcome", "foo"], "Known: confirmed, rejected, superseded, not_sent, not_applied."),
    ],
)
def test_a_question_that_makes_no_sense_is_a_usage_error(syncd: Syncd, told: SqlStore, asked: list[str], says: str) -> None:
    said = syncd("audit", "query", *asked)
    assert (said.code, said.out) == (2, "")
    assert says in said.err


def test_verify_prints_the_rows_and_the_root_of_a_whole_ledger(syncd: Syncd, told: SqlStore) -> None:
    said = syncd("audit", "verify", "--json")
    assert said.code == 0
    assert said.json == {"schema": 1, "rows": 5, "root": told.verify().root, "open_intents": 0, "problems": []}
    assert "intact" in syncd("audit", "verify").out


def test_verify_names_the_first_row_that_somebody_changed(syncd: Syncd, told: SqlStore, home: Path) -> None:
    with closing(sqlite3.connect(home / "syncd.db")) as database, database:
        database.execute("UPDATE ledger SET reason = 'all is well' WHERE seq >= 4")
    said = syncd("audit", "verify")
    assert said.code == 1
    assert "Row 4: it was changed after it was written" in said.out
    assert syncd("audit", "verify", "--json").code == 1


def test_asking_changes_nothing_in_the_database(syncd: Syncd, told: SqlStore, home: Path) -> None:
    before = told.verify()
    syncd("audit", "query", "--since", (AT - timedelta(days=1)).isoformat())
    syncd("explain", LEAD)
    syncd("status")
    assert told.verify() == before


def test_help_lists_the_words_that_a_query_takes(syncd: Syncd) -> None:
    said = " ".join(syncd("audit", "query", "--help").out.split())
    for words in (KINDS, VERDICTS, OUTCOMES):
        assert f"One of: {', '.join(words)}." in said
