"""Whose word was it when an opt-out was taken away in the org, and what is asked about it?

syncd never writes an opt-out again that somebody cleared, and never believes a machine that cleared one. What a person clears
in Salesforce, as history proves, is the org's word: the org's own opt-out is over, syncd's own latch is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from syncd.core.cells import normal_address
from syncd.core.changes import field_moved
from syncd.core.flags import OptOutFields, opt_out_fields
from syncd.core.latching import cleared
from syncd.core.mapping_file.checks import OPT_OUT
from syncd.core.values import ActorKind, InboxItem, OrgRecord, Proof

KIND = "opt-out-cleared"
SHOWN_MAX = 20
KEPT_MAX = 2000
_PEOPLE = (ActorKind.PERSON, ActorKind.ADMIN)


@dataclass(frozen=True, slots=True)
class Clearing:
    """An opt-out that was there and is not any more. `true_until` is when the org last surely said it."""

    object: str
    record_id: str
    field: str
    scope: str
    address: str | None
    true_until: datetime


@dataclass(frozen=True, slots=True)
class Clearer:
    """Who took an opt-out away, and how that is known; `told` says how in words of its own."""

    user_id: str | None
    name: str
    kind: ActorKind
    proof: Proof
    told: str = ""

    @property
    def how(self) -> str:
        """Say how it is known."""
        if self.told:
            return self.told
        if self.proof is Proof.HISTORY:
            return "as its history tells"
        return "who saved it last; history does not tell who cleared it" if self.user_id else "history does not tell who"


def opt_outs_taken(known: OrgRecord, read: OrgRecord, more: OptOutFields) -> list[Clearing]:
    """List the opt-outs that a row no longer has."""
    email = known.text("Email")
    address = normal_address(email) if email else None
    return [
        Clearing(known.object, known.id, name, scope, address, known.modified_at)
        for name, scope in cleared(known, read, more).items()
    ]


def opt_outs_between(known: OrgRecord, read: OrgRecord, history: Iterable[OrgRecord], more: OptOutFields) -> list[Clearing]:
    """List the opt-outs that were given and taken away again between two looks at a record, as its history tells."""
    if read.is_deleted or known.is_deleted:
        return []
    email = read.text("Email")
    address = normal_address(email) if email else None
    boxes = opt_out_fields(known.object, more)
    given: dict[str, datetime] = {}
    for row in history:
        name = field_moved(row)
        if name in boxes and row.fields.get("NewValue") in (True, "true") and row.modified_at > known.modified_at:
            given[name] = max(row.modified_at, given.get(name, row.modified_at))
    return [
        Clearing(known.object, known.id, name, boxes[name], address, at)
        for name, at in given.items()
        if known.fields.get(name) is False and read.fields.get(name) is False
    ]


def in_history(clearing: Clearing, history: Iterable[OrgRecord]) -> OrgRecord | None:
    """Return the newest history row that took this opt-out away, or None where history does not tell."""
    mine = [row for row in history if field_moved(row) == clearing.field]
    last = max(mine, key=lambda row: (row.modified_at, row.id), default=None)
    return last if last is not None and last.fields.get("NewValue") in (False, "false") else None


def is_the_persons_word(by: Clearer) -> bool:
    """Tell whether a person is proven to have cleared it; anything less may be a tool that writes back its own state."""
    return by.kind in _PEOPLE and by.proof is Proof.HISTORY


def subject_of(by: Clearer) -> str:
    """Return what the card of a clearer is kept under."""
    return f"{by.user_id or 'unknown'} {by.proof.value}"


def box_of(object: str, id: str, field: str) -> str:
    """Return the words for a box of a record; Email Opt Out goes without its name."""
    return f"{object} {id}" + (f" {field}" if field != OPT_OUT else "")


def box_word(words: str) -> str:
    """Return what a data privacy record says as one word, which stands where a box would stand."""
    return words.replace(" ", ":")


def is_of_privacy(box: str) -> bool:
    """Tell whether it was a data privacy record that said it, not a box of the record itself."""
    return ":" in box


def box_at(words: str) -> tuple[str, str, str]:
    """Return object, id and field of what `box_of` has put into words."""
    object, id, *field = words.split(" ")
    return object, id, field[0] if field else OPT_OUT


def remembered(
    before: Mapping[str, Mapping[str, Sequence[str]]], taken: Iterable[tuple[Clearing, Clearer]]
) -> dict[str, dict[str, list[str]]]:
    """Return by who cleared opt-outs, and how that is known, the records that are still to be asked about.

    Units: beyond KEPT_MAX records of one clearer no more are remembered.
    """
    after = {key: {name: list(values) for name, values in one.items()} for key, one in before.items()}
    for clearing, by in taken:
        one = after.setdefault(subject_of(by), {"who": [by.name, by.how], "records": []})
        where = box_of(clearing.object, clearing.record_id, clearing.field)
        if where not in one["records"] and len(one["records"]) < KEPT_MAX:
            one["records"].append(where)
    return after


def cards(known: Mapping[str, Mapping[str, Sequence[str]]]) -> list[InboxItem]:
    """Ask once for each clearer, however many opt-outs it cleared."""
    found = []
    for key, one in known.items():
        who, how = one["who"]
        records = one["records"]
        shown = ", ".join(records[:SHOWN_MAX]) + (", …" if len(records) > SHOWN_MAX else "")
        several = f"{len(records)} opt-outs were" if len(records) > 1 else "An opt-out was"
        if len(records) >= KEPT_MAX:
            several = f"{KEPT_MAX} opt-outs or more were"
        text = f"{several} cleared in Salesforce by {who}, {how}. syncd does not set them again and mails none of these people."
        remedy = (
            "Did they ask for mail again? Then store what they said, with syncd consent add. Otherwise tick the box again in "
            "Salesforce (Email Opt Out, where none is named), and see to what cleared it."
        )
        found.append(InboxItem(KIND, key, records[0], text, remedy, shown))
    return found
