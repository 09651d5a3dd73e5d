"""Does the ledger notice that an opt-out is gone, and hold its peace about all that really comes in?"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.core.values import Entry, Flag, FlagFact
from syncd.ports import LedgerQuery
from syncd.store.sql import SqlStore
from tests.engine.test_intake import NOW, SCHEMA, Scene, lead, lead_id, line, schema

T = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.store.dispose()


def problems(scene: Scene) -> tuple[str, ...]:
    return scene.store.verify().problems


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


def test_every_way_in_which_an_opt_out_comes_enters_and_keeps_it_once(scene: Scene) -> None:
    scene.mirror(*(lead(number, Email="both@example.com", MA_Person_Id__c=None) for number in (8, 9)))
    rows = [
        line(1, unsubscribed="true", leadScore="50"),
        line(1, unsubscribed="true", updatedAt="2026-11-01T11:00:00Z"),
        line(77, email="Both@Example.com", unsubscribed="true"),
        line(901, unsubscribed="true"),
        line(902, email="P901@example.com", unsubscribed="true"),
        line(99, email="null", unsubscribed="true"),
        line(2, unsubscribed="perhaps"),
        line(3, emailInvalid="true"),
    ]
    scene.drop("a.csv", *rows)
    scene.schema = {**SCHEMA, "Lead": schema("Lead", without=("Lead_Score__c",))}
    for _ in range(2):  # paused: the file stays, and is latched
        scene.run()
        assert problems(scene) == ()
    scene.schema = SCHEMA
    scene.run()
    assert problems(scene) == ()
    for name in ("again.csv", "newer.csv"):  # the same bytes, then other bytes while writes of the first file are open
        scene.drop(name, *rows, *([line(4, unsubscribed="true")] if name == "newer.csv" else []))
        scene.run()
        assert problems(scene) == ()
    scene.mirror(lead(1, Email="moved@example.com"), lead(901))  # an address changes, and somebody comes into the org
    scene.drop("later.csv", *(line(n, email=at, unsubscribed="true") for n, at in ((1, "null"), (901, "p901@example.com"))))
    scene.run(mapping=scene.mapping)
    assert problems(scene) == ()
    assert {person for flag, person, _ in scene.flags() if flag is Flag.OPTED_OUT} >= {None, *map(lead_id, (1, 8, 9))}


@pytest.mark.parametrize("external", ["99", "Ann@Example.com"])
def test_nobody_in_the_org_is_entered_once_by_each_that_they_are_known_by(scene: Scene, external: str, tmp_path: Path) -> None:
    for name, score in (("a.csv", "1"), ("b.csv", "2")):
        scene.drop(name, line(98, id=external, email="null", unsubscribed="true", leadScore=score))
        scene.drop("2" + name, line(901, unsubscribed="true", leadScore=score))
        scene.run()
        assert problems(scene) == ()
    assert scene.store.flag_counts()["opted_out"] == 2
    assert len(list(scene.store.ledger(LedgerQuery(kind="flag")))) == 3  # of one of them also by the external id
    change(tmp_path / "syncd.db", "DELETE FROM flags WHERE address = 'p901@example.com'")
    assert "1 of 3 opt-outs" in problems(scene)[0]


@pytest.fixture
def opted_out(scene: Scene, tmp_path: Path) -> Path:
    """Return a database with the opt-outs of two leads, of an address and of its id in ledger rows 1 to 4, and another flag."""
    scene.drop("a.csv", line(1, unsubscribed="true"), line(2, unsubscribed="true"), line(901, unsubscribed="true"))
    scene.run()
    scene.drop("b.csv", line(3, emailInvalid="true"))
    scene.run()
    assert problems(scene) == ()
    return tmp_path / "syncd.db"


@pytest.mark.parametrize(
    ("statement", "gone"),
    [
        ("DELETE FROM flags", 4),
        ("DELETE FROM flags WHERE person_id <> ''", 2),
        ("DELETE FROM flags WHERE person_id = ''", 2),
        ("UPDATE flags SET flag = 'unreachable' WHERE address = 'p2@example.com'", 1),
        ("UPDATE flags SET person_id = '00Q000000000000AAA' WHERE address = 'p2@example.com'", 1),
        ("UPDATE flags SET org = '00D'", 4),
    ],
)
def test_opt_outs_that_are_gone_show_with_their_number_and_what_to_do(
    scene: Scene, opted_out: Path, statement: str, gone: int
) -> None:
    change(opted_out, statement)
    [problem] = problems(scene)
    assert problem.startswith("Row ")
    assert f"{gone} of 4 opt-outs entered in the ledger are gone" in problem
    assert problem.endswith("Restore a backup; until then nobody should be enrolled.")


def test_flags_that_may_clear_themselves_are_not_missed(scene: Scene, opted_out: Path) -> None:
    change(opted_out, "DELETE FROM flags WHERE flag <> 'opted_out'")
    assert problems(scene) == ()


def test_one_of_two_addresses_of_a_person_is_missed(store: SqlStore, database: Path) -> None:
    with store.begin() as tx:
        tx.add_flags([FlagFact(Flag.OPTED_OUT, "00Q1", f"ann@{n}.example", "marketo", "a.csv:2", T) for n in (1, 2)])
        tx.append([Entry(kind="flag", at=NOW, cycle="c", record_id="00Q1", after="opted_out") for _ in range(2)])
    assert store.verify().problems == ()
    change(database, "DELETE FROM flags WHERE address = 'ann@2.example'")
    assert store.verify().problems[0].startswith("Row 1: an opt-out that is no longer kept; 1 of 2")
