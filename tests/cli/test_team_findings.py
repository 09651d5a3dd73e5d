"""Does `syncd check` name who shares a login, who uses syncd's own user, and which lines claim nobody?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.cli.finding import Finding, Level
from syncd.cli.team_findings import Names, logins_shared, own_user_alone, teams_known, unknown_actors
from syncd.core.actors import Team, actor_of
from syncd.core.directory import Directory, User
from syncd.core.discovery import Likeness, Proposal, Trace
from syncd.core.fence_model import Fences
from syncd.core.values import ActorKind, Rule
from syncd.engine.discovering import Login, Sighting
from tests.core.samples import NOON, OWN_USER, fences, people, user_id

RULE = Rule("team x", "fences.toml", 7)


def team(name: str, kind: ActorKind = ActorKind.PERSON, **members: str) -> Team:
    return Team(name, kind, RULE, **{key: frozenset({word}) for key, word in members.items()})  # type: ignore[arg-type]


def under(*teams: Team) -> Fences:
    return replace(fences(), teams=teams)


def trace(user: str, *, fenced: int = 90) -> Trace:
    return Trace(user, 100, fenced, 80, ("Status",), 60, 0.9, 0.9, 0.3, 24, NOON - timedelta(days=9), NOON)


def seen(law: Fences, short: str, likeness: Likeness, *, fenced: int = 90, is_active: bool = True) -> Sighting:
    id = user_id(short)
    actor = actor_of(id, people(), law.teams)
    login = Login(
        people().display(id), f"{short}@acme.example", is_active, trace(id, fenced=fenced), Proposal(likeness, "why"), actor
    )
    return Sighting(NOON, (login,), None)


def only(found: list[Finding]) -> Finding:
    [finding] = found
    return finding


def test_a_login_that_two_tools_lines_name_is_a_finding_with_its_cost_and_the_way_out() -> None:
    law = under(team("marketo", ActorKind.TOOL, users="nemo"), team("hubspot", ActorKind.TOOL, users="nemo@acme.example"))
    found = only(list(logins_shared(law, people(), seen(law, "nemo", Likeness.TOOL))))
    assert found.level is Level.FINDING
    assert found.text == (
        "nemo@acme.example is the login of 'marketo' (fences.toml:7), 'hubspot' (fences.toml:7): none of them can be told from "
        "the others. What it costs: 90 changes of fenced fields from 2026-10-24 to 2026-11-02 rest on nobody."
    )
    assert "Salesforce Integration (five are free" in found.remedy
    assert found.remedy.endswith('tools = { kind = "shared", user = ["nemo@acme.example"] }')


@pytest.mark.parametrize(
    ("line", "likeness", "level", "text"),
    [
        (team("t", ActorKind.TOOL, users="nemo"), Likeness.SHARED, Level.FINDING, "looks like a tool and people in one: why."),
        (team("t", profiles="standard user"), Likeness.SHARED, Level.FINDING, "looks like a tool and people in one"),
        (
            team("t", ActorKind.SHARED, users="nemo"),
            Likeness.SHARED,
            Level.FINDING,
            "is declared as shared: its changes are only",
        ),
        (
            team("t", profiles="standard user"),
            Likeness.TOOL,
            Level.WARNING,
            "counts as a person of t, but looks like a tool: why.",
        ),
        (team("t", ActorKind.TOOL, users="nemo"), Likeness.TOOL, Level.OK, "no login stands for several tools"),
        (team("t", profiles="standard user"), Likeness.PERSON, Level.OK, "no login stands for several tools"),
    ],
)
def test_what_a_login_did_tells_a_tool_and_people_in_one(line: Team, likeness: Likeness, level: Level, text: str) -> None:
    law = under(line)
    found = next(each for each in logins_shared(law, people(), seen(law, "nemo", likeness)) if each.level is level)
    assert text in found.text


@pytest.mark.parametrize("more", [{"fenced": 0}, {"is_active": False}])
def test_a_login_that_moves_nothing_fenced_or_is_gone_is_no_finding(more: dict[str, int]) -> None:
    law = under(team("t", profiles="standard user"))
    sighting = seen(law, "nemo", Likeness.SHARED, **more)  # type: ignore[arg-type]
    assert only(list(logins_shared(law, people(), sighting))).level is Level.OK


def test_without_a_mirror_only_the_file_speaks() -> None:
    law = under(team("t", profiles="standard user"))
    assert only(list(logins_shared(law, people(), None))).text.endswith("(by the file; nothing was read yet)")


def test_a_line_that_names_syncd_s_own_user_is_a_finding() -> None:
    law = under(team("marketo", ActorKind.TOOL, users="syncd@acme.example"), team("sdr", roles="sdr"))
    found = only(list(own_user_alone(law, people().users[OWN_USER], (), None)))
    assert found.level is Level.FINDING
    assert found.text == "fences.toml:7 team 'marketo' has syncd@acme.example as its login: syncd's own user."


def test_changes_by_the_own_user_that_are_not_syncd_s_are_findings() -> None:
    law, me = under(team("sdr", roles="sdr")), people().users[OWN_USER]
    assert [each.level for each in own_user_alone(law, me, (), None)] == [Level.OK]
    borrowed = only(list(own_user_alone(law, me, ("Lead 00Q1", "Lead 00Q2"), trace(OWN_USER, fenced=0))))
    assert borrowed.text == "2 records were changed by syncd's own user, but not by syncd, such as Lead 00Q1."
    before = only(list(own_user_alone(law, me, (), trace(OWN_USER))))
    assert before.text.startswith("syncd's own user made 90 changes of fenced fields from 2026-10-24 to 2026-11-02, before syncd")
    assert {borrowed.level, before.level} == {Level.FINDING}
    assert [each.level for each in own_user_alone(law, None, (), None)] == [Level.OK]


KNOWN = {
    "profile": ("Sales Rep",),
    "role": ("SDR", "Marketing_Manager"),
    "queue": ("MQL",),
    "group": ("All SDRs",),
    "permission_set": ("RevOps",),
    "territory": ("West",),
    "user_type": ("Standard", "PowerPartner"),
}


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"profiles": "sales reb"}, "there is no profile 'sales reb'."),
        ({"roles": "sdr+"}, None),
        ({"roles": "marketing_manager"}, None),
        ({"roles": "sdrs+"}, "there is no role 'sdrs+'."),
        ({"queues": "mqls"}, "there is no queue 'mqls'."),
        ({"groups": "all sdr"}, "there is no group 'all sdr'."),
        ({"groups": "all sdrs"}, None),
        ({"permission_sets": "ops"}, "there is no permission set 'ops'."),
        ({"territories": "west+"}, None),
        ({"territories": "east+"}, "there is no territory 'east+'."),
        ({"user_types": "partner"}, "there is no user type 'partner'."),
        ({"user_types": "powerpartner"}, None),
        ({"users": "nobody"}, "there is no user 'nobody'."),
    ],
)
def test_a_member_that_the_org_does_not_have_is_named_with_its_line(members: dict[str, str], text: str | None) -> None:
    found = [
        each
        for each in teams_known(under(team("t", ActorKind.PERSON, **members)), Names(people(), KNOWN))
        if each.level is Level.FINDING
    ]
    assert [each.text for each in found] == ([f"fences.toml:7 team 't': {text}"] if text else [])


def test_what_was_not_asked_for_is_not_compared() -> None:
    law = under(team("t", permission_sets="ops", territories="east"))
    assert only(list(teams_known(law, Names(people())))).level is Level.OK


def named_twice() -> Directory:
    twin = User(user_id("twin"), "Nemo", "twin@acme.example", "", "", True)
    return Directory({**people().users, twin.id: twin}, people().queues, OWN_USER)


def test_a_name_that_two_people_have_and_a_person_who_left_are_told() -> None:
    law = under(team("t", users="nemo"))
    found = [each for each in teams_known(law, Names(named_twice())) if each.level is not Level.OK]
    assert only(found).text == "fences.toml:7 team 't': 2 active users are named 'nemo', and all of them are claimed."
    users = people().users
    left = Directory({**users, user_id("nemo"): replace(users[user_id("nemo")], is_active=False)}, {}, OWN_USER)
    found = [each for each in teams_known(law, Names(left)) if each.level is Level.FINDING]
    assert only(found).text == "fences.toml:7 team 't': user 'nemo' is not active."


def test_a_line_below_one_that_takes_all_its_people_claims_nobody() -> None:
    law = under(
        team("all", profiles="standard user"), team("sdr", roles="sdr", queues="mql_emea"), team("reps", profiles="sales rep")
    )
    found = [each for each in teams_known(law, Names(people())) if each.level is Level.WARNING]
    assert [each.text for each in found] == []  # Bo Both has the role and another profile
    fewer = {id: user for id, user in people().users.items() if id != user_id("both")}
    found = [each for each in teams_known(law, Names(Directory(fewer, {}, OWN_USER))) if each.level is Level.WARNING]
    assert only(found).text == "fences.toml:7 team 'sdr' claims nobody: lines above it claim all of its people, 'all' first."


def test_logins_in_no_line_that_move_fenced_fields_are_counted() -> None:
    law = under(team("sdr", roles="sdr"))
    found = only(list(unknown_actors(law, people(), seen(law, "nemo", Likeness.PERSON))))
    assert (found.level, found.text) == (
        Level.WARNING,
        "1 logins with 90 changes of fenced fields are unknown, such as Nemo: no team claims this user.",
    )
    assert list(unknown_actors(law, people(), seen(law, "sam", Likeness.PERSON))) == []
    assert list(unknown_actors(law, people(), None)) == []
