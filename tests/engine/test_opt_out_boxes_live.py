"""Do the org's own checkboxes for a brand or a topic keep people out of that mail, and of no other?"""

from __future__ import annotations

import pytest

from syncd.core.clearing import KIND
from syncd.core.values import Flag
from tests.engine.scene import Scene
from tests.engine.small_org import campaign, contact, lead
from tests.engine.test_consent_live import ADDRESS, DAY_S, convert, excluded
from tests.engine.test_merges_live import SLOW_S, merge
from tests.engine.test_nurture_live import EARLY, LATE, before_the_push

BOX = "No_Offers__c"
BOTH = (campaign("early"), contact(5)), (campaign("late"), contact(5))
"""Contact 5 is on a deal of each track; mail of the early one is about offers."""


@pytest.fixture
def boxed(scene: Scene) -> Scene:
    """Let the org keep opt-outs of offers in a checkbox of leads and contacts; nobody is enrolled yet."""
    scene.nurture("observe")
    scene.rewrite("nurture.toml", r'(stages = \["Discovery", "Evaluation"\])', r'\1, topic = "offers"')
    path = scene.home / "mappings" / "nurture.toml"
    boxes = "".join(f'\n[opt_out.{object}]\n"{BOX}" = "topic:offers"\n' for object in ("Contact", "Lead"))
    path.write_text(path.read_text(encoding="utf-8") + boxes, encoding="utf-8")
    scene.cycle(SLOW_S)
    return scene


def enrolled(scene: Scene, after_s: float = SLOW_S) -> set[tuple[str, str]]:
    """Let the people of today join, and return who is in."""
    scene.rewrite("nurture.toml", 'mode    = "observe"', 'mode    = "enroll"')
    scene.cycle(after_s)
    return scene.members()


def test_a_ticked_box_keeps_out_of_mail_of_its_topic_alone(boxed: Scene) -> None:
    scene = boxed
    scene.edit("mia", contact(5), **{BOX: True})
    assert enrolled(scene) == (EARLY | LATE) - {BOTH[0]}
    assert excluded(scene, 5) == [f"opted out of topic offers (Contact {BOX})"]
    assert scene.row(contact(5))["HasOptedOutOfEmail"] is False
    assert scene.is_at_rest()


@pytest.mark.sweep
@pytest.mark.parametrize(("scope", "members"), [("brand:ACME", (EARLY | LATE) - {BOTH[0]}), ("brand:Other", EARLY | LATE)])
def test_a_ticked_box_may_be_about_a_brand_whatever_the_topic(boxed: Scene, scope: str, members: set[tuple[str, str]]) -> None:
    scene = boxed
    scene.rewrite("nurture.toml", 'topic = "offers"', 'brand = "Acme", topic = "offers"')
    scene.rewrite("nurture.toml", '"topic:offers"', f'"{scope}"')
    scene.edit("mia", contact(5), **{BOX: True})
    assert enrolled(scene) == members
    if members != EARLY | LATE:
        assert excluded(scene, 5) == [f"opted out of brand acme (Contact {BOX})"]


@pytest.mark.sweep
def test_a_ticked_box_of_whoever_has_the_same_address_counts(boxed: Scene) -> None:
    scene = boxed
    scene.edit("mia", lead("Working", 1), Email="contact.5@example.com", **{BOX: True})
    assert enrolled(scene) == (EARLY | LATE) - {BOTH[0]}
    assert excluded(scene, 5) == [f"opted out of topic offers (Lead {BOX})"]


@pytest.mark.sweep
@pytest.mark.parametrize("is_seen_before", [True, False])
def test_a_ticked_box_follows_the_lead_into_its_contact(boxed: Scene, is_seen_before: bool) -> None:
    scene = boxed
    born = lead("Qualified", 1)
    scene.edit("mia", born, **{BOX: True})
    if is_seen_before:
        scene.cycle()
    convert(scene, born, contact(9))
    scene.do("sue", "create", "OpportunityContactRole", OpportunityId=deal_of_5(scene), ContactId=contact(9), Role="Other")
    scene.do("sue", "delete", contact(5))
    members = enrolled(scene)
    assert (campaign("early"), contact(9)) not in members
    assert f"opted out of topic offers (Lead {BOX})" in excluded(scene, 9)[0]


def deal_of_5(scene: Scene) -> str:
    found = [row["OpportunityId"] for row in scene.rows("OpportunityContactRole") if row["ContactId"] == contact(5)]
    return str(found[0])


