"""What is kept of leads and contacts before they change, so that no opt-out is lost with an address, a lead or a record?

It is worked out before the batch that brings the change is written, and becomes durable with it: a crash repeats both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from syncd.core.clearing import Clearer, Clearing, is_the_persons_word, opt_outs_between, opt_outs_taken
from syncd.core.kin import Link, became
from syncd.core.latching import PEOPLE, SOURCE, kept_of
from syncd.core.mapping_file.checks import OPT_OUT
from syncd.core.values import Entry, Flag, FlagFact, InboxItem, Intent, OrgRecord
from syncd.engine.clearing import clearers, history_of, is_kept_out, tell_cleared
from syncd.engine.consent import external_fields, org_opt_outs, reasons_by
from syncd.engine.merging import MERGED, lost_opt_out, opting_out, what_is_new, winners_of
from syncd.engine.opening import open_intents
from syncd.engine.privacy_latching import kept_of_privacy
from syncd.engine.world import Cycle, World
from syncd.ports import Case, StoreWriter

Pair = tuple[OrgRecord, OrgRecord]
OPTED_OUT_WORDS = "opted out ("


@dataclass(slots=True)
class Latched:
    """What some cases leave: links to former handles, facts with their ledger rows, opt-outs that were cleared and are asked
    about, what follows for contacts that leads were converted into, and who came back from the bin."""

    links: list[Link] = field(default_factory=list)
    facts: list[FlagFact] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    asked: list[tuple[Clearing, Clearer]] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    items: list[InboxItem] = field(default_factory=list)
    back: list[str] = field(default_factory=list)


def latched_by(world: World, cycle: Cycle, name: str, cases: Sequence[Case]) -> Latched:
    """Say what is to be kept of the leads, contacts or data privacy records that some cases change; nothing costs nothing."""
    of_privacy = kept_of_privacy(world, cycle, name, cases)
    found = Latched(facts=of_privacy.facts, asked=of_privacy.asked)
    changed = list(_changed(cases)) if name in PEOPLE else []
    if changed:
        found.back = [read.id for known, read in changed if known.is_deleted and not read.is_deleted]
        _keep_before(world, changed, found)
        _ask_who_cleared(world, cycle, name, changed, cases, found)
        _follow_conversions(world, cycle, changed, found)
    found.facts, found.entries = what_is_new(world, cycle, found.facts)
    return found


def _changed(cases: Iterable[Case]) -> Iterable[Pair]:
    for case in cases:
        if case.known is not None and case.staged is not None and case.staged != case.known:
            yield case.known, case.staged


def _keep_before(world: World, changed: Iterable[Pair], found: Latched) -> None:
    names, more = external_fields(world), org_opt_outs(world)
    facts: list[FlagFact] = []
    for known, read in changed:
        kept = kept_of(known, read, names, more)
        found.links += kept.links
        facts += kept.facts
    if facts:  # of a merged record they went over to the one that is left
        merged = winners_of(world.store, {fact.person_id or "" for fact in facts})
        found.facts += [fact for fact in facts if fact.person_id not in merged]


def _ask_who_cleared(
    world: World, cycle: Cycle, name: str, changed: Sequence[Pair], cases: Sequence[Case], found: Latched
) -> None:
    """Latch what anything but a person, proven by history, took away; ask about all that is kept out nevertheless."""
    more = org_opt_outs(world)
    taken = [clearing for known, read in changed for clearing in opt_outs_taken(known, read, more)]
    history = history_of(world, cycle, name, (read.id for _, read in changed), taken, cases)
    taken += [one for known, read in changed for one in opt_outs_between(known, read, history.get(read.id, ()), more)]
    for clearing, by in clearers(world, cycle, name, taken, history):
        if not is_the_persons_word(by):
            words = f"{name} {clearing.record_id} {clearing.field} was cleared by {by.name}, {by.how}"
            at, scope = clearing.true_until, clearing.scope
            fact = FlagFact(Flag.OPTED_OUT, clearing.record_id, clearing.address, SOURCE, words, at, scope)
            found.facts.append(fact)
            found.asked.append((clearing, by))
        elif is_kept_out(world, cycle, clearing):
            found.asked.append((clearing, by))


def _follow_conversions(world: World, cycle: Cycle, changed: Iterable[Pair], found: Latched) -> None:
    """Latch a contact from the lead that became it, and say it in the org, which keeps the contact's own box unticked.

    Source: real orgs, demand 14: a conversion into an existing contact loses the opt-out.
    """
    born = {contact: read for known, read in changed if (contact := became(read)) is not None and became(known) != contact}
    if not born:
        return
    against = reasons_by(world, cycle, {read.id: read for read in born.values()})
    lost = {id: lead for id, lead in born.items() if any(one.text.startswith(OPTED_OUT_WORDS) for one in against[lead.id])}
    if not lost:
        return
    read_now = world.org.read("Contact", sorted(lost), [OPT_OUT]).records if _shows(cycle) else {}
    for id, lead in lost.items():
        words = f"Lead {lead.id} was opted out and converted into it"
        found.facts.append(FlagFact(Flag.OPTED_OUT, id, None, SOURCE, words, lead.modified_at))
        standing = read_now.get(id)
        if standing is not None and standing.fields.get(OPT_OUT) is False:
            intents = opting_out(world, cycle, "Contact", id, f"conversion:{lead.id}", words)
            found.intents += intents
            found.items += [] if intents else [lost_opt_out("Contact", id, words)]


def _shows(cycle: Cycle) -> bool:
    seen = cycle.schema.get("Contact")
    return seen is not None and OPT_OUT in seen.fields


def keep(tx: StoreWriter, world: World, cycle: Cycle, latched: Latched) -> None:
    """Store it, in the transaction of the batch that brought it."""
    if latched.back:  # merged no more
        tx.put_verdicts(MERGED, dict.fromkeys(latched.back, ""))
    if latched.links:
        tx.add_former_handles(latched.links)
    if latched.facts:
        tx.renew_flags(latched.facts)
        tx.append(latched.entries)
    if latched.intents:
        open_intents(tx, [(intent, None) for intent in latched.intents], cycle.now, cycle.id)
    if latched.items:
        tx.put_inbox(latched.items, cycle.now)
    if latched.asked:
        tell_cleared(tx, world, cycle, latched.asked)
        cycle.count("opt-outs cleared in the org", len(latched.asked))
