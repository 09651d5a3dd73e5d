"""Which of the records that are gone were merged into another, and what follows for the one that is left?

It is asked before the deletion is staged, so that a crash in between asks again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from syncd.core.asking import question
from syncd.core.flags import key_of, newest_facts, opt_out_fields
from syncd.core.holds import Carried, Hold
from syncd.core.kin import handle_of_record, handles_of
from syncd.core.latching import org_facts
from syncd.core.mapping_file.checks import OPT_OUT
from syncd.core.merging import carried_debts, carried_flags, carried_waits, final_winners, is_opted_out
from syncd.core.values import GLOBAL, Entry, Flag, FlagFact, InboxItem, Intent, OrgRecord, digest
from syncd.engine.carried_holds import hold_fields, keep_holds, take_over_holds
from syncd.engine.consent import external_fields, org_opt_outs
from syncd.engine.opening import open_intents
from syncd.engine.world import Cycle, World
from syncd.ports import StoreReader
from syncd.ports.census import Fate

MERGED = "merged"
MERGEABLE = frozenset({"Lead", "Contact", "Account"})
PEOPLE = frozenset({"Lead", "Contact"})
LOST_OPT_OUT = "merge-opt-out"


def winners_of(store: StoreReader, ids: Iterable[str]) -> dict[str, str]:
    """Return by id the record that is left, for those that were merged into another and did not come back."""
    found: dict[str, str] = {}
    wanted = set(ids)
    while wanted:
        more = {loser: winner for loser, winner in store.verdicts(MERGED, sorted(wanted)).items() if winner}
        found |= more
        wanted = set(more.values()) - found.keys()
    return final_winners(found)


def follow_merges(world: World, cycle: Cycle, object: str, gone: Sequence[str]) -> None:
    """Let flags and debts of merged records follow to the ones that are left, and keep opt-outs that were ticked since the mirror
    read a record that is gone.

    One more call, and only when a record that the mirror holds, or that a flag names, is gone.
    """
    if object not in MERGEABLE or not gone:
        return
    rows = {id: row for id, row in world.store.get(object, gone).items() if not row.is_deleted}
    named = {fact.person_id for fact in world.store.flags(gone, ())} if object in PEOPLE else set()
    asked = [id for id in gone if id in rows or id in named]
    boxes = [name for name in opt_out_fields(object, org_opt_outs(world)) if name in cycle.needs[object].fields]
    wanted = [*boxes, *hold_fields(world, cycle, object)] if object in PEOPLE else ()
    fates = world.org.fates(object, asked, wanted) if asked else {}
    late = {id: _with_late(rows[id], fate, boxes, cycle) for id, fate in fates.items() if id in rows and fate.is_deleted}
    rows |= {id: row for id, row in late.items() if row is not None}
    merged = {id: fate.winner_id for id, fate in fates.items() if fate.is_deleted and fate.winner_id}
    _keep_late(world, cycle, [row for id, row in late.items() if row is not None and id not in merged])
    if not merged:
        return
    with world.store.begin() as tx:
        tx.put_verdicts(MERGED, merged)
    left = winners_of(world.store, merged)
    for loser, winner in left.items():
        if loser in merged:
            row = rows.get(loser) or world.store.get(object, [loser]).get(loser) or OrgRecord(object, loser, cycle.now, {})
            held = {name: fates[loser].fields[name] for name in hold_fields(world, cycle, object)} if object in PEOPLE else {}
            _carry_over(world, cycle, replace(row, fields={**row.fields, **held}), winner)
    cycle.count("merged", len(merged))


def _with_late(known: OrgRecord, fate: Fate, boxes: Collection[str], cycle: Cycle) -> OrgRecord | None:
    """Return a record with the opt-outs that it got after the mirror read it last, or None when there are none."""
    late = {name: True for name in sorted(boxes) if fate.fields[name] is True and known.fields.get(name) is not True}
    return replace(known, modified_at=cycle.now, fields={**known.fields, **late}) if late else None


def _keep_late(world: World, cycle: Cycle, gone: Sequence[OrgRecord]) -> None:
    """Keep such opt-outs of records that were deleted; a crash before the deletion is staged says them once more."""
    if not gone:
        return
    more, words = org_opt_outs(world), "was opted out when it was deleted"
    facts = [fact for row in gone for fact in org_facts(row, row.id, f"{row.object} {row.id} {words}", more)]
    new, entries = what_is_new(world, cycle, facts)
    with world.store.begin() as tx:
        tx.renew_flags(new)
        tx.append(entries)


def _carry_over(world: World, cycle: Cycle, loser: OrgRecord, winner_id: str) -> None:
    known = world.store.flags([winner_id], ()) if loser.object in PEOPLE else []
    facts, is_out = _speaking_against(world, loser, winner_id, known) if loser.object in PEOPLE else ([], False)
    before = world.store.get(loser.object, [winner_id]).get(winner_id)
    winner = None
    if before is not None:
        winner = world.org.read(loser.object, [winner_id], cycle.needs[loser.object].fields).records.get(winner_id)
    holds = take_over_holds(world, cycle, loser, winner_id, winner)
    debts = carried_debts(world.store.lawful(loser.object, [loser.id, winner_id]), loser, before, winner)
    waits = carried_waits(world.store.waits(loser.object, [loser.id]), debts, winner_id) if debts else {}
    is_lost = is_out and winner is not None and winner.fields.get(OPT_OUT) is False
    entries = [
        _merged(cycle, loser, winner_id, holds),
        *(replace(entry, related_id=loser.id) for entry in _flag_entries(cycle, facts, known)),
    ]
    reason = f"{loser.object} {loser.id} was opted out and merged into it"
    intents = opting_out(world, cycle, loser.object, winner_id, f"merge:{loser.id}", reason) if is_lost else []
    handles = [(winner_id, handle) for handle in handles_of(loser, external_fields(world))] if loser.object in PEOPLE else []
    with world.store.begin() as tx:
        tx.renew_flags(facts)
        keep_holds(tx, winner_id, holds)
        tx.add_former_handles([*handles, (winner_id, handle_of_record(loser.id))])
        seqs = tx.append(entries)
        open_intents(tx, [(intent, seqs[-1] if facts else None) for intent in intents], cycle.now, cycle.id)
        tx.owe(loser.object, {(winner_id, field): lawful for field, lawful in debts.items()}, waits)
        asked = [wait for wait in waits.values() if wait.is_put]
        tx.put_inbox([question(asked)] if asked else [], cycle.now)
        if is_lost and not intents:
            text = f"{loser.object} {loser.id} was opted out and was merged into this one"
            tx.put_inbox([lost_opt_out(loser.object, winner_id, text)], cycle.now)


def _speaking_against(world: World, loser: OrgRecord, winner_id: str, known: Sequence[FlagFact]) -> tuple[list[FlagFact], bool]:
    """Return the facts that are new beside those known of the winner, and whether anybody called the loser opted out of all."""
    leads = world.store.by_key("Lead", "ConvertedContactId", [loser.id]) if loser.object == "Contact" else []
    people = [loser, *leads]
    handles = sorted({handle for one in people for handle in handles_of(one, external_fields(world))})
    facts = world.store.flags([one.id for one in people], handles)
    carried = carried_flags(loser, leads, facts, handles, winner_id, org_opt_outs(world))
    is_out = is_opted_out(people) or any(fact.flag is Flag.OPTED_OUT and fact.scope == GLOBAL for fact in carried)
    return newest_facts(carried, known), is_out


def opting_out(world: World, cycle: Cycle, object: str, id: str, cause: str, reason: str) -> list[Intent]:
    """Say it in the org too, where a mapping that writes may set the org's opt-out."""
    sources = [source for source in world.policies.sources if source.opt_out_rule is not None and source.mode == "write"]
    if not sources or sources[0].opt_out_rule is None:
        return []
    intent = Intent(
        key=digest(cycle.identity.org_id, object, id, OPT_OUT, cause),
        object=object,
        record_id=id,
        field=OPT_OUT,
        before=False,
        after=True,
        part="flag",
        rule=sources[0].opt_out_rule,
        reason=reason,
        policy_hash=sources[0].sha256,
        cause=cause,
        is_contested=False,
    )
    return [intent]


