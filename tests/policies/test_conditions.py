"""A condition says of a record what Salesforce would say, or that it can't be known; and it looks at nothing else."""

from __future__ import annotations

import pytest

from syncd.core.fence_model import Condition
from syncd.core.fence_types import has_conditions, with_types
from syncd.core.policy import parse_fences
from syncd.core.values import Fields, Problem, Rule
from syncd.policies.conditions import compile_condition, typed
from tests.core.samples import STATUS, TEAMS, table

RULE = Rule("when of Working -> Nurture", "fences.toml", 7)


def compiled(text: str) -> Condition:
    found = compile_condition(text, RULE)
    assert isinstance(found, Condition), str(found)
    return found


@pytest.mark.parametrize(
    ("text", "fields", "holds"),
    [
        ('ISPICKVAL(LeadSource, "Event")', {"LeadSource": "Event"}, True),
        ('ISPICKVAL(LeadSource, "Event")', {"LeadSource": "Web"}, False),
        ('ISPICKVAL(LeadSource, "Event")', {"LeadSource": None}, False),
        ('ISPICKVAL(LeadSource, "Event")', {"Rating": "Hot"}, None),
        ('Department = "Sales Development"', {"Department": "Sales Development"}, True),
        ("NumberOfEmployees >= 200", {"NumberOfEmployees": 200.0}, True),
        ("NumberOfEmployees >= 200", {"NumberOfEmployees": None}, False),
        ("NumberOfEmployees >= 200", {"NumberOfEmployees": "many"}, None),
        ("Do_Not_Route__c", {"Do_Not_Route__c": True}, True),
        ("NOT(Do_Not_Route__c) && ISBLANK(Phone)", {"Do_Not_Route__c": False, "Phone": ""}, True),
        ('BEGINS(Company, "Acme") || Do_Not_Route__c', {"Company": "Acme Ltd", "Do_Not_Route__c": False}, True),
        ("CloseDate < DATE(2026, 11, 1)", {"CloseDate": "2026-10-31"}, True),
        ("CloseDate < DATE(2026, 11, 1)", {"CloseDate": "someday"}, None),
        ('TEXT(Rating) = "Hot"', {"Rating": "Hot"}, True),
        ('CASE(Rating, "Hot", 1, 0) = 1', {"Rating": "Cold"}, False),
        ('INCLUDES(Interests__c, "Price")', {"Interests__c": "Price;Speed"}, True),
        ('RecordType.DeveloperName = "Partner_Lead"', {"RecordType.DeveloperName": "Partner_Lead"}, True),
        ("MONTH(CreatedOn__c) = 3", {"CreatedOn__c": "2026-03-09"}, True),
        ("Score__c - Base__c > 10", {"Score__c": 30, "Base__c": 15}, True),
        ('IF(Is_Key__c, Score__c > 10, ISPICKVAL(Rating, "Hot"))', {"Is_Key__c": False, "Score__c": 1, "Rating": "Hot"}, True),
    ],
)
def test_a_condition_says_what_salesforce_would_say_of_the_record(text: str, fields: Fields, holds: bool | None) -> None:
    assert compiled(text).holds(fields) is holds


def test_a_condition_names_the_fields_that_it_looks_at() -> None:
    assert compiled('AND(ISPICKVAL(Rating, "Hot"), Score__c > 5)').fields == {"Rating", "Score__c"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Rating", None),
        ('Rating & "x"', "1:1 [FML-020] This gives a text, not true or false."),
        ("Score__c + 1", "1:1 [FML-020] This gives a number, not true or false."),
        ("ISCHANGED(Rating)", "1:1 [FML-021] ISCHANGED asks how the record was before."),
        ("A__c && PRIORVALUE(B__c)", "1:9 [FML-021] PRIORVALUE asks how the record was before."),
        ("CreatedDate < NOW()", "1:15 [FML-022] NOW gives another answer each day."),
        ('Account.Industry = "Steel"', "1:1 [FML-023] Account.Industry stands on another record."),
        ("ISPICKVAL(Rating", "1:17 [FML-003] The formula ends too soon."),
        ("Rating ~ 5", "1:8 [FML-003] '~' can't stand here."),
        ('VLOOKUP(Rating, "x")', "1:1 [FML-011] VLOOKUP is no function that syncd knows."),
        ("MONTH(Due__c, 2) = 1", "1:1 [FML-012] MONTH takes 1 parts, not 2."),
        ('1 = "x"', "1:1 [FML-013] = compares two values of one kind; these are a number and a text."),
    ],
)
def test_what_is_no_condition_is_refused_with_its_place(text: str, said: str | None) -> None:
    found = compile_condition(text, RULE)
    if said is None:
        assert isinstance(found, Condition)
    else:
        assert isinstance(found, Problem)
        assert str(found).startswith(f"fences.toml:{said}"), str(found)
        assert found.remedy


