"""Do exactly the deals stall that are older than any deal that was ever closed, and do their people join the campaign once?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncd.core.values import OutcomeKind
from syncd.sandbox.local import RunningOrg, running
from syncd.sandbox.org import Snapshot
from tests.realdata import maven
from tests.realdata.site import LIFTED, Site

pytestmark = pytest.mark.realdata

STALLED, ENGAGING, CLOSED, PROSPECTING = 1_291, 1_589, 6_711, 500
AT_THE_LIMIT = 10
FENCES = """\
version = "1"

[teams]
sales = { profile = ["Sales User"] }

[status]
"Open - Not Contacted"   = { team = "sales" }
"Working - Contacted"    = { team = "sales" }
"Closed - Converted"     = { team = "sales" }
"Closed - Not Converted" = { team = "sales" }
"""
NURTURE = """\
version = "1"
mode    = "{mode}"

[stall]
"Engaging" = {{ in_stage_days = 138 }}

[track]
"engaged once" = {{ stages = ["Engaging"], campaign = "Engaged Once", member_status = "Sent" }}
"""


@pytest.fixture(scope="module")
def loaded(maven_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningOrg, Snapshot]]:
    folder = tmp_path_factory.mktemp("maven")
    maven.write_org(maven_data, folder)
    with running(load=folder, now=maven.NOW, frozen=True) as org:
        yield org, org.org.snapshot()


@pytest.fixture
def org(loaded: tuple[RunningOrg, Snapshot]) -> RunningOrg:
    served, first = loaded
    served.org.restore(first)
    return served


def site_with(root: Path, org: RunningOrg, mode: str, *, limits: str = "") -> Site:
    site = Site(root, org, limits=limits)
    site.policy("fences.toml", FENCES)
    site.policy("nurture.toml", NURTURE.format(mode=mode))
    return site


def deals_of(site: Site) -> dict[str, dict[str, object]]:
    return {str(row["Id"]): row for row in site.dump("Opportunity")}


def assert_only_the_stalled_are_recycled(site: Site) -> None:
    deals = deals_of(site)
    recycled = Counter(row.entry.record_id or "" for row in site.ledger(kind="decision", verdict="recycle"))
    assert len(recycled) == STALLED
    assert set(recycled.values()) == {1}
    assert {deals[id]["StageName"] for id in recycled} == {"Engaging"}
    last_day = datetime(2017, 12, 31, tzinfo=UTC) - timedelta(days=maven.LIMIT_DAYS + 1)
    for id, deal in deals.items():
        is_old = deal["StageName"] == "Engaging" and str(deal["LastStageChangeDate"])[:10] <= f"{last_day:%Y-%m-%d}"
        assert (id in recycled) == is_old, deal


def assert_each_stalled_deal_has_its_member(site: Site) -> None:
    deals = deals_of(site)
    contacts = {str(row["Id"]): row for row in site.dump("Contact")}
    by_key = {row["Deal_Id__c"]: id for id, row in deals.items()}
    members = site.dump("CampaignMember")
    assert len(members) == STALLED
    assert {row["Status"] for row in members} == {"Sent"}
    enrolled = {by_key[contacts[str(row["ContactId"])]["Deal_Id__c"]] for row in members}
    assert enrolled == {row.entry.record_id for row in site.ledger(kind="decision", verdict="recycle")}


def test_the_org_holds_the_pipeline_as_it_was_published(org: RunningOrg, tmp_path: Path) -> None:
    deals = deals_of(Site(tmp_path, org))
    stages = Counter(deal["StageName"] for deal in deals.values())
    assert stages == {"Won": 4_238, "Lost": 2_473, "Engaging": ENGAGING, "Prospecting": PROSPECTING}
    assert sum(bool(deal["IsClosed"]) for deal in deals.values()) == CLOSED
    on_the_limit = [deal for deal in deals.values() if str(deal["LastStageChangeDate"])[:10] == "2017-08-15"]
    assert sum(deal["StageName"] == "Engaging" for deal in on_the_limit) == AT_THE_LIMIT


def test_a_cycle_that_asks_leaves_a_plan_and_its_apply_enrols_each_person_once(org: RunningOrg, tmp_path: Path) -> None:
    site = site_with(tmp_path, org, "ask", limits=LIFTED)
    asked = site.cycle()
    assert asked.counts["recycled"] == STALLED
    assert site.writes() == []
    assert_only_the_stalled_are_recycled(site)
    [plan] = site.plans()
    done = site.apply(plan)
    assert done.counts["enrolled"] == STALLED
    assert_each_stalled_deal_has_its_member(site)
    size = site.ask(lambda store: store.ledger_size())
    for _ in range(2):
        assert "recycled" not in site.cycle().counts
    assert len(site.dump("CampaignMember")) == STALLED
    assert site.ask(lambda store: store.ledger_size()) == size
    assert site.inbox() == []
    assert site.ask(lambda store: store.verify()).problems == ()
    site.settles()


@pytest.mark.sweep
def test_a_plan_made_before_the_first_cycle_enrols_the_same_people(org: RunningOrg, tmp_path: Path) -> None:
    site = site_with(tmp_path, org, "enroll", limits=LIFTED)
    plan = site.plan(tmp_path / "plan.json")
    assert len(plan.intents) == STALLED
    assert site.writes() == []
    assert site.apply(tmp_path / "plan.json").counts["enrolled"] == STALLED
    assert site.cycle().counts["recycled"] == STALLED
    assert_only_the_stalled_are_recycled(site)
    assert_each_stalled_deal_has_its_member(site)
    for _ in range(2):
        assert "recycled" not in site.cycle().counts
    site.settles()
    assert len(site.dump("CampaignMember")) == STALLED


def test_the_usual_limits_turn_the_whole_stall_into_one_plan_and_write_nothing(org: RunningOrg, tmp_path: Path) -> None:
    site = site_with(tmp_path, org, "enroll")
    counts = site.cycle().counts
    assert counts["recycled"] == STALLED
    assert counts["held back"] == STALLED
    assert site.writes() == []
    assert site.dump("CampaignMember") == []
    [path] = site.plans()
    [item] = site.inbox()
    assert item.kind == "plan-waiting"
    assert "1291 records would change, limit 440" in item.text
    assert path.name in item.remedy
    outcomes = Counter(row.entry.outcome for row in site.ledger(kind="outcome"))
    assert outcomes == {OutcomeKind.NOT_SENT.value: STALLED}
    assert site.cycle().counts.get("held back") is None
    assert site.plans() == [path]
