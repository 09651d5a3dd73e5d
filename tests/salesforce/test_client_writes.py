from __future__ import annotations

from datetime import timedelta

import pytest

from syncd.errors import AnswerLost, OrgRefused
from syncd.ports import Update
from tests.salesforce.client_wire import NOW, Wire, composite, row

LEAD = str(row(1)["Id"])
UPDATE = Update("Lead", LEAD, {"Status": "Open", "Reason__c": None}, NOW)


def refusal(code: str, text: str = "because") -> list[dict[str, object]]:
    return [{"errorCode": code, "message": text, "fields": []}]


def test_every_update_carries_its_precondition_and_turns_assignment_rules_off(wire: Wire) -> None:
    wire.login()
    wire.answers(composite((204, None), (204, None)))
    later = Update("Opportunity", "0065e000001AbcdAAA", {"StageName": "Closed"}, NOW + timedelta(seconds=1, microseconds=900_000))
    with wire.org() as org:
        results = org.update([UPDATE, later])
        assert org.usage().ours == 1
    first, second = wire.body()["compositeRequest"]
    assert first["method"] == "PATCH"
    assert first["url"] == f"/services/data/v62.0/sobjects/Lead/{LEAD}"
    assert first["body"] == {"Status": "Open", "Reason__c": None}
    assert first["httpHeaders"] == {"If-Unmodified-Since": "Mon, 02 Mar 2026 09:00:00 GMT", "Sforce-Auto-Assign": "FALSE"}
    assert second["httpHeaders"]["If-Unmodified-Since"] == "Mon, 02 Mar 2026 09:00:01 GMT"
    assert [(result.status, result.id) for result in results] == [("done", LEAD), ("done", later.id)]
    assert [result.request_id for result in results] == [first["referenceId"], second["referenceId"]]


def test_request_ids_name_one_attempt(wire: Wire) -> None:
    wire.login()
    wire.answers(composite((204, None)))
    with wire.org() as org:
        assert org.update([UPDATE])[0].request_id != org.update([UPDATE])[0].request_id


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (412, None, "stale"),
        (412, refusal("PRECONDITION_FAILED"), "stale"),
        (400, refusal("ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE"), "stale"),
        (404, refusal("NOT_FOUND"), "gone"),
        (404, refusal("ENTITY_IS_DELETED"), "gone"),
        (400, refusal("ENTITY_IS_DELETED"), "gone"),
        (400, refusal("UNABLE_TO_LOCK_ROW"), "locked"),
        (400, refusal("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "trigger X: UNABLE_TO_LOCK_ROW, unable to obtain"), "locked"),
        (400, refusal("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "trigger X failed"), "refused"),
        (503, refusal("SERVER_UNAVAILABLE"), "locked"),
        (400, refusal("DUPLICATE_VALUE"), "duplicate"),
        (400, refusal("CANNOT_UPDATE_CONVERTED_LEAD"), "refused"),
        (400, refusal("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Give a reason first."), "refused"),
        (500, None, "refused"),
    ],
)
def test_each_row_has_its_own_result_by_position(wire: Wire, status: int, body: object, meaning: str) -> None:
    wire.login()
    wire.answers(composite((204, None), (status, body), (204, None)))
    with wire.org() as org:
        results = org.update([UPDATE] * 3)
    assert [result.status for result in results] == ["done", meaning, "done"]
    assert results[1].code or results[1].text
    if isinstance(body, list):
        assert (results[1].code, results[1].text) == (body[0]["errorCode"], body[0]["message"])


def test_a_result_that_is_missing_leaves_the_whole_call_unknown(wire: Wire) -> None:
    wire.login()
    wire.answers(composite((204, None)))
    with wire.org() as org, pytest.raises(AnswerLost, match="fewer"):
        org.update([UPDATE, UPDATE])


def test_a_refused_envelope_is_no_lost_answer(wire: Wire) -> None:
    wire.login()
    wire.answers((400, refusal("JSON_PARSER_ERROR")))
    with wire.org() as org, pytest.raises(OrgRefused, match="JSON_PARSER_ERROR"):
        org.update([UPDATE])


def test_more_than_fit_into_a_call_are_our_own_mistake(wire: Wire) -> None:
    with wire.org() as org:
        with pytest.raises(AssertionError):
            org.update([UPDATE] * 26)
        with pytest.raises(AssertionError):
            org.create("CampaignMember", [{}] * 201)
        with pytest.raises(AssertionError, match="record id"):
            org.update([Update("Lead", "../../etc", {}, NOW)])


def test_creates_have_a_result_for_each_row_in_the_words_of_collections(wire: Wire) -> None:
    wire.login()
    answer = [
        {"id": "00v5e0000000001AAA", "success": True, "errors": []},
        {"success": False, "errors": [{"statusCode": "DUPLICATE_VALUE", "message": "Already a campaign member.", "fields": []}]},
        {"success": False, "errors": [{"statusCode": "UNABLE_TO_LOCK_ROW", "message": "-", "fields": []}]},
        {"success": False, "errors": []},
    ]
    wire.answers((200, answer))
    with wire.org() as org:
        results = org.create("CampaignMember", [{"CampaignId": "701", "LeadId": LEAD}] * 4)
    assert [result.status for result in results] == ["done", "duplicate", "locked", "refused"]
    assert [result.id for result in results] == ["00v5e0000000001AAA", None, None, None]
    assert (results[1].code, results[1].text) == ("DUPLICATE_VALUE", "Already a campaign member.")
    assert wire.body()["allOrNone"] is False
    assert wire.body()["records"][0] == {"attributes": {"type": "CampaignMember"}, "CampaignId": "701", "LeadId": LEAD}
    assert wire.sent[-1].headers["Sforce-Auto-Assign"] == "FALSE"


@pytest.mark.parametrize("answer", [[], [{"success": True, "id": "00v"}], {"records": []}, [None, None]])
def test_creates_without_an_answer_for_each_row_are_unknown(wire: Wire, answer: object) -> None:
    wire.login()
    wire.answers((200, answer))
    with wire.org() as org, pytest.raises(AnswerLost):
        org.create("CampaignMember", [{}, {}])
