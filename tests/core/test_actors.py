"""Is each user the actor that the policy says, and unknown whenever that is not sure?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.actors import (
    RECORD_OWNER,
    Directory,
    Team,
    User,
    actor_of,
    claim,
    line_of,
    members_read_from,
    side_of,
    team_of_owner,
)
from syncd.core.changes import changes_of
from syncd.core.fence_model import Condition
from syncd.core.values import ActorKind, Proof, Rule
from tests.core.samples import (
    LEAD,
    MQL_QUEUE,
    NURTURE_QUEUE,
    OWN_USER,
    PARTNER_QUEUE,
    POLICY,
    fences,
    history,
    people,
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
        ("both", ActorKind.PERSON, "sdr", "sdr: role SDR"),
        ("nemo", ActorKind.UNKNOWN, None, "no team claims this user"),
        ("ghost", ActorKind.UNKNOWN, None, "this user is not visible to syncd"),
    ],
)
def test_a_user_is_the_actor_of_the_first_team_that_claims_it(short: str, kind: ActorKind, team: str | None, why: str) -> None:
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


@pytest.mark.parametrize(
    ("kinds", "kind"),
    [
        ([ActorKind.TOOL, ActorKind.TOOL], ActorKind.SHARED),
        ([ActorKind.TOOL, ActorKind.PERSON], ActorKind.SHARED),
        ([ActorKind.PERSON, ActorKind.AUTOMATION], ActorKind.SHARED),
        ([ActorKind.PERSON, ActorKind.PERSON], ActorKind.PERSON),
        ([ActorKind.ADMIN, ActorKind.PERSON], ActorKind.ADMIN),
        ([ActorKind.TOOL], ActorKind.TOOL),
    ],
)
def test_a_login_that_a_machine_shares_proves_nobody(kinds: list[ActorKind], kind: ActorKind) -> None:
    lines = tuple(Team(f"t{number}", each, RULE, frozenset({"nemo"})) for number, each in enumerate(kinds))
    actor = actor_of(user_id("nemo"), people(), lines)
    assert actor.kind is kind
    if kind is ActorKind.SHARED:
        assert (actor.team, actor.why) == (None, "several lines name this login: t0, t1")
        assert line_of(user_id("nemo"), people(), lines) is None
    else:
        assert (actor.team, line_of(user_id("nemo"), people(), lines)) == ("t0", "t0")


def test_an_empty_profile_or_role_belongs_to_nobody() -> None:
    blank = (Team("blank", ActorKind.PERSON, RULE, roles=frozenset({""}), profiles=frozenset({""})),)
    assert actor_of(user_id("nemo"), people(), blank).team is None


@pytest.mark.parametrize(
    ("owner", "team"),
    [
        (user_id("sam"), "sdr"),
        (user_id("marketo"), "marketing"),
        (user_id("both"), "sdr"),
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


def test_a_queue_that_two_teams_claim_is_of_the_first() -> None:
    policy = fences(POLICY.replace('queue = ["Nurture"]', 'queue = ["Nurture", "mql emea"]'))
    assert team_of_owner(MQL_QUEUE, people(), policy.teams) == "marketing"


def test_a_queue_that_a_team_and_its_tool_claim_is_of_that_team() -> None:
    text = POLICY.replace('acts_for = "marketing" }', 'acts_for = "marketing", queue = ["Nurture"] }')
    assert team_of_owner(NURTURE_QUEUE, people(), fences(text).teams) == "marketing"


@pytest.mark.parametrize(
    ("owner", "shown"),
    [(user_id("sam"), "Sam Dialer"), (MQL_QUEUE, "MQL EMEA"), (user_id("ghost"), user_id("ghost")), (None, "None")],
)
def test_an_owner_is_shown_by_name_when_it_is_known(owner: str | None, shown: str) -> None:
    assert people().display(owner) == shown


@given(st.sampled_from(sorted(people().users)), st.permutations(teams()))
def test_the_first_line_in_the_order_of_the_file_wins(user: str, order: list[Team]) -> None:
    """Whatever else a line says, those after the first that claims a user change nothing."""
    actor = actor_of(user, people(), order)
    first = next((team for team in order if claim(team, people().users[user]).is_member), None)
    if user == OWN_USER:
        assert actor.kind is ActorKind.SYNCD
    else:
        assert (actor.kind, actor.team) == ((first.kind, first.side) if first else (ActorKind.UNKNOWN, None))


def owner_s_tool(acts_for: str = RECORD_OWNER) -> tuple[Team, ...]:
    dialer = Team("dialer", ActorKind.TOOL, RULE, frozenset({"nemo"}), acts_for=acts_for)
    return (dialer, *teams())


@pytest.mark.parametrize(
    ("owner", "side"),
    [(user_id("sam"), "sdr"), (MQL_QUEUE, "sdr"), (user_id("rita"), "sales"), (user_id("nemo"), None), (None, None)],
)
def test_a_tool_that_acts_for_the_record_owner_is_judged_as_the_owner_s_team(owner: str | None, side: str | None) -> None:
    lines = owner_s_tool()
    dialer = actor_of(user_id("nemo"), people(), lines)
    assert (dialer.kind, dialer.team) == (ActorKind.TOOL, RECORD_OWNER)
    assert side_of(dialer, owner, people(), lines) == side
    assert line_of(user_id("nemo"), people(), lines) == "dialer"


def test_everybody_else_is_judged_as_the_own_team_whoever_owns_the_record() -> None:
    sam = actor_of(user_id("sam"), people(), teams())
    assert side_of(sam, user_id("rita"), people(), teams()) == "sdr"
    assert side_of(actor_of(user_id("nemo"), people(), teams()), user_id("rita"), people(), teams()) is None


def test_the_word_for_the_record_s_owner_is_that_of_the_file() -> None:
    assert RECORD_OWNER == "record owner"


def test_actors_are_resolved_anew_under_other_teams() -> None:
    directory = people()
    assert actor_of(user_id("sam"), directory, teams()).team == "sdr"
    assert actor_of(user_id("sam"), directory, owner_s_tool()[:1]).team is None
    assert actor_of(user_id("sam"), directory, teams()).team == "sdr"


def condition(answer: bool | None) -> Condition:
    return Condition('Department = "Dev"', RULE, frozenset({"Department"}), lambda fields: answer)


USER = User(
    "005A",
    "Ann",
    "ann@x",
    "Standard",
    "SDR West",
    True,
    frozenset({"MQL"}),
    frozenset({"All SDRs"}),
    frozenset({"RevOps_Admin"}),
    frozenset({"West"}),
    frozenset({"SDR West", "SDR", "Marketing"}),
    frozenset({"West", "Americas"}),
    "PowerPartner",
)


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"users": "ann"}, "user ann@x"),
        ({"profiles": "standard"}, "profile Standard"),
        ({"roles": "sdr west"}, "role SDR West"),
        ({"roles": "sdr west+"}, "role SDR West, by a role above it"),
        ({"roles": "marketing+"}, "role SDR West, by a role above it"),
        ({"roles": "marketing"}, None),
        ({"roles": "sales+"}, None),
        ({"queues": "mql"}, "member of a queue"),
        ({"groups": "all sdrs"}, "member of a public group"),
        ({"permission_sets": "revops_admin"}, "by a permission set"),
        ({"territories": "west"}, "by a territory"),
        ({"territories": "americas+"}, "by a territory above the user's"),
        ({"territories": "americas"}, None),
        ({"user_types": "powerpartner"}, "user type PowerPartner"),
        ({"user_types": "standard"}, None),
    ],
)
def test_each_kind_of_member_makes_a_team(members: dict[str, str], why: str | None) -> None:
    team = Team("t", ActorKind.PERSON, RULE, **{key: frozenset({name}) for key, name in members.items()})  # type: ignore[arg-type]
    found = claim(team, USER)
    assert (found.is_member, found.why) == ((True, why) if why else (False, ""))


@pytest.mark.parametrize(("answer", "team"), [(True, "dev"), (False, "sdr"), (None, None)])
def test_a_condition_that_cannot_be_known_lets_no_later_line_claim_the_user(answer: bool | None, team: str | None) -> None:
    lines = (Team("dev", ActorKind.PERSON, RULE, where=condition(answer)), *teams())
    actor = actor_of(user_id("sam"), people(), lines)
    assert actor.team == team
    if answer is None:
        assert actor.why == "whether dev claims this user cannot be known: a field of 'Department = \"Dev\"' cannot be read"


@pytest.mark.parametrize(
    ("members", "unseen", "team"),
    [
        ({"permission_sets": frozenset({"x"})}, {"PermissionSetAssignment"}, None),
        ({"permission_sets": frozenset({"x"})}, {"UserRole"}, "sdr"),
        ({"permission_sets": frozenset({"x"}), "users": frozenset({"sam dialer"})}, {"PermissionSetAssignment"}, "admins"),
        ({"permission_sets": frozenset({"x"}), "where": condition(True)}, {"PermissionSetAssignment"}, "admins"),
        ({"permission_sets": frozenset({"x"}), "where": condition(None)}, set(), None),
        ({"roles": frozenset({"marketing+"})}, {"UserRole"}, None),
        ({"roles": frozenset({"marketing"})}, {"UserRole"}, "sdr"),
        ({"territories": frozenset({"west"})}, {"Territory2"}, None),
        ({"groups": frozenset({"g"})}, {"GroupMember"}, None),
    ],
)
def test_who_is_in_a_line_that_cannot_be_read_is_unknown(members: dict[str, Any], unseen: set[str], team: str | None) -> None:
    directory = Directory(people().users, people().queues, OWN_USER, frozenset(unseen))
    lines = (Team("admins", ActorKind.PERSON, RULE, **members), *teams())
    actor = actor_of(user_id("sam"), directory, lines)
    assert (actor.team, actor.kind is ActorKind.UNKNOWN) == (team, team is None)


def test_nobody_is_looked_up_under_no_name_of_an_id() -> None:
    """A row without an owner or a user is nobody's, whatever else the directory holds."""
    sam = people().users[user_id("sam")]
    odd: Any = {None: sam, "XX": sam}
    queues: Any = {None: frozenset({"MQL_EMEA"}), "XX": frozenset({"MQL_EMEA"})}
    directory = Directory(odd, queues, OWN_USER)
    assert actor_of(None, directory, teams()).why == "this user is not visible to syncd"
    assert actor_of(None, directory, teams()).name == ""
    assert line_of(None, directory, teams()) is None
    assert team_of_owner(None, directory, teams()) is None
    assert directory.display(None) == "None"
    assert line_of(user_id("nemo"), people(), teams()) is None


