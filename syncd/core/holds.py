"""Until when has Sales taken a person out of campaigns, on any of the records that are this person?

A record that is merged away takes its hold along to the one that is left, until Sales says something else there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date

from syncd.core.kin import Person
from syncd.core.values import OrgRecord, Scalar


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


@dataclass(frozen=True, slots=True)
class Carried:
    """The hold of a record that was merged into another one: its day, its date field, and the record as `object` and `id`.

    `known` holds what the record that is left said in that field when it took the hold over; empty where nobody read it.
    """

    until: date
    field: str
    object: str
    id: str
    known: tuple[Scalar, ...] = ()

    def stands_on(self, record: OrgRecord, fields: Mapping[str, str]) -> bool:
        """Tell whether it still counts for the record that is left: Sales ends it by any other word in the same field there."""
        return self.field == fields.get(record.object) and self.known in ((), (record.fields.get(self.field),))


def carried_to(
    winner: OrgRecord | None,
    loser: OrgRecord,
    of_loser: Iterable[Carried],
    of_winner: Iterable[Carried],
    fields: Mapping[str, str],
    today: date,
) -> list[Carried]:
    """Return all holds that were carried over to the record that is left, after one more was merged into it.

    Shapes: `of_loser` and `of_winner` were carried over to each before; `winner` as read after the merge, None where it was not.
    A hold that is over, or that the record that is left says itself, is not among them.
    """
    field = fields.get(loser.object, "")
    known = () if winner is None else (winner.fields.get(field),)
    own = last_day(loser, field)
    found = [Carried(own, field, loser.object, loser.id, known)] if own is not None else []
    found += [replace(one, known=known) for one in of_loser if one.stands_on(loser, fields)]
    new = [one for one in found if winner is None or last_day(winner, field) != one.until]
    ids = {one.id for one in new}
    return [one for one in (*(each for each in of_winner if each.id not in ids), *new) if one.until >= today]


def carried_text(carried: Sequence[Carried]) -> str:
    """Write them for the store; nothing where there are none."""
    return json.dumps([{**asdict(one), "until": one.until.isoformat()} for one in carried]) if carried else ""


def carried_from(text: str) -> list[Carried]:
    """Read what `carried_text` wrote."""
    rows = json.loads(text) if text else []
    return [Carried(**{**row, "until": date.fromisoformat(row["until"]), "known": tuple(row["known"])}) for row in rows]


def hold_of(
    target: OrgRecord, person: Person, fields: Mapping[str, str], carried: Mapping[str, Sequence[Carried]] | None = None
) -> Hold | None:
    """Return the hold that ends last among all records of a person, or None.

    Shapes: `target` as just read; `fields` name the date field by object; `carried` the holds that were carried over, by the id
    of the record that is left. A hold ends with its record, unless that was merged, or when Sales clears it. One whose record
    came back from the bin is that record's own again.
    Source: real orgs, demand 13: a hold is Sales' word about a person, whichever record it was written on.
    """
    found = []
    there = {record.id for record in person.records}
    for record in person.with_others(target):
        until = last_day(record, fields.get(record.object, ""))
        if until is not None:
            found.append(Hold(until, "" if record.id == target.id else f"{record.object} {record.id}"))
        standing = (one for one in (carried or {}).get(record.id, ()) if one.id not in there and one.stands_on(record, fields))
        found += [Hold(one.until, f"{one.object} {one.id}, merged") for one in standing]
    return max(found, key=lambda hold: hold.until, default=None)  # of several with one day the first: the person's own
