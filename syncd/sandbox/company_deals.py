"""Which deals does the demo company have, who is on them, and which have gone quiet?

A deal is stalled when it is open, has been in Discovery for more than 45 or in Evaluation for more than 60 whole UTC
days, and no task of somebody in sales or of an SDR falls into the last 21 days or the future; for Proposal it is 60 and
30 days. Marketing's own mails, logged as tasks, keep no deal alive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Final

from syncd.sandbox.company_people import MARKETO, Cast, Login
from syncd.sandbox.company_tables import record_id, working_hour
from syncd.sandbox.company_words import (
    COUNTRIES,
    FIRST_NAMES,
    INDUSTRIES,
    LAST_NAMES,
    SOURCES,
    TITLES,
    Addresses,
    company_name,
    domain_of,
)

DISCOVERY, EVALUATION, PROPOSAL, NEGOTIATION = "Discovery", "Evaluation", "Proposal", "Negotiation"
CLOSED_WON, CLOSED_LOST = "Closed Won", "Closed Lost"
# stage, closed, won, probability, forecast category
STAGES: Final = (
    (DISCOVERY, False, False, 10, "Pipeline"),
    (EVALUATION, False, False, 30, "Pipeline"),
    (PROPOSAL, False, False, 55, "BestCase"),
    (NEGOTIATION, False, False, 80, "Forecast"),
    (CLOSED_WON, True, True, 100, "Closed"),
    (CLOSED_LOST, True, False, 0, "Omitted"),
)
PROBABILITY: Final = {name: probability for name, _, _, probability, _ in STAGES}
STALL_DAYS: Final = {DISCOVERY: 45, EVALUATION: 60, PROPOSAL: 60}
QUIET_DAYS: Final = {DISCOVERY: 21, EVALUATION: 21, PROPOSAL: 30}
ROLES: Final = ("Decision Maker", "Economic Buyer", "Business User", "Evaluator", "Influencer", "Procurement")
_OPEN: Final = (DISCOVERY, EVALUATION, PROPOSAL, NEGOTIATION)
_CALLS: Final = ("Call: next steps", "Call: pricing questions", "Meeting: demo", "E-mail: follow-up", "Call: check in")
# mood of a deal and its share of all deals in per mille
_MOODS: Final = (("stalled", 72), ("late", 10), ("nearly", 50), ("booked", 6), ("alive", 272), ("won", 220), ("lost", 370))


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody at a customer or prospect."""

    id: str
    account_id: str
    company: str
    first: str
    last: str
    title: str
    email: str
    country: str
    opted_out: bool
    hold_on: date | None
    person_id: str
    owner: Login
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    name: str
    industry: str
    country: str
    owner: Login
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StageMove:
    """A snapshot of the deal as it was entered: the first one is its creation."""

    stage: str
    amount: int
    close_on: date
    actor: Login
    at: datetime


@dataclass(frozen=True, slots=True)
class TaskNote:
    subject: str
    owner: Login
    on: date
    at: datetime
    done: bool
    who_id: str


@dataclass(frozen=True, slots=True)
class Deal:
    """An opportunity with all that hangs on it. `mood` says what its story was invented to be."""

    id: str
    name: str
    mood: str
    account: Account
    owner: Login
    source: str
    moves: tuple[StageMove, ...]
    roles: tuple[tuple[Contact, str], ...]
    tasks: tuple[TaskNote, ...]
    hold_on: date | None
    converted: Contact | None


