"""Who is in which team, who shares a login, who uses syncd's own user: what is asked of org and mirror for that?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from syncd.cli import team_findings, wire
from syncd.cli.finding import Finding
from syncd.cli.team_findings import Names
from syncd.core.directory import directory_from
from syncd.core.past import DIRECTORY_OBJECTS
from syncd.engine.discovering import Sighting, logins_seen
from syncd.engine.needs import needs_under
from syncd.errors import SyncdError
from syncd.ports import ObjectSchema, Page, Pull, StoreReader

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.core.discovery import Trace
    from syncd.core.policies import Policies
    from syncd.core.values import OrgRecord
    from syncd.salesforce.org import SalesforceOrg

LOOKED_BACK = timedelta(days=90)
ROWS_MAX = 100_000
BORROWED = "own-user-used"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the mirror tells of logins: the latest changes, and which records syncd's own user was used on."""

    sighting: Sighting
    borrowed: tuple[str, ...]
    before: Trace | None


def names_of(org: SalesforceOrg, policies: Policies, schema: Mapping[str, ObjectSchema]) -> Names:
    """Read users and what they are in, as far as teams ask for it: one or two API calls while there are under 2,000 of each."""
    needs = needs_under(policies, schema)
    wanted = {name: needs[name].fields for name in DIRECTORY_OBJECTS if name in needs}
    unseen = [name for name in DIRECTORY_OBJECTS if name not in needs and name in _asked(policies)]
    more = {"Profile": ("Name",), "UserRole": ("Name", "DeveloperName", "ParentRoleId")}
    if any(team.permission_sets for team in policies.fences.teams):
        more["PermissionSet"] = ("Name", "Label")
    rows: dict[str, list[OrgRecord]] = {name: [] for name in {**more, **wanted}}
    for page in org.pull([Pull(name, fields) for name, fields in {**more, **wanted}.items()]):
        if isinstance(page, Page):
            rows[page.object] += page.records
    people = directory_from(rows, org.identity().user_id, unseen)
    return Names(people, _known(rows, people.queues, schema))


def _asked(policies: Policies) -> frozenset[str]:
    from syncd.core.actors import members_read_from

    return members_read_from(policies.fences.teams)


def _known(
    rows: Mapping[str, list[OrgRecord]], queues: Mapping[str, frozenset[str]], schema: Mapping[str, ObjectSchema]
) -> dict[str, tuple[str, ...]]:
    def words(object: str, *fields: str) -> tuple[str, ...]:
        return tuple(word for row in rows.get(object, ()) for field in fields if (word := row.text(field)))

    known = {
        "profile": words("Profile", "Name"),
        "role": words("UserRole", "Name", "DeveloperName"),
        "queue": tuple(name for names in queues.values() for name in sorted(names)),
        "group": tuple(
            word
            for row in rows.get("Group", ())
            if row.text("Type") == "Regular"
            for field in ("Name", "DeveloperName")
            if (word := row.text(field))
        ),
    }
    if "PermissionSet" in rows:
        known["permission_set"] = words("PermissionSet", "Name", "Label")
    if "Territory2" in rows:
        known["territory"] = words("Territory2", "Name", "DeveloperName")
    user = schema.get("User")
    types = user.fields["UserType"].picklist if user is not None and "UserType" in user.fields else ()
    return known | ({"user_type": types} if types else {})


def teams_fit(config: Config, names: Names, policies: Policies) -> Iterator[Finding]:
    """Hold [teams] against the people of the org, and against what their logins did as far as it was read."""
    fences, people = policies.fences, names.people
    yield from team_findings.teams_known(fences, names)
    seen = _seen(config, policies, people.own_user_id)
    sighting = None if seen is None else seen.sighting
    yield from team_findings.unknown_actors(fences, people, sighting)
    yield from team_findings.logins_shared(fences, people, sighting)
    me = people.users.get(people.own_user_id)
    borrowed, before = ((), None) if seen is None else (seen.borrowed, seen.before)
    yield from team_findings.own_user_alone(fences, me, borrowed, before)


def _seen(config: Config, policies: Policies, own_user_id: str) -> Seen | None:
    """Look into the mirror; None where there is none yet, or it cannot be read, which other checks tell of."""
    with suppress(SyncdError), wire.open_store_to_read(config) as store:
        sighting = logins_seen(store, policies.fences, own_user_id, config.zone, since=LOOKED_BACK, rows_max=ROWS_MAX)
        borrowed = tuple(item.where for _, item, _ in store.inbox(kind=BORROWED))
        return Seen(sighting, borrowed, None if _has_written(store) else sighting.own)
    return None


def _has_written(store: StoreReader) -> bool:
    """Tell whether syncd ever meant to write: from then on its own user's changes may be its own."""
    from syncd.ports import LedgerQuery

    return next(iter(store.ledger(LedgerQuery(kind="intent", limit=1))), None) is not None
