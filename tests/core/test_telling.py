"""Do reps read why a value was put back, where they look, once, and without anybody being put to shame?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.core.asking import ASK, question
from syncd.core.ladder import Wait
from syncd.core.telling import NOTE_CHARS, SUBJECT_CHARS, TELL, Places, tellings, why
from syncd.core.values import ActorKind, Intent, OrgRecord, Rule, Scalar
from tests.core.samples import LEAD, NOON, OWN_USER, people, user_id

RULE = Rule("status Working", "mappings/fences.toml", 31)
REASON = "'Working' belongs to sdr; marketing moved it to 'Nurture'"
NOTE = "Syncd_Note__c"
SAID = (
    "2026-11-02 12:00 UTC, syncd set Status from 'Nurture' back to 'Working'. "
    "'Working' belongs to sdr; marketing moved it to 'Nurture'. (mappings/fences.toml:31)"
)


def revert(field: str = "Status", before: Scalar = "Nurture", after: Scalar = "Working", **more: object) -> Intent:
    at = (NOON - timedelta(minutes=1, microseconds=400)).isoformat()
    parts: dict[str, object] = {"key": f"key {field}", "decided_on": at, **more}
    return Intent(
        object="Lead", record_id=LEAD, field=field, before=before, after=after, part="fence", rule=RULE, reason=REASON,
        policy_hash="hash", cause="017", **parts,  # type: ignore[arg-type]
    )  # fmt: skip


def record(object: str = "Lead", **fields: Scalar) -> OrgRecord:
    return OrgRecord(object, LEAD, NOON, {"Status": "Nurture", "OwnerId": user_id("sam"), **fields})


def places(chars: Mapping[tuple[str, str], int] | None = None, *, may_close_tasks: bool = True) -> Places:
    return Places({("Lead", NOTE): NOTE_CHARS} if chars is None else chars, may_close_tasks, people(), NOON)


def told(tell: str | None, row: OrgRecord | None = None, *reverts: Intent, at: Places | None = None) -> Intent:
    [intent] = tellings(tell, row or record(), reverts or (revert(),), at or places())
    return intent


def test_a_field_takes_the_reason_in_the_same_save() -> None:
    note = told(f"field {NOTE}", record(**{NOTE: "older words"}))
    lead = revert()
    assert (note.field, note.before, note.after) == (NOTE, "older words", SAID)
    assert (note.object, note.record_id, note.part, note.decided_on) == ("Lead", LEAD, "fence", lead.decided_on)
    assert (note.rule, note.policy_hash, note.is_create, note.is_contested) == (RULE, "hash", False, True)
    assert (note.reason, note.cause) == ("tells why", lead.cause)
    assert note.key not in (lead.key, revert("OwnerId").key)


def test_words_that_are_longer_than_the_field_are_cut() -> None:
    assert told(f"field {NOTE}", at=places({("Lead", NOTE): 20})).after == SAID[:20]


@pytest.mark.parametrize("tell", [None, "", "field Other__c", "fax"])
def test_without_a_place_that_can_be_written_the_value_is_put_back_in_silence(tell: str | None) -> None:
    assert tellings(tell, record(), (revert(),), places()) == []


@pytest.mark.parametrize("tell", ["task", "chatter", f"field {NOTE}"])
def test_where_nothing_is_put_back_nothing_is_told(tell: str) -> None:
    assert tellings(tell, record(), (), places()) == []


def test_a_task_is_done_already_and_belongs_to_the_records_owner() -> None:
    task = told("task")
    assert task.values == {
        "WhoId": LEAD,
        "OwnerId": user_id("sam"),
        "Subject": "syncd put back Status to 'Working' (save of 2026-11-02 11:58:59 UTC)",
        "ActivityDate": "2026-11-02",
        "Description": SAID,
        "Status": "Completed",
    }
    assert (task.object, task.record_id, task.part, task.cause) == ("Task", LEAD, TELL, "Status")
    assert (task.field, task.after, task.reason) == ("Subject", task.values["Subject"], "tells why Status was put back")
    assert task.is_create
    assert task.key != revert().key


def test_a_task_stays_open_where_the_org_has_no_such_status() -> None:
    assert "Status" not in (told("task", at=places(may_close_tasks=False)).values or {})


@pytest.mark.parametrize(("owner", "gets_it"), [("00GSX0000000001AAA", OWN_USER), (None, OWN_USER), ("sam", "sam")])
def test_what_cannot_have_tasks_leaves_them_with_syncds_own_user(owner: str | None, gets_it: str) -> None:
    id = user_id(owner) if owner == "sam" else owner
    values = told("task", record(OwnerId=id)).values or {}
    assert values["OwnerId"] == (user_id("sam") if gets_it == "sam" else gets_it)


def test_who_has_left_gets_no_task() -> None:
    company = people()
    left = {**company.users, user_id("sam"): replace(company.users[user_id("sam")], is_active=False)}
    at = replace(places(), people=replace(company, users=left))
    assert (told("task", at=at).values or {})["OwnerId"] == OWN_USER


def test_a_revert_that_rests_on_no_save_is_named_by_its_key() -> None:
    assert told("task", None, revert(decided_on=None, key="0123456789abcdef")).after == (
        "syncd put back Status to 'Working' (save of 01234567)"
    )


def test_a_task_about_the_owner_goes_to_the_owner_who_is_put_back() -> None:
    back = revert("OwnerId", user_id("sam"), user_id("mia"))
    values = told("task", None, back).values or {}
    assert (values["OwnerId"], values["Subject"]) == (
        user_id("mia"),
        "syncd put back the owner (save of 2026-11-02 11:58:59 UTC)",
    )
    assert user_id("sam") not in str(values["Description"])


def test_a_task_on_anything_but_a_person_is_related_to_it() -> None:
    values = told("task", record("Deal__c")).values or {}
    assert values["WhatId"] == LEAD
    assert "WhoId" not in values


def test_a_task_fits_into_its_subject() -> None:
    values = told("task", None, revert(after="x" * 300)).values or {}
    assert len(str(values["Subject"])) == SUBJECT_CHARS


def test_two_reverts_of_the_same_value_are_told_of_twice_and_one_only_once() -> None:
    first, again = told("task"), told("task")
    later = told("task", None, revert(decided_on=NOON.isoformat(), key="another"))
    assert first == again
    assert first.values != later.values
    assert first.key != later.key


def test_a_post_stands_on_the_record() -> None:
    post = told("chatter")
    assert (post.object, post.field, post.after, post.part) == ("FeedItem", "Body", SAID, TELL)
    assert post.values == {"ParentId": LEAD, "Body": SAID, "Type": "TextPost"}


def test_what_is_put_back_together_is_told_together() -> None:
    both = (revert(), revert("Status_Reason__c", "No budget", None), revert("OwnerId", user_id("sam"), user_id("mia")))
    assert why(both, NOON) == (
        "2026-11-02 12:00 UTC, syncd set Status from 'Nurture' back to 'Working', Status Reason from 'No budget' back to nothing "
        f"and the owner back to the one before. {REASON}. (mappings/fences.toml:31)"
    )
    owner = (replace(both[2], reason="no gate lets sdr do that."),)
    assert why(owner, NOON) == (
        "2026-11-02 12:00 UTC, syncd set the owner back to the one before. No gate lets sdr do that. (mappings/fences.toml:31)"
    )
    assert len(tellings("task", record(), both, places())) == 1
    assert "Status Reason from 'No budget' back to nothing." in why((replace(both[1], after=""),), NOON)


def test_a_question_tells_what_moved_when_and_what_each_answer_does() -> None:
    status = Wait(revert(), "status", ActorKind.TOOL, NOON, "005", is_asked=True)
    owner = Wait(revert("OwnerId", user_id("sam"), user_id("mia")), "owner", ActorKind.TOOL, NOON, "005", is_asked=True)
    owner = replace(owner, intent=replace(owner.intent, rule=Rule("marketing -> sdr", "mappings/fences.toml", 50)))
    item = question([status, owner, status])
    rules = "mappings/fences.toml:31, mappings/fences.toml:50"
    assert (item.kind, item.subject, item.where, item.detail) == (ASK, LEAD, f"Lead {LEAD}", rules)
    item = question([status, owner])
    at = "at 2026-11-02 12:00 UTC, which no line of the policy allows"
    assert item.text == (
        f"Status was moved from 'Working' to 'Nurture' {at}: {REASON}; OwnerId was moved {at}: {REASON}. Shall it be put back?"
    )
    assert "--revert" in item.remedy
    assert "--keep" in item.remedy
