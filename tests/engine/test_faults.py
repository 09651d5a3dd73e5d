"""What stays right when the network, the org or an answer fails?"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from aiohttp import web

from syncd.cli import wire
from syncd.engine.cycle import run_cycle
from syncd.engine.world import Stopped
from syncd.errors import AnswerLost, BudgetSpent, LoginRefused, OrgUnreachable, SyncdError
from tests.engine.scene import Scene
from tests.engine.small_org import contact, lead, user

LEADS = [lead("Working", number) for number in range(3)]
Fault = Callable[[], BaseException]

FAULTS: dict[str, Fault] = {
    "503": lambda: web.HTTPServiceUnavailable(text='[{"errorCode":"SERVER_UNAVAILABLE","message":"busy"}]'),
    "HTML with 200": lambda: web.HTTPOk(text="<html>sign in to the hotel's network</html>", content_type="text/html"),
    "HTML with 502": lambda: web.HTTPBadGateway(text="<html>bad gateway</html>", content_type="text/html"),
    "no answer": asyncio.CancelledError,
}


pytestmark = pytest.mark.usefixtures("nobody_waits")


@pytest.fixture
def busy(scene: Scene) -> Scene:
    """Give a scene whose next cycle puts three leads back and enrolls eight people."""
    scene.fences({"tool": "revert"})
    scene.nurture("enroll")
    for id in LEADS:
        scene.edit("marketo", id, Status="Inquiry")
    return scene


def assert_done_once(scene: Scene) -> None:
    """Hold the end against what an undisturbed cycle comes to."""
    assert scene.is_at_rest()
    assert {scene.row(id)["Status"] for id in LEADS} == {"Working"}
    own = [row for row in scene.rows("LeadHistory") if row["CreatedById"] == scene.served.org.api_user_id]
    assert sorted(row["LeadId"] for row in own) == sorted(LEADS)
    members = [(row["CampaignId"], row["ContactId"]) for row in scene.rows("CampaignMember")]
    assert len(members) == len(set(members)) == 8
    assert scene.outcomes() == ["confirmed"] * 11
    keys = [entry.key for entry in scene.ledger(kind="intent")]
    assert len(set(keys)) == len(keys) == 11


def last_cycle_error(scene: Scene) -> str:
    with scene.store() as store:
        return str(store.cycles(1)[0].error)


# --- the org is not there ----------------------------------------------------------------------------------------------


def test_an_org_that_refuses_connections_ends_the_cycle_clearly_and_nothing_is_lost(busy: Scene) -> None:
    scene = busy
    config = scene.home / "config.toml"
    right = config.read_text(encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config.write_text(right.replace(scene.served.url, f"http://127.0.0.1:{port}"), encoding="utf-8")
    with pytest.raises(
        OrgUnreachable, match=rf"127\.0\.0\.1:{port} could not be reached for the login: the connection was refused"
    ):
        scene.cycle()
    config.write_text(right, encoding="utf-8")
    scene.cycle()
    assert_done_once(scene)


def test_a_wrong_secret_is_named_and_never_shown(busy: Scene) -> None:
    scene = busy
    config = scene.home / "config.toml"
    right = config.read_text(encoding="utf-8")
    secret = scene.home / "secret"
    secret.write_text("not-the-secret", encoding="utf-8")
    secret.chmod(0o600)
    config.write_text(
        right.replace('client_secret = "${SYNCD_CLIENT_SECRET}"', f'client_secret_file = "{secret}"'), encoding="utf-8"
    )
    with pytest.raises(LoginRefused) as refusal:
        scene.cycle()
    assert "not-the-secret" not in str(refusal.value)
    assert "client_secret" in refusal.value.hint
    config.write_text(right, encoding="utf-8")
    with pytest.raises(LoginRefused, match=r"not tried again before .*UTC"):
        scene.cycle()
    with wire.open_org(scene.config()) as org:  # as `syncd check` does: it tries at once
        org.try_login_at_once()
        org.identity()
    scene.cycle()
    assert_done_once(scene)


def test_an_org_without_requests_left_is_waited_for(busy: Scene) -> None:
    scene = busy
    scene.settings(daily_api_requests=1)
    with pytest.raises(BudgetSpent):
        scene.cycle()
    assert scene.writes() == []
    scene.settings(daily_api_requests=100_000)
    scene.cycle(after_s=86_400)
    assert_done_once(scene)


def test_syncds_own_share_of_the_requests_is_not_passed(busy: Scene) -> None:
    scene = busy
    scene.settings(daily_api_requests=120)
    scene.cycle()
    with pytest.raises(BudgetSpent, match="of its 25 % share of 120 daily API requests"):  # noqa: PT012
        for _ in range(15):
            scene.cycle()
    spent = scene.last_request()
    with pytest.raises(BudgetSpent):
        scene.cycle()
    assert sum(one["api_calls"] for one in scene.served.requests(spent)) == 0
    assert "share" in last_cycle_error(scene)
    assert {scene.row(id)["Status"] for id in LEADS} == {"Working"}
    scene.cycle(after_s=90_000)
    assert_done_once(scene)


# --- answers that fail -------------------------------------------------------------------------------------------------


def fail(scene: Scene, at: int, side: str, fault: Fault) -> list[str]:
    """Fail the `at`-th request from now on, before it is carried out or after; return the paths that failed."""
    first = scene.last_request()
    failed: list[str] = []

    def strike(n: int, method: str, path: str) -> None:
        if n == first + at:
            failed.append(path)
            raise fault()

    scene.hook(strike if side == "before" else None, strike if side == "after" else None)
    return failed


class Rewind:
    """Plays the same cycle again and again, each time with another answer failing."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.image = scene.served.org.snapshot()
        self.database = (scene.home / "syncd.db").read_bytes()

    def rewind(self) -> None:
        """Put the org and syncd's database back to the moment before the cycle."""
        self.scene.served.org.restore(self.image)
        for file in self.scene.home.glob("syncd.db*"):
            file.unlink()
        (self.scene.home / "syncd.db").write_bytes(self.database)

    def play(self, at: int, side: str, fault: Fault) -> tuple[list[str], bool]:
        """Fail one answer, run one more cycle, hold the end; return what failed and whether a write's fate was unknown."""
        self.rewind()
        failed = fail(self.scene, at, side, fault)
        error: OrgUnreachable | None = None
        try:
            self.scene.cycle()
        except OrgUnreachable as problem:  # what is not a lost answer is a login, which opens no cycle
            error = problem
        self.scene.hook()
        if isinstance(error, AnswerLost):
            assert "the next cycle reads the records" in error.hint
            assert last_cycle_error(self.scene) == str(error)
        self.scene.cycle()
        assert_done_once(self.scene)
        return failed, isinstance(error, AnswerLost)


