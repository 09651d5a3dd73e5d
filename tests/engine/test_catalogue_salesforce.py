"""Does each fault of Salesforce's side end as promised, in whole cycles against the emulated org?

| Fault | Held by, besides the tests below |
|---|---|
| time-out, reset or cut reply on a read | salesforce/test_client_connection.py: a_read_is_asked_again_when_that_can_help_… |
| the same on a write | engine/test_faults.py: however_the_answers_to_writes_fail_they_are_done_once |
| 429, 503, maintenance | salesforce/test_client_connection.py: an_org_that_asks_to_be_left_alone_is_until_then |
| HTML where JSON is expected | engine/test_faults.py, its fault "HTML with 200" |
| daily limit | engine/test_budget_live.py |
| concurrent limit | salesforce/test_client_connection.py: what_was_refused_for_too_many_at_once_… |
| session ended in mid-cycle | engine/test_fences_live.py: a_session_that_ends_in_mid_cycle_… |
| access revoked, user frozen, certificate | salesforce/test_logins.py: a_refused_signature_names_what_to_change_in_setup |
| API version retired | contract/test_org.py: a_version_that_the_org_does_not_have_is_named |
| record locked | below |
| validation rule and its like | engine/test_fences_live.py: a_write_that_salesforce_refuses_is_told_once_… |
| permission on a field withdrawn | engine/test_schema_drift.py: a_field_that_vanishes_rests_its_mapping_alone_… |
| record deleted, lead converted | engine/test_fences_live.py: a_lead_that_is_deleted_before_the_write_ends_superseded |
| fewer rows than announced, a short reply | salesforce/test_client_pull.py, salesforce/test_client_writes.py |
| query cursor expired | contract/test_org.py: a_lost_cursor_is_resumed_from_the_last_row |
| picklist value or field renamed | engine/test_schema_drift.py: a_changed_picklist_is_noticed_… |
| Bulk query failed or aborted | engine/test_backfill.py: a_job_that_fails_is_begun_again_… |
| Bulk load failed, aborted or partly processed | engine/test_writing_recovery.py: what_a_failed_load_leaves_… |
| batch with mixed results | contract/test_org.py: each_row_of_a_batch_has_its_own_result |
| quotes, wildcards, empty lists | contract/test_org.py: values_are_bound_whatever_they_hold, an_empty_list_asks_nothing |
| another org behind the address | salesforce/test_logins.py: a_login_that_suddenly_leads_to_another_org_is_refused |
| backlog after an outage | below |
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from syncd.cli import wire
from syncd.cli.status import read_status
from syncd.config import Config
from syncd.engine.cycle import run_cycle
from syncd.errors import LoginRefused, OrgRefused, OrgUnreachable, SyncdError
from syncd.salesforce.org import SalesforceOrg
from syncd.sandbox.faults_read import read_faults
from tests.checker.watch import WATCH
from tests.engine.scene import Scene, export_line
from tests.engine.small_org import lead, owner, user

LEADS = [lead("Working", number) for number in range(3)]
CROWDED = '[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"ConcurrentRequests (Concurrent API Requests) Limit exceeded."}]'


@pytest.fixture(autouse=True)
def _nobody_waits(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the client's pauses pass at once, its patience be short, and the host's clock be the org's."""

    def open_org(config: Config) -> closing[SalesforceOrg]:
        access = replace(config.org, read_timeout_s=0.5)
        return closing(SalesforceOrg(access, wall=scene.served.org.clock.now, sleep=lambda _: None))

    monkeypatch.setattr(wire, "open_org", open_org)
    logger = logging.getLogger("aiohttp.server")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)
    scene.served.org.faults.replace(())


@pytest.fixture
def busy(scene: Scene) -> Scene:
    """Give a scene whose next cycle puts three leads back."""
    scene.limits(canary='"off"')
    scene.fences({"tool": "revert"})
    for id in LEADS:
        scene.edit("marketo", id, Status="Inquiry")
    return scene


def faults(scene: Scene, *given: dict[str, Any]) -> None:
    """Have requests go wrong from now on."""
    with scene.served.org.lock:
        scene.served.org.faults.replace(read_faults({"faults": list(given)}))


def statuses(scene: Scene) -> list[str]:
    """Return the statuses of the three leads."""
    return [scene.row(id)["Status"] for id in LEADS]


