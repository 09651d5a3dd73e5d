"""Do a rule's first writes go alone, and does only what syncd set in motion stop it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from syncd.core.canary import (
    CANARY,
    NO_HISTORY,
    History,
    Leave,
    Sight,
    Trial,
    Trials,
    Watched,
    after_look,
    compare,
    from_json,
    is_same,
    leaves,
    stop_card,
    to_json,
)
from syncd.core.sparing import rule_key
from syncd.core.values import Intent, OrgRecord, Rule, Scalar
from tests.core.samples import LEAD, NOON, OWN_USER, intent, user_id

RULE = Rule("status.Working", "fences.toml", 12)
KEY = "fences.toml Lead.Status"
BEFORE: Mapping[str, Scalar] = {"Status": "Nurture", "OwnerId": user_id("sam"), "Score__c": 10.0, "Sum__c": 3}


def wanted(number: int, *, part: str = "fence", rule: Rule = RULE, policy_hash: str = "hash") -> tuple[Intent]:
    return (replace(intent(number), part=part, rule=rule, policy_hash=policy_hash),)


def watched(number: int = 1, rule: str = KEY) -> Watched:
    return Watched("Lead", f"{LEAD}{number}", NOON, "cycle", BEFORE, {"Status": "Working"}, {"Status": rule}, (number,))


def now(who: str = OWN_USER, **fields: Scalar) -> OrgRecord:
    return OrgRecord("Lead", LEAD, NOON, {**BEFORE, "Status": "Working", "LastModifiedById": who, **fields})


@pytest.mark.parametrize(
    ("trials", "first", "expected"),
    [
        (Trials(), None, "FFFFFFF"),
        (Trials(), 5, "11111WW"),
        (Trials({KEY: Trial("hash", 3)}), 5, "11WWWWW"),
        (Trials({KEY: Trial("hash", 3)}, (watched(1), watched(2))), 5, "WWWWWWW"),
        (Trials({KEY: Trial("hash", 5)}), 5, "FFFFFFF"),
        (Trials({KEY: Trial("an older file", 5)}), 5, "11111WW"),
        (Trials({KEY: Trial("hash", 0, "why")}), 5, "SSSSSSS"),
        (Trials({KEY: Trial("hash", 5, "why")}), None, "SSSSSSS"),
        (Trials({KEY: Trial("an older file", 0, "why")}), 5, "11111WW"),
        (Trials({"another rule": Trial("hash", 0, "why")}, (watched(1, "another rule"),)), 5, "11111WW"),
    ],
)
def test_a_rules_first_writes_go_alone(trials: Trials, first: int | None, expected: str) -> None:
    letters = {Leave.FREE: "F", Leave.FIRST: "1", Leave.WAIT: "W", Leave.STOP: "S"}
    assert "".join(letters[leave] for leave in leaves([wanted(number) for number in range(7)], trials, first)) == expected


@pytest.mark.parametrize("part", ["flag", "owner", "nurture"])
def test_an_opt_out_waits_for_nothing(part: str) -> None:
    trials = Trials({KEY: Trial("hash", 0, "why")})
    assert set(leaves([wanted(number, part=part) for number in range(9)], trials, 5)) == {Leave.FREE}


def test_a_record_that_several_rules_write_leaves_when_all_of_them_may() -> None:
    other = Rule("score", "marketo.toml", 3)
    both = [(*wanted(number), *wanted(number, part="map", rule=other)) for number in range(4)]
    known = Trials({KEY: Trial("hash", 5), rule_key(other): Trial("hash", 3)})
    assert leaves(both, known, 5) == [Leave.FIRST, Leave.FIRST, Leave.WAIT, Leave.WAIT]
    stopped = Trials({KEY: Trial("hash", 5), rule_key(other): Trial("hash", 3, "why")})
    assert set(leaves(both, stopped, 5)) == {Leave.STOP}


def test_all_lines_of_a_fence_on_one_field_are_tried_out_together_and_stop_one_by_one() -> None:
    two = [wanted(number, rule=Rule(f"status.{number % 2}", "fences.toml", number)) for number in range(7)]
    assert leaves(two, Trials(), 5).count(Leave.FIRST) == 5
    assert leaves(two, Trials(), None, {"fences.toml status.1"}) == [Leave.FREE, Leave.STOP] * 3 + [Leave.FREE]
    assert set(leaves([wanted(1, part="flag")], Trials(), 5, {rule_key(RULE)})) == {Leave.FREE}


OTHER = user_id("sam")


@pytest.mark.parametrize(
    ("record", "since", "expected"),
    [
        (now(), NO_HISTORY, (Sight.CALM, {})),
        (now(OwnerId="new"), NO_HISTORY, (Sight.MOVED, {"OwnerId": (BEFORE["OwnerId"], "new")})),
        (now(Status="Recycled"), NO_HISTORY, (Sight.MOVED, {"Status": ("Working", "Recycled")})),
        (now(Score__c=10), NO_HISTORY, (Sight.CALM, {})),
        (now(Sum__c=4), NO_HISTORY, (Sight.CALM, {})),
        (now(LastModifiedDate="later", SystemModstamp="later"), NO_HISTORY, (Sight.CALM, {})),
        (now(OwnerId="new"), History(others=frozenset({"OwnerId"})), (Sight.CALM, {})),
        (now(OTHER, OwnerId="new", Score__c=99), NO_HISTORY, (Sight.UNCLEAR, {})),
        (now(OTHER, OwnerId="new"), History({"Status": "Working"}), (Sight.CALM, {})),
        (
            now(OTHER, OwnerId="newer"),
            History({"Status": "Working", "OwnerId": "new"}),
            (Sight.MOVED, {"OwnerId": (BEFORE["OwnerId"], "new")}),
        ),
        (now(OTHER, Status="Qualified"), History({"Status": "Working"}, frozenset()), (Sight.CALM, {})),
        (now(Score__c=77), NO_HISTORY, (Sight.CALM, {})),
        (None, NO_HISTORY, (Sight.UNCLEAR, {})),
        (replace(now(OwnerId="new"), is_deleted=True), NO_HISTORY, (Sight.UNCLEAR, {})),
    ],
)
def test_only_what_moved_by_syncds_own_save_counts(
    record: OrgRecord | None, since: History, expected: tuple[Sight, Mapping[str, object]]
) -> None:
    ours: Mapping[str, Scalar] = {"Score__c": "77"}
    assert compare(watched(), record, OWN_USER, since, ours, ["Sum__c"]) == expected


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        ("10", 10.0, True),
        (10, 10.0, True),
        ("a", "a", True),
        ("a", "b", False),
        (None, None, True),
        (None, 0, False),
        ("", None, False),
        (True, "True", True),
        ("b;a", "a;b", True),
        ("b;a", "b", False),
        ("Ana@Example.com", "ana@example.com", True),
        ("Ana", "ana", False),
    ],
)
def test_a_value_is_the_same_however_it_is_written(here: Scalar, there: Scalar, expected: bool) -> None:
    assert is_same(here, there) is is_same(there, here) is expected


def test_a_field_that_was_not_read_again_is_not_compared() -> None:
    record = OrgRecord("Lead", LEAD, NOON, {"Status": "Working", "LastModifiedById": OWN_USER})
    assert compare(watched(), record, OWN_USER, NO_HISTORY, {}) == (Sight.CALM, {})


def test_calm_looks_add_up_unclear_ones_count_for_nothing_and_one_that_moved_stops_the_rule() -> None:
    begun = Trials({KEY: Trial("hash", 1)}, (watched(1), watched(2), watched(3), watched(4)))
    calm = after_look(begun, [(watched(1), Sight.CALM, {}), (watched(2), Sight.UNCLEAR, {})])
    assert calm == Trials({KEY: Trial("hash", 2)}, (watched(3), watched(4)))
    moved = after_look(calm, [(watched(3), Sight.MOVED, {"OwnerId": ("a", "b")}), (watched(4), Sight.CALM, {})])
    assert moved.watched == ()
    assert moved.rules[KEY].stopped == "this org's automation also changes OwnerId"
    assert moved.stopped("hash") == {KEY: "this org's automation also changes OwnerId"}
    assert moved.stopped("a newer file") == {}


def test_only_the_rule_whose_own_value_moved_stops_where_that_can_be_told() -> None:
    one = replace(watched(), sent={"Status": "Working", "Score__c": 5}, rules={"Status": KEY, "Score__c": "score"})
    begun = Trials({KEY: Trial("hash"), "score": Trial("hash")}, (one,))
    after = after_look(begun, [(one, Sight.MOVED, {"Score__c": (5, 6)})])
    assert [bool(after.rules[rule].stopped) for rule in (KEY, "score")] == [False, True]
    after = after_look(begun, [(one, Sight.MOVED, {"OwnerId": ("a", "b")})])
    assert [bool(after.rules[rule].stopped) for rule in (KEY, "score")] == [True, True]


@pytest.mark.parametrize(
    ("flows", "words"),
    [(["Owner router"], "Flows that run when a Lead is saved: Owner router"), ([], "the Flows on Lead (Setup > Flows)")],
)
def test_the_card_names_what_moved_where_and_the_flows_that_may_have_done_it(flows: list[str], words: str) -> None:
    looks = [(watched(number), {"OwnerId": ("sam", f"new {number}")}) for number in range(5)]
    told = stop_card(KEY, Trial("hash", 0, "why"), looks, flows)
    assert (told.kind, told.subject) == (CANARY, KEY)
    assert f"OwnerId of 5 records moved too, which syncd did not send ({LEAD}0: OwnerId 'sam' → 'new 0'" in told.text
    assert "new 3" not in told.text
    assert words in told.remedy
    assert "syncd inbox resolve" in told.remedy


def test_a_rule_that_stopped_stops_whatever_else_a_record_needs_and_of_what_is_created_people_are_tried_out() -> None:
    fine = Rule("score", "marketo.toml", 3)
    both = [(*wanted(1, part="map"), *wanted(1, part="map", rule=fine))]
    assert leaves(both, Trials(), None, {rule_key(RULE)}) == [Leave.STOP]
    create = replace(intent(1, values={"Email": "a@example.com"}), part="map", rule=RULE, policy_hash="hash")
    stopped = Trials({rule_key(RULE): Trial("hash", 0, "why")})
    assert leaves([(create,), (replace(create, part="nurture"),)], stopped, 5) == [Leave.STOP, Leave.FREE]
    assert leaves([(create,)] * 3, Trials(), 2) == [Leave.FIRST, Leave.FIRST, Leave.WAIT]


def test_only_what_stopped_is_told_as_stopped() -> None:
    assert Trials({KEY: Trial("hash", 5)}).stopped("hash") == {}


def test_trials_are_read_as_they_were_kept() -> None:
    trials = Trials({KEY: Trial("hash", 2, "why"), "other": Trial("h")}, (watched(1), watched(2)))
    assert from_json(to_json(trials)) == trials
    assert trials.under_way(KEY) == 2