def test_syncd_s_own_user_is_syncd_even_where_it_is_not_seen() -> None:
    assert actor_of(OWN_USER, Directory({}, {}, OWN_USER), teams()).name == "syncd"


def test_who_may_have_been_of_no_team_before_is_said_so() -> None:
    nemo, sam = people().users[user_id("nemo")], people().users[user_id("sam")]
    directory = Directory({"005X": nemo}, {}, OWN_USER, unsure={nemo.id: sam})
    assert actor_of("005X", directory, teams()).why == "was of no team and then of sdr; since when cannot be known"


def test_only_what_a_line_names_is_to_be_read() -> None:
    assert members_read_from([Team("t", ActorKind.PERSON, RULE, groups=frozenset({"x"}))]) == {"Group", "GroupMember"}
    assert members_read_from(teams()) == {"Group", "GroupMember"}
    wide = Team("t", ActorKind.PERSON, RULE, roles=frozenset({"x+"}), territories=frozenset({"y"}))
    assert members_read_from([wide]) == {"UserRole", "UserTerritory2Association", "Territory2"}
    assert members_read_from([Team("t", ActorKind.PERSON, RULE, roles=frozenset({"x"}), where=condition(True))]) == frozenset()
    assert members_read_from([Team("t", ActorKind.PERSON, RULE, permission_sets=frozenset({"x"}))]) == {"PermissionSetAssignment"}


def test_what_four_tools_do_with_one_login_is_proof_of_nobody() -> None:
    """Scene: each tool has a line of its own, and all of them log in as Nemo."""
    one_login = 'marketo = { kind = "tool", user = ["nemo@acme.example"]'
    more = "".join(f'tool{number} = {{ kind = "tool", user = ["Nemo"] }}\n' for number in range(3))
    policy = fences(POLICY.replace('marketo   = { kind = "tool", user = ["marketo@acme.example"]', more + one_login))
    [made] = changes_of(
        "Lead",
        LEAD,
        ("Status",),
        known=None,
        staged=None,
        history=[history(1, "MQL", "Inquiry", by="nemo")],
        actor=lambda user, at: actor_of(user, people().at(at), policy.teams),
    )
    assert (made.actor.kind, made.actor.team, made.proof) == (ActorKind.SHARED, None, Proof.SHARED_LOGIN)
    assert made.actor.why == "several lines name this login: tool0, tool1, tool2, marketo"
