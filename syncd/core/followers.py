"""Which fields never move alone, so that it is the org's automation that moves them, in whosever name?

A Flow that runs when a record is saved acts as the login that saved it, and history shows its moves as that login's. What gives
it away is that the field never moves without another one, whoever saves.
Source: real orgs, assumption 4 (docs/practices.md, Real orgs).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from syncd.core.changes import field_moved
from syncd.core.values import OrgRecord

SAVES_MIN = 20
LOGINS_MIN = 3


@dataclass(frozen=True, slots=True)
class Streak:
    """How many saves in a row a field has moved only together with another one, and which logins made them.

    Shapes: both stop growing where they are enough, so that what is settled is not stored again and again.
    """

    saves: int = 0
    logins: tuple[str, ...] = ()

    def one_more(self, login: str) -> Streak:
        """Return the streak after one more save."""
        is_new = login not in self.logins and len(self.logins) < LOGINS_MIN
        return Streak(min(self.saves + 1, SAVES_MIN), (*self.logins, login) if is_new else self.logins)

    @property
    def is_long(self) -> bool:
        """Tell whether this can be no habit of one person or tool."""
        return self.saves >= SAVES_MIN and len(self.logins) >= LOGINS_MIN


NONE = Streak()
Streaks = Mapping[str, Mapping[str, Streak]]
"""The streaks of one object's fields, by the field and by the one that it moved with."""


def streaks_after(known: Streaks, saves: Iterable[tuple[str, frozenset[str]]]) -> Streaks:
    """Go on counting.

    Shapes: `saves` are (login, fields that moved), one for each record and second; the same object comes back when nothing is
    different.
    """
    found = dict(known)
    for login, fields in saves:
        for field in fields:
            before = found.get(field, {})
            found[field] = {other: before.get(other, NONE).one_more(login) for other in sorted(fields - {field})}
    return known if found == known else found


def saves_in(
    history: Iterable[OrgRecord], own_user_id: str, events_at: Iterable[datetime] = ()
) -> list[tuple[str, frozenset[str]]]:
    """Group one record's history rows into saves, in the order in which they happened.

    Shapes: syncd's own saves are left out, and so is what moved in the second of an event such as a conversion.
    """
    skipped = frozenset(events_at)
    moved: dict[tuple[datetime, str], set[str]] = {}
    for row in history:
        login = row.text("CreatedById")
        if login and row.text("Field") and login != own_user_id and row.modified_at not in skipped:
            moved.setdefault((row.modified_at, login), set()).add(field_moved(row))
    return [(login, frozenset(fields)) for (_, login), fields in sorted(moved.items())]


def followers_of(streaks: Streaks, leading: Sequence[str], given: Iterable[str] = ()) -> dict[str, frozenset[str]]:
    """Return the fields that never move alone, each with those that it follows.

    Shapes: of two that only move together the one that comes first in `leading` leads; where neither is there, nobody can know.
    `given` are fields that people fill in with another one because a rule asks for it, such as a reason: these are theirs.
    """
    rank = {field: number for number, field in enumerate(leading)}
    theirs, last = set(given), len(rank)
    long = {field: {other for other, streak in beside.items() if streak.is_long} for field, beside in streaks.items()}
    found = {}
    for field in long.keys() - theirs:
        led_by = {
            other for other in long[field] if field not in long.get(other, ()) or rank.get(other, last) < rank.get(field, last)
        }
        if led_by:
            found[field] = frozenset(led_by)
    return found
