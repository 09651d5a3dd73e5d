"""Is each user the actor that the policy says, and unknown whenever that is not sure?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.actors import Team, actor_of, directory_of, team_of_owner
from syncd.core.values import ActorKind, Rule
from tests.core.samples import (
    MQL_QUEUE,
    NURTURE_QUEUE,
    OWN_USER,
    PARTNER_QUEUE,
    POLICY,
    fences,
    people,
    row,
    teams,
    user_id,
)

RULE = Rule("team x", "fences.toml", 1)


@pytest.mark.parametrize(
    ("short", "kind", "team", "why"),
    [
        ("ada", ActorKind.ADMIN, "admin", "admin: profile System Administrator"),
        ("marketo", ActorKind.TOOL, "marketing", "marketo: user marketo@acme.example"),
        ("routing", ActorKind.TOOL, "routing", "routing: user routing@acme.example"),
        ("autoproc", ActorKind.AUTOMATION, "flows", "flows: user autoproc@acme.example"),
        ("mia", ActorKind.PERSON, "marketing", "marketing: role Marketing Manager"),
        ("sam", ActorKind.PERSON, "sdr", "sdr: role SDR"),
        ("rita", ActorKind.PERSON, "sales", "sales: profile Sales Rep"),
        ("vera", ActorKind.PERSON, "sales", "sales: user vera@acme.example"),
        ("quinn", ActorKind.PERSON, "sdr", "sdr: member of a queue"),
        ("both", ActorKind.UNKNOWN, None, "several teams claim this user: sales, sdr"),
        ("nemo", ActorKind.UNKNOWN, None, "no team claims this user"),
        ("ghost", ActorKind.UNKNOWN, None, "this user is not visible to syncd"),
    ],
)
def test_a_user_is_the_actor_of_the_one_team_that_claims_it(short: str, kind: ActorKind, team: str | None, why: str) -> None:
    actor = actor_of(user_id(short), people(), teams())
    assert (actor.kind, actor.team, actor.why) == (kind, team, why)


@pytest.mark.parametrize("written", ["VERA VICE", "vera@ACME.example", "Vera vice"])
def test_a_user_is_found_by_username_or_name_in_any_case(written: str) -> None:
    policy = fences(POLICY.replace('user = ["Vera Vice"]', f'user = ["{written}"]'))
    assert actor_of(user_id("vera"), people(), policy.teams).team == "sales"


@pytest.mark.parametrize(("old", "new", "short"), [('"SDR"', '"sdr"', "sam"), ('"Sales Rep"', '"SALES REP"', "rita")])
def test_profiles_and_roles_are_compared_without_case(old: str, new: str, short: str) -> None:
    assert actor_of(user_id(short), people(), fences(POLICY.replace(old, new)).teams).kind is ActorKind.PERSON


def test_syncds_own_user_is_syncd_whatever_its_profile_and_role() -> None:
    actor = actor_of(OWN_USER, people(), teams())
    assert (actor.kind, actor.team, actor.name) == (ActorKind.SYNCD, "syncd", "syncd Integration")


def test_nobody_is_unknown() -> None:
    actor = actor_of(None, people(), teams())
    assert (actor.kind, actor.team, actor.user_id) == (ActorKind.UNKNOWN, None, None)


def test_two_lines_of_one_side_still_make_a_user_unknown() -> None:
    nemo = frozenset({"nemo"})
    double = (Team("a", ActorKind.TOOL, RULE, nemo, acts_for="b"), Team("b", ActorKind.PERSON, RULE, nemo))
    assert actor_of(user_id("nemo"), people(), double).why == "several teams claim this user: a, b"


def test_an_empty_profile_or_role_belongs_to_nobody() -> None:
    blank = (Team("blank", ActorKind.PERSON, RULE, roles=frozenset({""}), profiles=frozenset({""})),)
    assert actor_of(user_id("nemo"), people(), blank).team is None


@pytest.mark.parametrize(
    ("owner", "team"),
    [
        (user_id("sam"), "sdr"),
        (user_id("marketo"), "marketing"),
        (user_id("both"), None),
        (user_id("nemo"), None),
        (user_id("ghost"), None),
        (OWN_USER, "syncd"),
        (NURTURE_QUEUE, "marketing"),
        (MQL_QUEUE, "sdr"),
        (PARTNER_QUEUE, None),
        ("00GSX0000000009AAA", None),
        (None, None),
    ],
)
def test_an_owner_is_of_the_team_that_claims_the_user_or_queue(owner: str | None, team: str | None) -> None:
    assert team_of_owner(owner, people(), teams()) == team


def test_a_queue_that_two_teams_claim_is_of_none() -> None:
    policy = fences(POLICY.replace('queue = ["Nurture"]', 'queue = ["Nurture", "mql emea"]'))
    assert team_of_owner(MQL_QUEUE, people(), policy.teams) is None


def test_a_queue_that_a_team_and_its_tool_claim_is_of_that_team() -> None:
    text = POLICY.replace('acts_for = "marketing" }', 'acts_for = "marketing", queue = ["Nurture"] }')
    assert team_of_owner(NURTURE_QUEUE, people(), fences(text).teams) == "marketing"


@pytest.mark.parametrize(
    ("owner", "shown"),
    [(user_id("sam"), "Sam Dialer"), (MQL_QUEUE, "MQL EMEA"), (user_id("ghost"), user_id("ghost")), (None, "None")],
)
def test_an_owner_is_shown_by_name_when_it_is_known(owner: str | None, shown: str) -> None:
    assert people().display(owner) == shown


def test_a_directory_is_built_from_mirrored_rows() -> None:
    users = [
        row("User", "005A", {"Name": "Ann", "Username": "ann@x", "Profile.Name": "P", "UserRole.Name": None, "IsActive": False}),
        row("User", "005B", {"Name": "Ben", "Username": "ben@x"}),
    ]
    groups = [
        row("Group", "00GA", {"Type": "Queue", "Name": "Hot leads", "DeveloperName": "Hot"}),
        row("Group", "00GB", {"Type": "Regular", "Name": "Not a queue"}),
    ]
    members = [
        row("GroupMember", "011A", {"GroupId": "00GA", "UserOrGroupId": "005A"}),
        row("GroupMember", "011B", {"GroupId": "00GB", "UserOrGroupId": "005B"}),
    ]
    found = directory_of(users, groups, members, "005Z")
    assert found.users["005A"].queues == {"Hot leads", "Hot"}
    assert (found.users["005A"].role, found.users["005A"].is_active) == ("", False)
    assert (found.users["005B"].queues, found.users["005B"].is_active) == (frozenset(), True)
    assert found.queues == {"00GA": {"Hot leads", "Hot"}}


@given(st.sampled_from(sorted(people().users)), st.permutations(teams()))
def test_the_order_of_the_teams_changes_nothing(user: str, order: list[Team]) -> None:
    assert actor_of(user, people(), order) == actor_of(user, people(), teams())
