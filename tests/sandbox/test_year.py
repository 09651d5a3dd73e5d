"""Over a year of twelve logins of every kind: is each unlawful change found, no lawful one accused, and doubt told where it is?

Held against the emulator's own record of who did what, with what hand, and whether anybody can know.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from syncd.core.values import Entry
from syncd.sandbox.company_year import Told, Year
from syncd.sandbox.company_year_cast import ASSIGNED, username
from syncd.sandbox.control import moment_of
from syncd.sandbox.deeds import deeds_since
from syncd.sandbox.local import START, running
from tests.engine.scene import Scene, write_home

LAWFUL, CROSSING, UNKNOWABLE = "lawful", "crossing", "cannot be known"
POLICY = """\
version = "year"
[teams]
admin     = { kind = "admin", profile = ["System Administrator"] }
partners  = { kind = "partner", profile = ["Partner Community User"] }
marketo   = { kind = "tool", user = ["marketo.sync@sandbox.example"] }
outreach  = { kind = "tool", acts_for = "record owner", user = ["outreach.sync@sandbox.example"] }
routing   = { kind = "tool", user = ["routing@sandbox.example"] }
flows     = { kind = "automation", user = ["automated.process@sandbox.example"] }
four      = { kind = "shared", user = ["integration@sandbox.example"] }
marketing = { role = ["Marketing Ops"], queue = ["Inquiries"] }
sdr       = { role = ["SDR"], queue = ["MQL_Queue"] }
sales     = { role = ["Account Executive"], queue = ["Hot"] }
[status]
"Inquiry"      = { team = "marketing" }
"Nurture"      = { team = "marketing" }
"MQL"          = { team = "sdr" }
"Working"      = { team = "sdr" }
"Meeting Set"  = { team = "sdr" }
"Disqualified" = { team = "sdr" }
"Qualified"    = { team = "sales" }
[gate]
"Inquiry, Nurture -> MQL"                = { by = ["marketing"] }
"MQL, Working, Meeting Set -> Nurture"   = { by = ["sdr"] }
"MQL, Working, Meeting Set -> Qualified" = { by = ["sdr", "sales"] }
"Inquiry, Nurture -> Disqualified"       = { by = ["marketing"] }
"Disqualified -> Inquiry"                = { by = ["marketing"] }
[owner]
"marketing -> sdr" = { by = ["marketing", "routing", "assignment rule"] }
"sdr -> sales"     = { by = ["sdr", "sales"] }
"sdr -> marketing" = { by = ["sdr"] }
[crossing.status]
mode = { tool = "observe", automation = "observe", person = "observe" }
[crossing.owner]
mode = { tool = "observe", automation = "observe", person = "observe" }
"""

CYCLES_UNTIL_ALL_FIRST_WRITES_WENT = 4
Key = tuple[str, str, str, str, str]


def key_of(told: Told) -> Key:
    return (told.lead_id, told.field, told.before, told.after, told.at.isoformat())


def meant(told: Told) -> str:
    if not told.is_knowable:
        return UNKNOWABLE
    return LAWFUL if told.is_lawful else CROSSING


def said(entry: Entry) -> str:
    if entry.verdict == "allow":
        return LAWFUL
    return UNKNOWABLE if entry.fence is None else CROSSING


def live_through(year: Year, home: Path, folder: Path) -> tuple[list[Told], dict[Key, Entry]]:
    """Let the year happen with a cycle after each chunk, and one more; return what was done and what syncd's ledger says."""
    told: list[Told] = []
    with running(load=year.write(folder)) as served:
        write_home(home, served.url)
        (home / "mappings" / "fences.toml").write_text(POLICY, encoding="utf-8")
        scene = Scene(served, home)
        scene.cycle(after_s=0)
        for chunk in year.chunks(served.org):
            told += chunk
            scene.cycle()
        assert [deed for deed in deeds_since(served.org, 0) if deed["via"] == "api"] == []
        entries = {}
        for entry in scene.ledger(kind="change"):
            assert entry.changed_at is not None
            key = (str(entry.record_id), str(entry.field), str(entry.before), str(entry.after), entry.changed_at.isoformat())
            assert key not in entries
            entries[key] = entry
    return told, entries


def hold_against(told: list[Told], entries: dict[Key, Entry]) -> Counter[str]:
    """Demand recall and precision of 1 on what can be known, and doubt exactly on the rest; return how many there are of each."""
    expected = {key_of(one): meant(one) for one in told}
    assert len(expected) == len(told)
    assert {key: said(entry) for key, entry in entries.items()} == expected
    for one in told:
        entry = entries[key_of(one)]
        named = (one.username if one.is_knowable else None) or ""
        if one.hand == ASSIGNED and one.username != username("dana.keller"):
            assert (entry.proof, entry.actor_kind) == ("automation", "automation"), one
        elif one.is_knowable:
            assert (entry.proof, entry.actor_kind) == ("history", KINDS.get(named, "person")), one
        else:
            assert entry.fence is None
            assert entry.actor_kind != "person", one
    return Counter(expected.values())


