"""Is a change judged with the team of that day, when people changed roles, queues and permission sets meanwhile?"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from syncd.salesforce.ids import to_18
from tests.engine.scene import Scene
from tests.engine.small_org import PEOPLE, lead, queue, user

WORKING = lead("Working")
PEOPLE_READ_S = 300  # the org chart is read in every fifth cycle


def role(name: str) -> str:
    roles = sorted({role for *_, role in PEOPLE.values() if role})
    return to_18(f"00E5e00000Ro{roles.index(name):03d}")


@pytest.fixture
def strict(scene: Scene) -> Scene:
    """Give the scene with people's crossings put back, and the org chart as read a moment ago."""
    scene.fences({"tool": "revert", "person": "revert"})
    scene.cycle(PEOPLE_READ_S)
    return scene


def judged(scene: Scene, id: str = WORKING) -> Sequence[tuple[str | None, str | None]]:
    return [(entry.verdict, entry.team) for entry in scene.ledger(id, kind="change")]


def test_whoever_was_promoted_before_moves_as_the_new_team(strict: Scene) -> None:
    strict.do("admin", "update", user("sue"), UserRoleId=role("Account Executive"))
    strict.cycle(PEOPLE_READ_S)
    strict.edit("sue", WORKING, Status="Meeting Set")
    strict.cycle()
    assert judged(strict) == [("revert", "sales")]
    assert strict.row(WORKING)["Status"] == "Working"


def test_a_move_made_somewhere_around_a_promotion_that_nobody_watched_is_only_noted(strict: Scene) -> None:
    strict.edit("sue", WORKING, Status="Meeting Set")
    strict.tick(3_600)
    strict.do("admin", "update", user("sue"), UserRoleId=role("Account Executive"))
    strict.cycle(PEOPLE_READ_S)
    assert judged(strict) == [("note", None)]
    assert strict.writes() == []
    [entry] = strict.ledger(WORKING, kind="change")
    assert entry.reason is not None
    assert "was of sdr and then of sales; since when cannot be known" in entry.reason


def test_a_move_made_before_joining_a_queue_is_that_of_nobody(strict: Scene) -> None:
    """Nora belongs to no team until she joins the queue: what she moved before is not the team's."""
    strict.edit("nobody", WORKING, Status="Inquiry")
    strict.tick(1_800)
    strict.do("admin", "create", "GroupMember", GroupId=queue("MQL_EMEA"), UserOrGroupId=user("nobody"))
    strict.tick(1_800)
    strict.edit("nobody", lead("Working", 1), Status="Meeting Set")
    strict.cycle(PEOPLE_READ_S)
    assert judged(strict) == [("note", None)]
    assert judged(strict, lead("Working", 1)) == [("allow", "sdr")]


def test_what_people_were_is_kept_once_and_only_where_it_changed(strict: Scene) -> None:
    strict.do("admin", "update", user("sue"), UserRoleId=role("Account Executive"))
    for _ in range(3):
        strict.cycle(PEOPLE_READ_S)
    with strict.store() as store:
        [former] = store.former()
    assert (former.object, former.id, former.fields["UserRole.Name"]) == ("User", user("sue"), "SDR")
    assert former.unsure_from <= former.until_at
