"""What follows when a change passes no gate: how far, since when, after how long, and who approved it?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from syncd.core.fence_file.bindings import LADDER_KEYS
from syncd.core.fence_file.teams import KINDS
from syncd.core.fence_model import Approver, BulkEvent, Ladder, Quiet
from syncd.core.reading import Reader
from syncd.core.tables import Path
from syncd.core.values import ActorKind, Verdict

CROSSING = "crossing"
APPROVERS = "approvers"
MODES = {"observe": Verdict.NOTE, "warn": Verdict.WARN, "ask": Verdict.ASK, "revert": Verdict.REVERT}
BEYOND_WARN = (Verdict.ASK, Verdict.REVERT)
NEVER_ENFORCED = {
    "admin": "an admin is noted and never reverted",
    "partner": "a partner is noted and never warned or reverted",
    "shared": "behind a login that several use stands nobody in particular",
    "unknown": "an actor that is not sure is only noted",
}
QUIET_KEYS = ("last_business_days", "of")
BULK_KEYS = ("records", "minutes")
TELL = ("task", "chatter")
QUIET_OF = {"fiscal quarter": "quarter", "fiscal year": "year"}


@dataclass(frozen=True, slots=True)
class Said:
    """What one table under [crossing] says; None where it says nothing. `at` has the place of each mode."""

    mode: Mapping[ActorKind, Verdict]
    at: Mapping[ActorKind, Path]
    since: datetime | None = None
    grace: timedelta | None = None
    tell: str | None = None

    def under(self, general: Said) -> Said:
        """Return what holds when this table overrides the general one key by key."""
        return Said(
            {**general.mode, **self.mode},
            {**general.at, **self.at},
            general.since if self.since is None else self.since,
            general.grace if self.grace is None else self.grace,
            general.tell if self.tell is None else self.tell,
        )

    def ladder(self) -> Ladder:
        """Return it as the ladder of a fence."""
        return Ladder(self.mode, self.since, self.grace or timedelta(0), self.tell)


@dataclass(frozen=True, slots=True)
class Stance:
    """What decides how far a fence may go: its name, between which teams of people it stands, and whether syncd writes it."""

    name: str
    between: Sequence[str]
    is_writable: bool = True
    approved_by: Collection[str] = field(default_factory=tuple)


def read_ladders(read: Reader, stances: Sequence[Stance]) -> dict[str, Ladder]:
    """Read [crossing] and what [crossing.NAME] overrides of it, for each fence."""
    names = [stance.name for stance in stances]
    read.known_keys((CROSSING,), (*LADDER_KEYS, *names))
    general = _said(read, (CROSSING,))
    found = {}
    for stance in stances:
        path = (CROSSING, stance.name)
        read.known_keys(path, LADDER_KEYS)
        said = _said(read, path).under(general)
        _limits(read, stance, said)
        found[stance.name] = (said if stance.is_writable else replace(said, tell=None)).ladder()
    return found


def _limits(read: Reader, stance: Stance, said: Said) -> None:
    if not stance.is_writable:
        for kind, verdict in said.mode.items():
            if verdict in BEYOND_WARN:
                text = f"{_named(stance)} can't {verdict}: syncd never writes an opportunity."
                remedy = f'Say less here: [{CROSSING}.{stance.name}] mode = {{ {kind} = "warn" }}'
                read.refuse(said.at[kind], "MAP-043", text, remedy)
        return
    missing = [team for team in stance.between if team not in stance.approved_by]
    if said.mode.get(ActorKind.PERSON) in BEYOND_WARN and missing:
        word = said.mode[ActorKind.PERSON]
        text = f"{_named(stance)} may {word} people only when each team agrees, and nobody approves for "
        lines = ", ".join(f'{team} = "name@example.com"' for team in missing)
        named = " and ".join(part for part in (", ".join(missing[:-1]), missing[-1]) if part)
        remedy = f'Write "warn", or add to {APPROVERS} at the top of the file: {lines}'
        read.refuse(said.at[ActorKind.PERSON], "MAP-044", f"{text}{named}.", remedy)


def _named(stance: Stance) -> str:
    return "a rule of [fields]" if stance.name == "fields" else f"the {stance.name} fence"


def _said(read: Reader, path: Path) -> Said:
    mode: dict[ActorKind, Verdict] = {}
    at: dict[ActorKind, Path] = {}
    for kind in read.table((*path, "mode")):
        here = (*path, "mode", kind)
        if kind in NEVER_ENFORCED:
            if read.value(here) != "observe":
                text = f"{kind} = {read.value(here)!r} is not possible: {NEVER_ENFORCED[kind]}."
                read.refuse(here, "MAP-041", text, 'Write "observe".')
        elif kind not in KINDS:
            read.unknown(here, "MAP-040", f"{kind!r} is no kind of actor", KINDS, kind)
        else:
            mode[KINDS[kind]] = MODES[read.choice(here, tuple(MODES)) or "observe"]
            at[KINDS[kind]] = here
    minutes = read.whole((*path, "grace_minutes"))
    grace = None if minutes is None else _minutes(read, (*path, "grace_minutes"), minutes)
    return Said(mode, at, _since(read, (*path, "since")), grace, _tell(read, (*path, "tell")))


def _minutes(read: Reader, path: Path, minutes: int) -> timedelta | None:
    if minutes > 7 * 24 * 60:
        text = f"{path[-1]} = {minutes} is more than a week."
        read.refuse(path, "MAP-015", text, "Write minutes, such as 30.")
        return None
    return timedelta(minutes=minutes)


def _tell(read: Reader, path: Path) -> str | None:
    tell = read.text(path)
    if tell is None or tell in TELL:
        return tell
    word, _, name = tell.partition(" ")
    if word != "field" or not name.isidentifier():
        text = f"tell = {tell!r} is no place where reps look."
        read.refuse(path, "MAP-045", text, 'Write "task", "chatter" or "field Syncd_Note__c".')
        return None
    return tell


def _since(read: Reader, path: Path) -> datetime | None:
    value: Any = read.value(path)
    if value is None:
        return None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            read.refuse(path, "MAP-042", f"since = {value} has no time zone.", "Write a date, or a time that ends in Z.")
            return None
        try:
            return value.astimezone(UTC)
        except OverflowError:
            read.refuse(path, "MAP-042", f"since = {value} is out of range.", "Write a date of this century.")
            return None
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    shown = value if isinstance(value, time) else repr(value)
    read.refuse(path, "MAP-042", f"since = {shown} is no date.", "Write it without quotes, such as: since = 2026-11-01")
    return None


def read_approvers(read: Reader, people: Collection[str]) -> tuple[Approver, ...]:
    """Read who approves for which team. One person never approves for two: then nobody would look at it from the other side."""
    found: dict[str, Approver] = {}
    for team in read.table((APPROVERS,)):
        path = (APPROVERS, team)
        who = read.text(path, required=True)
        if team not in people:
            read.unknown(path, "MAP-054", f"approvers names {team!r}, which is no team of people", people, team)
        if who is None:
            continue
        twice = found.get(who.casefold())
        if twice is not None:
            text = f"{who!r} approves for {twice.team} and for {team}."
            read.refuse(path, "MAP-055", text, "Two teams agree by two people: name another one.")
        found[who.casefold()] = Approver(team, who, read.rule(f"approver of {team}", *path))
    return tuple(found.values())


def read_quiet(read: Reader) -> Quiet:
    """Read [quiet]: the days at the end of a fiscal period on which nobody is reverted."""
    read.known_keys(("quiet",), QUIET_KEYS)
    days = read.whole(("quiet", "last_business_days"))
    if days is None and read.table(("quiet",)).keys() == {"of"}:
        read.refuse(("quiet",), "MAP-003", "'last_business_days' is missing.", "Add: last_business_days = 5")
    of = read.choice(("quiet", "of"), tuple(QUIET_OF), default="fiscal quarter")
    if days is not None and days > 60:
        text = f"last_business_days = {days} is more than a quarter has."
        read.refuse(("quiet", "last_business_days"), "MAP-015", text, "Write a few days, such as 5.")
    return Quiet(days or 0, QUIET_OF[of or "fiscal quarter"])


def read_bulk(read: Reader) -> BulkEvent:
    """Read [bulk]: from how many records in how many minutes a mass edit is one event."""
    read.known_keys(("bulk",), BULK_KEYS)
    default = BulkEvent()
    records, minutes = (_positive(read, ("bulk", key)) for key in ("records", "minutes"))
    within = default.within if minutes is None else _minutes(read, ("bulk", "minutes"), minutes)
    return BulkEvent(records or default.records, within or default.within)


def _positive(read: Reader, path: Path) -> int | None:
    number = read.whole(path)
    if number == 0:
        read.refuse(path, "MAP-015", f"{path[-1]} = 0 would call every change a mass edit.", "Write a number, such as 50.")
        return None
    return number