def _merged(cycle: Cycle, loser: OrgRecord, winner_id: str, holds: Iterable[Carried]) -> Entry:
    told = "".join(f"; goes over: {Hold(one.until).text}" for one in holds if one.id == loser.id)
    return Entry(
        kind="merged", at=cycle.now, cycle=cycle.id, object=loser.object, record_id=loser.id, related_id=winner_id,
        reason=f"merged into {winner_id}{told}",
    )  # fmt: skip


def what_is_new(world: World, cycle: Cycle, facts: Sequence[FlagFact]) -> tuple[list[FlagFact], list[Entry]]:
    """Return those of some facts that are not kept yet, or said again since, with their ledger rows."""
    if not facts:
        return [], []
    ids, addresses = {fact.person_id for fact in facts if fact.person_id}, {fact.address for fact in facts if fact.address}
    known = world.store.flags(sorted(ids), sorted(addresses))
    new = newest_facts(facts, known)
    return new, _flag_entries(cycle, new, known)


def _flag_entries(cycle: Cycle, facts: Iterable[FlagFact], known: Iterable[FlagFact]) -> list[Entry]:
    """Enter facts; one that was kept before and is said again says so by its `before`."""
    before = {key_of(fact) for fact in known}
    return [
        Entry(
            kind="flag", at=cycle.now, cycle=cycle.id, object="Contact" if (fact.person_id or "").startswith("003") else "Lead",
            record_id=fact.person_id, before=fact.flag.value if key_of(fact) in before else None, after=fact.flag.value,
            reason=fact.evidence, evidence={"scope": fact.scope},
        )
        for fact in facts
    ]  # fmt: skip


def lost_opt_out(object: str, id: str, text: str) -> InboxItem:
    """Ask for the org's own opt-out where syncd may not set it."""
    return InboxItem(
        LOST_OPT_OUT,
        id,
        f"{object} {id}",
        f"{text}, which Salesforce does not call opted out. syncd keeps it out of campaigns; other tools may not.",
        "Tick Email Opt Out on the record in Salesforce.",
    )


def settle_lost_opt_outs(world: World, cycle: Cycle) -> None:
    """Take out of the inbox whom the org calls opted out by now."""
    open_ids = [item.subject for _, item, _ in world.store.inbox(kind=LOST_OPT_OUT)]
    if not open_ids:
        return
    rows: Mapping[str, OrgRecord] = {**world.store.get("Lead", open_ids), **world.store.get("Contact", open_ids)}
    settled = [id for id in open_ids if id in rows and (rows[id].is_deleted or is_opted_out([rows[id]]))]
    with world.store.begin() as tx:
        tx.resolve_inbox(LOST_OPT_OUT, settled, cycle.now)