@pytest.mark.sweep
@pytest.mark.parametrize("side", ["before", "after"])
def test_whichever_answer_fails_everything_is_done_once(busy: Scene, side: str) -> None:
    """The connection breaks at the n-th request, for every n: reads are asked again, a write's fate is found out later."""
    rewind, at, lost = Rewind(busy), 0, 0
    failed = ["the first"]
    while failed:
        at += 1
        failed, is_lost = rewind.play(at, side, FAULTS["no answer"])
        lost += is_lost
    assert at > 6
    assert lost == 2


def writing_requests(scene: Scene) -> list[int]:
    """Play the cycle undisturbed and return which of its requests write."""
    rewind, start = Rewind(scene), scene.last_request()
    rewind.play(99, "before", FAULTS["no answer"])
    rewind.rewind()
    return [
        one["n"] - start for one in scene.served.requests(start) if len(scene.writes(one["n"] - 1)) > len(scene.writes(one["n"]))
    ]


@pytest.mark.sweep
@pytest.mark.parametrize("side", ["before", "after"])
def test_however_the_answers_to_writes_fail_they_are_done_once(busy: Scene, side: str) -> None:
    places = writing_requests(busy)
    assert len(places) == 2
    rewind = Rewind(busy)
    for fault in FAULTS.values():
        for at in places:
            assert rewind.play(at, side, fault)[1]


