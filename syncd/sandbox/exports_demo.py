"""What does the marketing-automation tool of the demo company export each day?

A Marketo-like CSV: API names in the header, the bare word `null` where there is no value, `true`/`false`. Day 1 is the
big file, later days are deltas. Each file holds a known dose of what real files hold: broken rows, the same person
twice, a boolean nobody can read, people nobody knows. Which row is which is told by `export_rows`.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from syncd.sandbox.company_tables import parse_stamp, read_table

HEADER: Final = (
    "id",
    "email",
    "firstName",
    "lastName",
    "company",
    "leadScore",
    "unsubscribed",
    "emailInvalid",
    "leadSource",
    "updatedAt",
)
UNSUBSCRIBES_A_DAY, BOUNCES_A_DAY = 12, 8
# kind of row and how many a day
PROBLEMS: Final = {
    "ragged-short": 3,
    "ragged-long": 2,
    "twice": 4,
    "tie": 2,
    "unreadable-boolean": 3,
    "ambiguous": 2,
    "nobody": 6,
    "surname-null": 3,
    "stale-consent": 2,
    "formula": 1,
    "line-break": 1,
}


@dataclass(frozen=True, slots=True)
class ExportPerson:
    """One person as the marketing tool knows them; `id` is MA_Person_Id__c in the org."""

    id: str
    email: str
    first: str
    last: str
    company: str
    score: str
    opted_out: bool
    source: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One line of the file and what it was made to be: `plain`, `unsubscribe`, `bounce` or a kind of PROBLEMS."""

    kind: str
    cells: tuple[str, ...]


def people_of(folder: Path) -> tuple[ExportPerson, ...]:
    """Read the marketing tool's people off a load folder, in id order; a converted lead and its contact are one."""
    companies = {row["Id"]: row["Name"] for row in read_table(folder, "Account")}
    people = {row["MA_Person_Id__c"]: _person(row, row["Company"]) for row in read_table(folder, "Lead")}
    for row in read_table(folder, "Contact"):
        people[row["MA_Person_Id__c"]] = _person(row, companies.get(row["AccountId"], ""))
    people.pop("", None)
    return tuple(sorted(people.values(), key=lambda person: person.id))


def _person(row: Mapping[str, str], company: str) -> ExportPerson:
    return ExportPerson(
        id=row["MA_Person_Id__c"],
        email=row["Email"],
        first=row["FirstName"],
        last=row["LastName"],
        company=company,
        score=row.get("Lead_Score__c", ""),
        opted_out=row["HasOptedOutOfEmail"] == "true",
        source=row.get("LeadSource", ""),
        updated_at=parse_stamp(row["LastModifiedDate"]),
    )


def write_export(
    path: Path,
    *,
    folder_or_people: Path | Sequence[ExportPerson],
    day: int,
    seed: int,
    rows: int = 2200,
    doubled: Sequence[str] = (),
) -> None:
    """Write the export of one day (1 = the first) as UTF-8 CSV; every third day with BOM, day 4 with CRLF.

    Shapes: a folder is read for its people and for the e-mail addresses that two leads share; with people given, name
    those addresses in `doubled` or no ambiguous row is written. `rows` is day 1's size; later days hold 300 to 500.
    Errors: ValueError when the company is too small to hold a day's rows.
    """
    if isinstance(folder_or_people, Path):
        people, doubled = people_of(folder_or_people), doubled or doubled_addresses(folder_or_people)
    else:
        people = tuple(folder_or_people)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n" if day == 4 else "\n")
    writer.writerow(HEADER)
    writer.writerows(row.cells for row in export_rows(people, doubled, day=day, seed=seed, rows=rows))
    encoding = "utf-8-sig" if day % 3 == 0 else "utf-8"
    path.write_bytes(text.getvalue().encode(encoding))


def doubled_addresses(folder: Path) -> tuple[str, ...]:
    """List the e-mail addresses that more than one unconverted lead has."""
    leads = (row for row in read_table(folder, "Lead") if row["IsConverted"] == "false" and row["Email"])
    return tuple(sorted(email for email, count in Counter(row["Email"] for row in leads).items() if count > 1))


def export_rows(
    people: Sequence[ExportPerson], doubled: Sequence[str], *, day: int, seed: int, rows: int = 2200
) -> list[ExportRow]:
    """List the rows of one day in file order, each with its kind, so that a test can count what a reader must find."""
    return list(_Export(people, doubled, day, seed, rows).rows())