def assert_done_once(scene: Scene) -> None:
    """Hold the end against what an undisturbed cycle comes to."""
    assert statuses(scene) == ["Working"] * 3
    own = [row for row in scene.rows("LeadHistory") if row["CreatedById"] == scene.served.org.api_user_id]
    assert sorted(row["LeadId"] for row in own) == sorted(LEADS)
    assert scene.outcomes() == ["confirmed"] * 3
    assert scene.is_at_rest()


def health(scene: Scene) -> str:
    """Return why `syncd status` calls it unhealthy."""
    with scene.store() as store:
        return read_status(store, timedelta(minutes=1), datetime.now(UTC)).reason


def struck(scene: Scene, since: int) -> int:
    """Count the requests that a fault struck."""
    return sum(bool(one["faults"]) for one in scene.served.requests(since))


# --- replies that fail -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"does": "refuse"},
        {"does": "lose"},
        {"does": "reset"},
        {"does": "cut"},
        {"does": "truncated_json"},
        {"does": "slow", "seconds": 1, "before": True},
        {"does": "html"},
        {"does": "html", "status": 502},
        {"does": "429", "retry_after": 2},
        {"does": "503"},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
def test_a_read_that_fails_twice_is_asked_again_and_the_cycle_does_it_all_once(busy: Scene, fault: dict[str, Any]) -> None:
    scene = busy
    start = scene.last_request()
    faults(scene, {**fault, "kind": "composite", "times": 2})
    scene.cycle()
    assert struck(scene, start) == 2
    assert_done_once(scene)


@pytest.mark.parametrize("fault", ["html", "503", "429", "truncated_json"])
def test_reads_that_fail_for_good_end_the_cycle_in_words_and_not_for_ever(busy: Scene, fault: str) -> None:
    scene = busy
    start = scene.last_request()
    faults(scene, {"does": fault, "kind": "composite"})
    with pytest.raises(OrgUnreachable) as failed:
        scene.cycle()
    assert struck(scene, start) == 5
    assert "Traceback" not in str(failed.value)
    assert failed.value.hint
    assert health(scene).endswith(str(failed.value))
    faults(scene)
    scene.cycle()
    assert_done_once(scene)


# --- busy, in maintenance, crowded -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["503", "429"])
@pytest.mark.parametrize("hits", ["reading", "writing"])
def test_an_org_in_maintenance_is_left_alone_as_long_as_it_asks_and_then_it_goes_on_by_itself(
    busy: Scene, fault: str, hits: str
) -> None:
    scene = busy
    scene.tick()
    with scene.world() as (world, org):
        faults(scene, {"does": fault, "retry_after": 1_800, "kind": "composite", "nth": 1 if hits == "reading" else 2})
        with pytest.raises(OrgUnreachable):
            run_cycle(world, org)
        start = scene.last_request()
        for _ in range(9):
            scene.tick(180)
            with pytest.raises(OrgUnreachable, match="asked to be left alone until"):
                run_cycle(world, org)
        assert scene.last_request() == start
        assert "asked to be left alone until" in health(scene)
        scene.tick(300)
        run_cycle(world, org)
    assert_done_once(scene)


def strike(scene: Scene, first: int, last: int, answer: Callable[[], Exception]) -> None:
    """Refuse composite calls before they are carried out, from the `first` to the `last` one from now on."""
    seen = 0

    def refuse(n: int, method: str, path: str) -> None:
        nonlocal seen
        seen += path.endswith("/composite")
        if path.endswith("/composite") and first <= seen <= last:
            raise answer()

    scene.hook(refuse)


def test_writes_refused_for_too_many_at_once_are_sent_again_and_done_once(busy: Scene) -> None:
    scene = busy
    start = scene.last_request()
    strike(scene, 2, 3, lambda: web.HTTPForbidden(text=CROWDED))
    scene.cycle()
    scene.hook()
    assert sum(one["path"].endswith("/composite") for one in scene.served.requests(start)) == 4
    assert_done_once(scene)


# --- access ------------------------------------------------------------------------------------------------------------


