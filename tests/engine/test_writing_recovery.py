"""Whatever cuts a write off, is it found out by looking, done once, and told truly?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial

import pytest

from syncd.core.values import Intent
from syncd.engine.world import Stopped
from syncd.errors import AnswerLost, OrgUnreachable
from tests.engine.outbox_play import (
    LEADS,
    SCORE,
    Killed,
    Mortal,
    asked,
    carry_out,
    intent,
    kinds,
    member,
    safe_owners,
    score,
    scores,
)
from tests.engine.scene import Scene
from tests.engine.small_org import contact, lead

JOBS = "/jobs/ingest"
FIVE = [lead("Working", number) for number in range(4)] + [lead("MQL", 0)]


pytestmark = pytest.mark.usefixtures("nobody_waits")


@pytest.fixture(autouse=True)
def all_at_once(scene: Scene) -> None:
    """Let every write leave at once: no rule tries its first ones out."""
    scene.limits(canary='"off"')


@pytest.fixture
def known(scene: Scene) -> Scene:
    """Give an org in which leads were written in collections before."""
    safe_owners(scene)
    return scene


def title(id: str) -> Intent:
    return intent(id, "Title", None, "Called")


def of_each_way() -> list[Intent]:
    """Return writes of every kind, that go by composite, in collections or by a load, and as new rows."""
    return [*(title(id) for id in FIVE), *(score(id) for id in FIVE), *(member(contact(number)) for number in range(1, 4))]


def assert_all_done_once(scene: Scene) -> None:
    assert {scene.row(id)["Title"] for id in FIVE} == {"Called"}
    assert scores(scene, FIVE) == {77}
    assert sorted(contact_id for _, contact_id in scene.members()) == [contact(number) for number in range(1, 4)]
    assert len(scene.rows("CampaignMember")) == 3
    assert kinds(scene) == {"confirmed": 13}
    assert scene.is_at_rest()
    with scene.store() as store:
        assert store.jobs("ingest") == []


class Rewind:
    """Puts the org and syncd's database back to where they stood."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.image = scene.served.org.snapshot()
        self.database = (scene.home / "syncd.db").read_bytes()

    def rewind(self) -> None:
        """Play it again."""
        self.scene.served.org.restore(self.image)
        for file in self.scene.home.glob("syncd.db*"):
            file.unlink()
        (self.scene.home / "syncd.db").write_bytes(self.database)


def strike_at(scene: Scene, number: int, side: str) -> list[str]:
    """Break the connection at the `number`-th request from now on; return the path that it struck."""
    first, struck = scene.last_request(), list[str]()

    def strike(n: int, method: str, path: str) -> None:
        if n == first + number:
            struck.append(path)
            raise asyncio.CancelledError

    scene.hook(strike if side == "before" else None, strike if side == "after" else None)
    return struck


