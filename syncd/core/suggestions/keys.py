"""Which columns of an export say whom a row is about, and which of two rows is the newer one?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from syncd.core.suggestions.names import sounds_changed_at, sounds_like_email, sounds_like_id
from syncd.core.suggestions.suggesting import Evidence, Proposal

PEOPLE_IDS = ("00Q", "003")
_KNOWN, _SURE, _LIKELY, _DOUBTFUL = 0.97, 0.9, 0.75, 0.5


def keys(found: Evidence) -> Iterator[Proposal]:
    """Propose the columns of [match] and the one that orders rows, at most one for each; runners-up are named as not sure."""
    yield from _best(_emails(found))
    yield from _best(_ids(found))
    yield from _best(_external(found))
    yield from _best(_newest(found))


def _best(candidates: Iterable[Proposal]) -> Iterator[Proposal]:
    """Keep the best of some candidates; a second one that is as sure waits for a person's word."""
    for place, one in enumerate(sorted(candidates, key=lambda each: -each.confidence)):
        if place == 0:
            yield one
        elif one.is_sure:
            yield Proposal(one.column, one.role, _DOUBTFUL, (*one.reasons, "another column fits better"), one.options)


def _emails(found: Evidence) -> Iterator[Proposal]:
    for name, one in found.looks.items():
        share = one.fits.get("email", 0.0)
        shown = f"{share:.0%} of its cells are e-mail addresses" if one.filled else "it is empty in all rows looked at"
        if one.filled and share < 0.5:  # whatever it is called, most rows would be set aside
            continue
        if name in found.known.email:
            yield Proposal(name, "email", _KNOWN, (f"{found.known.title} writes the address here", shown))
        elif sounds_like_email(name):
            yield Proposal(name, "email", _SURE if share >= 0.8 else _LIKELY, ("it is called like an e-mail address", shown))
        elif share >= 0.8 and one.is_unique:
            yield Proposal(name, "email", _LIKELY, (shown, "hardly one comes twice"))


def _ids(found: Evidence) -> Iterator[Proposal]:
    for name, one in found.looks.items():
        share = one.id_share(*PEOPLE_IDS)
        if share >= 0.9:
            coverage = one.filled / one.rows
            words = f"{share:.0%} of its filled cells are Salesforce ids of leads (00Q) or contacts (003)"
            yield Proposal(name, "id", _SURE + 0.05 * coverage, (words, f"{coverage:.0%} of the cells are filled"))


def _external(found: Evidence) -> Iterator[Proposal]:
    ids = sorted({field.name for fields in found.fields.values() for field in fields.values() if field.is_external_id})
    for name, one in found.looks.items():
        # Ids of different tools are all small numbers: that two are the same one, people show, or a person says so.
        compared = [(found.agreement(name, object, field), field) for object in found.fields for field in ids]
        proven = [(agreed, field) for agreed, field in compared if agreed.sameness]
        if proven:
            agreed, field = max(proven, key=lambda each: each[0].sameness)
            yield Proposal(name, "external", agreed.sameness, (agreed.words(), f"{field} is an external id"), {"field": field})
        elif (name in found.known.id or (sounds_like_id(name) and one.is_unique)) and not one.id_share(*PEOPLE_IDS):
            field = ids[0] if len(ids) == 1 else ""
            why = f"{found.known.title} writes its own id here" if name in found.known.id else "it is called like an id"
            more = (
                f"{field} is the only external id of people" if field else "say which field of Salesforce keeps this id, if any"
            )
            yield Proposal(name, "external", _DOUBTFUL, (why, more), {"field": field or "MA_Person_Id__c"})


def _newest(found: Evidence) -> Iterator[Proposal]:
    for name, one in found.looks.items():
        if not one.reads_as("datetime"):
            continue
        options = {"type": "datetime", "formats": list(one.formats)} if one.formats else {}
        doubt = ("days and months cannot be told apart: keep the right format",) if len(one.formats) > 1 else ()
        if name in found.known.newest:
            rank = found.known.newest.index(name)
            sure, why = _KNOWN - 0.01 * rank, f"{found.known.title} writes here when a person last changed"
        elif sounds_changed_at(name) and one.filled:
            sure, why = _LIKELY, "it is called like the time of the last change, and holds times"
        else:
            continue
        yield Proposal(name, "newest", _DOUBTFUL if doubt else sure, (why, *doubt), options)