def test_a_frozen_user_stops_everything_names_the_setting_and_costs_few_logins(busy: Scene) -> None:
    scene = busy
    with scene.world() as (world, org):
        run_cycle(world, org)
        for id in LEADS:
            scene.tick(5)
            scene.edit("marketo", id, Status="Nurture")
        me = scene.served.org.api_user_id
        scene.do("admin", "update", me, IsActive=False)
        with scene.served.org.lock:
            scene.served.org.sessions.end_all()
        start = scene.last_request()
        for _ in range(10):
            scene.tick()
            with pytest.raises(LoginRefused, match="inactive") as refused:
                run_cycle(world, org)
        assert "deactivated or frozen" in refused.value.hint
        assert "inactive_user" in health(scene)
        assert sum("oauth2" in one["path"] for one in scene.served.requests(start)) <= 3
        assert statuses(scene) == ["Nurture"] * 3
        scene.do("admin", "update", me, IsActive=True)
        scene.tick(3_000)
        run_cycle(world, org)
    assert statuses(scene) == ["Working"] * 3
    assert health(scene) == ""


def test_a_retired_version_is_named_with_the_one_to_set_and_nothing_is_written(busy: Scene) -> None:
    scene = busy
    path = scene.home / "config.toml"
    right = path.read_text("utf-8")
    path.write_text(right.replace("client_id", 'api_version = "20.0"\nclient_id', 1), "utf-8")
    with pytest.raises(OrgRefused, match=r"20\.0") as refused:
        scene.cycle()
    assert 'api_version = "62.0"' in refused.value.hint
    assert "20.0" in health(scene)
    assert scene.writes() == []
    path.write_text(right, "utf-8")
    scene.cycle()
    assert_done_once(scene)


# --- rows that are refused ---------------------------------------------------------------------------------------------


def test_a_row_that_is_locked_for_a_moment_is_tried_again_alone(busy: Scene) -> None:
    scene = busy
    faults(scene, {"does": "lock_row", "ids": [LEADS[1]], "times": 2})
    scene.cycle()
    assert_done_once(scene)
    sent = [write.path for write in scene.writes()]
    assert [sum(id in path for path in sent) for id in LEADS] == [1, 3, 1]


def test_a_row_that_stays_locked_keeps_nobody_waiting_and_is_done_in_a_later_cycle(busy: Scene) -> None:
    scene = busy
    faults(scene, {"does": "lock_row", "ids": [LEADS[1]]})
    scene.cycle()
    assert statuses(scene) == ["Working", "Inquiry", "Working"]
    assert scene.outcomes() == ["confirmed"] * 2
    tries = sum(LEADS[1] in write.path for write in scene.writes())
    assert 1 <= tries <= 5
    assert scene.inbox() == []
    faults(scene)
    scene.cycle()
    assert_done_once(scene)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (
            {"validation_rules": [{"object": "Lead", "when": {"Status": "Working", "Company": "Odd"}, "message": "Ask Vic."}]},
            "FIELD_CUSTOM_VALIDATION_EXCEPTION Ask Vic.",
        ),
        (
            {"failing_triggers": [{"object": "Lead", "when": {"Status": "Working", "Company": "Odd"}, "message": "Boom."}]},
            "Boom.",
        ),
        (
            {"failing_triggers": [{"object": "Lead", "when": {"Company": "Odd"}, "message": "No luck.", "kind": "flow"}]},
            "No luck.",
        ),
    ],
    ids=["validation rule", "trigger", "flow"],
)
def test_a_row_that_a_rule_refuses_is_told_once_in_its_words_and_the_rest_goes_on(
    scene: Scene, setting: dict[str, Any], words: str
) -> None:
    scene.fences({"tool": "revert"})
    scene.edit("sam", LEADS[1], Company="Odd")
    for id in LEADS:
        scene.edit("marketo", id, Status="Nurture")
    scene.settings(**setting)
    scene.cycle()
    assert statuses(scene) == ["Working", "Nurture", "Working"]
    assert sorted(scene.outcomes()) == ["confirmed", "confirmed", "rejected"]
    (item,) = scene.inbox("refused-write")
    assert words in item.text
    before = scene.last_request()
    for _ in range(4):
        scene.cycle()
    assert scene.writes(before) == []
    assert len(scene.inbox("refused-write")) == 1


def test_an_owner_who_left_is_told_once_and_the_rest_goes_on(scene: Scene) -> None:
    scene.fences(owner={"tool": "revert"})
    gone, kept = lead("Meeting Set"), LEADS[0]
    for id in (gone, kept):
        scene.edit("marketo", id, OwnerId=owner("Nurture"))
    scene.do("admin", "update", user("sue"), IsActive=False)
    scene.cycle()
    assert scene.row(kept)["OwnerId"] == user("sam")
    assert scene.row(gone)["OwnerId"] == owner("Nurture")
    (item,) = scene.inbox("refused-write")
    assert "inactive" in item.text.lower()
    before = scene.last_request()
    scene.cycle()
    assert scene.writes(before) == []


