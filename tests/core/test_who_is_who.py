"""What is said of users that nobody can place for sure, and which objects must be read to place them?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.core.actors import Team, actor_of, line_of, members_read_from, team_of_owner
from syncd.core.directory import Directory, User
from syncd.core.fence_model import Condition
from syncd.core.past import VIEWS_KEPT, Former, Past, directory_with_past, former_of
from syncd.core.values import Actor, ActorKind, Fields, OrgRecord, Rule
from tests.core.samples import NOON, OWN_USER

RULE = Rule("sdr", "fences.toml", 3)
SAM = User("005SX0000000sam0AA", "Sam Dialer", "sam@acme.example", "Standard User", "SDR", True)


def team(name: str = "sdr", /, **members: frozenset[str]) -> Team:
    """Return a line under [teams] that is made of people."""
    return replace(Team(name, ActorKind.PERSON, RULE), **members)  # type: ignore[arg-type]


def directory(*users: User, unseen: frozenset[str] = frozenset()) -> Directory:
    """Return an org of these users."""
    return Directory({user.id: user for user in users}, {}, OWN_USER, unseen)


def test_syncd_knows_itself_though_its_user_is_not_mirrored() -> None:
    assert actor_of(OWN_USER, directory(), ()) == Actor(OWN_USER, "syncd", ActorKind.SYNCD, "syncd", "syncd's own user")
    named = directory(replace(SAM, id=OWN_USER, name="Integration"))
    assert actor_of(OWN_USER, named, ()).name == "Integration"


@pytest.mark.parametrize("id", ["005SX000000gone0AA", None, ""])
def test_a_user_who_is_out_of_sight_has_no_name(id: str | None) -> None:
    assert actor_of(id, directory(), ()) == Actor(id, "", ActorKind.UNKNOWN, None, "this user is not visible to syncd")
    assert line_of(id, directory(), ()) is None
    assert team_of_owner(id, directory(), ()) is None


def test_whoever_changed_teams_at_an_unknown_time_is_nobodys_in_between() -> None:
    teams = (team(roles=frozenset({"sdr"})), team("sales", roles=frozenset({"rep"})), team("idle", roles=frozenset({"sdr lead"})))
    for role, why in (("Rep", "of sdr and then of sales"), ("None", "of sdr and then of no team")):
        then = replace(directory(SAM), unsure={SAM.id: replace(SAM, role=role)})
        said = actor_of(SAM.id, then, teams)
        assert (said.kind, said.team, said.name) == (ActorKind.UNKNOWN, None, "Sam Dialer")
        assert said.why == f"was {why}; since when cannot be known"
    joined = replace(directory(replace(SAM, role="")), unsure={SAM.id: SAM})
    assert actor_of(SAM.id, joined, teams).why == "was of no team and then of sdr; since when cannot be known"
    same = replace(directory(SAM), unsure={SAM.id: replace(SAM, name="Samuel")})
    assert actor_of(SAM.id, same, teams).team == "sdr"


def test_one_who_stays_in_the_team_but_is_another_kind_of_actor_is_unknown_in_between() -> None:
    teams = (team(roles=frozenset({"sdr"})), Team("dialer", ActorKind.TOOL, RULE, roles=frozenset({"bot"}), acts_for="sdr"))
    then = replace(directory(SAM), unsure={SAM.id: replace(SAM, role="Bot")})
    assert actor_of(SAM.id, then, teams).kind is ActorKind.UNKNOWN


@pytest.mark.parametrize(
    ("members", "objects"),
    [
        ({"users": frozenset({"sam"}), "profiles": frozenset({"p"}), "roles": frozenset({"sdr"})}, set()),
        ({"queues": frozenset({"q"})}, {"Group", "GroupMember"}),
        ({"groups": frozenset({"g"})}, {"Group", "GroupMember"}),
        ({"permission_sets": frozenset({"p"})}, {"PermissionSetAssignment"}),
        ({"territories": frozenset({"t"})}, {"UserTerritory2Association", "Territory2"}),
        ({"roles": frozenset({"sdr+"})}, {"UserRole"}),
    ],
)
def test_a_line_asks_for_the_objects_that_say_who_is_in_it(members: dict[str, frozenset[str]], objects: set[str]) -> None:
    line = team(**members)
    assert members_read_from([line]) == objects
    for hidden in objects:
        said = actor_of(SAM.id, directory(SAM, unseen=frozenset({hidden})), (line, team("all", user_types=frozenset({""}))))
        assert (said.kind, said.team) == (ActorKind.UNKNOWN, None)
        assert said.why.startswith("whether sdr claims this user cannot be known: ")
    elsewhere = actor_of(SAM.id, directory(SAM, unseen=frozenset({"Somewhere"})), (line,))
    assert "cannot be known" not in elsewhere.why


def knows(name: str) -> Condition:
    """Return a condition on a field of User: True, False, or None when it was not read."""

    def holds(fields: Fields) -> bool | None:
        return fields[name] == "yes" if name in fields else None

    return Condition(f'{name} = "yes"', RULE, frozenset({name}), holds)


@pytest.mark.parametrize(
    ("fields", "kind", "why"),
    [
        ({"Dialer__c": "yes"}, ActorKind.PERSON, 'sdr: where Dialer__c = "yes"'),
        ({"Dialer__c": "no"}, ActorKind.UNKNOWN, "no team claims this user"),
        (
            {},
            ActorKind.UNKNOWN,
            "whether sdr claims this user cannot be known: a field of 'Dialer__c = \"yes\"' cannot be read",
        ),
    ],
)
def test_a_condition_on_user_claims_whom_it_holds_for(fields: Fields, kind: ActorKind, why: str) -> None:
    line = Team("sdr", ActorKind.PERSON, RULE, where=knows("Dialer__c"))
    said = actor_of(SAM.id, directory(replace(SAM, fields=fields)), (line,))
    assert (said.kind, said.why) == (kind, why)


def test_a_name_that_is_empty_is_in_no_team() -> None:
    line = team(roles=frozenset({""}), profiles=frozenset({""}), queues=frozenset({""}))
    nobody = replace(SAM, role="", profile="", queues=frozenset({""}))
    assert actor_of(SAM.id, directory(nobody), (line,)).team is None


def was(role: str, until: int, unsure_from: int, *, id: str = SAM.id) -> Former:
    """Return what a user was until some minutes after noon."""
    times = NOON + timedelta(minutes=until), NOON + timedelta(minutes=unsure_from)
    return Former("User", id, *times, {"Name": "Sam", "UserRole.Name": role})


def at(directory: Directory, minutes: int) -> tuple[str, bool]:
    """Return a user's role at a time, and whether it is sure."""
    then = directory.at(NOON + timedelta(minutes=minutes))
    return then.users[SAM.id].role, SAM.id not in then.unsure


