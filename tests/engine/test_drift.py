"""Which differences between two descriptions of an object are told, and how?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.engine.drift import differences
from syncd.ports import FieldSchema, ObjectSchema

SOURCE = FieldSchema("LeadSource", "picklist", 40, True, True, False, ("Web", "Fair"))
SCORE = FieldSchema("Score__c", "double", 0, True, True, False)


def lead(*fields: FieldSchema) -> ObjectSchema:
    return ObjectSchema("Lead", {field.name: field for field in fields}, True, True)


@pytest.mark.parametrize(
    ("after", "text", "is_serious"),
    [
        (replace(SOURCE, type="string"), "is of type string now, no longer picklist", True),
        (replace(SOURCE, length=20), "takes 20 characters now, no longer 40", True),
        (replace(SOURCE, length=80), "takes 80 characters now", False),
        (replace(SOURCE, is_updateable=False), "may no longer be edited", False),
        (replace(SOURCE, picklist=("Web", "Fair", "Ad")), "has the new picklist value 'Ad'", False),
        (replace(SOURCE, picklist=("Web",)), "no longer has the picklist value 'Fair'", True),
        (replace(SOURCE, picklist=("Web", "Show")), "'Fair'; new are 'Show': renamed?", True),
    ],
)
def test_each_difference_of_a_field_is_told_once(after: FieldSchema, text: str, is_serious: bool) -> None:
    [found] = differences("Lead", lead(SOURCE), lead(after), ["LeadSource"])
    assert text in found.text
    assert found.is_serious is is_serious


def test_a_field_that_vanished_may_be_the_new_one_of_the_same_make() -> None:
    renamed = replace(SCORE, name="Points__c")
    [found] = differences("Lead", lead(SOURCE, SCORE), lead(SOURCE, renamed), ["LeadSource", "Score__c"])
    assert found.text == (
        "Lead.Score__c was deleted, renamed or hidden from syncd's user; Points__c is new there and of the same type: "
        "was it renamed?"
    )
    [back] = differences("Lead", lead(SOURCE), lead(SOURCE, SCORE), ["LeadSource", "Score__c"])
    assert (back.text, back.is_settled) == ("Lead.Score__c is visible again", True)


def test_what_no_rule_names_is_no_news() -> None:
    assert list(differences("Lead", lead(SOURCE, SCORE), lead(SOURCE), ["LeadSource"])) == []


def test_an_object_that_comes_and_goes_is_told() -> None:
    assert [one.text for one in differences("Lead", lead(), None, [])] == ["Lead is no longer visible to syncd's user"]
    assert [one.text for one in differences("Lead", None, lead(), [])] == ["Lead is visible again"]
    assert list(differences("Lead", None, None, [])) == []
