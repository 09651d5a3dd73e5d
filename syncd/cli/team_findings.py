"""Does what the org and its history show of people fit what stands under [teams]? Values in, findings out.

Source: real orgs, demand 3 and assumption 5: one login of several tools proves nobody's hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from syncd.cli.finding import Finding, at, bad, meant, ok, warn
from syncd.core.actors import AND_BELOW, Team, actor_of, claim, line_of, shared_by
from syncd.core.directory import Directory, User
from syncd.core.discovery import Likeness, Trace
from syncd.core.fence_model import Fences
from syncd.core.values import ActorKind
from syncd.engine.discovering import Login, Sighting

CHECK = "teams"
SHARED = "shared logins"
OWN_USER = "own user"
USER_OF_ITS_OWN = (
    "Give each tool a user of its own: Setup > Users > New User, user license Salesforce Integration (five are free in "
    "Enterprise edition and up), then the permission set license Salesforce API Integration and the tool's permission set; "
    "log the tool in as that user, and give it a line of its own under [teams]. Until then, one line for all: "
)


@dataclass(frozen=True, slots=True)
class Names:
    """What the org calls its people and what they are in, by the key under [teams]; a key that is not here is not compared."""

    people: Directory
    known: Mapping[str, Sequence[str]] = field(default_factory=dict)


def teams_known(fences: Fences, names: Names) -> Iterator[Finding]:
    """Say which members under [teams] the org does not have, which are inactive, and which lines claim nobody."""
    users = names.people.users.values()
    active = Counter(word.casefold() for user in users if user.is_active for word in {user.username, user.name})
    words = [word for user in users if user.is_active for word in (user.username, user.name)]
    gone = {word.casefold() for user in users if not user.is_active for word in (user.username, user.name)} - set(active)
    known = {kind: {name.casefold(): name for name in each} for kind, each in names.known.items()}
    found = []
    for team in fences.teams:
        where = f"{at(team.rule)} team {team.name!r}"
        for user in sorted(team.users):
            name = team.spelling.get(user, user)
            if user in gone:
                found.append(bad(CHECK, f"{where}: user {name!r} is not active.", "Name a successor, or take the user out."))
            elif user not in active:
                found.append(bad(CHECK, f"{where}: there is no user {name!r}.", meant(user, words)))
            elif active[user] > 1:
                text = f"{where}: {active[user]} active users are named {name!r}, and all of them are claimed."
                found.append(warn(CHECK, text, "Write the username of the one that is meant."))
        for kind, missing in _missing(team, known):
            found.append(
                bad(CHECK, f"{where}: there is no {kind.replace('_', ' ')} {missing!r}.", meant(missing, names.known[kind]))
            )
    found += _claiming_nobody(fences, names.people)
    if not any(each.level.value == "finding" for each in found):
        yield ok(CHECK, f"every user, profile, role and queue of {len(fences.teams)} teams exists")
    yield from found


def _missing(team: Team, known: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    members = {
        "profile": team.profiles,
        "role": team.roles,
        "queue": team.queues,
        "group": team.groups,
        "permission_set": team.permission_sets,
        "territory": team.territories,
        "user_type": team.user_types,
    }
    for kind, names in members.items():
        if kind not in known:
            continue
        for name in sorted(names):
            if name not in known[kind] and name.removesuffix(AND_BELOW) not in known[kind]:
                yield kind, team.spelling.get(name, name)


def _claiming_nobody(fences: Fences, people: Directory) -> Iterator[Finding]:
    """Warn of a line whose people all go to lines above it, since the first line that fits wins."""
    active = [user for user in people.users.values() if user.is_active and user.id != people.own_user_id]
    lines = Counter(line_of(user.id, people, fences.teams) for user in active)
    for team in fences.teams:
        claimed = [user for user in active if claim(team, user, people.unseen).is_member]
        others = [user for user in claimed if not shared_by(user, fences.teams)]
        if others and not lines[team.name]:
            first = line_of(others[0].id, people, fences.teams)
            text = f"{at(team.rule)} team {team.name!r} claims nobody: lines above it claim all of its people, {first!r} first."
            yield warn(CHECK, text, "The first line that fits wins: put the narrower line first.")


def logins_shared(fences: Fences, people: Directory, sighting: Sighting | None) -> Iterator[Finding]:
    """Say which logins stand for several, by the file or by what they left in the history; each makes the check fail."""
    seen = {login.trace.user_id: login for login in sighting.logins} if sighting is not None else {}
    found = []
    for user in people.users.values():
        if user.is_active and user.id != people.own_user_id and (several := shared_by(user, fences.teams)):
            lines = ", ".join(f"{team.name!r} ({at(team.rule)})" for team in several)
            text = f"{user.username} is the login of {lines}: none of them can be told from the others.{_cost(seen.get(user.id))}"
            found.append(bad(SHARED, text, USER_OF_ITS_OWN + _line(user.username)))
    named = {user.id for user in people.users.values() if shared_by(user, fences.teams)}
    for login in seen.values():
        if login.is_active and login.trace.user_id not in named:
            found += _by_looks(login, fences)
    if not any(each.level.value == "finding" for each in found):
        how = "by the file and by the history that was read" if sighting is not None else "by the file; nothing was read yet"
        yield ok(SHARED, f"no login stands for several tools, or for a tool and people ({how})")
    yield from found


def _by_looks(login: Login, fences: Fences) -> Iterator[Finding]:
    who, kind = login.username or login.name, login.actor.kind
    if kind is ActorKind.SHARED:
        text = f"{who} is declared as shared: its changes are only noted, and no report names anybody for them.{_cost(login)}"
        yield bad(SHARED, text, USER_OF_ITS_OWN.partition(" Until then")[0])
    elif login.proposal.likeness is Likeness.SHARED and login.trace.fenced:
        yield bad(
            SHARED,
            f"{who} looks like a tool and people in one: {login.proposal.why}.{_cost(login)}",
            USER_OF_ITS_OWN + _line(who),
        )
    elif login.proposal.likeness is Likeness.TOOL and kind is ActorKind.PERSON and login.trace.fenced:
        text = f"{who} counts as a person of {login.actor.team}, but looks like a tool: {login.proposal.why}."
        yield warn(
            SHARED, text, f'If it is one, add under [teams], above its present line: name = {{ kind = "tool", user = ["{who}"] }}'
        )


def _line(username: str) -> str:
    return f'tools = {{ kind = "shared", user = ["{username}"] }}'


def _cost(login: Login | None) -> str:
    """Say what a shared login costs: how many changes rest on nobody."""
    if login is None or not login.trace.fenced:
        return ""
    trace = login.trace
    span = f"from {trace.first_at:%Y-%m-%d} to {trace.last_at:%Y-%m-%d}"
    return f" What it costs: {trace.fenced:,} changes of fenced fields {span} rest on nobody."


def own_user_alone(fences: Fences, me: User | None, borrowed: Iterable[str], before: Trace | None) -> Iterator[Finding]:
    """Say whether anybody else uses syncd's own user: by the file, by changes that nothing explains, or before syncd began.

    Shapes: `borrowed` are the subjects of open inbox items about that; `before` is what that user did before syncd's first write.
    """
    found = []
    names = {word.casefold() for word in (me.username, me.name)} if me is not None else set()
    for team in fences.teams:
        if names & team.users:
            text = f"{at(team.rule)} team {team.name!r} has {me.username if me else ''} as its login: syncd's own user."
            found.append(
                bad(OWN_USER, text, "Give syncd a user that nothing else logs in with, or take the name out of the line.")
            )
    records = list(borrowed)
    if records:
        text = f"{len(records)} records were changed by syncd's own user, but not by syncd, such as {records[0]}."
        found.append(bad(OWN_USER, text, "Find who uses it: Setup > Users > the user > Login History. Then: syncd inbox"))
    if before is not None and before.fenced:
        span = f"from {before.first_at:%Y-%m-%d} to {before.last_at:%Y-%m-%d}"
        text = f"syncd's own user made {before.fenced:,} changes of fenced fields {span}, before syncd wrote anything."
        found.append(
            bad(OWN_USER, text, "Give syncd a user that nothing else ever logged in with: its changes are not told from syncd's.")
        )
    yield from found or [ok(OWN_USER, "nothing else is known to use syncd's own user")]


def unknown_actors(fences: Fences, people: Directory, sighting: Sighting | None) -> Iterator[Finding]:
    """Warn of logins that move fenced fields and are in no line: their changes are only noted."""
    if sighting is None:
        return
    nobody = [
        login for login in sighting.logins if login.actor.kind is ActorKind.UNKNOWN and login.trace.fenced and login.is_active
    ]
    if nobody:
        rows = sum(login.trace.fenced for login in nobody)
        first = actor_of(nobody[0].trace.user_id, people, fences.teams)
        text = f"{len(nobody)} logins with {rows:,} changes of fenced fields are unknown, such as {nobody[0].name}: {first.why}."
        yield warn(CHECK, text, "What is unknown is only noted. Run: syncd actors discover")