def test_a_withdrawn_right_to_edit_rests_the_mapping_that_needs_it_alone(scene: Scene) -> None:
    scene.mapping("write")
    scene.fences({"tool": "revert"})
    scene.settings(read_only_fields={"Lead": ["Lead_Score__c"]})
    scene.edit("marketo", LEADS[2], Status="Inquiry")
    lines = [export_line(f"Working-{number}", leadScore="77") for number in range(3)]
    scene.drop("a.csv", *lines)
    for _ in range(4):
        scene.cycle()
    assert scene.row(LEADS[2])["Status"] == "Working"
    assert [write.values for write in scene.writes()] == [{"Status": "Working"}]
    (item,) = scene.inbox()
    assert (item.kind, item.subject) == ("export-mapping", "marketo")
    assert "Lead_Score__c" in item.text
    scene.settings(read_only_fields={})
    for _ in range(3):
        scene.cycle()
    assert [scene.row(id)["Lead_Score__c"] for id in LEADS] == [77] * 3
    assert scene.inbox() == []


# --- another org -------------------------------------------------------------------------------------------------------


@contextmanager
def refreshed(scene: Scene) -> Iterator[str]:
    """Put another org behind the address, as a sandbox refresh does."""
    org = scene.served.org
    before, org.org_id = org.org_id, "00D9U0000000099UAA"
    try:
        yield org.org_id
    finally:
        org.org_id = before


def test_a_refreshed_sandbox_is_refused_until_it_gets_a_database_of_its_own(busy: Scene) -> None:
    scene = busy
    path, database = scene.home / "config.toml", (scene.home / "syncd.db").read_bytes()
    held = scene.served.org.org_id
    with refreshed(scene) as new:
        start = scene.last_request()
        with pytest.raises(OrgRefused, match=f"holds org {held}, and .* leads to org {new}") as refused:
            scene.cycle()
        assert "[store]" in refused.value.hint
        assert all("oauth2" in one["path"] for one in scene.served.requests(start))
        assert (scene.home / "syncd.db").read_bytes() == database
        right = path.read_text("utf-8")
        path.write_text(f'{right}\n[store]\nurl = "sqlite:///refreshed.db"\n', "utf-8")
        scene.cycle()
        assert scene.writes() == []
        assert scene.is_at_rest()
    assert WATCH.check(scene.served.org) == []  # what follows is between the org and its own database again
    path.write_text(right, "utf-8")
    scene.cycle()
    assert_done_once(scene)


# --- a backlog ---------------------------------------------------------------------------------------------------------


def outage() -> Exception:
    """Answer as an org does that is down."""
    return web.HTTPServiceUnavailable(text='[{"errorCode":"SERVER_UNAVAILABLE","message":"outage"}]')


def test_a_backlog_is_looked_at_again_after_an_outage_and_only_what_still_stands_is_sent(busy: Scene) -> None:
    scene = busy

    strike(scene, 2, 99, outage)
    for _ in range(4):
        with suppress(SyncdError):
            scene.cycle()
    assert statuses(scene) == ["Inquiry"] * 3
    scene.edit("sam", LEADS[0], Status="Meeting Set")
    scene.edit("sue", LEADS[1], Company="Acme Ltd")
    scene.hook()
    start = scene.last_request()
    scene.cycle()
    scene.cycle()
    assert statuses(scene) == ["Meeting Set", "Working", "Working"]
    assert scene.row(LEADS[1])["Company"] == "Acme Ltd"
    assert not any(LEADS[0] in write.path for write in scene.writes(start))
    assert scene.is_at_rest()


def test_what_piled_up_during_an_outage_waits_for_a_word_when_it_is_more_than_was_agreed(scene: Scene) -> None:
    scene.fences({"tool": "revert"})
    scene.limits(records_max=5, records_min=5)
    ids = [lead(status, number) for status in ("Working", "Meeting Set") for number in range(4)]
    strike(scene, 1, 99, outage)
    for id in ids:
        scene.edit("marketo", id, Status="Inquiry")
        with pytest.raises(OrgUnreachable):
            scene.cycle()
    scene.hook()
    scene.cycle()
    assert scene.writes() == []
    assert [item.kind for item in scene.inbox()] == ["plan-waiting"]
    assert scene.is_at_rest()
