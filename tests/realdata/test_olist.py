"""Is a real funnel's hand-over from SDR to representative lawful every time, at first sight and live, and the odd date told?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import pytest

from syncd.core.values import Proof, Verdict
from syncd.sandbox.local import running
from tests.realdata import olist
from tests.realdata.site import Site

pytestmark = pytest.mark.realdata

LEADS, WON = 8_000, 842
GATE = '"sdr -> sales" = { by = ["sdr", "sales"] }'
FENCES = """\
version = "1"

[teams]
sdr   = {{ role = ["SDR"] }}
sales = {{ role = ["Representative"] }}

[status]
"Contacted" = {{ team = "sdr" }}
"Won"       = {{ team = "sales" }}

[owner]
{gate}

[crossing.owner]
mode  = {{ person = "warn" }}
since = 2017-01-01
"""


@pytest.fixture(scope="module")
def funnel(olist_data: Path) -> olist.Funnel:
    return olist.read_funnel(olist_data)


@pytest.fixture(scope="module")
def folder(funnel: olist.Funnel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("olist")
    olist.write_org(funnel, path)
    return path


def test_the_funnel_is_the_published_one(funnel: olist.Funnel) -> None:
    assert len(funnel.people) == LEADS
    assert Counter(column for _, column in funnel.users) == {"sdr_id": 32, "sr_id": 22}
    assert sum((key, "sr_id") in funnel.users for key, column in funnel.users if column == "sdr_id") == 13
    won = {person.key: person for person in funnel.people if person.win}
    assert len(won) == WON
    assert [key for key, person in won.items() if person.win and person.win.at < person.contacted_at] == [olist.ODD]
    same_day = [p for p in won.values() if p.win and p.win.at.date() == p.contacted_at.date()]
    assert len(same_day) == 33


@pytest.mark.parametrize(("gate", "passed", "crossed"), [(GATE, WON - 1, 0), ("", 0, WON - 1)], ids=["gate", "no gate"])
def test_first_sight_judges_every_hand_over_and_tells_the_one_with_an_impossible_date(
    funnel: olist.Funnel, folder: Path, tmp_path: Path, gate: str, passed: int, crossed: int
) -> None:
    with running(load=folder, now=olist.NOW, frozen=True) as org:
        site = Site(tmp_path, org)
        site.policy("fences.toml", FENCES.format(gate=gate))
        counts = site.cycle().counts
        # Each hand-over but the one with the impossible date; conversions need no gate.
        assert counts.get("gates passed", 0) == passed
        assert counts["moves of OwnerId"] == WON
        assert counts["quarantined"] == 1
        assert counts.get("crossings", 0) == counts.get("crossings note", 0) == crossed
        [odd] = [lead for lead in site.dump("Lead") if lead["Mql_Id__c"] == olist.ODD]
        [item] = site.inbox()
        assert (item.kind, item.subject) == ("impossible-date", odd["Id"])
        assert "OwnerId at 2018-03-06 19:38 UTC" in item.text
        assert len(site.ledger(kind="change")) == crossed
        assert site.writes() == []
        again = site.cycle().counts
        assert [name for name in again if name not in ("rows read", "API calls")] == []


@dataclass
class Years:
    """The funnel played at the org: leads are created, handed over and converted when they were, with cycles between.

    A cycle runs on the first of each month, and right before the hand-over of a lead that no cycle has seen: syncd runs
    every minute, so that in life nobody takes a lead over that it has not seen.
    """

    site: Site
    ids: dict[str, str] = field(default_factory=dict)
    unseen: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    cycles: int = 0
    waiting: list[tuple[str, Mapping[str, object], olist.Person]] = field(default_factory=list)

    def play(self, funnel: olist.Funnel, until: datetime) -> None:
        """Carry everything out in order of time."""
        month = _next_month(min(person.contacted_at for person in funnel.people))
        for at, step, person in sorted(_steps(funnel), key=lambda each: each[:2]):
            while at >= month:
                self.cycle(month)
                month = _next_month(month)
            if step == "2 hand over" and person.key in self.unseen:
                self.cycle(at)
            self.edit(at, step, person)
        self.cycle(until)

    def edit(self, at: datetime, step: str, person: olist.Person) -> None:
        """Note what somebody does."""
        edit: dict[str, object] = {"object": "Lead", "at": olist.moment(at)}
        user = "admin@sandbox.example"
        if step == "1 create":
            edit |= {"op": "create", "fields": olist.lead_fields(person)}
            self.unseen.add(person.key)
        elif person.win is not None and step == "2 hand over":
            user = person.win.sdr_id
            edit |= {"op": "update", "fields": {"OwnerId": person.win.representative_id}}
        elif person.win is not None:
            user = person.win.representative_id
            edit |= {"op": "convert", "fields": {"convertedStatus": olist.CONVERTED}}
        self.waiting.append((user, edit, person))

    def cycle(self, at: datetime) -> None:
        """Move the clock, send what was done until then, and run a cycle."""
        self.site.control("clock", {"set": olist.moment(at)})
        for (user, is_new), group in groupby(self.waiting, key=lambda each: (each[0], each[1]["op"] == "create")):
            done = list(group)
            edits = [edit if is_new else {**edit, "id": self.ids[person.key]} for _, edit, person in done]
            results = self.site.control("edit", {"user": user, "edits": edits})["results"]
            assert all(result["success"] for result in results), results
            self.ids |= {person.key: result["id"] for (_, _, person), result in zip(done, results, strict=True)}
        self.waiting.clear()
        self.counts.update(self.site.cycle().counts)
        self.unseen.clear()
        self.cycles += 1


def _steps(funnel: olist.Funnel) -> list[tuple[datetime, str, olist.Person]]:
    steps = [(person.contacted_at, "1 create", person) for person in funnel.people]
    for person in funnel.people:
        if person.win is not None:
            # Nobody saves a record before it is there: the odd one is handed over in the second in which it comes.
            at = max(person.win.at, person.contacted_at)
            steps += [(at, "2 hand over", person), (at + olist.PAUSE, "3 convert", person)]
    return steps


def _next_month(at: datetime) -> datetime:
    return (at.replace(day=1, hour=0, minute=0, second=0) + timedelta(days=32)).replace(day=1)


@pytest.mark.sweep
def test_live_every_hand_over_passes_its_gate_and_is_in_the_ledger_once(funnel: olist.Funnel, tmp_path: Path) -> None:
    load = tmp_path / "load"
    olist.write_users(funnel, load)
    olist.write_empty_leads(load)
    with running(load=load, now=olist.START, frozen=True) as org:
        site = Site(tmp_path / "site", org)
        site.policy("fences.toml", FENCES.format(gate=GATE))
        site.cycle()
        years = Years(site)
        years.play(funnel, datetime.fromisoformat(olist.NOW))
        leads = {row["Id"]: row for row in site.dump("Lead")}
        assert len(leads) == LEADS
        assert sum(bool(lead["IsConverted"]) for lead in leads.values()) == WON

        moves = [row.entry for row in site.ledger(kind="change") if row.entry.field == "OwnerId"]
        people = {person.key: person for person in funnel.people}
        assert Counter(leads[move.record_id]["Mql_Id__c"] for move in moves) == {
            key: 1 for key, person in people.items() if person.win
        }
        at_another_time = []
        for move in moves:
            person = people[leads[move.record_id]["Mql_Id__c"]]
            assert person.win is not None
            assert (move.before, move.after) == (person.win.sdr_id, person.win.representative_id)
            assert (move.verdict, move.proof, move.team) == (Verdict.ALLOW.value, Proof.HISTORY.value, "sdr")
            assert move.rule is not None
            assert move.rule.name == "sdr -> sales"
            if move.changed_at != person.win.at:
                at_another_time.append((person.key, move.changed_at))
        assert at_another_time == [(olist.ODD, datetime(2018, 3, 8, tzinfo=UTC))]
        assert years.counts["gates passed"] == WON
        assert years.counts["crossings"] == 0
        assert site.inbox() == []
        assert site.writes() == []
        assert site.ask(lambda store: store.verify()).problems == ()
        site.settles()
