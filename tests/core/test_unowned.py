"""When is a record parked for a value that no team owns, and when is that over?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.core.fence_model import Bound
from syncd.core.unowned import is_unowned, owned_by_now, subject_of, unowned
from syncd.core.values import Scalar
from tests.core.samples import LEAD, MQL_QUEUE, change, fences


@pytest.mark.parametrize(("after", "is_parked"), [("Brand new", True), ("MQL", False), (None, False), (7, True)])
def test_a_value_that_no_line_names_parks_its_record(after: Scalar, is_parked: bool) -> None:
    assert is_unowned(change("MQL", after, "sam"), fences().status) is is_parked


def test_an_owner_is_no_value_that_a_line_could_name() -> None:
    assert not is_unowned(change(None, MQL_QUEUE, "sam", field="OwnerId"), fences().owner)


def test_records_of_one_value_are_one_item() -> None:
    item = unowned(change("MQL", "Brand new", "sam"), fences().status)
    assert (item.kind, item.subject, item.where) == ("unowned-value", "Lead.Status: Brand new", f"Lead {LEAD}")
    assert '"Brand new" = { team = "…" }' in item.remedy
    assert subject_of("Lead", "Status", "Brand new") == item.subject


def test_an_item_clears_itself_once_the_file_knows_the_value_or_the_fence_is_gone() -> None:
    subjects = ["Lead.Status: Brand new", "Lead.Status: MQL", "Lead.Status: a: b", "Contact.Level__c: x", "Lead.Status: "]
    assert owned_by_now(subjects, fences()) == ["Lead.Status: MQL", "Contact.Level__c: x"]
    assert owned_by_now([], fences()) == []
    elsewhere = replace(fences().status, bound=(Bound("Contact", "Level__c"),), holdings={})
    assert owned_by_now(subjects, replace(fences(), fences=(elsewhere,))) == [
        "Lead.Status: Brand new",
        "Lead.Status: MQL",
        "Lead.Status: a: b",
        "Lead.Status: ",
    ]
