"""Does a status say which rules stand back, which windows are open, which owners need a look, and nothing when all is well?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncd.cli.window import read_until
from syncd.core.canary import Trial, Trials
from syncd.core.canary import to_json as trials_to_json
from syncd.core.fence_model import Window
from syncd.core.owner_health import Ailment, OwnerFinding
from syncd.core.owner_health import to_json as owners_to_json
from syncd.core.regret import Tally
from syncd.core.regret import to_json as tallies_to_json
from syncd.core.windows import Announced, to_json
from syncd.engine.canary import TRIALS
from syncd.engine.owner_health import HEALTH
from syncd.engine.regret import TALLIES
from syncd.engine.windows import WINDOWS
from syncd.store.sql import SqlStore
from tests.cli.conftest import REP, Syncd

TODAY = datetime.now(UTC).date().isoformat()


def test_it_is_told_as_text_and_as_json(syncd: Syncd, store: SqlStore) -> None:
    now = datetime.now(UTC)
    window = Window(REP, frozenset(), now, now + timedelta(hours=1), "new territories", "dana@host")
    over = Window(REP, frozenset(), now, now - timedelta(hours=1), "old ones", "dana@host")
    with store.begin() as tx:
        tx.put_setting(HEALTH, owners_to_json([OwnerFinding(Ailment.INACTIVE, REP, "Rita Rep", 12)]))
        tx.put_setting(
            TRIALS, trials_to_json(Trials({"a rule": Trial("hash", 2, "a Flow moves OwnerId"), "fine": Trial("hash", 5)}))
        )
        tx.put_setting(TALLIES, tallies_to_json({"another": Tally("hash", {TODAY: 120}, {TODAY: 2})}))
        tx.put_setting(WINDOWS, [to_json(Announced(1, over, "Rita Rep")), to_json(Announced(2, window, "Rita Rep", True))])
    told = syncd("status").out
    assert "observes      a rule: a Flow moves OwnerId\n" in told
    assert "people set back 2 of 120 values of the last 30 days" in told
    assert "owners        12 open leads of inactive owners: Rita Rep\n" in told
    assert "window        2, waiting for a second person, for Rita Rep, until" in told
    assert "old ones" not in told
    body = syncd("status", "--json").json
    assert body["rules_stopped"] == {"a rule": "a Flow moves OwnerId"}
    assert body["regret"] == {"another": {"writes": 120, "set_back": 2, "percent": 1.67}}
    assert [(one["ailment"], one["leads"]) for one in body["owners"]] == [("inactive owner", 12)]
    assert [(one["number"], one["state"]) for one in body["windows"]] == [(2, "waiting for a second person")]
    header, first, second = syncd("window", "list").out.splitlines()
    assert header.startswith("number  state")
    assert ("over" in first, "old ones" in first, "new territories" in second) == (True, True, True)
    assert [one["state"] for one in syncd("window", "list", "--json").json["windows"]] == ["over", "waiting for a second person"]


def test_nothing_is_told_when_nothing_stands_out(syncd: Syncd, store: SqlStore) -> None:
    with store.begin() as tx:
        tx.put_setting(HEALTH, [])
    told = syncd("status").out
    assert not [line for line in told.splitlines() if line.startswith(("observes", "regret", "owners", "window"))]
    assert syncd("window", "list").out == "no window was opened in the last three months\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23", "2026-11-24T00:00:00+00:00"),
        ("2026-11-23T18:00", "2026-11-23T18:00:00+00:00"),
        ("2026-11-23 18:00:00+02:00", "2026-11-23T16:00:00+00:00"),
    ],
)
def test_a_day_lasts_to_its_midnight(text: str, expected: str) -> None:
    assert read_until(text, UTC).isoformat() == expected


@pytest.mark.parametrize("text", ["tomorrow", "", "2026-13-01", "18:00"])
def test_a_time_that_is_none_is_refused_before_anything_is_asked(syncd: Syncd, store: SqlStore, text: str) -> None:
    said = syncd("window", "open", "--actor", "ada", "--until", text, "--reason", "why")
    assert said.code == 2
    assert "is no time" in said.err
    assert store.waiting_requests() == []
