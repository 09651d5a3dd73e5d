"""Who in the org is a row about, and which of several rows of one person counts?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from syncd.core.mapping import SourceMapping
from syncd.core.rows import ParsedRow
from syncd.core.values import OrgRecord, Problem


@dataclass(frozen=True, slots=True)
class Match:
    """Whom a row is about: `person`, or several `candidates`, or nobody. `by` names the key that decided; `is_former` tells that
    it is the key of a record that was merged into this one."""

    person: OrgRecord | None = None
    by: str = ""
    candidates: tuple[OrgRecord, ...] = ()
    is_former: bool = False

    @property
    def is_ambiguous(self) -> bool:
        """Tell whether a human has to choose."""
        return self.person is None and bool(self.candidates)

    @property
    def is_nobody(self) -> bool:
        """Tell whether no key of the row leads to anybody."""
        return self.person is None and not self.candidates


def match(
    mapping: SourceMapping,
    by_id: Iterable[OrgRecord],
    by_external: Iterable[OrgRecord],
    by_email: Iterable[OrgRecord],
    contacts: Mapping[str, OrgRecord],
) -> Match:
    """Find the one person of a row.

    Shapes: what each key of the row found, and the contacts that converted leads became, by id.
            Keys are tried in the order of [match]; the first that finds exactly one person wins.
    """
    found = {"id": by_id, "external": by_external, "email": by_email}
    several: dict[str, OrgRecord] = {}
    for kind in mapping.match:
        people = {person.id: person for person in (today(one, contacts) for one in found[kind] if not one.is_deleted)}
        if len(people) == 1:
            return Match(next(iter(people.values())), kind)
        several.update(people)
    return Match(None, "", tuple(several[key] for key in sorted(several)))


def today(person: OrgRecord, contacts: Mapping[str, OrgRecord]) -> OrgRecord:
    """Follow a converted lead to its contact, when that contact is mirrored."""
    contact = contacts.get(person.text("ConvertedContactId") or "") if person.fields.get("IsConverted") is True else None
    return person if contact is None or contact.is_deleted else contact


def names_of(row: ParsedRow) -> tuple[str, ...]:
    """Return all names by which a row calls its person, in order."""
    named = (("id", row.person_id), ("ext", row.external), ("email", row.address))
    return tuple(f"{kind}:{value}" for kind, value in named if value)


def choice_key(row: ParsedRow) -> str:
    """Return what a choice is remembered by: all keys of the row, so that another set of keys is another question."""
    return " ".join(names_of(row))


def chosen_of(found: Match, chosen: OrgRecord, *, is_followed: bool) -> Match:
    """Let a person's earlier choice decide between several people.

    Shapes: `chosen` is the live record that the chosen one is today, `is_followed` that it was merged or converted since. A
            record that the row's keys lead to no more decides nothing: the row is asked about again.
    """
    if not found.is_ambiguous:
        return found
    is_candidate = any(chosen.id == one.id for one in found.candidates)
    return Match(chosen, "choice") if is_candidate or is_followed else found


def counting_rows(rows: Sequence[ParsedRow], matches: Sequence[Match]) -> Sequence[ParsedRow]:
    """Return those of one person's rows of which the newest counts.

    A tool that was not told of a merge goes on with two people: what it says of the one that is left goes before what it says of
    the other. Any of them opts out.
    """
    own = [row for row, found in zip(rows, matches, strict=True) if not found.is_former]
    return own or rows


def newest_of(rows: Sequence[ParsedRow]) -> tuple[ParsedRow | None, list[Problem]]:
    """Choose the row that counts among all rows of one person in a file.

    Shapes: the newest row, or None and one problem for each row when it cannot be told which one is. Rows that say the same
            are one. A newest row with problems of its own counts for nobody: older ones are not taken in its place.
    """
    if not rows:
        return None, []
    stamps = [row.newest_at for row in rows if row.newest_at is not None]
    newest_at = max(stamps, default=None)
    last = [row for row in rows if row.newest_at == newest_at]
    if any(_contents(row) != _contents(last[0]) for row in last):
        lines = ", ".join(str(row.line) for row in last)
        when = "without a time that orders them" if newest_at is None else f"all of {newest_at:%Y-%m-%d %H:%M:%S} UTC"
        text = f"The same person stands on lines {lines} with different values, {when}."
        remedy = "Correct the person in the source; the next export settles it."
        return None, [Problem(row.file, row.line, 1, "ROW-010", text, remedy) for row in last]
    return last[0], []


def _contents(row: ParsedRow) -> object:
    return row.person_id, row.external, row.address, dict(row.values), dict(row.cells), [problem.text for problem in row.problems]