@pytest.mark.sweep
@pytest.mark.parametrize("load_rows_min", [1, 1000], ids=["load", "collections"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_whichever_answer_is_lost_every_way_of_writing_is_done_once(known: Scene, side: str, load_rows_min: int) -> None:
    """The n-th request breaks, for every n: before it was carried out, or when it was and nobody heard."""
    scene, number, lost = known, 0, set[str]()
    rewind, struck = Rewind(scene), ["the first"]
    while struck:
        number += 1
        rewind.rewind()
        struck = strike_at(scene, number, side)
        try:
            carry_out(scene, of_each_way(), load_rows_min=load_rows_min, writers=1)
        except AnswerLost:
            lost.update(struck)
        except OrgUnreachable:  # the login, before there was a cycle
            carry_out(scene, of_each_way(), load_rows_min=load_rows_min)
        scene.hook()
        for _ in range(3):  # a load may need more than one look
            scene.cycle()
        assert_all_done_once(scene)
    endings = {path.rpartition("/")[2] for path in lost}
    assert {"composite", "sobjects"} <= endings
    assert load_rows_min > 1 or {"ingest", "batches"} <= endings


@pytest.mark.sweep
@pytest.mark.parametrize("load_rows_min", [1, 1000], ids=["load", "collections"])
def test_asked_to_end_at_any_pause_every_way_of_writing_is_done_once(known: Scene, load_rows_min: int) -> None:
    scene, at, is_cut = known, 0, True
    rewind = Rewind(scene)
    while is_cut:
        at += 1
        rewind.rewind()
        left = iter(range(at))

        def is_stopping(left: Iterator[int] = left) -> bool:
            return next(left, None) is None

        is_cut = False
        try:
            carry_out(scene, of_each_way(), is_stopping=is_stopping, load_rows_min=load_rows_min)
        except Stopped:
            is_cut = True
        for _ in range(3):
            scene.cycle()
        assert_all_done_once(scene)
    assert at > 4


@pytest.mark.sweep
@pytest.mark.parametrize("side", ["before", "after"])
def test_killed_at_any_commit_every_way_of_writing_is_done_once(known: Scene, side: str) -> None:
    scene, at, is_killed = known, 0, True
    rewind = Rewind(scene)
    while is_killed:
        at += 1
        rewind.rewind()
        is_killed = False
        try:
            carry_out(scene, of_each_way(), wrap=partial(Mortal, at=at, side=side), load_rows_min=1, writers=1)
        except Killed:
            is_killed = True
            if not scene.ledger(kind="intent"):
                continue  # nothing was asked for yet
        for _ in range(3):
            scene.cycle()
        assert_all_done_once(scene)
    assert at > 10


# --- side by side --------------------------------------------------------------------------------------------------------


def test_a_lost_answer_among_many_under_way_costs_the_others_nothing(known: Scene) -> None:
    scene = known

    def strike(n: int, method: str, path: str) -> None:
        body = str([one["body"] for one in scene.served.requests(n - 1) if one["n"] == n])
        if path.endswith("/composite") and LEADS[27] in body and "PATCH" in body:
            raise asyncio.CancelledError

    scene.hook(None, strike)
    with pytest.raises(AnswerLost):
        carry_out(scene, [title(id) for id in LEADS])
    scene.hook()
    assert kinds(scene) == {"confirmed": 25}
    scene.cycle()
    assert kinds(scene) == {"confirmed": 28}
    assert len(scene.writes()) == 28


# --- loads ---------------------------------------------------------------------------------------------------------------


def cut_while_it_polls(scene: Scene, intents: Sequence[Intent]) -> None:
    """Begin a load that Salesforce takes long for, and end before it has."""
    scene.settings(bulk_polls=3)
    with pytest.raises(Stopped):
        carry_out(scene, intents, load_rows_min=1, is_stopping=lambda: bool(asked(scene, "GET", _job(scene))))


def _job(scene: Scene) -> str:
    with scene.store() as store:
        jobs = store.jobs("ingest")
    return f"{JOBS}/{jobs[0].job_id}" if jobs else "nothing yet"


def test_a_load_under_way_is_never_sent_again_before_its_results_were_read(known: Scene) -> None:
    scene = known
    cut_while_it_polls(scene, [score(id) for id in FIVE])
    assert kinds(scene) == {}
    scene.settings(bulk_polls=9)
    scene.cycle()
    with scene.store() as store:
        assert store.count_open() == 5
    scene.settings(bulk_polls=1)
    scene.cycle()
    assert kinds(scene) == {"confirmed": 5}
    assert len(asked(scene, "PUT", "/batches")) == 1
    assert asked(scene, "PATCH", "/composite/sobjects") == []
    assert scene.is_at_rest()


def test_the_results_of_a_load_are_taken_whatever_else_was_saved_since(known: Scene) -> None:
    scene = known
    cut_while_it_polls(scene, [score(id) for id in FIVE])
    scene.settings(bulk_polls=1)
    scene.edit("sue", FIVE[0], Company="Acme Ltd")
    scene.cycle()
    scene.cycle()
    assert kinds(scene) == {"confirmed": 5}


def test_a_load_whose_name_was_never_heard_is_given_up_and_no_other(known: Scene) -> None:
    scene = known
    with scene.world() as (_, org):
        theirs = org.open_ingest("Contact").id

    def strike(n: int, method: str, path: str) -> None:
        if path.endswith(JOBS) and method == "POST":
            raise asyncio.CancelledError

    scene.hook(None, strike)
    with pytest.raises(AnswerLost):
        carry_out(scene, [score(id) for id in FIVE], load_rows_min=1)
    scene.hook()
    scene.cycle()
    with scene.world() as (_, org):
        assert [job.id for job in org.open_ingests()] == [theirs]
    assert scores(scene, FIVE) == {77}
    assert kinds(scene) == {"confirmed": 5}


def test_a_load_that_the_org_has_forgotten_is_settled_by_the_records(known: Scene) -> None:
    scene = known
    scene.settings(session_seconds=86_400 * 30)
    cut_while_it_polls(scene, [score(id) for id in FIVE])
    scene.settings(bulk_polls=1)
    with scene.world() as (_, org):
        for job in scene.served.requests(scene.first_request):
            if job["method"] == "GET" and JOBS in job["path"]:
                org.ingest_job(job["path"].rpartition("/")[2])
    scene.edit("sue", FIVE[0], Company="Acme Ltd")
    scene.cycle(after_s=86_400 * 8)
    assert kinds(scene) == {"confirmed": 5}
    assert len(asked(scene, "PUT", "/batches")) == 1


def test_what_a_failed_load_leaves_goes_in_collections_and_no_load_is_begun_for_an_hour(known: Scene) -> None:
    scene = known
    scene.settings(bulk_jobs=[{"operation": "update", "end": "Failed", "after_rows": 2}])
    cycle = carry_out(scene, [score(id) for id in FIVE], load_rows_min=1)
    assert kinds(scene) == {"confirmed": 5}
    assert cycle.counts["bulk loads failed"] == 1
    assert sum(len(one["body"]["records"]) for one in asked(scene, "PATCH", "/composite/sobjects")) == 3
    carry_out(scene, [score(id, 78) for id in FIVE], load_rows_min=1)
    assert len(asked(scene, "POST", JOBS)) == 1
    scene.tick(3600)
    scene.settings(bulk_jobs=[])
    carry_out(scene, [score(id, 79) for id in FIVE], load_rows_min=1)
    assert len(asked(scene, "POST", JOBS)) == 2
    assert scores(scene, FIVE) == {79}


def test_an_org_that_takes_no_loads_gets_collections(known: Scene) -> None:
    scene = known
    scene.settings(bulk_batches_daily=0)
    carry_out(scene, [score(id) for id in FIVE], load_rows_min=1)
    assert kinds(scene) == {"confirmed": 5}
    assert asked(scene, "PUT", "/batches") == []


def test_what_an_admin_kept_from_being_written_by_aborting_the_load_waits_for_a_word(known: Scene) -> None:
    scene = known
    scene.settings(bulk_jobs=[{"operation": "update", "end": "Aborted", "after_rows": 2}])
    carry_out(scene, [score(id) for id in FIVE], load_rows_min=1)
    assert kinds(scene) == {"confirmed": 2, "not_applied": 3}
    [item] = scene.inbox("load-aborted")
    assert "3 values were not written" in item.text
    with scene.store() as store:
        assert {one.record_id for one in store.deferred()} == set(FIVE[2:])
    before = scene.last_request()
    scene.cycle()
    assert scene.writes(before) == []


def test_values_that_no_load_can_carry_arrive_all_the_same(known: Scene) -> None:
    scene = known
    odd = intent(FIVE[0], "Title", None, "#N/A", is_contested=False)
    clear = intent(FIVE[1], SCORE, 10, None, is_contested=False)
    quoted = intent(FIVE[2], "Title", None, 'a "b", c\nd', is_contested=False)
    carry_out(scene, [odd, clear, quoted, score(FIVE[3], 1.5)], load_rows_min=1)
    assert scene.row(FIVE[0])["Title"] == "#N/A"
    assert scene.row(FIVE[1])[SCORE] is None
    assert scene.row(FIVE[2])["Title"] == 'a "b", c\nd'
    assert scene.row(FIVE[3])[SCORE] == 1.5
    assert kinds(scene) == {"confirmed": 4}


# --- people meanwhile ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("later_s", [0, 1], ids=["in the same second", "a second later"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_persons_save_between_any_two_requests_is_never_lost(known: Scene, side: str, later_s: int) -> None:
    """Somebody saves the record at the n-th request, for every n, from the cycle's begin to its end."""
    scene, rewind, ends = known, Rewind(known), set[str]()
    number, saved = 0, [0]
    while saved:
        number, saved = number + 1, []
        rewind.rewind()
        first = scene.last_request()

        def save(n: int, method: str, path: str, at: int = first + number, saved: list[int] = saved) -> None:
            if n == at:
                saved.append(n)
                scene.tick(later_s)
                scene.edit("sue", FIVE[0], Title="Hers")

        scene.hook(save if side == "before" else None, save if side == "after" else None)
        carry_out(scene, [title(id) for id in FIVE])
        scene.hook()
        scene.cycle()
        assert scene.row(FIVE[0])["Title"] == ("Hers" if saved else "Called")
        assert {scene.row(id)["Title"] for id in FIVE[1:]} == {"Called"}
        ends.update(scene.outcomes(FIVE[0]))
    assert ends == {"superseded", "confirmed"}
