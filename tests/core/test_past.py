"""Is a change judged with the team that its actor was in that day?"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.actors import Team, actor_of, team_of_owner
from syncd.core.past import DIRECTORY_OBJECTS, Former, directory_with_past, former_of
from syncd.core.values import ActorKind, OrgRecord, Rule, Scalar
from tests.core.samples import NOON

RULE = Rule("team x", "fences.toml", 1)
SAM, MIA, QUEUE = "005S", "005M", "00GQ"
TEAMS = (
    Team("sdr", ActorKind.PERSON, RULE, roles=frozenset({"sdr"})),
    Team("sales", ActorKind.PERSON, RULE, roles=frozenset({"ae"})),
    Team("desk", ActorKind.PERSON, RULE, queues=frozenset({"desk"})),
)


def minutes(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def user(id: str, role: str | None, at: float = -900, **more: Scalar) -> OrgRecord:
    return OrgRecord("User", id, minutes(at), {"Name": id, "Username": id, "UserRole.Name": role, **more})


def member(id: str, at: float = -900, *, is_deleted: bool = False) -> OrgRecord:
    return OrgRecord("GroupMember", f"011{id}", minutes(at), {"GroupId": QUEUE, "UserOrGroupId": id}, is_deleted)


def known(*rows: OrgRecord) -> dict[str, dict[str, OrgRecord]]:
    desk = OrgRecord("Group", QUEUE, NOON, {"Type": "Queue", "Name": "Desk"})
    found: dict[str, dict[str, OrgRecord]] = {"Group": {QUEUE: desk}}
    for row in rows:
        found.setdefault(row.object, {})[row.id] = row
    return found


def test_who_was_promoted_is_of_the_old_team_before_and_of_the_new_one_after() -> None:
    before, now = user(SAM, "SDR"), user(SAM, "AE", at=60)
    former = former_of(before, now, looked_at=minutes(57), read_at=minutes(62))
    assert former == Former("User", SAM, minutes(60), minutes(57), before.fields)
    directory = directory_with_past(known(now), [former], "")
    teams = [actor_of(SAM, directory.at(minutes(at)), TEAMS).team for at in (0, 56.9, 60, 61)]
    assert teams == ["sdr", "sdr", "sales", "sales"]
    doubt = actor_of(SAM, directory.at(minutes(58)), TEAMS)
    assert (doubt.kind, doubt.team) == (ActorKind.UNKNOWN, None)
    assert doubt.why == "was of sdr and then of sales; since when cannot be known"
    assert team_of_owner(SAM, directory.at(minutes(58)), TEAMS) is None
    assert directory.at(minutes(61)) is directory


def test_a_change_that_changes_no_team_leaves_no_doubt() -> None:
    former = former_of(user(SAM, "SDR", Phone="1"), user(SAM, "SDR", 60, Phone="2"), looked_at=minutes(0), read_at=minutes(61))
    assert former is not None
    directory = directory_with_past(known(user(SAM, "SDR", 60, Phone="2")), [former], "")
    assert actor_of(SAM, directory.at(minutes(30)), TEAMS).team == "sdr"
    assert directory.at(minutes(30)).unsure.keys() == {SAM}


def test_who_joined_a_queue_was_no_member_before() -> None:
    former = former_of(None, member(SAM, 60), looked_at=minutes(55), read_at=minutes(62))
    assert former == Former("GroupMember", "011" + SAM, minutes(60), minutes(60), None)
    directory = directory_with_past(known(user(SAM, None), member(SAM, 60)), [former], "")
    assert [actor_of(SAM, directory.at(minutes(at)), TEAMS).team for at in (59, 60)] == [None, "desk"]


def test_who_left_a_queue_did_so_somewhere_between_two_looks() -> None:
    former = former_of(member(SAM), member(SAM, is_deleted=True), looked_at=minutes(0), read_at=minutes(600))
    assert former == Former("GroupMember", "011" + SAM, minutes(600), minutes(0), member(SAM).fields)
    directory = directory_with_past(known(user(SAM, None)), [former], "")
    actors = [actor_of(SAM, directory.at(minutes(at)), TEAMS) for at in (-1, 300, 600)]
    assert [actor.team for actor in actors] == ["desk", None, None]
    assert actors[1].why == "was of desk and then of no team; since when cannot be known"


@pytest.mark.parametrize(
    ("before", "now", "looked_at"),
    [
        (None, user(SAM, "AE", 60), minutes(0)),  # a new user was nobody before, which is what an unseen user is
        (None, member(SAM, 60), None),  # the first reading says nothing of the time before
        (user(SAM, "SDR"), user(SAM, "AE", 60), None),
        (user(SAM, "SDR"), user(SAM, "SDR", 60), minutes(0)),
        (None, member(SAM, 60, is_deleted=True), minutes(0)),
        (member(SAM, is_deleted=True), member(SAM, 60, is_deleted=True), minutes(0)),
    ],
)
def test_nothing_is_kept_where_nothing_was_different(
    before: OrgRecord | None, now: OrgRecord, looked_at: datetime | None
) -> None:
    assert former_of(before, now, looked_at=looked_at, read_at=minutes(99)) is None


def test_a_membership_that_came_back_was_gone_until_then() -> None:
    former = former_of(member(SAM, is_deleted=True), member(SAM, 60), looked_at=minutes(0), read_at=minutes(61))
    assert former == Former("GroupMember", "011" + SAM, minutes(60), minutes(60), None)


def test_the_span_of_doubt_never_begins_before_the_row_was_last_saved() -> None:
    former = former_of(user(SAM, "SDR", 50), user(SAM, "AE", 60), looked_at=minutes(40), read_at=minutes(61))
    assert former is not None
    assert former.unsure_from == minutes(50)
    late = former_of(user(SAM, "SDR"), user(SAM, "AE", 60), looked_at=minutes(70), read_at=minutes(71))
    assert late is not None
    assert late.unsure_from == late.until_at == minutes(60)


def test_every_object_that_says_who_is_who_has_a_past() -> None:
    assert set(DIRECTORY_OBJECTS) == {
        "User",
        "Group",
        "GroupMember",
        "UserRole",
        "PermissionSetAssignment",
        "Territory2",
        "UserTerritory2Association",
    }


@pytest.mark.parametrize("object", ["GroupMember", "PermissionSetAssignment", "UserTerritory2Association"])
def test_a_membership_that_is_new_and_gone_already_leaves_nothing(object: str) -> None:
    new = OrgRecord(object, "x", minutes(60), {})
    assert former_of(None, new, looked_at=minutes(0), read_at=minutes(61)) == Former(object, "x", minutes(60), minutes(60), None)
    assert former_of(None, replace(new, is_deleted=True), looked_at=minutes(0), read_at=minutes(61)) is None


def test_doubt_lasts_from_the_last_look_to_the_change_and_is_about_those_alone_who_changed() -> None:
    former = [Former("User", SAM, minutes(60), minutes(30), user(SAM, "SDR").fields)]
    directory = directory_with_past(known(user(SAM, "AE", 60), user(MIA, None)), former, "")
    unsure = [(at, set(directory.at(minutes(at)).unsure)) for at in (29, 30, 59, 60)]
    assert unsure == [(29, set()), (30, {SAM}), (59, {SAM}), (60, set())]


def test_a_view_of_a_time_is_made_once_and_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd.core.past.VIEWS_KEPT", 2)
    former = [Former("User", SAM, minutes(at), minutes(at), user(SAM, "SDR").fields) for at in (10, 20, 30)]
    directory = directory_with_past(known(user(SAM, "AE", 30)), former, "")
    first, second = directory.at(minutes(1)), directory.at(minutes(11))
    assert directory.at(minutes(2)) is first
    assert directory.at(minutes(12)) is second
    assert directory.at(minutes(21)) is directory.at(minutes(22))
    assert directory.at(minutes(1)) is not first


def test_without_a_past_the_directory_is_the_same_at_any_time() -> None:
    directory = directory_with_past(known(user(SAM, "SDR")), [], "005Z", ["UserRole"])
    assert directory.at(minutes(-99999)) is directory
    assert directory.as_of is None
    assert (directory.own_user_id, directory.unseen) == ("005Z", frozenset({"UserRole"}))


@given(st.lists(st.tuples(st.integers(1, 30), st.sampled_from([SAM, MIA]), st.sampled_from(["SDR", "AE", None])), max_size=12))
def test_each_moment_has_the_last_state_that_began_before_it(steps: list[tuple[int, str, str | None]]) -> None:
    """Rows that were looked at right before each change leave no doubt, however often they change."""
    steps = list({(at, id): (at, id, role) for at, id, role in sorted(steps, key=lambda step: step[0])}.values())
    rows, formers = {SAM: user(SAM, "SDR"), MIA: user(MIA, None)}, []
    for at, id, role in steps:
        now = user(id, role, at)
        former = former_of(rows[id], now, looked_at=minutes(at), read_at=minutes(at))
        formers += [former] if former else []
        rows[id] = now
    directory = directory_with_past(known(*rows.values()), formers, "")
    for moment in range(31):
        for id, first in ((SAM, "SDR"), (MIA, None)):
            role = next((role for at, who, role in reversed(steps) if who == id and at <= moment), first)
            assert directory.at(minutes(moment)).users[id].role == (role or "")
