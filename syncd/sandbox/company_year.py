"""What do twelve logins of every kind do to a company's leads in a year, was it lawful, and can anybody know?

The year goes straight into the org's tables, history rows and stamps as a save leaves them, because a hundred thousand leads
would take hours by requests. `Told` is the emulator's own record of each change: the login, the hand behind it, whether the
fences of `company_fence.py` allow it, and whether the org keeps enough for anybody to find out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from syncd.sandbox.clock import stamp as stored
from syncd.sandbox.company_fence import LEAD_STATUSES, QUALIFIED, STATUS_TEAM, may_set_owner, may_set_status
from syncd.sandbox.company_tables import record_id, table
from syncd.sandbox.company_year_cast import (
    ASSIGNED,
    BY_OWNER,
    FLOW,
    NOBODY,
    PEOPLE,
    SHARED,
    TOOLS,
    Login,
    YearCast,
    created_at,
    write_cast,
)

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

STATUS, OWNER = "Status", "OwnerId"
CHUNK_DAYS: Final = 28
UNTRACKED_IN, HIRED_IN = 1, 2  # in which chunk no history is kept, and in which the login of no team becomes an SDR's
_KINDS: Final = ("lawful", "unlawful", "shared", "nobody", "same second", "offline", "assigned")
_QUALIFIED_SHARE: Final = 0.05  # of the lawful moves that could qualify a lead: from there no team hands it on
_WEIGHTS: Final = (920, 30, 10, 10, 10, 10, 10)


@dataclass(frozen=True, slots=True)
class Told:
    """One change as the emulator knows it. `hand` is who really did it; `why` says why nobody could know, "" where one can."""

    lead_id: str
    field: str
    before: str
    after: str
    at: datetime
    username: str
    hand: str
    is_lawful: bool
    why: str = ""
    made_at: datetime | None = None

    @property
    def is_knowable(self) -> bool:
        """Tell whether the org keeps enough to find out."""
        return not self.why


_Way = tuple[Login, str, str]
"""A login, a field, and the value that it sets there."""


@dataclass(slots=True)
class _Lead:
    id: str
    status: str
    owner: str
    at: datetime


class Year:
    """A year of a company: first its folder, then chunk by chunk what was done to its leads.

    `is_sparse`: nothing happens to a lead twice in one chunk, and history is kept all the time; what somebody else wrote between
    two chunks is where the next one begins.
    """

    def __init__(
        self, *, seed: int, start: datetime, leads: int, edits_per_lead: float = 4.0, chunks: int = 13, is_sparse: bool = False
    ) -> None:
        self._is_sparse = is_sparse
        self._rng, self._start = Random(f"{seed} year"), start.replace(microsecond=0)
        self._chunks, self._edits = chunks, int(leads * edits_per_lead / chunks)
        self._cast = YearCast()
        self._chunk = 0
        self._known_ways: dict[tuple[str, str, bool], list[_Way]] = {}
        self._leads = [self._lead(number) for number in range(1, leads + 1)]

    def _lead(self, number: int) -> _Lead:
        status = self._rng.choice(LEAD_STATUSES)
        owner = self._rng.choice(self._cast.owners[STATUS_TEAM[status]])
        return _Lead(record_id("Lead", number), status, owner, self._start)

    def write(self, folder: Path) -> Path:
        """Write the company as it stands when the year begins: a load folder."""
        created = created_at(self._start)
        write_cast(folder, self._cast, self._start)
        with table(folder, "Lead", ("Id", "LastName", "Company", "Status", "OwnerId", "CreatedDate", "LastModifiedDate")) as row:
            for number, lead in enumerate(self._leads, 1):
                row((lead.id, f"Lead {number}", "Acme", lead.status, lead.owner, created, created))
        return folder

    def chunks(self, org: Org) -> Iterator[list[Told]]:
        """Let the year happen in an org that holds the folder, four weeks at a time, and tell what was done.

        The org's clock stands an hour after each chunk. In the second chunk the history of Status and Owner is switched off; in
        the third the login of no team gets a role.
        """
        for number in range(self._chunks):
            begins = self._start + timedelta(days=CHUNK_DAYS * number, hours=1)
            is_tracked = self._is_sparse or number != UNTRACKED_IN
            self._look(org)
            self._chunk = number
            told = self._tell(begins, is_tracked=is_tracked)
            ends = begins + timedelta(days=CHUNK_DAYS) - timedelta(hours=1)
            with org.lock:
                org.change_settings({"history_tracking": {"Lead": ["Status", "Owner"] if is_tracked else []}})
                org.clock.set(ends)
                if number == HIRED_IN:
                    self._hire(org, ends - timedelta(minutes=1))
                self._write_into(org, told, is_tracked=is_tracked)
            yield told

    def _hire(self, org: Org, at: datetime) -> None:
        """Give the login of no team a role at some time in the chunk; its user was saved last at `at`, for whatever reason."""
        role = org.database.where("UserRole", Name="SDR")[0]["Id"]
        changes = {"UserRoleId": role, "LastModifiedDate": stored(at), "SystemModstamp": stored(at)}
        org.database.update("User", self._cast.one_of(NOBODY).id, changes)

    def _look(self, org: Org) -> None:
        """Go on from what the org holds: somebody may have written since."""
        held = {row[0]: row[1:] for row in org.database.connection.execute('SELECT "Id", "Status", "OwnerId" FROM "Lead"')}
        for lead in self._leads:
            lead.status, lead.owner = held[lead.id]

    def _tell(self, begins: datetime, *, is_tracked: bool) -> list[Told]:
        rng, span = self._rng, int(timedelta(days=CHUNK_DAYS - 1).total_seconds())
        moments = sorted(begins + timedelta(seconds=rng.randrange(span)) for _ in range(self._edits))
        is_once = self._is_sparse or not is_tracked
        touched = rng.sample(range(len(self._leads)), min(self._edits, len(self._leads))) if is_once else None
        told: list[Told] = []
        for place, at in enumerate(moments[: len(touched)] if touched is not None else moments):
            lead = self._leads[touched[place] if touched is not None else rng.randrange(len(self._leads))]
            at = max(at, lead.at + timedelta(seconds=2))
            told += self._edit(lead, at) if is_tracked else self._untracked(lead, at)
            lead.at = at
        return sorted(told, key=lambda one: one.at)

    def _edit(self, lead: _Lead, at: datetime) -> list[Told]:
        kind = self._rng.choices(_KINDS, _WEIGHTS)[0]
        lawful = self._ways(lead, lawful=True)
        if self._rng.random() > _QUALIFIED_SHARE:
            lawful = [way for way in lawful if way[2] != QUALIFIED] or lawful
        if kind == "unlawful":
            return [self._some(lead, at, self._ways(lead, lawful=False))]
        if kind == "shared":
            return [
                self._move(lead, at, self._cast.one_of(SHARED), hand=self._rng.choice(TOOLS), why="four tools share the login")
            ]
        if kind == "nobody":
            return [self._move(lead, at, self._cast.one_of(NOBODY), why=self._doubt())]
        by_people = [way for way in lawful if way[0].team in PEOPLE]
        if kind == "offline" and by_people:
            return [self._some(lead, at, by_people, made_at=at - timedelta(hours=self._rng.randrange(1, 7)))]
        if kind == "same second" and (statuses := [way for way in by_people if way[1] == STATUS]):
            return self._twice(lead, at, statuses)
        if (
            kind == "assigned"
            and self._cast.team_of[lead.owner] == "marketing"
            and (ways := [w for w in by_people if w[1] == STATUS])
        ):
            return self._assigned(lead, at, ways)
        first = self._some(lead, at, lawful)
        if first.field == STATUS and self._rng.random() < 0.15:
            return [first, *self._along(lead, at, first)]
        return [first]

    def _doubt(self) -> str:
        if self._chunk == HIRED_IN:
            return "the login changed teams, and nobody knows when"
        return "the login belongs to no team" if self._chunk < HIRED_IN else ""

    def _along(self, lead: _Lead, at: datetime, first: Told) -> list[Told]:
        """Move the owner in the same save as the status, where that login may."""
        login = self._cast.named(first.username)
        after = self._rng.choice([owner for owner in self._cast.team_of if owner != lead.owner])
        if login.team == BY_OWNER or not self._is_lawful(lead, login, OWNER, after):
            return []
        return [self._apply(lead, OWNER, after, at, login)]

    def _assigned(self, lead: _Lead, at: datetime, ways: Sequence[_Way]) -> list[Told]:
        """Let the assignment rule, whose box a person ticked, give a lead to the SDRs' queue with that person's own save."""
        first, before = self._some(lead, at, ways), lead.owner
        lead.owner = self._cast.owners["sdr"][-1]
        return [first, Told(lead.id, OWNER, before, lead.owner, at, first.username, ASSIGNED, is_lawful=True)]

    def _twice(self, lead: _Lead, at: datetime, ways: Sequence[_Way]) -> list[Told]:
        """Let a Flow rewrite a status in the second, and in the name, of whoever set it."""
        first = self._some(lead, at, ways)
        login = self._cast.named(first.username)
        after = self._rng.choice([each for each in LEAD_STATUSES if each != lead.status])
        return [first, self._apply(lead, STATUS, after, at, login, hand=FLOW, why="a Flow wrote in somebody's name")]

    def _untracked(self, lead: _Lead, at: datetime) -> list[Told]:
        login = self._rng.choice(self._cast.logins)
        return [self._move(lead, at, login, why="no history was kept")]

    def _some(self, lead: _Lead, at: datetime, ways: Sequence[_Way], *, made_at: datetime | None = None) -> Told:
        login, field, after = self._rng.choice(ways)
        return self._apply(lead, field, after, at, login, made_at=made_at)

    def _ways(self, lead: _Lead, *, lawful: bool) -> list[_Way]:
        """List the moves that any login whose hand is known could make now, lawful or not."""
        key = (lead.status, lead.owner, lawful)
        if key not in self._known_ways:
            able = [each for each in self._cast.logins if each.team not in (SHARED, NOBODY)]
            ways = [(each, STATUS, after) for each in able for after in LEAD_STATUSES if after != lead.status]
            ways += [(each, OWNER, after) for each in able for after in self._cast.team_of if after != lead.owner]
            self._known_ways[key] = [way for way in ways if self._is_lawful(lead, *way) == lawful]
        return self._known_ways[key]

    def _is_lawful(self, lead: _Lead, login: Login, field: str, after: str) -> bool:
        team = self._hand(lead, login)
        if field == STATUS:
            return may_set_status(team, lead.status, after)
        return may_set_owner(team, self._cast.team_of[lead.owner], self._cast.team_of[after])

    def _hand(self, lead: _Lead, login: Login) -> str:
        if login.team == NOBODY and self._chunk > HIRED_IN:
            return "sdr"
        return self._cast.team_of[lead.owner] if login.team == BY_OWNER else login.team

    def _move(self, lead: _Lead, at: datetime, login: Login, *, hand: str = "", why: str) -> Told:
        _, field, after = self._draw(lead, [login])
        return self._apply(lead, field, after, at, login, hand=hand, why=why)

    def _draw(self, lead: _Lead, able: Sequence[Login]) -> tuple[Login, str, str]:
        rng = self._rng
        if rng.random() < 0.7:
            return rng.choice(able), STATUS, rng.choice([each for each in LEAD_STATUSES if each != lead.status])
        return rng.choice(able), OWNER, rng.choice([owner for owner in self._cast.team_of if owner != lead.owner])

    def _apply(
        self,
        lead: _Lead,
        field: str,
        after: str,
        at: datetime,
        login: Login,
        *,
        hand: str = "",
        why: str = "",
        made_at: datetime | None = None,
    ) -> Told:
        before = lead.status if field == STATUS else lead.owner
        is_lawful = self._is_lawful(lead, login, field, after)
        told = Told(lead.id, field, before, after, at, login.username, hand or self._hand(lead, login), is_lawful, why, made_at)
        if field == STATUS:
            lead.status = after
        else:
            lead.owner = after
        return told

    def _write_into(self, org: Org, told: Sequence[Told], *, is_tracked: bool) -> None:
        """Write what these changes leave: history rows where it is kept, and the leads as they stand then."""
        ids = {login.username: login.id for login in self._cast.logins}
        if is_tracked:
            columns = ("Id", "IsDeleted", "LeadId", "CreatedById", "CreatedDate", "Field", "DataType", "OldValue", "NewValue")
            org.database.insert_many("LeadHistory", columns, self._history(org, told, ids))
        last = {one.lead_id: one for one in told}
        leads = {lead.id: lead for lead in self._leads if lead.id in last}
        rows = [
            (leads[id].status, leads[id].owner, ids[one.username], stored(one.at), stored(one.at), id) for id, one in last.items()
        ]
        org.database.connection.executemany(
            'UPDATE "Lead" SET "Status" = ?, "OwnerId" = ?, "LastModifiedById" = ?, "LastModifiedDate" = ?, "SystemModstamp" = ? '
            'WHERE "Id" = ?',
            rows,
        )

    def _history(self, org: Org, told: Sequence[Told], ids: dict[str, str]) -> Iterator[tuple[object, ...]]:
        for one in told:
            whose = (one.lead_id, ids[one.username], stored(one.at))
            if one.field == STATUS:
                yield (org.mint_id("017"), 0, *whose, "Status", "DynamicEnum", one.before, one.after)
                continue
            yield (org.mint_id("017"), 0, *whose, "Owner", "Text", self._cast.names[one.before], self._cast.names[one.after])
            yield (org.mint_id("017"), 0, *whose, "Owner", "EntityId", one.before, one.after)