class DealInventor:
    """Invents accounts, contacts and deals from one source of randomness."""

    def __init__(self, rng: Random, cast: Cast, now: datetime, addresses: Addresses) -> None:
        self._rng, self._now, self._addresses = rng, now, addresses
        self._aes, self._marketo = cast.of("sales", "Account Executive"), cast.login(MARKETO)
        self._contacts: dict[str, list[Contact]] = {}
        self._contact_count = 0

    def accounts(self, count: int) -> list[Account]:
        """Invent accounts with 2 to 4 contacts each."""
        accounts = [self._account(number) for number in range(1, count + 1)]
        for account in accounts:
            since = account.created_at
            people = [self._contact(account, since + timedelta(days=n)) for n in range(self._rng.randrange(2, 5))]
            self._contacts[account.id] = people
        return accounts

    def contacts(self) -> Iterator[Contact]:
        """List all contacts, those of conversions included; call it when the deals are invented."""
        for people in self._contacts.values():
            yield from people

    def deals(self, accounts: list[Account], count: int) -> list[Deal]:
        """Invent deals over all stages; their shares don't depend on chance, their stories do."""
        moods = [mood for mood, share in _MOODS for _ in range(-(-count * share // 1000))][:count]
        self._rng.shuffle(moods)
        return [self._deal(number, mood, self._rng.choice(accounts)) for number, mood in enumerate(moods, 1)]

    def _account(self, number: int) -> Account:
        rng = self._rng
        created_at = working_hour(rng, (self._now - timedelta(days=rng.randrange(720, 880))).date())
        name, country = company_name(rng), rng.choice(COUNTRIES)[0]
        return Account(record_id("Account", number), name, rng.choice(INDUSTRIES), country, rng.choice(self._aes), created_at)

    def _contact(self, account: Account, at: datetime) -> Contact:
        rng = self._rng
        self._contact_count += 1
        first, last, chance = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES), rng.random()
        hold_on = None
        if chance < 0.02:
            hold_on = self._now.date() + timedelta(days=rng.randrange(10, 75))
        elif chance < 0.03:
            hold_on = self._now.date() - timedelta(days=rng.randrange(5, 90))
        return Contact(
            id=record_id("Contact", self._contact_count),
            account_id=account.id,
            company=account.name,
            first=first,
            last=last,
            title=rng.choice(TITLES),
            email=self._addresses.new(first, last, account.name),
            country=account.country,
            opted_out=rng.random() < 0.04,
            hold_on=hold_on,
            person_id=str(5_000_000 + self._contact_count) if rng.random() < 0.88 else "",
            owner=account.owner,
            created_at=at,
        )

    def _deal(self, number: int, mood: str, account: Account) -> Deal:
        rng = self._rng
        stage, days_in_stage, quiet_days = self._standing(mood)
        owner = account.owner if rng.random() < 0.8 else rng.choice(self._aes)
        moves = self._moves(stage, days_in_stage, owner)
        converted = self._contact(account, moves[0].at) if rng.random() < 0.12 else None
        roles = self._roles(account, converted, moves[0].at)
        if converted:
            self._contacts[account.id].append(converted)
        hold_on = self._now.date() + timedelta(days=30) if mood == "stalled" and rng.random() < 0.04 else None
        return Deal(
            id=record_id("Opportunity", number),
            name=f"{account.name} - {rng.choice(('New business', 'Pilot', 'Roll-out', 'Second site', 'Platform'))}",
            mood=mood,
            account=account,
            owner=owner,
            source=rng.choice(SOURCES),
            moves=moves,
            roles=roles,
            tasks=self._tasks(mood, quiet_days, moves, owner, roles),
            hold_on=hold_on,
            converted=converted,
        )

    def _standing(self, mood: str) -> tuple[str, int, int]:
        """Choose stage, whole days in it, and whole days since somebody in sales did something."""
        rng = self._rng
        if mood in ("won", "lost"):
            return (CLOSED_WON if mood == "won" else CLOSED_LOST), rng.randrange(1, 500), 0
        if mood == "alive":
            stage = rng.choices(_OPEN, (25, 25, 30, 20))[0]
            return stage, rng.randrange(1, 90), rng.randrange(1, 13)
        stage = PROPOSAL if mood == "late" else rng.choice((DISCOVERY, EVALUATION))
        limit, quiet = STALL_DAYS[stage], QUIET_DAYS[stage]
        if mood == "nearly" and rng.random() < 0.5:  # quiet already; the days in stage run out
            return stage, rng.randrange(limit - 4, limit + 1), rng.randrange(quiet + 1, limit - 5)
        if mood == "nearly":  # old already; the last call fades
            return stage, rng.randrange(limit + 5, limit + 60), rng.randrange(quiet - 4, quiet + 1)
        return stage, rng.randrange(limit + 1, limit + 90), rng.randrange(quiet + 1, limit + 1)

    def _moves(self, stage: str, days_in_stage: int, owner: Login) -> tuple[StageMove, ...]:
        rng = self._rng
        road = [*_OPEN[: rng.randrange(1, 5)], stage] if stage in (CLOSED_WON, CLOSED_LOST) else _OPEN[: _OPEN.index(stage) + 1]
        day = self._now.date() - timedelta(days=days_in_stage)
        days = [day]
        for _ in road[1:]:
            days.append(days[-1] - timedelta(days=rng.randrange(3, 30)))
        days.reverse()
        amount, close_on = rng.randrange(4, 240) * 500, days[0] + timedelta(days=rng.randrange(120, 260))
        moves: list[StageMove] = []
        for on, name in zip(days, road, strict=True):
            at = working_hour(rng, on)
            if name in (CLOSED_WON, CLOSED_LOST):
                close_on = on
            elif moves and rng.random() < 0.4:  # the amount is talked up or down on the way, in a save of its own
                amount = max(1000, amount + rng.randrange(-10, 15) * 500)
                moves.append(StageMove(moves[-1].stage, amount, close_on, owner, at - timedelta(hours=20)))
            elif moves and rng.random() < 0.3:
                close_on += timedelta(days=30)
            moves.append(StageMove(name, amount, close_on, owner, at))
        return tuple(moves)

    def _roles(self, account: Account, converted: Contact | None, at: datetime) -> tuple[tuple[Contact, str], ...]:
        rng = self._rng
        if converted is None and rng.random() < 0.09:
            return ()
        people = [contact for contact in self._contacts[account.id] if contact.created_at < at]
        chosen = rng.sample(people, min(len(people), rng.choice((1, 1, 2, 2, 3)) - (converted is not None)))
        chosen = [converted, *chosen] if converted else chosen
        names = rng.sample(ROLES, len(chosen))
        if rng.random() < 0.6:
            names[0] = "Decision Maker"
        return tuple(zip(chosen, names, strict=True))

    def _tasks(
        self,
        mood: str,
        quiet_days: int,
        moves: tuple[StageMove, ...],
        owner: Login,
        roles: tuple[tuple[Contact, str], ...],
    ) -> tuple[TaskNote, ...]:
        rng, today = self._rng, self._now.date()
        who = roles[0][0].id if roles else ""
        if mood in ("won", "lost"):
            return (_note(rng, owner, moves[-1].at.date(), who),) if rng.random() < 0.5 else ()
        tasks: list[TaskNote] = []
        if mood != "stalled" or rng.random() < 0.9:
            last = today - timedelta(days=quiet_days)
            tasks = [_note(rng, owner, last - timedelta(days=7 * n), who) for n in reversed(range(rng.randrange(1, 4)))]
        if mood == "booked":  # a meeting ahead keeps the deal alive
            noted = working_hour(rng, today - timedelta(days=1))
            tasks.append(TaskNote("Meeting: workshop", owner, today + timedelta(days=9), noted, False, who))
        if mood == "stalled" and rng.random() < 0.4:
            at = working_hour(rng, today - timedelta(days=rng.randrange(1, 12)))
            tasks.append(TaskNote("Marketo: Email sent (Spring newsletter)", self._marketo, at.date(), at, True, who))
        return tuple(task for task in tasks if task.at >= moves[0].at)


def _note(rng: Random, owner: Login, on: date, who_id: str) -> TaskNote:
    return TaskNote(rng.choice(_CALLS), owner, on, working_hour(rng, on), True, who_id)


def stalled(stage: str, in_stage_since: datetime, last_sales_task_on: date | None, now: datetime) -> bool:
    """Say whether a deal counts as stalled at `now`; days are whole UTC days."""
    if stage not in STALL_DAYS:
        return False
    today = now.date()
    is_quiet = last_sales_task_on is None or (today - last_sales_task_on).days > QUIET_DAYS[stage]
    return (today - in_stage_since.date()).days > STALL_DAYS[stage] and is_quiet


def website(account: Account) -> str:
    """Name the account's web address."""
    return f"https://www.{domain_of(account.name)}"