KINDS = {
    **{username(who): "person" for who in ("dana.keller", "ben.foster", "elif.kaya", "emma.davies")},
    **{username(who): "tool" for who in ("marketo.sync", "outreach.sync", "routing")},
    username("ruth.sanders"): "admin",
    username("paul.partner"): "partner",
    username("automated.process"): "automation",
}


def test_the_emulators_record_of_a_year_agrees_with_what_its_org_holds(tmp_path: Path) -> None:
    year = Year(seed=5, start=moment_of(START), leads=60, chunks=3)
    with running(load=year.write(tmp_path)) as served:
        told = [one for chunk in year.chunks(served.org) for one in chunk]
        held = served.org.dump(["Lead", "LeadHistory", "User"])
    last = {(one.lead_id, one.field): one.after for one in told}
    leads = {row["Id"]: row for row in held["Lead"]}
    assert {(id, field): leads[id][field] for id, field in last} == last
    users = {row["Id"]: row["Username"] for row in held["User"]}
    rows = [
        (row["LeadId"], row["OldValue"], row["NewValue"], users[row["CreatedById"]])
        for row in held["LeadHistory"]
        if row["DataType"] != "Text"
    ]
    tracked = [one for one in told if one.why != "no history was kept"]
    assert Counter(rows) == Counter((one.lead_id, one.before, one.after, one.username) for one in tracked)
    assert len(tracked) < len(told)


def test_equal_seeds_give_equal_years_with_every_kind_of_change_in_them(tmp_path: Path) -> None:
    years = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        year = Year(seed=5, start=moment_of(START), leads=800, chunks=4)
        with running(load=year.write(folder)) as served:
            years.append([one for chunk in year.chunks(served.org) for one in chunk])
    assert years[0] == years[1]
    told = years[0]
    assert {one.why for one in told} == {
        "",
        "four tools share the login",
        "the login belongs to no team",
        "the login changed teams, and nobody knows when",
        "a Flow wrote in somebody's name",
        "no history was kept",
    }
    assert {one.hand for one in told} >= {ASSIGNED, "flows", "enrichment", "partners"}
    assert len({one.username for one in told}) == 12
    assert any(one.made_at is not None and one.made_at < one.at for one in told)


def test_a_season_is_judged_as_the_emulator_knows_it(tmp_path: Path) -> None:
    folder, home = tmp_path / "load", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    year = Year(seed=11, start=moment_of(START), leads=150, edits_per_lead=4, chunks=4)
    counts = hold_against(*live_through(year, home, folder))
    assert all(counts[kind] >= 10 for kind in (LAWFUL, CROSSING, UNKNOWABLE)), counts


@pytest.mark.sweep
def test_what_machines_did_unlawfully_is_put_back_and_nothing_else_is_written(tmp_path: Path) -> None:
    folder, home = tmp_path / "load", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    year = Year(seed=13, start=moment_of(START), leads=1_200, edits_per_lead=2, chunks=3, is_sparse=True)
    expected: Counter[tuple[str, str, str]] = Counter()
    with running(load=year.write(folder)) as served:
        write_home(home, served.url, config="[limits]\nrecords_max = 500\n")
        enforced = POLICY.replace('tool = "observe", automation = "observe"', 'tool = "revert", automation = "revert"')
        (home / "mappings" / "fences.toml").write_text(enforced, encoding="utf-8")
        scene = Scene(served, home)
        scene.cycle(after_s=0)
        for told in year.chunks(served.org):
            for one in told:
                if meant(one) == CROSSING and KINDS[one.username] in ("tool", "automation"):
                    expected[f"Lead/{one.lead_id}", one.field, one.before] += 1
            for _ in range(CYCLES_UNTIL_ALL_FIRST_WRITES_WENT):
                scene.cycle()
        written = Counter((write.path, name, str(value)) for write in scene.writes() for name, value in write.values.items())
        assert {item.kind for item in scene.inbox()} == {"hidden-field"}  # the year has no scores to map
    assert len(expected) > 20
    assert written == expected


@pytest.mark.soak
@pytest.mark.timeout(3_000)
def test_a_year_of_a_hundred_thousand_leads_is_judged_as_the_emulator_knows_it(tmp_path: Path) -> None:
    folder, home = tmp_path / "load", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    year = Year(seed=12, start=moment_of(START), leads=100_000)
    counts = hold_against(*live_through(year, home, folder))
    crossings = counts[CROSSING] / (counts[CROSSING] + counts[LAWFUL])
    assert 0.02 < crossings < 0.05, counts
