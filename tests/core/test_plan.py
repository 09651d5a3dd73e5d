"""Is a plan read back as it was written, and refused when it is anything else?"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.plan import Plan, hash_with, intent_from_dict, intent_to_dict, plan_from_json, plan_parts, plan_to_json
from syncd.core.routes import Terms
from syncd.core.values import Intent, Rule, digest
from tests.core.samples import NOON, intent

JOIN = intent(2, field="CampaignId", values={"CampaignId": "701", "ContactId": "003", "Status": "Sent"}, after="701")
PLAN = Plan("00DSX0000000001AAA", NOON, {"fences.toml": "abc"}, (intent(1), JOIN), "26 records would change, limit 25 a cycle")
EDITED = "the plan was edited after it was made: its hash does not fit its contents"


def test_a_plan_is_read_back_as_it_was_written() -> None:
    assert plan_from_json(plan_to_json(PLAN)) == PLAN


def test_a_plan_reads_as_text_that_a_person_can_review() -> None:
    body = json.loads(plan_to_json(PLAN))
    assert list(body) == ["schema", "org_id", "made_at", "reason", "policies", "hash", "cost", "ways", "intents"]
    assert (body["schema"], body["made_at"]) == (1, "2026-11-02T12:00:00+00:00")
    assert body["intents"][0]["rule"] == {"name": "status fence", "file": "fences.toml", "line": 40}


def test_how_a_plan_would_leave_and_what_that_costs_is_told_and_is_no_part_of_it() -> None:
    latch = replace(intent(3), is_contested=False)
    plan = replace(PLAN, intents=(*PLAN.intents, latch))
    text = plan_to_json(plan, Terms(no_collections=frozenset({"Contact"})))
    body = json.loads(text)
    assert body["cost"] == [
        {"way": "collections", "object": "Lead", "writes": 1, "records": 1, "calls": 2},
        {"way": "composite", "object": "Lead", "writes": 1, "records": 1, "calls": 2},
        {"way": "create", "object": "CampaignMember", "writes": 1, "records": 1, "calls": 3},
    ]
    assert body["ways"] == ["composite", "create", "collections"]
    assert plan_from_json(text) == plan
    assert json.loads(plan_to_json(plan, Terms(no_collections=frozenset({"Lead"}))))["hash"] == body["hash"]


def test_a_write_without_a_precondition_stays_one_and_others_keep_the_hash_of_earlier_plans() -> None:
    latch = replace(intent(3), is_contested=False)
    assert intent_from_dict(intent_to_dict(latch)) == latch
    assert intent_to_dict(latch)["is_contested"] is False
    assert "is_contested" not in intent_to_dict(intent(3))


def _set(path: tuple[str | int, ...], value: object) -> str:
    body = json.loads(plan_to_json(PLAN))
    here: Any = body
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = value
    return json.dumps(body)


def _without(*path: str | int) -> str:
    body = json.loads(plan_to_json(PLAN))
    here: Any = body
    for part in path[:-1]:
        here = here[part]
    del here[path[-1]]
    return json.dumps(body)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("org_id",), "00DSX0000000002AAA"),
        (("made_at",), "2026-11-02T12:00:01+00:00"),
        (("reason",), "nothing to see here"),
        (("policies", "fences.toml"), "abd"),
        (("policies", "nurture.toml"), "abc"),
        (("policies",), {}),
        (("intents",), []),
        (("intents", 0, "after"), "Working"),
        (("intents", 0, "record_id"), "00QSX0000000009AAA"),
        (("intents", 0, "rule", "line"), 41),
        (("intents", 1, "values", "Status"), "Responded"),
        (("intents", 1, "values"), None),
        (("hash",), "0" * 64),
        (("hash",), None),
    ],
)
def test_an_edited_plan_is_refused(path: tuple[str | int, ...], value: object) -> None:
    with pytest.raises(ValueError, match=EDITED):
        plan_from_json(_set(path, value))


def test_intents_in_another_order_are_another_plan() -> None:
    assert replace(PLAN, intents=PLAN.intents[::-1]).hash != PLAN.hash
    assert replace(PLAN, intents=[*PLAN.intents]).hash == PLAN.hash


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is no JSON: Expecting value: line 1 column 1"),
        ("{", "the file is no JSON: Expecting property name"),
        (plan_to_json(PLAN)[:-40], "the file is no JSON: "),
        ("[" * 100_000, "the file is no syncd plan: it is nested too deeply"),
        ("[]", "the file is no syncd plan: "),
        ("null", "the file is no syncd plan: "),
        ('"plan"', "the file is no syncd plan: "),
        ("{}", "the file is no syncd plan: 'schema' is missing"),
        ("9" * 5_000, "the file is no JSON: "),
        (_set(("schema",), 2), "the plan has schema 2, this syncd reads schema 1"),
        (_set(("schema",), None), "the plan has schema None, this syncd reads schema 1"),
        (_without("org_id"), "the file is no syncd plan: 'org_id' is missing or wrong"),
        (_without("hash"), "the file is no syncd plan: 'hash' is missing or wrong"),
        (_without("reason"), "the file is no syncd plan: 'reason' is missing or wrong"),
        (_without("intents", 0, "rule"), "the file is no syncd plan: 'rule' is missing or wrong"),
        (_without("intents", 0, "key"), "the file is no syncd plan: .*key.* is missing or wrong"),
        (_without("intents", 0, "rule", "line"), "the file is no syncd plan: .*line.* is missing or wrong"),
        (_set(("intents", 0, "colour"), "red"), "the file is no syncd plan: .*colour.* is missing or wrong"),
        (_set(("intents",), None), "the file is no syncd plan: "),
        (_set(("intents",), "abc"), "the file is no syncd plan: "),
        (_set(("intents", 0), None), "the file is no syncd plan: "),
        (_set(("intents", 0, "rule"), []), "the file is no syncd plan: "),
        (_set(("policies",), 5), "the file is no syncd plan: "),
        (_set(("policies",), ["fences.toml"]), "the file is no syncd plan: "),
        (_set(("made_at",), 5), "the file is no syncd plan: "),
        (_set(("made_at",), "yesterday"), "the file is no syncd plan: .*'yesterday' is missing or wrong"),
    ],
)
def test_what_is_no_plan_is_refused_with_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        plan_from_json(text)


def test_policies_are_read_as_a_mapping_even_from_pairs() -> None:
    assert plan_from_json(_set(("policies",), [["fences.toml", "abc"]])) == PLAN


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
TEXT = st.text(max_size=8)
INTENTS = st.builds(
    Intent,
    key=TEXT,
    object=TEXT,
    record_id=TEXT,
    field=TEXT,
    before=SCALARS,
    after=SCALARS,
    part=TEXT,
    rule=st.builds(Rule, TEXT, TEXT, st.integers(1, 10**6)),
    reason=TEXT,
    policy_hash=TEXT,
    cause=TEXT,
    related_id=st.none() | TEXT,
    values=st.none() | st.dictionaries(TEXT, SCALARS, max_size=3),
    decided_on=st.none() | TEXT,
)
PLANS = st.builds(
    Plan,
    TEXT,
    st.datetimes(timezones=st.just(UTC)),
    st.dictionaries(TEXT, TEXT, max_size=3),
    st.lists(INTENTS, max_size=3).map(tuple),
    TEXT,
)


@given(PLANS)
def test_any_plan_is_read_back_with_the_same_hash(plan: Plan) -> None:
    back = plan_from_json(plan_to_json(plan))
    assert (back, back.hash) == (plan, plan.hash)


@given(PLANS)
def test_a_plan_is_written_bit_by_bit_as_json_would_write_it_at_once(plan: Plan) -> None:
    intents = [intent_to_dict(one) for one in plan.intents]
    assert plan.hash == digest(plan.org_id, plan.made_at.isoformat(), plan.policies, intents, plan.reason)
    text = plan_to_json(plan)
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"
    head = replace(plan, intents=())
    assert "".join(plan_parts(head, plan.intents, hash_with(head, plan.intents))) == text


@given(INTENTS)
def test_any_intent_survives_a_store_that_keeps_json(item: Intent) -> None:
    assert intent_from_dict(json.loads(json.dumps(intent_to_dict(item)))) == item


@given(st.text() | st.recursive(SCALARS, lambda x: st.lists(x) | st.dictionaries(TEXT, x), max_leaves=5).map(json.dumps))
def test_garbage_never_fails_otherwise_than_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^the (file|plan) "):
        plan_from_json(text)


@given(st.sampled_from(["schema", "org_id", "made_at", "reason", "policies", "hash", "intents"]), SCALARS | st.lists(SCALARS))
def test_a_plan_with_any_part_replaced_is_refused_or_the_same(part: str, value: object) -> None:
    try:
        back = plan_from_json(_set((part,), value))
    except ValueError:
        return
    assert back == PLAN


def test_a_moment_in_another_zone_is_another_plan() -> None:
    assert replace(PLAN, made_at=datetime.fromisoformat("2026-11-02T13:00:00+01:00")).hash != PLAN.hash
