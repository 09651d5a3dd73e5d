"""Does syncd end each scene of a real org as it should: nothing spoiled, nobody accused, one card where one is due?"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from syncd.cli.wire import open_world
from syncd.config import load_config
from syncd.core.values import Flag
from syncd.engine.cycle import run_cycle
from syncd.engine.requests import RESOLVE, take_up
from syncd.engine.schedule import holding_lease
from syncd.engine.windows import OPEN
from syncd.errors import FieldHidden
from syncd.sandbox.local import running
from syncd.sandbox.scripts import Played, play_script
from tests.cli.conftest import Syncd, syncd
from tests.engine.conftest import Stage
from tests.engine.scene import SECRET, Scene, write_home
from tests.engine.small_org import write_small_org

__all__ = ["syncd"]  # a fixture of the command line's tests
CROWD, MASS = 64, 12_400
POLICY = """\
version = "scenes"
[teams]
admin     = { kind = "admin", profile = ["System Administrator"] }
marketo   = { kind = "tool", user = ["marketo.sync@sandbox.example"] }
outreach  = { kind = "tool", acts_for = "record owner", user = ["outreach.sync@sandbox.example"] }
routing   = { kind = "tool", user = ["routing@sandbox.example"] }
flows     = { kind = "automation", user = ["automated.process@sandbox.example"] }
marketing = { role = ["Marketing Manager", "Marketing Ops"], queue = ["Inquiries", "Nurture"] }
sdr       = { role = ["SDR"], queue = ["MQL_AMER", "MQL_EMEA"] }
sales     = { role = ["Account Executive", "VP Sales"] }
[status]
"Inquiry"      = { team = "marketing" }
"Nurture"      = { team = "marketing" }
"MQL"          = { team = "sdr" }
"Working"      = { team = "sdr" }
"Meeting Set"  = { team = "sdr" }
"Disqualified" = { team = "sdr" }
"Qualified"    = { team = "sales" }
"Converted"    = { team = "sales", end = true }
[gate]
"Inquiry, Nurture -> MQL"                = { by = ["marketing"] }
"MQL, Working, Meeting Set -> Nurture"   = { by = ["sdr"] }
"MQL, Working, Meeting Set -> Qualified" = { by = ["sdr", "sales"] }
"Disqualified -> Inquiry"                = { by = ["marketing"] }
[owner]
"marketing -> sdr" = { by = ["marketing", "routing"] }
"sdr -> sales"     = { by = ["sdr", "sales"] }
"sdr -> marketing" = { by = ["sdr"] }
[crossing.status]
mode = { tool = "revert", automation = "revert", person = "warn" }
[crossing.owner]
mode = { tool = "revert", automation = "revert", person = "warn" }
"""


def add_crowd(folder: Path, count: int) -> Path:
    """Give the small org so many more leads that SDRs work on."""
    path = folder / "Lead.csv"
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        names = list(reader.fieldnames or ())
        working = [row for row in reader if row["Status"] == "Working"]
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names)
        for number in range(count):
            key = f"Crowd-{number}"
            own = {"Id": "", "LastName": key, "Email": f"{key}@example.com".lower(), "MA_Person_Id__c:external": key}
            writer.writerow(working[0] | own)
    return folder


@contextmanager
def crowded_by(count: int, tmp: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = add_crowd(write_small_org(tmp.mktemp("crowd")), count)
    home = tmp.mktemp("crowd-home")
    with running(load=folder) as served:
        write_home(home, served.url)
        with open_world(load_config(home / "config.toml", SECRET)) as (world, org):
            run_cycle(world, org)
        yield Stage(served, served.org.snapshot(), home / "syncd.db")


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with crowded_by(CROWD, tmp_path_factory) as stage:
        yield stage


@pytest.fixture(scope="module")
def mass(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with crowded_by(MASS, tmp_path_factory) as stage:
        yield stage


def set_up(stage: Stage, home: Path) -> Scene:
    found = stage.scene(home)
    (home / "mappings" / "fences.toml").write_text(POLICY, encoding="utf-8")
    return found


@pytest.fixture
def scene(crowded: Stage, tmp_path: Path) -> Iterator[Scene]:
    yield set_up(crowded, tmp_path)
    crowded.served.hook()


@pytest.mark.sweep
@pytest.mark.parametrize(("name", "count"), [("nightly-flow", 3_000), ("realignment", 12_000)])
def test_thousands_of_records_are_one_card_too(mass: Stage, tmp_path: Path, name: str, count: int) -> None:
    scene = set_up(mass, tmp_path)
    played = play(scene, name, watch=lambda number: number % 20 == 5)
    assert len(played.deeds) == count
    assert scene.writes() == []
    [card] = scene.inbox()
    assert card.kind == "mass-edit"
    assert {entry.verdict for entry in scene.ledger(kind="change")} == {"note"}


def play(scene: Scene, name: str, *, seed: int = 1, watch: Callable[[int], bool] = lambda number: True) -> Played:
    """Play a scene; syncd runs a cycle a minute after each step that it watches, and one at the end."""
    steps = 0

    def between(_: object) -> None:
        nonlocal steps
        steps += 1
        if watch(steps):
            scene.cycle()

    played = play_script(name, scene.served.url, seed=seed, between=between)
    assert played.refused == ()
    scene.cycle()
    assert scene.is_at_rest()
    return played


def ask(scene: Scene, verb: str, payload: dict[str, Any], by: str = "vic@host") -> Mapping[str, Any]:
    """Have a request carried out, as a person's command does."""
    with scene.world() as (world, org), holding_lease(world.store):
        number = world.store.ask(verb, payload, by, datetime.now(UTC))
        told: dict[int, Mapping[str, Any]] = {}
        take_up(world, org, lambda request, answer: told.update({request.number: answer}))
        return told[number]


