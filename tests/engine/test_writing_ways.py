"""Does every write leave by the way that suits it, and end as it should?"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from syncd.core.guard import Kind, Limits
from syncd.core.values import Intent
from syncd.engine import sending
from syncd.engine.acting import act
from syncd.errors import AnswerLost, LeaseHeld
from syncd.store.sql import open_store
from tests.engine.outbox_play import (
    LEADS,
    SCORE,
    asked,
    carry_out,
    intent,
    kinds,
    latch,
    member,
    opened,
    safe_owners,
    score,
    scores,
)
from tests.engine.scene import Scene, export_line
from tests.engine.small_org import campaign, contact, lead, owner, queue, user

COLLECTION = "/composite/sobjects"
DEAF = {"collections_ignore_auto_assign": True, "assignment_rule": {"owner": "Nurture", "active": True}}


@pytest.fixture(autouse=True)
def all_at_once(scene: Scene) -> None:
    """Let every write leave at once: no rule tries its first ones out."""
    scene.limits(canary='"off"')


def contested(number: int, after: str = "Called") -> Intent:
    return intent(LEADS[number], "Title", None, after)


# --- by which way --------------------------------------------------------------------------------------------------------


def test_an_exclusive_column_is_overwritten_in_collections_and_the_next_cycle_writes_nothing(scene: Scene) -> None:
    scene.mapping("write")
    scene.rewrite("fields/marketo.toml", r'(\[column."leadScore"\](?:\n.+)+?)\n\n', r"\g<1>\nexclusive = true\n\n")
    scene.drop("people.csv", *(export_line(f"MQL-{number}", leadScore="77") for number in range(3)))
    scene.cycle()
    sent = [write for write in scene.writes() if SCORE in write.values]
    assert {write.path for write in sent} == {f"Lead/{lead('MQL', number)}" for number in range(3)}
    assert {write.headers["Sforce-Auto-Assign"] for write in sent} == {"FALSE"}
    assert not any("If-Unmodified-Since" in write.headers for write in sent)
    assert kinds(scene) == {"confirmed": 3}
    before = scene.last_request()
    scene.cycle()
    assert scene.writes(before) == []
    assert scene.is_at_rest()


def test_fences_leave_first_then_what_exports_say_then_new_members(scene: Scene) -> None:
    revert = replace(intent(LEADS[0], "Status", "Inquiry", "Working"), part="fence")
    carry_out(scene, [member(contact(1)), score(LEADS[5]), revert, contested(6), latch(LEADS[7])], writers=1)
    fields = [next(name for name in write.values if name != "attributes") for write in scene.writes()]
    assert fields == ["Status", "Title", "HasOptedOutOfEmail", SCORE, "CampaignId"]
    assert kinds(scene) == {"confirmed": 5}


def test_several_writes_to_one_record_go_in_one_cycle_and_do_not_make_each_other_stale(scene: Scene) -> None:
    id = LEADS[0]
    revert = replace(intent(id, "Status", "Inquiry", "Working"), part="fence")
    carry_out(scene, [revert, intent(id, "Title", None, "Called"), score(id), latch(id)])
    row = scene.row(id)
    assert (row["Status"], row["Title"], row[SCORE], row["HasOptedOutOfEmail"]) == ("Working", "Called", 77, True)
    assert kinds(scene) == {"confirmed": 4}
    assert scene.is_at_rest()


def test_many_go_by_one_load_that_runs_no_assignment_rule(scene: Scene) -> None:
    scene.settings(assignment_rule={"owner": "Nurture", "active": True})
    before = {row["Id"]: row["OwnerId"] for row in scene.rows("Lead")}
    cycle = carry_out(scene, [score(id) for id in LEADS], load_rows_min=10)
    assert scores(scene, LEADS) == {77}
    assert {row["Id"]: row["OwnerId"] for row in scene.rows("Lead")} == before
    assert asked(scene, "PATCH", COLLECTION) == []
    assert cycle.counts["outcomes confirmed"] == len(LEADS)
    with scene.store() as store:
        assert store.jobs("ingest") == []


def test_the_calls_are_what_the_plan_says(scene: Scene) -> None:
    safe_owners(scene)
    with opened(scene, [contested(number) for number in range(28)]) as (world, org, cycle):
        before = org.usage().ours
        act(world, org, cycle)
        assert org.usage().ours - before == 1 + 2  # one look, two times 25 at the most
    with opened(scene, [score(id) for id in LEADS]) as (world, org, cycle):
        before = org.usage().ours
        act(world, org, cycle)
        assert org.usage().ours - before == 1 + 1  # the write, and the owners read back


# --- owners of leads -----------------------------------------------------------------------------------------------------


def test_the_first_leads_written_in_an_org_go_alone(scene: Scene) -> None:
    carry_out(scene, [score(id) for id in LEADS[:6]])
    assert [len(one["body"]["records"]) for one in asked(scene, "PATCH", COLLECTION)] == [1, 5]
    carry_out(scene, [score(id, 78) for id in LEADS[:6]])
    assert [len(one["body"]["records"]) for one in asked(scene, "PATCH", COLLECTION)] == [1, 5, 6]


def test_an_owner_that_the_assignment_rule_moved_is_put_back_and_leads_go_singly_from_then_on(scene: Scene) -> None:
    scene.settings(**DEAF)
    before = {row["Id"]: row["OwnerId"] for row in scene.rows("Lead")}
    ids = [lead("Working", number) for number in range(4)]
    cycle = carry_out(scene, [score(id) for id in ids])
    assert {row["Id"]: row["OwnerId"] for row in scene.rows("Lead")} == before
    assert scores(scene, ids) == {77}
    assert cycle.counts["owners put back"] == 1
    assert len(asked(scene, "PATCH", COLLECTION)) == 1
    [back] = [entry for entry in scene.ledger(kind="intent") if entry.field == "OwnerId"]
    assert (back.before, back.after, back.rule) == (queue("Nurture"), owner("sam"), score(ids[0]).rule)
    assert back.reason is not None
    assert "assignment rule" in back.reason
    carry_out(scene, [score(id, 78) for id in ids])
    assert len(asked(scene, "PATCH", COLLECTION)) == 1
    assert scores(scene, ids) == {78}
    scene.cycle()
    scene.cycle()
    assert {row["Id"]: row["OwnerId"] for row in scene.rows("Lead")} == before
    assert kinds(scene) == {"confirmed": 9}
    assert scene.is_at_rest()


def test_an_owner_whom_a_person_set_meanwhile_is_theirs(scene: Scene) -> None:
    def reassign(n: int, method: str, path: str) -> None:
        if path.endswith(COLLECTION) and method == "PATCH":
            scene.hook()
            scene.edit("vic", LEADS[0], OwnerId=user("ada"))

    safe_owners(scene)
    scene.hook(reassign)
    cycle = carry_out(scene, [score(id) for id in LEADS[:3]])
    assert scene.row(LEADS[0])["OwnerId"] == user("ada")
    assert "owners put back" not in cycle.counts
    assert scene.inbox("owner-moved") == []
    carry_out(scene, [score(id, 78) for id in LEADS[:3]])
    assert len(asked(scene, "PATCH", COLLECTION)) == 2


def test_without_history_nobody_is_accused_but_leads_go_singly(scene: Scene) -> None:
    safe_owners(scene)
    scene.settings(**DEAF, history_tracking={"Lead": ["Status"]})
    carry_out(scene, [score(id) for id in LEADS[:3]])
    assert {item.subject for item in scene.inbox("owner-moved")} == set(LEADS[:3])
    for id in LEADS[:3]:  # as the inbox asks a person to
        scene.edit("admin", id, OwnerId=owner("Inquiries"))
    carry_out(scene, [score(id, 78) for id in LEADS[:3]])
    assert len(asked(scene, "PATCH", COLLECTION)) == 1


def test_owners_are_read_back_by_the_next_cycle_when_this_one_was_cut_off(scene: Scene) -> None:
    scene.settings(**DEAF)
    before = scene.row(LEADS[12])["OwnerId"]

    def no_answer(n: int, method: str, path: str) -> None:
        if path.endswith(COLLECTION):
            raise asyncio.CancelledError

    scene.hook(None, no_answer)
    with pytest.raises(AnswerLost):
        carry_out(scene, [score(LEADS[12])])
    scene.hook()
    assert scene.row(LEADS[12])["OwnerId"] == queue("Nurture") != before
    scene.cycle()
    assert scene.row(LEADS[12])["OwnerId"] == before
    assert kinds(scene) == {"confirmed": 2}


# --- how intents end -----------------------------------------------------------------------------------------------------


def refuse(title: str) -> dict[str, Any]:
    return {"validation_rules": [{"object": "Lead", "when": {"Title": title}, "message": "Not him.", "field": "Title"}]}


WAYS: dict[str, Callable[[str, str], Intent]] = {
    "composite": lambda id, value: intent(id, "Title", None, value),
    "collections": lambda id, value: intent(id, "Title", None, value, is_contested=False),
}


@pytest.mark.parametrize("load_rows_min", [1, 100], ids=["load", "few"])
@pytest.mark.parametrize("way", WAYS)
def test_a_refused_row_is_told_once_in_salesforces_words_and_the_others_go_on(scene: Scene, way: str, load_rows_min: int) -> None:
    scene.settings(**refuse("Bad"))
    make = WAYS[way]
    carry_out(scene, [make(id, "Bad" if id == LEADS[1] else "Good") for id in LEADS[:4]], load_rows_min=load_rows_min)
    assert kinds(scene) == {"confirmed": 3, "rejected": 1}
    [item] = scene.inbox("refused-write")
    assert (item.subject, item.where) == (f"{LEADS[1]}:Title", f"Lead {LEADS[1]}")
    assert re.search("FIELD_CUSTOM_VALIDATION_EXCEPTION Not him", item.text)
    before = scene.last_request()
    scene.cycle()
    assert scene.writes(before) == []
    assert len(scene.inbox("refused-write")) == 1


@pytest.mark.parametrize("load_rows_min", [1, 100], ids=["load", "few"])
@pytest.mark.parametrize("way", WAYS)
def test_a_record_that_is_gone_is_superseded(scene: Scene, way: str, load_rows_min: int) -> None:
    scene.do("admin", "delete", LEADS[1])
    carry_out(scene, [WAYS[way](id, "Good") for id in LEADS[:3]], load_rows_min=load_rows_min)
    assert kinds(scene) == {"confirmed": 2, "superseded": 1}
    assert scene.is_at_rest()


def test_what_somebody_changed_first_is_theirs(scene: Scene) -> None:
    scene.edit("sue", LEADS[0], Title="Her own words")
    carry_out(scene, [contested(0), contested(1)])
    assert scene.row(LEADS[0])["Title"] == "Her own words"
    assert kinds(scene) == {"superseded": 1, "confirmed": 1}


def test_a_look_that_is_too_young_is_taken_again_before_anything_is_sent(scene: Scene) -> None:
    """A save of this very second is not to be told from another one in the same second."""

    def save_now(n: int, method: str, path: str) -> None:
        if path.endswith("/composite/sobjects/Lead"):
            scene.hook()
            scene.edit("sue", LEADS[0], Company="Saved this second")

    scene.hook(save_now)
    carry_out(scene, [contested(0)])
    assert (scene.row(LEADS[0])["Title"], scene.row(LEADS[0])["Company"]) == ("Called", "Saved this second")
    assert scene.clock.slept_s >= 1
    assert len(scene.writes()) == 1


def test_too_many_new_writes_are_not_sent_and_old_ones_are_looked_for_first(scene: Scene) -> None:
    few = Limits(records_max=2)
    with opened(scene, [contested(0), contested(1)]):
        pass  # killed before anything left
    scene.edit("sue", LEADS[1], Title="Called")
    carry_out(scene, [contested(2), contested(3)], limits=few)
    assert kinds(scene) == {"superseded": 1, "not_applied": 1, "not_sent": 2}
    assert scene.writes() == []
    assert scene.is_at_rest()


def test_a_member_who_opts_out_after_a_cut_is_not_applied_and_one_who_was_never_sent_is_not_sent(scene: Scene) -> None:
    with opened(scene, [member(contact(1))]):
        pass  # killed before anything left
    for number in (1, 2):
        scene.edit("sue", contact(number), HasOptedOutOfEmail=True)
    carry_out(scene, [member(contact(2)), member(contact(3))])
    assert [scene.outcomes(contact(number)) for number in (1, 2, 3)] == [["not_applied"], ["not_sent"], ["confirmed"]]
    assert scene.members() == {(campaign("early"), contact(3))}


def test_tasks_are_found_again_by_what_they_say(scene: Scene) -> None:
    values = {"WhoId": LEADS[0], "Subject": "Call back", "ActivityDate": "2026-03-05", "OwnerId": user("sam")}
    task = replace(intent(LEADS[0], "WhoId", None, LEADS[0], part="nurture", values=values), object="Task")
    with opened(scene, [task]) as (_, org, _cycle):
        org.create("Task", [values])  # applied, and then the process was killed
    carry_out(scene, [replace(task, key="another", values={**values, "Subject": "Send the offer"})])
    subjects = [row["Subject"] for row in scene.rows("Task") if row.get("WhoId") == LEADS[0]]
    assert sorted(subjects) == ["Call back", "Send the offer"]
    assert kinds(scene) == {"confirmed": 2}


# --- locks and other writers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("load_rows_min", [1, 100], ids=["load", "few"])
@pytest.mark.parametrize("way", WAYS)
def test_only_the_locked_row_is_sent_again(scene: Scene, way: str, load_rows_min: int) -> None:
    safe_owners(scene)
    scene.served.org.locks.hold([LEADS[1]], attempts=2)
    carry_out(scene, [WAYS[way](id, "Good") for id in LEADS[:3]], load_rows_min=load_rows_min)
    assert kinds(scene) == {"confirmed": 3}
    sent = [write.path.removeprefix("Lead/") for write in scene.writes()]
    assert {sent.count(LEADS[0]), sent.count(LEADS[2])} <= {0, 1}
    assert scene.clock.slept_s > 0


def test_a_row_that_stays_locked_waits_for_the_next_cycle(scene: Scene) -> None:
    scene.served.org.locks.hold([LEADS[1]], attempts=4)
    cycle = carry_out(scene, [contested(0), contested(1)])
    assert cycle.counts["rows left locked"] == 1
    assert kinds(scene) == {"confirmed": 1}
    scene.cycle()
    assert kinds(scene) == {"confirmed": 2}
    assert scene.is_at_rest()


def test_members_of_a_locked_campaign_are_sent_again(scene: Scene) -> None:
    scene.served.org.locks.hold([campaign("early")], attempts=1)
    carry_out(scene, [member(contact(number)) for number in (1, 2, 3)])
    assert len(scene.members()) == 3
    assert kinds(scene) == {"confirmed": 3}


def test_nothing_leaves_when_another_process_became_the_writer(scene: Scene) -> None:
    with opened(scene, [contested(0), score(LEADS[1]), member(contact(1))]) as (world, org, cycle):
        rival = open_store(scene.config().store_url, cycle.identity.org_id)
        try:
            rival.acquire_lease("another-host", 7)
            with pytest.raises(LeaseHeld, match="another-host"):
                act(world, org, cycle)
        finally:
            rival.release_lease("another-host", 7)
            rival.dispose()
    assert scene.writes() == []
    scene.cycle()
    assert kinds(scene) == {"confirmed": 3}


def test_while_calls_are_short_fences_leave_and_the_rest_waits(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    revert = replace(intent(LEADS[0], "Status", "Inquiry", "Working"), part="fence")
    others = [score(LEADS[1]), contested(2), latch(LEADS[3]), member(contact(1))]
    monkeypatch.setattr(sending, "may_spend", lambda world, cycle, kind: kind is Kind.FENCES)
    carry_out(scene, [revert, *others])
    assert [list(write.values) for write in scene.writes()] == [["Status"]]
    assert kinds(scene) == {"confirmed": 1}
    monkeypatch.undo()
    scene.cycle()
    assert kinds(scene) == {"confirmed": 5}


def test_calls_that_run_out_between_batches_leave_the_rest_open(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    left = iter([True, True])  # the lane, and one batch of 25
    monkeypatch.setattr(sending, "may_spend", lambda world, cycle, kind: next(left, False))
    carry_out(scene, [contested(number) for number in range(28)], writers=1)
    assert kinds(scene) == {"confirmed": 25}
    monkeypatch.undo()
    scene.cycle()
    assert kinds(scene) == {"confirmed": 28}
    assert scene.is_at_rest()
