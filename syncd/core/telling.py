"""Where do reps read why a value was put back?

In a field of the record itself, in the same save; or in one task or one post on it, made once the value is back. The words
name the rule and the gate, never a person who would be put to shame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from syncd.core.actors import Directory
from syncd.core.values import Intent, OrgRecord, Scalar, digest

TELL = "tell"
TASK, CHATTER, FIELD = "task", "chatter", "field"
POST = "FeedItem"
CLOSED = "Completed"
SUBJECT_CHARS = 255
NOTE_CHARS = 255
PEOPLE = frozenset({"Lead", "Contact"})


@dataclass(frozen=True, slots=True)
class Places:
    """What must be known to leave words in an org: how much a note field holds by (object, field), whether a task may be made
    that is done already, the people, the org's time, and syncd's own user."""

    note_chars: Mapping[tuple[str, str], int]
    may_close_tasks: bool
    people: Directory
    now: datetime


def tellings(tell: str | None, record: OrgRecord, reverts: Sequence[Intent], places: Places) -> list[Intent]:
    """Return the intents that leave the reason of some reverts of one record where reps look; none without a place for it.

    Shapes: `reverts` travel together, the leading one first; so does a note with them. A task or a post is for after them:
    its `cause` names the field whose outcome it waits for.
    """
    if not tell or not reverts:
        return []
    place, _, name = tell.partition(" ")
    if place == FIELD:
        return [_note(name, record, reverts, places)] if (record.object, name) in places.note_chars else []
    if place == TASK:
        return [_created("Task", "Subject", _subject(reverts), _task(record, reverts, places), reverts[0])]
    if place == CHATTER:
        words = why(reverts, places.now)
        return [_created(POST, "Body", words, {"ParentId": record.id, "Body": words, "Type": "TextPost"}, reverts[0])]
    return []


def why(reverts: Sequence[Intent], now: datetime) -> str:
    """Say in a sentence or two what was put back, by which line of the policy, and for what reason."""
    lead = reverts[0]
    what = ", ".join(
        f"{_label(one.field)} from {_value(one.before)} back to {_value(one.after)}" for one in reverts if one.field != "OwnerId"
    )
    if any(one.field == "OwnerId" for one in reverts):
        what += f"{' and ' if what else ''}the owner back to the one before"
    return f"{now:%Y-%m-%d %H:%M} UTC, syncd set {what}. {_sentence(lead.reason)} ({lead.rule.file}:{lead.rule.line})"


def _sentence(reason: str) -> str:
    return reason[:1].upper() + reason[1:] + ("" if reason.endswith(".") else ".")


def _value(value: Scalar) -> str:
    return "nothing" if value in (None, "") else repr(value)


def _label(field: str) -> str:
    return field.removesuffix("__c").replace("_", " ")


def _subject(reverts: Sequence[Intent]) -> str:
    """Name a revert so that two of them never share a name: it tells of the state that was replaced."""
    lead = reverts[0]
    back = "the owner" if lead.field == "OwnerId" else f"{_label(lead.field)} to {lead.after!r}"
    at = f"{datetime.fromisoformat(lead.decided_on):%Y-%m-%d %H:%M:%S} UTC" if lead.decided_on else lead.key[:8]
    return f"syncd put back {back} (save of {at})"[:SUBJECT_CHARS]


def _task(record: OrgRecord, reverts: Sequence[Intent], places: Places) -> dict[str, Scalar]:
    """Return a task for the record's owner; one who cannot have tasks, such as a queue, leaves it with syncd's own user."""
    owner = next((one.after for one in reverts if one.field == "OwnerId"), record.text("OwnerId"))
    user = places.people.users.get(str(owner))
    row: dict[str, Scalar] = {
        "WhoId" if record.object in PEOPLE else "WhatId": record.id,
        "OwnerId": user.id if user is not None and user.is_active else places.people.own_user_id,
        "Subject": _subject(reverts),
        "ActivityDate": places.now.date().isoformat(),
        "Description": why(reverts, places.now),
    }
    return row | ({"Status": CLOSED} if places.may_close_tasks else {})


def _note(field: str, record: OrgRecord, reverts: Sequence[Intent], places: Places) -> Intent:
    lead = reverts[0]
    words = why(reverts, places.now)[: places.note_chars[record.object, field]]
    return Intent(
        digest(lead.key, TELL), record.object, record.id, field, record.fields.get(field), words, lead.part, lead.rule,
        "tells why", lead.policy_hash, lead.cause, decided_on=lead.decided_on,
    )  # fmt: skip


def _created(object: str, field: str, words: str, row: Mapping[str, Scalar], lead: Intent) -> Intent:
    return Intent(
        digest(lead.key, TELL), object, lead.record_id, field, None, words, TELL, lead.rule,
        f"tells why {lead.field} was put back", lead.policy_hash, lead.field, values=row,
    )  # fmt: skip