def test_a_described_percent_counts_as_a_fraction() -> None:
    found = typed("Discount__c > 0.5", RULE, {"Discount__c": "percent"})
    assert isinstance(found, Condition)
    assert (found.holds({"Discount__c": 60}), found.holds({"Discount__c": 40})) == (True, False)
    assert compiled("Discount__c > 0.5").holds({"Discount__c": 40}) is True


SHARED = TEAMS + STATUS.replace(
    '"MQL" = { team = "sdr" }',
    """"MQL" = { shared = [{ team = "sdr", when = 'Rating = "Hot"' }, { team = "marketing" }] }""",
)
GATE = """[gate]\n"MQL, Working -> Nurture" = { by = ["sdr"], when = 'Discount__c > 0.5' }"""


def test_the_types_of_the_org_decide_over_what_was_told_from_the_text() -> None:
    policy, problems = parse_fences(table('version = "v"' + SHARED + GATE), compile_condition)
    assert policy is not None, problems
    assert has_conditions(policy)
    found, problems = with_types(policy, {"Lead": {"Rating": "picklist", "Discount__c": "percent"}})
    assert [str(problem) for problem in problems] == [
        "fences.toml:1:1 [FML-014] when of status MQL, on Lead: A picklist can't be compared with =. "
        "Write ISPICKVAL(field, value) or TEXT(field)."
    ]
    gate = found.status.gates["MQL", "Nurture"]
    assert gate.when is not None
    assert gate.when.holds({"Discount__c": 40}) is False


def test_an_object_that_is_not_visible_leaves_its_conditions_as_they_were() -> None:
    policy, _ = parse_fences(table('version = "v"' + SHARED + GATE), compile_condition)
    assert policy is not None
    assert with_types(policy, {}) == (policy, [])


def test_a_file_with_conditions_needs_a_compiler() -> None:
    _, problems = parse_fences(table('version = "v"' + SHARED))
    assert [problem.code for problem in problems] == ["MAP-050"]


def test_the_same_condition_with_the_same_types_is_compiled_once() -> None:
    types = {"Discount__c": "percent", "Rating": "picklist"}
    first, again = (typed("Discount__c > 0.5", RULE, types | {"Other__c": str(number)}) for number in range(2))
    assert first is again
    assert typed("Discount__c > 0.5", RULE, types | {"Discount__c": "double"}) is not first


def test_the_record_type_is_no_field_of_the_object_and_may_be_asked_for() -> None:
    text = 'RecordType.DeveloperName = "Partner_Lead" && Discount__c > 0.5'
    first, again = (typed(text, RULE, {"Discount__c": "percent", "Other__c": str(number)}) for number in range(2))
    assert isinstance(first, Condition)
    assert first is again
    assert first.holds({"RecordType.DeveloperName": "Partner_Lead", "Discount__c": 60}) is True


def test_a_field_that_the_org_does_not_show_is_named_with_the_nearest() -> None:
    found = typed("Discount_c > 0.5", RULE, {"Discount__c": "percent"})
    assert isinstance(found, Problem)
    assert str(found) == "fences.toml:1:1 [FML-010] There is no field Discount_c. Did you mean Discount__c?"


def test_a_field_may_be_written_in_any_case() -> None:
    found = typed("discount__C > 0.5", RULE, {"Discount__c": "percent"})
    assert isinstance(found, Condition)
    assert (found.fields, found.holds({"Discount__c": 60})) == (frozenset({"Discount__c"}), True)