def deeds(played: Played, field: str) -> list[dict[str, Any]]:
    return [deed for deed in played.deeds if deed["field"] == field]


def test_a_connector_that_wins_is_put_back_once_told_of_once_and_the_rep_has_the_last_word(scene: Scene) -> None:
    played = play(scene, "connector-wins", watch=lambda number: number in (1, 2, 3, 12))
    [lead] = {deed["id"] for deed in played.deeds}
    assert [write.values for write in scene.writes()] == [{"Status": "Working"}]
    assert [card.kind for card in scene.inbox()] == ["machine-wins"]
    assert scene.row(lead)["Status"] == deeds(played, "Status")[-1]["after"] == "Working"


def test_a_login_that_four_tools_share_is_blamed_for_nothing_and_found_once(scene: Scene, syncd: Syncd) -> None:
    scene.rewrite("fences.toml", r'marketo   = \{ kind = "tool"', 'marketo   = { kind = "shared"')
    played = play(scene, "shared-login")
    entries = [entry for entry in scene.ledger(kind="change") if entry.verdict != "allow"]
    assert {(entry.actor_kind, entry.proof, entry.verdict) for entry in entries} == {("shared", "shared-login", "note")}
    assert {entry.record_id for entry in entries} >= {deed["id"] for deed in deeds(played, "Status") if deed["before"]}
    assert scene.writes() == []
    assert scene.inbox() == []
    checks = syncd("check", "--json").json["checks"]
    found = [one for one in checks if "shared" in str(one) and one["level"] != "ok"]
    assert len(found) == 1
    assert "marketo.sync@sandbox.example" in str(found[0])


def test_a_flow_of_the_night_is_one_card_and_names_nobody(scene: Scene) -> None:
    play(scene, "nightly-flow")
    assert scene.writes() == []
    [card] = scene.inbox()
    assert card.kind == "mass-edit"
    assert "Admin" not in card.text
    told = Counter(entry.verdict for entry in scene.ledger(kind="change"))
    assert told.keys() == {"note"}


def test_a_realignment_is_one_card_and_none_once_it_is_confirmed(scene: Scene) -> None:
    play(scene, "realignment")
    assert scene.writes() == []
    [card] = scene.inbox()
    assert card.kind == "mass-edit"
    with scene.store() as store:
        [(number, _, _)] = store.inbox()
    assert ask(scene, RESOLVE, {"numbers": [number], "reason": "it was meant"})["resolved"] == [number]
    scene.cycle()
    assert scene.inbox() == []


