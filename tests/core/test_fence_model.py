"""Which fence stands where?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.core.fence_model import Bound, BulkEvent, Fence, Gate, Holding, Ladder, Quiet, Sharing, SideRule, fence_on
from syncd.core.values import Rule, Verdict
from tests.core.samples import POLICY, fences

RULE = Rule("r", "fences.toml", 1)
STATUS = Fence("status", RULE, (Bound("Lead", "Status"), Bound("Contact", "Level__c")), {}, {}, Ladder())
OWNER = replace(STATUS, name="owner", bound=(Bound("Lead", "OwnerId"),))
STAGE = replace(STATUS, name="stage", bound=(Bound("Opportunity", "StageName"), Bound("Lead", "Status")))
ALL = replace(fences(), fences=(STATUS, OWNER, STAGE))


@pytest.mark.parametrize(
    ("object", "field", "fence"),
    [
        ("Lead", "Status", STATUS),
        ("Contact", "Level__c", STATUS),
        ("Lead", "OwnerId", OWNER),
        ("Opportunity", "StageName", STAGE),
        ("Contact", "Status", None),
        ("Lead", "Level__c", None),
        ("Opportunity", "OwnerId", None),
    ],
)
def test_a_fence_stands_on_a_field_of_an_object(object: str, field: str, fence: Fence | None) -> None:
    assert fence_on(ALL.fences, object, field) is fence
    assert ALL.on(object, field) is fence


def test_fields_are_told_by_object_once_and_in_the_order_of_the_fences() -> None:
    assert ALL.fields_of("Lead") == ("Status", "OwnerId")
    assert ALL.fields_of("Contact") == ("Level__c",)
    assert ALL.fields_of("Account") == ()


def test_fences_are_found_by_name() -> None:
    assert (ALL.status, ALL.owner, ALL.fence("stage")) == (STATUS, OWNER, STAGE)
    with pytest.raises(KeyError, match="nothing"):
        ALL.fence("nothing")


@pytest.mark.parametrize(
    ("word", "sharing"),
    [("newest", Sharing.NEWEST), ("fill blanks", Sharing.FILL_BLANKS), ("union", Sharing.UNION)],
)
def test_the_file_says_in_these_words_how_a_field_is_shared(word: str, sharing: Sharing) -> None:
    [side] = fences(f'{POLICY}[fields]\n"Lead.Rating" = {{ shared = "{word}" }}\n').sides
    assert side.shared is sharing


def test_what_a_file_leaves_out_is_harmless() -> None:
    assert Quiet() == Quiet(0, "quarter", Verdict.WARN)
    assert BulkEvent() == BulkEvent(50, timedelta(minutes=10))
    assert (Ladder().mode, Ladder().since, Ladder().grace, Ladder().tell) == ({}, None, timedelta(0), None)
    assert (STATUS.reason_field, STATUS.never_to) == (None, frozenset())
    gate = Gate("a", "b", frozenset(), RULE)
    assert (gate.reasons, gate.needs, gate.when, gate.owner) == (frozenset(), (), None, None)
    held = Holding("a", RULE)
    assert (held.team, held.shared, held.by_record_type, held.queue, held.set_by) == (None, (), {}, None, None)
    assert not held.is_legacy
    assert not held.is_end
    side = SideRule("Lead", "Rating", RULE)
    assert (side.team, side.follows, side.shared) == (None, None, None)
