"""Are records at a value that no team owns parked together, and set free when the fence file knows the value?"""

from __future__ import annotations

from dataclasses import replace

from syncd.core.fence_model import Bound
from syncd.core.judging import Bench, Subject, rule_on
from syncd.core.unowned import UNOWNED, owned_by_now, subject_of
from syncd.core.values import Scalar, Verdict
from tests.core.samples import LEAD, NOON, POLICY, fences, history, lead, people


def test_one_item_for_each_value_names_the_line_to_write() -> None:
    parked = Subject(
        "Lead", LEAD, lead(5, Status="Parked"), lead(0, Status="MQL"), [history(1, "MQL", "Parked", by="sam", minutes=5)]
    )
    ruling = rule_on(parked, Bench(fences(), people(), "cycle", NOON))
    [item] = [item for item in ruling.inbox if item.kind == UNOWNED]
    assert item.subject == subject_of("Lead", "Status", "Parked") == "Lead.Status: Parked"
    assert '"Parked" = { team = "…" }' in item.remedy
    assert ruling.intents == []
    [entry] = ruling.entries
    assert (entry.verdict, entry.fence) == ("note", None)
    assert (entry.reason or "").startswith("cannot be known: no team owns Lead Status 'Parked'")


def test_a_record_that_only_passed_through_such_a_value_is_not_parked() -> None:
    rows = [history(1, "MQL", "Parked", by="sam", minutes=4), history(2, "Parked", "Working", by="sam", minutes=5)]
    ruling = rule_on(
        Subject("Lead", LEAD, lead(5, Status="Working"), lead(0, Status="MQL"), rows), Bench(fences(), people(), "cycle", NOON)
    )
    assert [item.kind for item in ruling.inbox] == []


def test_a_record_of_a_type_that_no_fence_stands_on_is_not_parked() -> None:
    known = fences()
    scoped = replace(known.status, bound=(Bound("Lead", "Status", frozenset({"Direct"})),))
    types: dict[str, Scalar] = {"RecordType.DeveloperName": "Partner"}
    before = replace(lead(0), fields={"Status": "MQL", **types})
    after = replace(lead(5), fields={"Status": "Parked", **types})
    moved = Subject("Lead", LEAD, after, before, [history(1, "MQL", "Parked", by="sam", minutes=5)])
    ruling = rule_on(moved, Bench(replace(known, fences=(scoped, known.owner)), people(), "cycle", NOON))
    assert (ruling.inbox, [item.verdict for item in ruling.judgements]) == ([], [Verdict.ALLOW])


def test_an_owner_of_no_team_parks_nothing() -> None:
    rows = [history(1, "005SX0000000samAAA", "005SX000000nemoAAA", by="sam", field="Owner", minutes=5)]
    known, staged = lead(0, OwnerId="005SX0000000samAAA"), lead(5, OwnerId="005SX000000nemoAAA")
    assert rule_on(Subject("Lead", LEAD, staged, known, rows), Bench(fences(), people(), "cycle", NOON)).inbox == []


def test_a_record_without_a_status_parks_nothing() -> None:
    emptied = Subject("Lead", LEAD, lead(5, Status=None), lead(0, Status="MQL"), [history(1, "MQL", None, by="sam", minutes=5)])
    ruling = rule_on(emptied, Bench(fences(), people(), "cycle", NOON))
    assert [item.kind for item in ruling.inbox] == []


def test_an_item_is_over_when_its_value_has_a_team_or_its_fence_is_gone() -> None:
    waiting = ["Lead.Status: Parked", "Lead.Status: Nurture: later", "Lead.Status: MQL", "Contact.Stage__c: New"]
    assert owned_by_now(waiting, fences()) == ["Lead.Status: MQL", "Contact.Stage__c: New"]
    known = fences(POLICY.replace('"MQL" =', '"Nurture: later" = { team = "sdr" }\n"MQL" =', 1))
    assert owned_by_now(waiting[:2], known) == ["Lead.Status: Nurture: later"]