@pytest.mark.sweep
def test_a_realignment_in_an_open_window_is_no_card(scene: Scene) -> None:
    asked = {"actor": "admin@sandbox.example", "until": "2026-03-03T09:00:00+00:00", "reason": "territories", "fields": []}
    assert ask(scene, OPEN, asked)["window"]["number"] == 1
    play(scene, "realignment")
    assert scene.writes() == []
    assert scene.inbox() == []
    assert {entry.verdict for entry in scene.ledger(kind="change")} == {"allow"}


@pytest.mark.sweep
def test_nurture_mails_wake_no_deal_and_enroll_nobody_twice(scene: Scene) -> None:
    scene.nurture("enroll")
    scene.cycle()
    before = scene.members()
    assert before
    play(scene, "nurture-mails", watch=lambda number: number % 5 == 0)
    assert scene.members() > before
    assert len(scene.rows("CampaignMember")) == len(scene.members())
    assert {entry.verdict for entry in scene.ledger(kind="decision")}.isdisjoint({"withdraw"})


def test_who_opted_out_before_a_conversion_or_a_merge_is_in_no_list_from_that_cycle_on(scene: Scene) -> None:
    played = play(scene, "opt-out-leak")
    [merged] = {deed["after"] for deed in deeds(played, "MasterRecordId")}
    [contact] = {deed["after"] for deed in deeds(played, "ConvertedContactId")}
    with scene.store() as store:
        assert {fact.flag for fact in store.flags([merged], ())} == {Flag.OPTED_OUT}
    scene.nurture("enroll")
    scene.cycle()
    assert scene.members()
    assert contact not in {person for _, person in scene.members()}
    told = [entry for entry in scene.ledger(contact, kind="decision") if entry.verdict == "exclude"]
    assert told


def test_without_its_permission_set_syncd_waits_says_so_once_and_goes_on_where_it_was(scene: Scene) -> None:
    sent: list[int] = []
    said: list[list[str]] = []
    cycles = (0, 1, 3, 1, 2)

    def between(_: object) -> None:
        for _ in range(cycles[len(sent)]):
            with suppress(FieldHidden):  # the daemon goes on after a cycle that ended so
                scene.cycle()
        sent.append(len(scene.writes()))
        said.append([item.kind for item in scene.inbox()])

    played = play_script("permission-set", scene.served.url, seed=1, between=between)
    pushed = {deed["id"] for deed in deeds(played, "Status") if deed["via"] == "edit"}
    assert len(pushed) == 6
    assert sent == [0, 3, 3, 3, 6]
    assert said == [[], [], ["hidden-field"], ["hidden-field"], []]
    assert {scene.row(lead)["Status"] for lead in pushed}.isdisjoint({"Inquiry"})
    assert Counter(write.path for write in scene.writes()) == {f"Lead/{lead}": 1 for lead in pushed}
    assert scene.is_at_rest()


def test_a_flow_that_moves_more_than_syncd_sent_stops_the_rule_after_five(scene: Scene) -> None:
    play(scene, "owner-flow")
    assert 0 < len(scene.writes()) <= 5
    [card] = scene.inbox()
    assert "OwnerId" in card.text
    assert "Lead owner follows status" in card.text + card.remedy


@pytest.mark.sweep
@pytest.mark.parametrize("name", ["activity-capture", "friday-flip", "score-merge", "mobile-late"])
def test_what_no_fence_is_about_is_neither_written_nor_told(scene: Scene, name: str) -> None:
    played = play(scene, name, watch=lambda number: number == 1)
    assert scene.writes() == []
    assert scene.inbox() == []
    told = {(entry.record_id, entry.field, entry.after) for entry in scene.ledger(kind="change")}
    assert {(deed["id"], "Status", deed["after"]) for deed in deeds(played, "Status") if deed["object"] == "Lead"} <= told