@pytest.mark.sweep
@pytest.mark.parametrize("is_seen_before", [True, False])
def test_a_ticked_box_goes_over_to_the_record_that_is_left_of_a_merge(boxed: Scene, is_seen_before: bool) -> None:
    scene = boxed
    scene.edit("mia", contact(12), **{BOX: True})
    if is_seen_before:
        scene.cycle(SLOW_S)
    merge(scene, contact(5), contact(12))
    assert scene.row(contact(5))[BOX] is False
    members = enrolled(scene)
    assert BOTH[0] not in members
    [reason] = excluded(scene, 5)
    assert reason.startswith("opted out of topic offers (salesforce, Contact")
    with scene.store() as store:
        facts = {(fact.flag, fact.scope) for fact in store.flags([contact(5)], ()) if fact.person_id == contact(5)}
    assert facts == {(Flag.OPTED_OUT, "topic:offers")}


@pytest.mark.sweep
@pytest.mark.parametrize("object", ["Contact", "Lead"])
def test_a_box_that_is_hidden_or_gone_keeps_everybody_out_who_has_one_and_the_inbox_names_it(boxed: Scene, object: str) -> None:
    scene = boxed
    scene.edit("mia", lead("Working", 1), Email=ADDRESS)
    scene.settings(hidden_fields={object: [BOX]})
    members = enrolled(scene)
    scene.cycle(DAY_S)
    out = {1} if object == "Lead" else set(range(1, 13))
    assert scene.members() == members == {one for one in EARLY | LATE if one[1] not in map(contact, out)}
    assert excluded(scene, 1) == [f"opt-out can't be read ({BOX} is not visible)"]
    assert [item.subject for item in scene.inbox("hidden-field")] == [f"{object}.{BOX}"]
    scene.settings(hidden_fields={})
    for _ in range(10):
        scene.cycle()
    assert scene.inbox("hidden-field") == []
    scene.cycle(DAY_S)
    assert scene.members() == EARLY | LATE


@pytest.mark.sweep
def test_a_tick_that_was_seen_before_its_box_vanished_holds_although_it_comes_back_empty(boxed: Scene) -> None:
    scene = boxed
    scene.edit("mia", contact(5), **{BOX: True})
    scene.cycle(SLOW_S)
    scene.settings(hidden_fields={"Contact": [BOX]})
    scene.cycle(SLOW_S)
    scene.edit("marketo", contact(5), **{BOX: False})
    scene.cycle(SLOW_S)
    scene.settings(hidden_fields={})
    for _ in range(10):
        scene.cycle()
    assert enrolled(scene, DAY_S) == (EARLY | LATE) - {BOTH[0]}
    [reason] = excluded(scene, 5)
    assert reason.startswith("opted out of topic offers (salesforce, ")


@pytest.mark.sweep
def test_a_box_that_is_ticked_between_decision_and_push_is_kept(boxed: Scene) -> None:
    scene = boxed
    before_the_push(scene, lambda: scene.edit("mia", contact(5), **{BOX: True}))
    assert enrolled(scene) == (EARLY | LATE) - {BOTH[0]}
    ended = {(entry.outcome, entry.reason) for entry in scene.ledger(contact(5), kind="outcome")}
    assert ("not_sent", f"opted out of topic offers (Contact {BOX})") in ended


@pytest.mark.sweep
def test_a_box_that_a_machine_clears_stays_latched_and_is_asked_about_until_it_is_ticked_again(boxed: Scene) -> None:
    scene = boxed
    scene.edit("mia", contact(5), **{BOX: True})
    scene.cycle(SLOW_S)
    scene.edit("marketo", contact(5), **{BOX: False})
    assert enrolled(scene) == (EARLY | LATE) - {BOTH[0]}
    [card] = scene.inbox(KIND)
    assert (card.where, BOX in card.detail) == (f"Contact {contact(5)} {BOX}", True)
    scene.cycle(SLOW_S)
    assert len(scene.inbox(KIND)) == 1
    assert not [write for write in scene.writes() if BOX in write.values]
    scene.edit("mia", contact(5), HasOptedOutOfEmail=True)  # another box: it says nothing of this one
    scene.edit("mia", contact(5), HasOptedOutOfEmail=False)
    scene.edit("mia", contact(5), **{BOX: True})
    scene.cycle(SLOW_S)
    assert scene.inbox(KIND) == []
