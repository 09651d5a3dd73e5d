"""Is nothing lost, doubled, unaudited or stuck, wherever a cycle dies, and wherever the ones that recover from it die?

In process, on a real database, by every call and every commit of a cycle that writes in every way: see `crashes`. Real
processes are killed in tests/sweep.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import pytest

from syncd.testing import InMemoryOrg
from tests.checker.book import size_of
from tests.proof.crashes import Explorer, Moment, count_histories
from tests.proof.stage import PACE, Play, a_company, a_home, export_line

WAYS = {"patches and collections": PACE, "Bulk loads": replace(PACE, load_rows_min=1)}
FAULTS = ("away", "lost", "full")
Start = Callable[[str], Explorer]


@pytest.fixture
def start() -> Iterator[Start]:
    """Give a cycle that holds everything, at its beginning: reverts, fields, an opt-out, an enrolment, a delete, an edit."""
    with a_home() as home:

        def begin(way: str) -> Explorer:
            play = Play(home, a_company(6), pace=WAYS[way])
            for _ in range(3):
                play.cycle()
            _write_history(play)
            play.model.clock.advance(60)
            for kept in (play.log, play.seen, play.model.deeds):
                kept.clear()
            return Explorer(home, Moment.of(play), size_of(play.database))

        yield begin


def _write_history(play: Play) -> None:
    model, now = play.model, play.model.second()
    leads = list(model.tables["Lead"])
    model.clock.advance(86_400)
    for lead in leads[:2]:
        play.edit("marketo", "update", "Lead", lead, Status="Inquiry")
    play.edit("marketo", "update", "Lead", leads[2], Status="Nurture", OwnerId=model.user_id("mia@sandbox.example"))
    play.edit("sam", "update", "Lead", leads[3], Title="Chief")
    play.edit("sam", "delete", "Lead", leads[5])
    stamps = dict.fromkeys(("SystemModstamp", "LastModifiedDate"), now)
    long_ago = datetime(2025, 6, 1, tzinfo=UTC)
    contact = model.load("Contact", LastName="C-9", Email="c-9@example.com", MA_Person_Id__c="C-9", **stamps)
    deal = model.load(
        "Opportunity", Name="Late", StageName="Proposal", CreatedDate=long_ago, LastStageChangeDate=long_ago, **stamps,
        OwnerId=model.user_id("ada@sandbox.example"),
    )  # fmt: skip
    model.load("OpportunityContactRole", OpportunityId=deal, ContactId=contact, Role="Decision Maker", **stamps)
    scores = (export_line(f"L-{n}", leadScore="77") for n in (0, 3))
    play.drop("scores.csv", *scores, export_line("L-4", unsubscribed="true"), export_line("stranger", leadScore="many"))


def everything_wrong(explorer: Explorer) -> list[str]:
    """List what went wrong in any life."""
    return [wrong for life in explorer.lives.values() for wrong in life.wrong]


def tell(capsys: pytest.CaptureFixture[str], explorer: Explorer, histories: int, what: str) -> None:
    """Say how many histories there were."""
    with capsys.disabled():
        lives = len(explorer.lives)
        sys.stdout.write(f"\n{histories:,} histories of {what}, through {lives:,} moments that differ, each played: 0 wrong\n")


def explore(start: Start, way: str, deaths: int, capsys: pytest.CaptureFixture[str]) -> int:
    explorer = start(way)
    histories = count_histories(explorer, explorer.started, deaths)
    assert everything_wrong(explorer)[:12] == []
    tell(capsys, explorer, histories, f"up to {deaths} deaths ({way})")
    return histories


@pytest.mark.parametrize("way", WAYS)
def test_the_undisturbed_cycle_writes_in_every_way(start: Start, way: str) -> None:
    explorer = start(way)
    life = explorer.life(explorer.started)
    assert life.wrong == []
    assert explorer.calm is not None
    kinds = sorted(what.split()[0] + " " + what.split()[1] for what in explorer.calm.taken)
    assert kinds.count("update Lead") >= (5 if way == "Bulk loads" else 6)
    assert kinds.count("create CampaignMember") == 1
    assert any("done" in name for name in explorer.calm.files)
    assert len(life.calls) >= 8
    assert any("jobs/ingest" in call for call in life.calls) == (way == "Bulk loads")


@pytest.mark.parametrize("way", WAYS)
def test_a_cycle_that_dies_anywhere_is_carried_on(start: Start, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explore(start, way, 1, capsys) > 60


@pytest.mark.sweep
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("way", WAYS)
def test_cycles_that_die_again_and_again_are_carried_on(start: Start, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explore(start, way, 3, capsys) > 100_000


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("way", WAYS)
def test_a_million_histories_are_carried_on(start: Start, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explore(start, way, 5, capsys) > 1_000_000


@pytest.mark.sweep
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("way", WAYS)
def test_a_call_or_commit_that_fails_anywhere_is_carried_on_and_so_is_a_death_after_it(
    start: Start, way: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    explorer = start(way)
    explorer.life(explorer.started)
    points = len(explorer.life(explorer.started).calls) if kind != "full" else explorer.life(explorer.started).commits
    left = [explorer.fault(explorer.started, number, kind) for number in range(1, points + 1)]
    found: Sequence[Moment] = [moment for moment in left if moment is not None]
    assert len(found) >= (3 if kind == "lost" else 8)
    histories = sum(count_histories(explorer, moment, 1) for moment in found)
    assert everything_wrong(explorer)[:12] == []
    tell(capsys, explorer, histories, f"a failure ({kind}) and a death ({way})")


def test_a_syncd_that_forgets_what_it_sent_is_found_out(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The measure itself: when looking never finds what was written before, creates are doubled or lost, and it says so."""
    numbers = count()
    monkeypatch.setattr(InMemoryOrg, "find", lambda self, object, fields, where: _forgetful(self, next(numbers)))
    explorer = start("patches and collections")
    count_histories(explorer, explorer.started, 1)
    assert everything_wrong(explorer)


def _forgetful(org: InMemoryOrg, number: int) -> object:
    return org.read("Lead", [], [])
