"""When a record is judged, does what waits go on waiting, and does a question cover all that came of it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from syncd.core.asking import ASK
from syncd.core.judging import Bench, Ruling, Subject, rule_on
from syncd.core.ladder import Wait
from syncd.core.values import ActorKind, Intent, OrgRecord, Rule, Scalar, Verdict
from tests.core.samples import LEAD, NOON, STRICT, fences, history, lead, people, user_id

ASKING = STRICT.replace('person = "revert"', 'person = "ask"')
GRACE = STRICT.replace("[crossing.status]\n", "[crossing.status]\ngrace_minutes = 30\n")
HALF_AN_HOUR = timedelta(minutes=30)
INTENT = Intent(
    "key", "Lead", LEAD, "Status", "Nurture", "Working", "fence", Rule("status Working", "fences.toml", 1), "why", "hash", ""
)
ASKED = Wait(INTENT, "status", ActorKind.PERSON, NOON, user_id("mia"), is_asked=True)


def ruled(
    policy: str,
    rows: Sequence[OrgRecord],
    after: Scalar,
    *,
    before: Scalar = "Working",
    waits: Mapping[str, Wait] | None = None,
    minutes: float = 6,
) -> Ruling:
    owed = {} if waits is None else {name: wait.intent.after for name, wait in waits.items()}
    subject = Subject("Lead", LEAD, lead(5, Status=after), lead(0, Status=before), rows, owed, waits=waits or {})
    return rule_on(subject, Bench(fences(policy), people(), "cycle", NOON + timedelta(minutes=minutes)))


def moved(id: int, before: str, after: str, by: str, minutes: int) -> OrgRecord:
    return history(id, before, after, by=by, minutes=minutes)


def test_a_crossing_waits_for_its_grace_time_and_the_ledger_says_until_when() -> None:
    ruling = ruled(GRACE, [moved(1, "Working", "Nurture", "marketo", 5)], "Nurture")
    due_at = NOON + timedelta(minutes=5) + HALF_AN_HOUR
    assert [(wait.due_at, wait.is_asked, wait.actor_id) for wait in ruling.waits.values()] == [
        (due_at, False, user_id("marketo"))
    ]
    assert [entry.evidence["due_at"] for entry in ruling.entries] == [due_at.isoformat()]
    assert ruling.owe == {"Status": "Working"}
    assert [(intent.field, intent.after) for intent, _ in ruling.intents] == [("Status", "Working")]
    assert ruling.fought == {}


@pytest.mark.parametrize(("minutes", "is_put"), [(6, False), (35, True)])
def test_nobody_is_asked_before_the_grace_time_is_over(minutes: int, is_put: bool) -> None:
    policy = GRACE.replace('tool = "revert"', 'tool = "ask"')
    ruling = ruled(policy, [moved(1, "Working", "Nurture", "marketo", 5)], "Nurture", minutes=minutes)
    assert [wait.is_put for wait in ruling.waits.values()] == [is_put]
    assert [item.kind for item in ruling.inbox] == [ASK] * is_put
    waits = Wait(INTENT, "status", ActorKind.TOOL, NOON, due_at=None if is_put else NOON)
    assert not waits.is_put


def test_a_crossing_that_is_read_after_its_grace_time_waits_for_nothing() -> None:
    ruling = ruled(GRACE, [moved(1, "Working", "Nurture", "marketo", 5)], "Nurture", minutes=35)
    assert ruling.waits == {}
    assert ["due_at" in entry.evidence for entry in ruling.entries] == [False]
    assert set(ruling.fought) == {"Status"}


@pytest.mark.parametrize(
    ("rows", "after", "verdicts", "is_asked"),
    [
        ([("Working", "Nurture", "mia")], "Nurture", "ask", True),
        ([("Working", "Nurture", "marketo")], "Nurture", "revert", None),
        ([("Working", "Nurture", "mia"), ("Nurture", "Inquiry", "marketo")], "Inquiry", "ask revert", True),
        ([("Working", "Nurture", "marketo"), ("Nurture", "Inquiry", "mia")], "Inquiry", "revert ask", True),
        (
            [("Working", "Nurture", "mia"), ("Nurture", "MQL", "sam"), ("MQL", "Inquiry", "marketo")],
            "Inquiry",
            "ask allow revert",
            None,
        ),
    ],
)
def test_a_question_covers_whatever_came_after_it_until_somebody_puts_it_right(
    rows: list[tuple[str, str, str]], after: str, verdicts: str, is_asked: bool | None
) -> None:
    history_rows = [moved(n, *row, n) for n, row in enumerate(rows, 1)]
    ruling = ruled(ASKING, history_rows, after)
    assert " ".join(item.verdict for item in ruling.judgements) == verdicts
    found = ruling.waits.get("Status")
    assert (None if found is None else found.is_asked) == is_asked
    assert [item.kind for item in ruling.inbox] == ([ASK] if is_asked else [])


def test_an_open_question_goes_on_over_a_save_of_other_fields() -> None:
    ruling = ruled(ASKING, [], "Nurture", before="Nurture", waits={"Status": ASKED})
    assert (ruling.owe, ruling.waits, ruling.intents, ruling.inbox) == ({}, {}, [], [])
    assert not ruling.is_unasked


def test_a_machine_that_adds_to_an_open_question_belongs_to_it() -> None:
    ruling = ruled(ASKING, [moved(1, "Nurture", "Inquiry", "marketo", 5)], "Inquiry", before="Nurture", waits={"Status": ASKED})
    assert ruling.waits["Status"].is_asked
    [item] = ruling.inbox
    assert "from 'Working' to 'Inquiry'" in item.text
    assert not ruling.is_unasked


@pytest.mark.parametrize(("after", "by"), [("Working", "mia"), ("MQL", "sam")])
def test_a_lawful_move_answers_the_question(after: str, by: str) -> None:
    ruling = ruled(ASKING, [moved(1, "Nurture", after, by, 5)], after, before="Nurture", waits={"Status": ASKED})
    assert [item.verdict for item in ruling.judgements] == [Verdict.ALLOW]
    assert (ruling.settled, ruling.is_unasked, ruling.inbox) == (["Status"], True, [])


def test_of_two_questions_on_one_record_the_open_one_is_told_again() -> None:
    owner = Intent("k", "Lead", LEAD, "OwnerId", user_id("rita"), user_id("sam"), "fence", INTENT.rule, "why", "hash", "")
    waits = {"Status": ASKED, "OwnerId": Wait(owner, "owner", ActorKind.PERSON, NOON, user_id("mia"), is_asked=True)}
    ruling = ruled(ASKING, [moved(1, "Nurture", "Working", "mia", 5)], "Working", before="Nurture", waits=waits)
    [item] = ruling.inbox
    assert "OwnerId" in item.text
    assert "Status" not in item.text
    assert not ruling.is_unasked
