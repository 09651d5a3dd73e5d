"""What has to be kept of a lead or contact before it changes, is deleted or merged, so that no opt-out gets lost?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from syncd.core.cells import normal_address
from syncd.core.flags import OptOutFields, opt_out_fields, opted_out_by
from syncd.core.kin import Link, became, handle_of_record, handles_of
from syncd.core.values import Flag, FlagFact, OrgRecord

PEOPLE = frozenset({"Lead", "Contact"})
SOURCE = "salesforce"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one change: former handles as links, and the org's own opt-outs that go with a record as facts."""

    links: tuple[Link, ...] = ()
    facts: tuple[FlagFact, ...] = ()


NOTHING = Kept()


def kept_of(known: OrgRecord, read: OrgRecord, external_fields: Sequence[str], more: OptOutFields) -> Kept:
    """Return what would be lost when the row that was just read takes the place of the one that is known.

    Shapes: a former address or external id stays a link of the record; all of a deleted record do, with its opt-outs. An opt-out
    that can't be read any more is kept as it was: whoever clears it while it is hidden is never seen.
    """
    before = handles_of(known, external_fields)
    if not read.is_deleted:
        now = {*handles_of(read, external_fields)} if known.fields != read.fields else {*before}
        lost = [handle for handle in before if handle not in now]
        links = [(known.id, handle) for handle in lost]
        contact = became(known)
        if contact is not None and became(read) != contact:
            links.append((contact, handle_of_record(known.id)))
        facts = _no_more_read(known, read, more)
        return Kept(tuple(links), tuple(facts)) if links or facts else NOTHING
    if known.is_deleted:
        return NOTHING
    links = [(known.id, handle) for handle in before]
    contact = became(known)
    links += [(contact, handle_of_record(known.id))] if contact is not None else []
    words = f"{known.object} {known.id} was opted out when it was deleted"
    return Kept(tuple(links), tuple(org_facts(known, known.id, words, more)))


def _no_more_read(known: OrgRecord, read: OrgRecord, more: OptOutFields) -> list[FlagFact]:
    """Return the opt-outs of which the row that was just read says nothing, neither yes nor no."""
    hidden = [name for name in opted_out_by(known, more) if read.fields.get(name) is None]
    if not hidden:
        return []
    words = f"{known.object} {known.id} was opted out when {', '.join(hidden)} could be read no more"
    said = replace(known, fields={"Email": known.fields.get("Email"), **dict.fromkeys(hidden, True)})
    return org_facts(said, known.id, words, more)


def org_facts(record: OrgRecord, person_id: str, words: str, more: OptOutFields) -> list[FlagFact]:
    """Return the org's own opt-outs of a record as facts about a person; they are no younger than what was read of it."""
    email = record.text("Email")
    address = normal_address(email) if email else None
    scopes = dict.fromkeys(opted_out_by(record, more).values())
    return [FlagFact(Flag.OPTED_OUT, person_id, address, SOURCE, words, record.modified_at, scope) for scope in scopes]


def cleared(known: OrgRecord, read: OrgRecord, more: OptOutFields) -> dict[str, str]:
    """Return by field the scopes of the opt-outs that somebody took away in the org."""
    if read.is_deleted or known.is_deleted:
        return {}
    scopes = opt_out_fields(known.object, more).items()
    return {name: scope for name, scope in scopes if known.fields.get(name) is True and read.fields.get(name) is False}
