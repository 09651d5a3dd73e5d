"""What stands on the fields of an object?"""

from __future__ import annotations

from dataclasses import replace

from syncd.core.fence_model import Bound, Fence, Ladder, SideRule
from syncd.core.law import Law, Posts
from syncd.core.values import Rule
from tests.core.samples import fences, people

RULE = Rule("r", "fences.toml", 1)
LIFECYCLE = Fence("status", RULE, (Bound("Lead", "Status"), Bound("Contact", "Level__c")), {}, {}, Ladder(), "Reason__c")
PARTNERS = Fence("partners", Rule("p", "f", 2), (Bound("Lead", "Status", frozenset({"Partner"})),), {}, {}, Ladder(), "Reason__c")
OWNER = Fence("owner", Rule("o", "f", 3), (Bound("Lead", "OwnerId"),), {}, {}, Ladder())
STAGE = Fence("stage", Rule("s", "f", 4), (Bound("Opportunity", "StageName"),), {}, {}, Ladder(), "Loss__c")
RATING = SideRule("Lead", "Rating", Rule("rating", "f", 5), team="sales")
ALL = replace(fences(), fences=(LIFECYCLE, PARTNERS, OWNER, STAGE), sides=(RATING,))


def test_several_fences_may_stand_on_a_field_and_share_a_reason() -> None:
    posts = Posts.of(ALL, "Lead")
    assert posts.fences == {"Status": (LIFECYCLE, PARTNERS), "OwnerId": (OWNER,)}
    assert posts.reasons == {"Reason__c": frozenset({"status", "partners"})}
    assert posts.sides == {"Rating": RATING}
    assert posts.everywhere == {"OwnerId": OWNER}
    assert posts.judged == ("Status", "OwnerId", "Reason__c", "Rating")


def test_what_stands_on_one_object_stands_on_no_other() -> None:
    posts = Posts.of(ALL, "Opportunity")
    assert (posts.fences, posts.reasons, posts.sides) == ({"StageName": (STAGE,)}, {"Loss__c": frozenset({"stage"})}, {})
    contact = Posts.of(ALL, "Contact")
    assert contact.everywhere == {"Level__c": LIFECYCLE}
    alone = replace(ALL, fences=(PARTNERS, OWNER))
    assert Posts.of(alone, "Lead").everywhere == {"OwnerId": OWNER}
    assert (contact.judged, contact.reasons) == (("Level__c", "Reason__c"), {"Reason__c": frozenset({"status"})})
    assert Posts.of(ALL, "Account").judged == ()


def test_a_fence_is_found_again_by_its_name_and_a_field_by_its_rule() -> None:
    posts = Law(ALL, people()).posts("Lead")
    assert (posts.field_of("status"), posts.field_of("partners"), posts.field_of("owner")) == ("Status", "Status", "OwnerId")
    assert posts.field_of("stage") is None
    assert (posts.rule_of("Status"), posts.rule_of("OwnerId"), posts.rule_of("Rating")) == (RULE, OWNER.rule, RATING.rule)


def test_the_line_of_a_reason_is_that_of_its_first_fence() -> None:
    assert Posts.of(ALL, "Lead").rule_of("Reason__c") == RULE
    assert Posts.of(ALL, "Opportunity").rule_of("Loss__c") == STAGE.rule
    only = replace(ALL, fences=(OWNER, PARTNERS))
    assert Posts.of(only, "Lead").rule_of("Reason__c") == PARTNERS.rule


def test_what_was_found_once_is_not_searched_again() -> None:
    law = Law(ALL, people())
    assert law.posts("Lead") is law.posts("Lead")