@pytest.mark.sweep
def test_asked_to_end_at_any_pause_the_next_start_does_the_rest(busy: Scene) -> None:
    rewind, at, is_cut = Rewind(busy), 0, True
    while is_cut:
        at += 1
        rewind.rewind()
        asked = iter(range(1, 10_000))

        def is_stopping(at: int = at, asked: Iterator[int] = asked) -> bool:
            return next(asked) >= at

        is_cut = False
        busy.tick()
        with busy.world() as (world, org):
            try:
                run_cycle(replace(world, is_stopping=is_stopping), org)
            except Stopped:
                is_cut = True
        busy.cycle()
        assert_done_once(busy)
    assert at > 10


def test_reads_that_fail_for_good_end_the_cycle_and_the_next_one_does_it_all(busy: Scene) -> None:
    scene = busy

    def strike(n: int, method: str, path: str) -> None:
        if path.endswith("/composite"):
            raise FAULTS["503"]()

    scene.hook(strike)
    with pytest.raises(SyncdError, match="503"):
        scene.cycle()
    assert "503" in last_cycle_error(scene)
    scene.hook()
    scene.cycle()
    assert_done_once(scene)


# --- a lost answer, and then somebody else -----------------------------------------------------------------------------


def lose_the_answer_to_the_revert(scene: Scene) -> None:
    """Let the cycle's conditional writes be applied and their answer be lost."""

    def strike(n: int, method: str, path: str) -> None:
        if scene.writes(n - 1):
            raise FAULTS["no answer"]()

    scene.hook(None, strike)
    with pytest.raises(AnswerLost):
        scene.cycle()
    scene.hook()
    assert scene.row(LEADS[0])["Status"] == "Working"
    assert scene.outcomes() == []


@pytest.mark.parametrize(
    "fields",
    [{"Company": "Acme Ltd"}, {"Status": "Meeting Set"}, {"OwnerId": user("sue")}],
    ids=lambda fields: next(iter(fields)),
)
def test_a_write_whose_answer_was_lost_is_confirmed_from_history_whoever_saved_the_record_since(
    scene: Scene, fields: dict[str, str]
) -> None:
    scene.fences({"tool": "revert"})
    scene.edit("marketo", LEADS[0], Status="Inquiry")
    lose_the_answer_to_the_revert(scene)
    scene.tick(5)
    scene.edit("sue", LEADS[0], **fields)
    scene.cycle()
    scene.cycle()
    assert scene.outcomes() == ["confirmed"]
    assert {name: scene.row(LEADS[0])[name] for name in fields} == fields
    assert len(scene.writes()) == 1
    assert scene.is_at_rest()


def test_an_old_revert_of_the_same_lead_confirms_nothing(scene: Scene) -> None:
    """Our row in the history is older than the decision: whoever put the value back now was not us."""
    scene.fences({"tool": "revert"})
    scene.edit("marketo", LEADS[0], Status="Inquiry")
    scene.cycle()
    scene.edit("marketo", LEADS[0], Status="Nurture")
    scene.tick(30)

    def put_back_first(n: int, method: str, path: str) -> None:
        if len(scene.ledger(LEADS[0], kind="intent")) == 2:
            scene.hook()
            scene.edit("sue", LEADS[0], Status="Working")

    scene.hook(put_back_first)
    scene.cycle(after_s=0)
    assert scene.outcomes() == ["confirmed", "superseded"]
    assert len(scene.writes()) == 1


def test_a_member_whose_answer_was_lost_and_whom_somebody_removed_is_not_sent_twice_in_one_cycle(scene: Scene) -> None:
    scene.nurture("enroll")
    lost: list[int] = []

    def strike(n: int, method: str, path: str) -> None:
        if scene.writes(n - 1):
            lost.append(n)
            raise FAULTS["no answer"]()

    scene.hook(None, strike)
    with pytest.raises(AnswerLost):
        scene.cycle()
    scene.hook()
    scene.cycle()
    assert len(lost) == 1
    assert scene.outcomes(contact(1)) == ["confirmed"]
    assert len(scene.rows("CampaignMember")) == 8
