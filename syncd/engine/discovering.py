"""Who changed records lately, by the history in the mirror, and what does each login look like?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from syncd.core.actors import actor_of
from syncd.core.discovery import Proposal, Touch, Trace, propose, traces
from syncd.core.fence_fields import OWNER_FIELD, History, fenced_objects, history_of
from syncd.core.fence_model import Fences
from syncd.core.values import Actor, OrgRecord
from syncd.engine.needs import ALWAYS_JUDGED
from syncd.engine.snapshots import read_directory
from syncd.ports import Mark, StoreReader
from syncd.ports.census import Span

SLICE = timedelta(days=7)
FIRST_OF_TWO = ("005", "00G")
EVENTS = frozenset({"leadConverted", "leadMerged", "contactMerged", "accountMerged", "created"})


@dataclass(frozen=True, slots=True)
class Login:
    """One login that changed records: what it left behind, what it looks like, and what the policy file makes of it."""

    name: str
    username: str
    is_active: bool
    trace: Trace
    proposal: Proposal
    actor: Actor


@dataclass(frozen=True, slots=True)
class Sighting:
    """Who changed records since `since_at`, the busiest first; `own` is what was done with syncd's own user, if anything."""

    since_at: datetime
    logins: tuple[Login, ...]
    own: Trace | None


def logins_seen(
    store: StoreReader, fences: Fences, own_user_id: str, zone: tzinfo, *, since: timedelta, rows_max: int | None = None
) -> Sighting:
    """Say what each login that changed judged records looks like.

    Shapes: with `rows_max`, as far back as so many history rows reach.
    """
    histories = histories_under(fences)
    fenced = _fenced(fences)
    until_at = newest_history(store, histories)
    since_at = until_at - since
    if rows_max is not None:
        since_at = _as_far_as(store, histories, since_at, until_at, rows_max)
    people = read_directory(store, own_user_id, fences.teams)
    found, own = [], None
    for trace in traces(_touches(store, histories, fenced, since_at, until_at), zone):
        if trace.user_id == own_user_id:
            own = trace
            continue
        user = people.users.get(trace.user_id)
        name = people.display(trace.user_id)
        actor = actor_of(trace.user_id, people, fences.teams)
        username, is_active = (user.username, user.is_active) if user is not None else ("", True)
        found.append(Login(name, username, is_active, trace, propose(trace, name), actor))
    return Sighting(since_at, tuple(found), own)


def histories_under(fences: Fences) -> tuple[History, ...]:
    """Return the histories of everything that is judged, those that are always read first."""
    objects = dict.fromkeys([*ALWAYS_JUDGED, *fenced_objects(fences.fences, fences.sides)])
    return tuple(history_of(object) for object in objects)


def newest_history(store: StoreReader, histories: Iterable[History]) -> datetime:
    """Return the org's time up to which history was read: the host's clock decides nothing."""
    marks = store.marks()
    read = [marks.get(history.object, Mark()).decided_at for history in histories]
    return max((at for at in read if at is not None), default=datetime.now(UTC))


def _as_far_as(
    store: StoreReader, histories: Iterable[History], since_at: datetime, until_at: datetime, rows_max: int
) -> datetime:
    by_day: dict[str, int] = {}
    for history in histories:
        for day, number in store.days(Span(history.object, "CreatedDate", since_at, _end(until_at))).items():
            by_day[day] = by_day.get(day, 0) + number
    rows = 0
    for day in sorted(by_day, reverse=True):
        rows += by_day[day]
        if rows > rows_max:
            return max(since_at, datetime.fromisoformat(day).replace(tzinfo=UTC))
    return since_at


def _end(until_at: datetime) -> datetime:
    """Take in what was read after the mark too: the mark is held back."""
    return until_at + timedelta(days=1)


def _fenced(fences: Fences) -> dict[str, frozenset[str]]:
    """Return by history object the names that it gives to the fields that a fence stands on."""
    found: dict[str, set[str]] = {}
    for fence in fences.fences:
        for bound in fence.bound:
            name = "Owner" if bound.field == OWNER_FIELD else bound.field
            found.setdefault(history_of(bound.object).object, set()).add(name)
    return {object: frozenset(names) for object, names in found.items()}


def _touches(
    store: StoreReader,
    histories: Iterable[History],
    fenced: Mapping[str, frozenset[str]],
    since_at: datetime,
    until_at: datetime,
) -> Iterator[Touch]:
    for history in histories:
        begin = since_at
        while begin < _end(until_at):
            end = min(begin + SLICE, _end(until_at))
            ids = store.stamps(Span(history.object, "CreatedDate", begin, end))
            rows = store.get(history.object, sorted(ids)).values() if ids else ()
            named = fenced.get(history.object, frozenset())
            yield from (touch for row in rows if (touch := _touch(row, history.parent, named)) is not None)
            begin = end


def _touch(row: OrgRecord, parent: str, fenced: frozenset[str]) -> Touch | None:
    """Return what a history row tells: an owner move leaves two, one with ids and one with names; only the former counts."""
    user, record, field = row.text("CreatedById"), row.text(parent), row.text("Field")
    if not user or not record or not field or field in EVENTS:
        return None
    new = row.text("NewValue")
    if field == "Owner" and new is not None and not new.startswith(FIRST_OF_TWO):
        return None
    return Touch(user, record, field, row.modified_at, field in fenced)
