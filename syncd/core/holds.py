"""Until when has Sales taken a person out of campaigns, on any of the records that are this person?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from syncd.core.kin import Person
from syncd.core.values import OrgRecord


@dataclass(frozen=True, slots=True)
class Hold:
    """The last day on which a person is left alone, and the record that says so where it is another one of that person."""

    until: date
    other: str = ""

    @property
    def text(self) -> str:
        """Return the reason in words."""
        words = "hold can't be read" if self.until == date.max else f"on hold by sales until {self.until}"
        return words + (f" ({self.other})" if self.other else "")


def last_day(record: OrgRecord, field: str) -> date | None:
    """Return the day until which a record is on hold; what is no date holds for ever."""
    try:
        return record.day(field)
    except ValueError:
        return date.max


def hold_of(target: OrgRecord, person: Person, fields: Mapping[str, str]) -> Hold | None:
    """Return the hold that ends last among all records of a person, or None.

    Shapes: `target` as just read; `fields` name the date field by object. It ends with its record, or when Sales clears it.
    Source: real orgs, demand 13: a hold is Sales' word about a person, whichever record it was written on.
    """
    found = []
    for record in person.with_others(target):
        until = last_day(record, fields.get(record.object, ""))
        if until is not None:
            found.append(Hold(until, "" if record.id == target.id else f"{record.object} {record.id}"))
    return max(found, key=lambda hold: hold.until, default=None)  # of several with one day the first: the person's own
