"""Do the played people and machines do what they mean, and does the org's own record tell it truly?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from syncd.sandbox.company import write_company
from syncd.sandbox.company_people import AUTOMATION, MARKETO, demo_cast
from syncd.sandbox.control import moment_of
from syncd.sandbox.local import START, RunningOrg, running
from syncd.sandbox.org import Org, Snapshot
from syncd.sandbox.scripts import DAYS, OrgLacks, Played, PlayStopped, play_script
from syncd.sandbox.state import load_state, save_state
from tests.sandbox.client import Client

Deed = dict[str, Any]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningOrg, Snapshot]]:
    folder = tmp_path_factory.mktemp("company")
    write_company(folder, seed=7, now=moment_of(START), leads=500, deals=60)
    with running(load=folder, seed=7) as served:
        yield served, served.org.snapshot()


@pytest.fixture
def org(company: tuple[RunningOrg, Snapshot]) -> RunningOrg:
    served, first = company
    served.org.restore(first)
    return served


def deeds(served: RunningOrg, since: int = 0) -> list[Deed]:
    answer = requests.get(f"{served.url}/_sandbox/deeds", params={"since": since}, timeout=10)
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def vias(played: Played, **wanted: Any) -> Counter[str]:
    return Counter(deed["via"] for deed in played.deeds if all(deed[name] == value for name, value in wanted.items()))


@pytest.mark.parametrize("script", DAYS)
def test_every_script_is_carried_out_whole_and_the_org_tells_each_change_with_its_author(org: RunningOrg, script: str) -> None:
    rows = {row["Id"]: row for records in org.org.dump(["Lead", "Opportunity"]).values() for row in records}
    played = play_script(script, org.url, seed=3)
    assert played.refused == ()
    meant: list[tuple[Any, ...]] = []
    for step in played.steps:
        for body in step.edits:
            for edit in body["edits"]:
                for field, value in edit["fields"].items() if edit["op"] == "update" else ():
                    if rows[edit["id"]][field] != value:
                        meant.append((body["user"], edit["id"], field, rows[edit["id"]][field], value))
                        rows[edit["id"]][field] = value
    told = [(deed["username"], deed["id"], deed["field"], deed["before"], deed["after"]) for deed in played.deeds]
    assert [each for each in meant if each not in told] == []
    assert len(played.deeds) >= len(meant)
    assert [deed["n"] for deed in played.deeds] == list(range(played.deeds[0]["n"], played.deeds[-1]["n"] + 1))
    times = [deed["at"] for deed in played.deeds]
    assert times == sorted(times)


@pytest.mark.sweep
@pytest.mark.parametrize("script", DAYS)
def test_the_same_org_and_seed_give_the_same_deeds_and_another_seed_others(
    company: tuple[RunningOrg, Snapshot], script: str
) -> None:
    served, first = company
    found = []
    for seed, day in ((3, 1), (3, 1), (4, 1), (3, 2)):
        served.org.restore(first)
        found.append(play_script(script, served.url, seed=seed, day=day).deeds)
    assert found[0] == found[1]
    assert found[0] != found[2] or script == "merges"
    assert found[0] != found[3] or script == "merges"


def test_the_connector_pushes_three_times_and_the_owners_set_it_back_twice(org: RunningOrg) -> None:
    played = play_script("connector", org.url)
    moves = Counter(deed["username"] == MARKETO for deed in played.deeds if deed["field"] == "Status")
    assert moves == {True: 15, False: 10}
    assert vias(played) == {"edit": 25}


def test_a_scheduled_flow_is_told_as_automation_and_signed_by_automated_process(org: RunningOrg) -> None:
    played = play_script("scheduled-flow", org.url)
    assert vias(played) == {"automation": 50}
    assert {deed["username"] for deed in played.deeds} == {AUTOMATION}
    assert {deed["at"][11:16] for deed in played.deeds} == {"02:00"}


def test_a_flow_without_a_named_user_signs_as_the_org_s_automated_process(org: RunningOrg) -> None:
    lead = org.org.dump(["Lead"])["Lead"][0]["Id"]
    body = {"scheduled_flow": True, "edits": [{"op": "update", "object": "Lead", "id": lead, "fields": {"Rating": "Cold"}}]}
    assert requests.post(f"{org.url}/_sandbox/edit", json=body, timeout=10).json()["results"][0]["success"]
    told = deeds(org)
    assert [(deed["via"], deed["after"]) for deed in told] == [("automation", "Cold")]
    assert told[0]["username"].startswith("autoproc@")


def test_an_owner_whom_the_assignment_rule_chose_is_told_as_its_choice_and_the_rest_as_the_savers(org: RunningOrg) -> None:
    before = org.org.settings.assignment_rule
    played = play_script("assignment-rule", org.url)
    assert vias(played, field="OwnerId") == {"assignment rule": 8}
    assert vias(played, field="Rating") == {"edit": 3}
    queues = {queue.id for queue in demo_cast().queues}
    assert {deed["after"] for deed in played.deeds if deed["field"] == "OwnerId"} <= queues
    assert org.org.settings.assignment_rule == before


def test_what_comes_of_a_conversion_is_told_as_conversion(org: RunningOrg) -> None:
    played = play_script("conversions", org.url)
    assert set(vias(played)) == {"conversion"}
    created = Counter(deed["object"] for deed in played.deeds if deed["field"] == "Id")
    assert (created["Account"], created["Contact"], created["Opportunity"]) == (3, 3, 2)
    turned = [deed for deed in played.deeds if deed["field"] == "IsConverted"]
    assert [(deed["object"], deed["before"], deed["after"]) for deed in turned] == [("Lead", False, True)] * 3


def test_a_merge_tells_whom_the_loser_went_into(org: RunningOrg) -> None:
    played = play_script("merges", org.url)
    assert set(vias(played)) == {"merge"}
    winners = {edit["id"] for step in played.steps for body in step.edits for edit in body["edits"]}
    assert {deed["after"] for deed in played.deeds if deed["field"] == "MasterRecordId"} == winners
    assert vias(played, object="Lead", field="IsDeleted") == {"merge": len(winners)}


def test_api_saves_workflow_rules_deletes_and_undeletes_are_told_apart(served: RunningOrg, client: Client) -> None:
    rule = {"object": "Lead", "when": {"Rating": "Hot"}, "set": {"Title": "Call today"}, "as": "process"}
    served.org.change_settings({"workflow_rules": [rule]})
    lead = client.lead()
    since = deeds(served)[-1]["n"]
    client.update("Lead", lead, Rating="Hot")
    client.edit("delete", "Lead", lead)
    client.edit("undelete", "Lead", lead)
    client.edit("delete", "Lead", lead)
    client.edit("purge", "Lead", lead)
    told = [(deed["via"], deed["field"], deed["before"], deed["after"]) for deed in deeds(served, since)]
    assert told == [
        ("api", "Rating", None, "Hot"),
        ("automation", "Title", None, "Call today"),
        ("edit", "IsDeleted", False, True),
        ("edit", "IsDeleted", True, False),
        ("edit", "IsDeleted", False, True),
        ("edit", "Id", lead, None),
    ]


def test_a_refused_save_leaves_no_deed(served: RunningOrg, client: Client) -> None:
    lead = client.lead()
    rule = {"object": "Lead", "when": {"Rating": "Hot"}, "message": "Not hot."}
    served.org.change_settings({"validation_rules": [rule]})
    before = deeds(served)
    results = served.org.edit([{"op": "update", "object": "Lead", "id": lead, "fields": {"Rating": "Hot"}}])
    assert [result["success"] for result in results] == [False]
    assert deeds(served) == before


def test_deeds_outlive_a_snapshot_and_a_state_file(org: RunningOrg, tmp_path: Path) -> None:
    play_script("connector", org.url)
    told = deeds(org)
    kept = org.org.snapshot()
    play_script("merges", org.url)
    assert len(deeds(org)) > len(told)
    org.org.restore(kept)
    assert deeds(org) == told
    save_state(org.org, tmp_path / "org.state")
    again = load_state(tmp_path / "org.state")
    with running(org=again) as resumed:
        assert deeds(resumed) == told
    again.close()


def test_only_the_last_deeds_are_kept_and_numbers_never_repeat(monkeypatch: pytest.MonkeyPatch, org: RunningOrg) -> None:
    monkeypatch.setattr("syncd.sandbox.deeds.DEEDS_MAX", 10)
    play_script("connector", org.url)
    assert [deed["n"] for deed in deeds(org)] == list(range(16, 26))


def test_deeds_are_read_and_never_written(org: RunningOrg) -> None:
    for method, params in (("POST", {}), ("GET", {"since": "x"}), ("GET", {"until": "3"})):
        answer = requests.request(method, f"{org.url}/_sandbox/deeds", params=params, timeout=10)
        assert (answer.status_code, "deeds?since=N" in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize("script", DAYS)
def test_an_org_without_what_a_script_needs_is_told_so_and_left_alone(script: str) -> None:
    org = Org.with_defaults(now=moment_of(START), frozen=True)
    with running(org=org) as empty:
        with pytest.raises(OrgLacks, match=r"^(the org has no|no ).*(--load|--company|LeadStatus\.csv)"):
            play_script(script, empty.url)
        assert deeds(empty) == []
        assert org.clock.now() == moment_of(START)
    org.close()


def test_an_org_that_does_not_answer_is_named() -> None:
    with pytest.raises(PlayStopped, match=r"127\.0\.0\.1:9"):
        play_script("merges", "http://127.0.0.1:9")
