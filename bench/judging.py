"""How long does it take to judge a million changes, from history rows to ledger rows, and does memory stay flat?

Ten thousand leads at a time: what is new about them comes in as the mirror gives it, and what follows is thrown away, so that
nothing but the judging is measured, in seconds of the cores that do it. Reads and writes have scenarios of their own.
"""

from __future__ import annotations

import random
import resource
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.figures import Figure, Figures
from syncd.core.directory import Directory, User
from syncd.core.fence_model import Fences
from syncd.core.judging import Bench, Subject, rule_on
from syncd.core.policy import parse_fences
from syncd.core.tables import Table
from syncd.core.values import OrgRecord, Scalar

CORES = 2
SECONDS = 30
MEGABYTES = 50
BATCH = 10_000
STEP = timedelta(minutes=7)
BEGAN = datetime(2026, 11, 2, tzinfo=UTC)
OWN = "005SX000000000XAAA"
LAWFUL = {
    "Inquiry": ("Marketing Manager", "Nurture", "MQL"),
    "Nurture": ("Marketing Manager", "Inquiry", "MQL"),
    "MQL": ("SDR", "Working", "Nurture"),
    "Working": ("SDR", "Meeting Set", "Disqualified"),
    "Meeting Set": ("SDR", "Qualified", "Nurture"),
    "Disqualified": ("Marketing Manager", "Inquiry", "Inquiry"),
}
LAWFUL_SHARE = 0.85
STATUSES = ("Inquiry", "Nurture", "MQL", "Working", "Meeting Set", "Disqualified", "Qualified")
PEOPLE = {"Marketing Manager": 4, "SDR": 12, "Account Executive": 20}
MACHINES = ("marketo.sync@sandbox.example", "outreach.sync@sandbox.example", "routing@sandbox.example")


@dataclass(frozen=True, slots=True)
class Judged:
    """What one process judged: seconds of its core, verdicts, and the memory it took beyond the first batch."""

    seconds: float
    verdicts: Counter[str]
    megabytes: float


def measure(changes: int) -> Figures:
    """Judge so many changes of leads of a company of 40 people and three machines, half of them on each of two cores."""
    with ProcessPoolExecutor(CORES) as pool:
        found = list(pool.map(_judge, range(CORES), [changes // CORES] * CORES))
    verdicts = sum((each.verdicts for each in found), Counter[str]())
    told = ", ".join(f"{count:,} {verdict}" for verdict, count in verdicts.most_common())
    yield Figure(f"judge {verdicts.total():,} changes on two cores", max(each.seconds for each in found), "s", SECONDS, told)
    yield Figure("the same on one core", sum(each.seconds for each in found), "s")
    yield Figure("memory beyond the first batch, each process", max(each.megabytes for each in found), "MB", MEGABYTES)


def _judge(seed: int, changes: int) -> Judged:
    bench = Bench(_fences(), _people(), "bench", BEGAN + timedelta(days=400))
    rng = random.Random(seed)
    verdicts: Counter[str] = Counter()
    spent, after_first = 0.0, 0
    while verdicts.total() < changes:
        subjects = list(_subjects(rng, list(bench.people.users), verdicts.total()))
        began = time.process_time()
        for subject in subjects:
            verdicts.update(item.verdict.value for item in rule_on(subject, bench).judgements)
        spent += time.process_time() - began
        after_first = after_first or _resident()
    return Judged(spent, verdicts, (_resident() - after_first) / 1024)


def _resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _fences() -> Fences:
    file = Path("mappings/fences.toml")
    text = file.read_text(encoding="utf-8").replace('tool = "observe"', 'tool = "revert"')
    fences, problems = parse_fences(Table(str(file), tomllib.loads(text), {}, "bench"))
    if fences is None:
        raise AssertionError("\n".join(map(str, problems)))
    return fences


def _people() -> Directory:
    users = [
        User(f"005SX{number:010}AAA", f"{role} {number}", f"user{number}@sandbox.example", "Standard User", role, is_active=True)
        for number, role in enumerate(role for role, count in PEOPLE.items() for _ in range(count))
    ]
    users += [
        User(f"005SX{number:010}BBB", name, name, "Integration", "", is_active=True) for number, name in enumerate(MACHINES)
    ]
    return Directory({user.id: user for user in users}, {}, OWN)


def _subjects(rng: random.Random, users: list[str], first: int) -> Iterator[Subject]:
    """Make leads with one to four status moves each, and an owner move beside every third; most status moves are lawful."""
    crew = {role: users[sum(list(PEOPLE.values())[:n]) :][:count] for n, (role, count) in enumerate(PEOPLE.items())}
    for number in range(first, first + BATCH // 3):
        id = f"00QSX{number:010}AAA"
        status, owner = rng.choice(STATUSES), rng.choice(users)
        known = _lead(id, BEGAN, status, owner)
        rows: list[OrgRecord] = []
        at = BEGAN + STEP * rng.randint(1, 9)
        for _ in range(rng.randint(1, 4)):
            at, who, after = at + STEP, rng.choice(users), rng.choice(STATUSES)
            if status in LAWFUL and rng.random() < LAWFUL_SHARE:
                role, *afters = LAWFUL[status]
                who, after = rng.choice(crew[role]), rng.choice(afters)
            rows.append(_row(id, len(rows), at, who, "Status", status, after))
            status = after
            if rng.random() < 0.3:
                taker = rng.choice(crew["SDR"])
                rows.append(_row(id, len(rows), at, who, "Owner", owner, taker))
                owner = taker
        yield Subject("Lead", id, _lead(id, at, status, owner), known, rows)


def _lead(id: str, at: datetime, status: str, owner: str) -> OrgRecord:
    fields: dict[str, Scalar] = {
        "Name": "A Lead",
        "Email": f"{id}@a.example",
        "Status": status,
        "OwnerId": owner,
        "IsConverted": False,
    }
    return OrgRecord("Lead", id, at, {**fields, "CreatedDate": "2026-01-01T00:00:00+00:00"})


def _row(id: str, number: int, at: datetime, who: str, field: str, before: str, after: str) -> OrgRecord:
    fields = {"LeadId": id, "Field": field, "OldValue": before, "NewValue": after, "CreatedById": who}
    return OrgRecord("LeadHistory", f"017{id[5:14]}{number:03}AAA", at, fields)