class _Export:
    """One day's file in the making."""

    def __init__(self, people: Sequence[ExportPerson], doubled: Sequence[str], day: int, seed: int, rows: int) -> None:
        self._rng = Random(f"{seed} export {day}")
        self._day, self._doubled = day, doubled
        self._size = rows if day == 1 else min(rows, self._rng.randrange(300, 501))
        newest = max(person.updated_at for person in people)
        self._until = newest.replace(minute=0, second=0) + timedelta(days=day - 1)
        self._nulls = [person for person in people if person.last == "Null"]
        willing = [person for person in people if person.email and person.last != "Null"]
        Random(f"{seed} leavers").shuffle(willing)  # the same order on every day: nobody leaves twice
        a_day = UNSUBSCRIBES_A_DAY + BOUNCES_A_DAY
        needed = a_day * day + self._size
        if len(willing) < needed:
            message = f"day {day}'s export needs {needed} people, the folder has {len(willing)}: ask for fewer rows"
            raise ValueError(message)
        in_favour = [person for person in willing if not person.opted_out]
        leaving = [in_favour[a_day * (n - 1) : a_day * n] for n in range(1, day + 1)]
        self._gone = {person.id for group in leaving for person in group[:UNSUBSCRIBES_A_DAY]}
        self._dead = {person.id for group in leaving for person in group[UNSUBSCRIBES_A_DAY:]}
        self._today = leaving[-1]
        refused = [person for person in willing if person.opted_out]
        self._refused = self._rng.sample(refused, min(len(refused), PROBLEMS["stale-consent"]))
        known = {person.id for person in (*self._today, *self._refused)}
        self._others = iter(self._rng.sample([person for person in willing if person.id not in known], self._size))

    def rows(self) -> Iterator[ExportRow]:
        """Mix today's leavers, the problems and plain rows; rows of one person keep their order."""
        groups = [*self._leavers(), *self._problems()]
        filled = sum(len(group) for group in groups)
        groups += [[ExportRow("plain", self._cells(next(self._others)))] for _ in range(self._size - filled)]
        self._rng.shuffle(groups)
        return (row for group in groups for row in group)

    def _leavers(self) -> Iterator[list[ExportRow]]:
        for place, person in enumerate(self._today):
            yield [ExportRow("unsubscribe" if place < UNSUBSCRIBES_A_DAY else "bounce", self._cells(person))]

    def _problems(self) -> Iterator[list[ExportRow]]:
        for kind, count in PROBLEMS.items():
            for place in range(count):
                group = list(self._problem(kind, place))
                if group:
                    yield [ExportRow(kind, cells) for cells in group]

    def _problem(self, kind: str, place: int) -> Iterable[tuple[str, ...]]:
        if kind == "surname-null":
            return [self._cells(person) for person in self._nulls[place : place + 1]]
        if kind == "stale-consent":  # opted out in the org; the tool hasn't heard of it
            return [self._cells(replace(person, opted_out=False)) for person in self._refused[place : place + 1]]
        person = next(self._others)
        cells = self._cells(person)
        match kind:
            case "ragged-short":
                return [cells[: 4 + place]]
            case "ragged-long":  # a comma in the company's name that nobody quoted
                return [(*cells[:4], *person.company.split(" ", 1), *cells[5:])]
            case "twice":
                later = self._cells(replace(person, score=str(int(person.score or "0") + 15)))
                return [self._at(cells, 20), self._at(later, 2)]
            case "tie":
                return [self._at(cells, 5), self._at(self._cells(replace(person, score="11")), 5)]
            case "unreadable-boolean":
                return [(*cells[:6], "maybe", *cells[7:])]
            case "ambiguous":
                shared = self._doubled[(self._day + place) % len(self._doubled)] if self._doubled else ""
                return [(self._unknown_id(person), shared, *cells[2:])] if shared else []
            case "nobody":
                return [(self._unknown_id(person), f"nobody{place}.{self._day}@unheard-of.example", *cells[2:])]
            case "formula":
                return [(*cells[:4], '=HYPERLINK("http://somewhere.example","Acme")', *cells[5:])]
            case _:  # a line break inside quotes
                return [(*cells[:4], person.company.replace(" ", "\n", 1), *cells[5:])]

    def _unknown_id(self, person: ExportPerson) -> str:
        return f"9{person.id}{self._day}"

    def _cells(self, person: ExportPerson) -> tuple[str, ...]:
        unsubscribed = person.opted_out or person.id in self._gone
        score = person.score and str(max(0, int(person.score) + self._rng.randrange(-5, 12)))
        updated_at = self._until - timedelta(seconds=self._rng.randrange(60, 86_000))
        values = (person.id, person.email, person.first, person.last, person.company, score)
        flags = (_flag(unsubscribed), _flag(person.id in self._dead))
        return tuple(value or "null" for value in (*values, *flags, person.source, f"{updated_at:%Y-%m-%dT%H:%M:%SZ}"))

    def _at(self, cells: tuple[str, ...], hours_before: int) -> tuple[str, ...]:
        return (*cells[:-1], f"{self._until - timedelta(hours=hours_before):%Y-%m-%dT%H:%M:%SZ}")


def _flag(value: bool) -> str:
    return "true" if value else "false"