def test_the_borders_of_a_doubt_belong_to_it_at_its_beginning_only() -> None:
    rows = {"User": {SAM.id: OrgRecord("User", SAM.id, NOON, {"Name": "Sam", "UserRole.Name": "AE"})}}
    directory = directory_with_past(rows, [was("SDR", 20, 10)], "")
    assert [at(directory, minute) for minute in (9, 10, 19, 20)] == [
        ("SDR", True),
        ("SDR", False),
        ("SDR", False),
        ("AE", True),
    ]
    assert directory_with_past(rows, [], "").as_of is None


def test_whoever_did_not_change_is_sure_while_others_are_not() -> None:
    other = "005SX00000other0AA"
    rows = {
        "User": {
            id: OrgRecord("User", id, NOON, {"Name": "Sam" if id == SAM.id else "Oda", "UserRole.Name": "AE"})
            for id in (SAM.id, other)
        }
    }
    directory = directory_with_past(rows, [was("SDR", 20, 10), was("SDR", 40, 30)], "")
    then = directory.at(NOON + timedelta(minutes=15))
    assert other not in then.unsure
    assert directory.at(NOON + timedelta(minutes=5)).unsure == {}
    assert directory.at(NOON + timedelta(minutes=25)).unsure == {}


def test_no_more_views_of_the_past_are_kept_than_memory_should_hold() -> None:
    rows = {"User": {SAM.id: OrgRecord("User", SAM.id, NOON, {"Name": "Sam", "UserRole.Name": "AE"})}}
    directory = directory_with_past(rows, (), "")
    past = Past(rows, [was(f"R{number}", number, number) for number in range(1, VIEWS_KEPT + 4)], directory)
    for number in range(VIEWS_KEPT + 3):
        then = past.at(NOON + timedelta(minutes=number))
        assert then is not None
        assert then.users[SAM.id].role == f"R{number + 1}"
        assert len(past._views) <= VIEWS_KEPT
    assert len(past._views) == 3
    assert past.at(NOON) is past.at(NOON)


def test_a_user_who_was_deleted_before_being_seen_was_nobody() -> None:
    gone = OrgRecord("User", SAM.id, NOON, {}, is_deleted=True)
    assert former_of(None, gone, looked_at=NOON, read_at=NOON) is None
    assert former_of(None, replace(gone, object="GroupMember"), looked_at=NOON, read_at=NOON) is None
