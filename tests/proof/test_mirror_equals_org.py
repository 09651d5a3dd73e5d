"""Does the mirror equal the org once it is quiet, whatever happened before, in any order?

People edit, delete, undelete, purge, merge and convert; transactions commit late; clocks are stepped; calls and commits fail,
processes die. Then nobody does anything for a while, and every row that syncd keeps is held against the org's own.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from syncd.errors import SyncdError
from syncd.ports import Store
from syncd.testing import InMemoryOrg
from tests.checker.book import read_book
from tests.checker.watch import USER
from tests.checker.wire import read_wire
from tests.proof.crashes import Fault
from tests.proof.stage import Image, Play, a_company, a_home, export_line

MIRRORED = ("Lead", "Contact", "Opportunity", "OpportunityContactRole", "CampaignMember", "Task", "User", "Campaign")
HISTORIES = ("LeadHistory", "OpportunityFieldHistory")
STATUSES = ("Inquiry", "Nurture", "MQL", "Working", "Meeting Set", "Disqualified")
OPTED_OUT = "HasOptedOutOfEmail"
people = st.sampled_from(["mia", "sam", "ada", "marketo", "admin"])
numbers = st.integers(0, 60)
waits = st.sampled_from([0.0, 0.2, 1.0, 30.0, 61.0, 400.0, 3_700.0])


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


@functools.cache
def seen_company() -> Image:
    """Return a company that syncd has seen, at rest."""
    with a_home() as home:
        play = Play(home, a_company(8))
        for _ in range(2):
            play.cycle()
        return Image.of(play)


class AnyHistory(RuleBasedStateMachine):
    """What may happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.play: Play
        self.drops = 0

    @initialize()
    def begin(self) -> None:
        self.play = seen_company().play(self.stack.enter_context(a_home()))

    def pick(self, object: str, number: int, *, is_deleted: bool = False) -> str | None:
        """Pick a row, or None when there is none."""
        ids = sorted(row["Id"] for row in self.play.model.tables[object].values() if row["IsDeleted"] == is_deleted)
        return ids[number % len(ids)] if ids else None

    def do(self, who: str, op: str, object: str, id: str | None, late_s: float = 0, **fields: Any) -> None:
        """Edit as somebody; what the org refuses is refused."""
        if id is not None:
            edit = {"op": op, "object": object, "id": id, "fields": fields, "visible_after_s": late_s}
            username = {"admin": "admin@sandbox.example", "marketo": "marketo.sync@sandbox.example"}.get(who)
            self.play.model.edit([edit], user=username or f"{who}@sandbox.example")

    # --- people ----------------------------------------------------------------------------------------------------

    @rule(who=people, number=numbers, status=st.sampled_from(STATUSES), late_s=st.sampled_from([0, 0, 0, 90, 500]))
    def move(self, who: str, number: int, status: str, late_s: int) -> None:
        self.do(who, "update", "Lead", self.pick("Lead", number), late_s, Status=status)

    @rule(who=people, number=numbers, to=st.sampled_from(["mia", "sam", "ada"]))
    def hand_over(self, who: str, number: int, to: str) -> None:
        owner = self.play.model.user_id(f"{to}@sandbox.example")
        self.do(who, "update", "Lead", self.pick("Lead", number), OwnerId=owner)

    @rule(who=people, object=st.sampled_from(["Lead", "Contact"]), number=numbers, late_s=st.sampled_from([0, 0, 300]))
    def opt_out(self, who: str, object: str, number: int, late_s: int) -> None:
        self.do(who, "update", object, self.pick(object, number), late_s, HasOptedOutOfEmail=True)

    @rule(number=numbers, stage=st.sampled_from(["Discovery", "Proposal", "Closed Won"]))
    def sell(self, number: int, stage: str) -> None:
        self.do("ada", "update", "Opportunity", self.pick("Opportunity", number), StageName=stage)

    @rule(who=people, number=numbers, status=st.sampled_from(STATUSES))
    def arrive(self, who: str, number: int, status: str) -> None:
        name = f"New {number}"
        self.do(who, "create", "Lead", "", LastName=name, Company="Acme", Status=status, Email=f"new.{number}@example.com")

    @rule(who=people, object=st.sampled_from(["Lead", "Contact", "Opportunity", "CampaignMember"]), number=numbers)
    def delete(self, who: str, object: str, number: int) -> None:
        self.do(who, "delete", object, self.pick(object, number))

    @rule(object=st.sampled_from(["Lead", "Contact"]), number=numbers, op=st.sampled_from(["undelete", "purge"]))
    def empty_the_bin(self, object: str, number: int, op: str) -> None:
        self.do("admin", op, object, self.pick(object, number, is_deleted=True))

    @rule(object=st.sampled_from(["Lead", "Contact"]), winner=numbers, loser=numbers)
    def merge(self, object: str, winner: int, loser: int) -> None:
        self.do("admin", "merge", object, self.pick(object, winner), loser=self.pick(object, loser))

    @rule(number=numbers)
    def convert(self, number: int) -> None:
        self.do("sam", "convert", "Lead", self.pick("Lead", number), Status="Qualified")

    @rule(number=st.integers(0, 7), score=st.integers(0, 99), is_out=st.booleans())
    def export(self, number: int, score: int, is_out: bool) -> None:
        self.drops += 1
        at = f"{self.play.model.clock.at:%Y-%m-%dT%H:%M:%SZ}"
        line = export_line(f"L-{number}", leadScore=str(score), unsubscribed=str(is_out).lower(), updatedAt=at)
        self.play.drop(f"{self.drops:04d}.csv", line)

    # --- time, faults, cycles --------------------------------------------------------------------------------------

    @rule(seconds=waits)
    def wait(self, seconds: float) -> None:
        self.play.model.clock.advance(seconds)

    @rule(seconds=st.sampled_from([-86_400.0, -3_600.0, 0.0, 3_600.0, 86_400.0]))
    def step_the_hosts_clock(self, seconds: float) -> None:
        self.play.host_is_ahead_s = seconds

    @rule(after_s=waits)
    def run_a_cycle(self, after_s: float) -> None:
        with suppress(SyncdError):
            self.play.cycle(after_s)

    @rule(number=st.integers(1, 30), kind=st.sampled_from(["away", "lost", "full"]))
    def run_a_cycle_in_which_something_fails(self, number: int, kind: str) -> None:
        fault = Fault(number, kind)
        self.play.disturb, self.play.before_commit = fault.at_call, fault.at_commit
        with suppress(SyncdError):
            self.play.cycle(1)
        self.calm_down()

    @rule(number=st.integers(1, 120))
    def run_a_cycle_that_dies(self, number: int) -> None:
        points = iter(range(1, 100_000))

        def die(*_: str) -> None:
            if next(points) == number:
                raise Killed

        self.play.disturb = self.play.before_commit = self.play.after_commit = die
        with suppress(SyncdError, Killed):
            self.play.cycle(1)
        self.calm_down()

    def calm_down(self) -> None:
        self.play.disturb = self.play.before_commit = self.play.after_commit = _nothing

    # --- quiet -----------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        with self.stack:
            if hasattr(self, "play"):
                self.be_quiet()

    def be_quiet(self) -> None:
        """Let nothing happen for a while, then hold the mirror against the org, and the ledger against what was sent."""
        play = self.play
        play.host_is_ahead_s = 0
        for _ in range(4 + self.drops):  # a file of exports waits until the writes of the one before it have ended
            play.cycle(after_s=700)
        sent = len(read_wire(play.log, USER).sent)
        play.cycle()
        assert len(read_wire(play.log, USER).sent) == sent, "a cycle with nothing new wrote something"
        assert not list((play.home / "exports").glob("*/*.csv")), "an export was never taken"
        assert read_book(play.database).open == set()
        assert seen_company().disagreements(play) == []
        with play.world() as (world, org):
            assert list(differences(world.store, org)) == []


