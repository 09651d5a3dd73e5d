"""How do rows of the demo company get their ids, times and files?"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

Row = Callable[[Sequence[object]], object]

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
PREFIXES: Final = {
    "Account": "001",
    "Contact": "003",
    "User": "005",
    "Opportunity": "006",
    "Profile": "00e",
    "UserRole": "00E",
    "Group": "00G",
    "OpportunityContactRole": "00K",
    "Lead": "00Q",
    "Task": "00T",
    "CampaignMember": "00v",
    "Campaign": "701",
}
_POD: Final = "8d1"  # the ids that the emulated org mints itself carry another one, so the two never meet


def words(text: str) -> tuple[str, ...]:
    """Split a list that is easier to read as a text: column names, first names."""
    return tuple(text.split())


def long_id(short: str) -> str:
    """Complete a 15-character id with its 3 check characters.

    Source: each check character encodes which of 5 characters are upper case; `0015500001QdQWa` -> `0015500001QdQWaAAN`.
    """
    checks = ""
    for start in (0, 5, 10):
        bits = sum(1 << place for place, char in enumerate(short[start : start + 5]) if "A" <= char <= "Z")
        checks += _CHECK[bits]
    return short + checks


def record_id(object_name: str, number: int) -> str:
    """Mint the 18-character id of the `number`-th row of an object; the same for ever, ascending with the number."""
    digits = ""
    for _ in range(9):
        number, rest = divmod(number, 62)
        digits = _DIGITS[rest] + digits
    return long_id(PREFIXES[object_name] + _POD + digits)


def stamp(at: datetime) -> str:
    """Write a UTC time the way Salesforce's CSV does: whole seconds, milliseconds always 000."""
    return f"{at.isoformat()[:19]}.000Z"


def parse_stamp(text: str) -> datetime:
    """Read a time that `stamp` wrote."""
    return datetime.fromisoformat(text)


def working_hour(rng: Random, day: date) -> datetime:
    """Pick a second between 08:00 and 18:00 UTC of `day`: people's edits are made while people are at work."""
    return datetime(day.year, day.month, day.day, 8, tzinfo=UTC) + timedelta(seconds=rng.randrange(36_000))


@contextmanager
def table(folder: Path, object_name: str, columns: Sequence[str]) -> Iterator[Row]:
    """Open the CSV file of one object for writing and yield its row writer; rows go out as they come."""
    with (folder / f"{object_name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        yield writer.writerow


def read_table(folder: Path, object_name: str) -> Iterator[dict[str, str]]:
    """Read one object's rows back; a typed header such as `Lead_Score__c:number` is named without its type."""
    with (folder / f"{object_name}.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        columns = [name.split(":")[0] for name in next(rows)]
        for row in rows:
            yield dict(zip(columns, row, strict=True))