def _nothing(*_: str) -> None:
    """Disturb nothing."""


def differences(store: Store, org: InMemoryOrg) -> Iterator[str]:
    """Name each row in which the mirror is not the org."""
    for object in (*MIRRORED, *HISTORIES):
        mirrored = {row.id: row for row in store.scan(object, limit=100_000)}
        living = {row["Id"]: row for row in org.model.live(object)}
        if object in MIRRORED:
            yield from (f"{object} {id} lingers" for id in sorted(mirrored.keys() - living.keys()))
        for id in living:
            if id not in mirrored:
                yield f"{object} {id} was missed"
                continue
            fields = tuple(mirrored[id].fields)
            true = org.read(object, [id], fields).records[id].fields
            wrong = [name for name in fields if mirrored[id].fields[name] != true[name]]
            yield from (f"{object} {id} {name}: {mirrored[id].fields[name]!r}, not {true[name]!r}" for name in wrong)


def many_histories(examples: int, steps: int, *, are_the_same: bool = False) -> None:
    """Run the state machine. Hypothesis prints what reproduces a failure."""
    wanted = settings(
        derandomize=are_the_same,
        database=None,
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        phases=[phase for phase in Phase if phase is not Phase.explain],  # explaining traces every line: ten times the time
    )
    run_state_machine_as_test(AnyHistory, settings=wanted)


@pytest.mark.timeout(300)
def test_the_mirror_equals_the_org_after_any_history() -> None:
    many_histories(12, 15, are_the_same=True)


def test_what_a_person_set_is_not_taken_for_ours_when_we_wrote_something_else_to_the_record_first() -> None:
    state = AnyHistory()
    state.begin()
    state.convert(number=0)
    state.export(is_out=False, number=0, score=0)
    state.export(is_out=True, number=1, score=0)
    state.run_a_cycle_that_dies(number=26)  # the opt-out and the score are in the ledger, and were not sent
    state.opt_out(late_s=0, number=1, object="Lead", who="mia")
    state.teardown()


@pytest.mark.sweep
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("shard", range(2))
def test_the_mirror_equals_the_org_after_very_many_histories(shard: int) -> None:
    many_histories(40, 25)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_the_mirror_equals_the_org_after_thousands_of_histories() -> None:
    many_histories(2_000, 40)
