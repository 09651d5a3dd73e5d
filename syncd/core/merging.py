"""What goes over to the record that another was merged into: who may not be mailed, and what the record was owed?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from syncd.core.flags import OptOutFields, newest_facts
from syncd.core.ladder import Wait
from syncd.core.latching import org_facts
from syncd.core.mapping_file.checks import OPT_OUT
from syncd.core.values import FlagFact, OrgRecord, Scalar


def final_winners(merged: Mapping[str, str]) -> dict[str, str]:
    """Follow chains of merges to the record that is left; a circle ends where it began."""
    found = {}
    for loser, first in merged.items():
        winner, seen = first, {loser}
        while winner in merged and winner not in seen:
            seen.add(winner)
            winner = merged[winner]
        found[loser] = winner
    return found


def is_opted_out(people: Iterable[OrgRecord]) -> bool:
    """Tell whether the org itself says so of any of these."""
    return any(person.fields.get(OPT_OUT) is True for person in people)


def carried_flags(
    loser: OrgRecord,
    leads: Sequence[OrgRecord],
    facts: Iterable[FlagFact],
    handles: Iterable[str],
    winner_id: str,
    more: OptOutFields | None = None,
) -> list[FlagFact]:
    """Return what speaks against mailing the merged record, as facts about the one that is left.

    Shapes: `leads` were converted into the merged record; `facts` are those about it, about them, or about one of `handles`, by
    which flags without a person may name it; `more` are the org's own opt-outs besides HasOptedOutOfEmail.
    Source: promise 4: an opt-out is never overridden, lost or late, whatever happens to the record.
    """
    ids, keys = {loser.id, *(lead.id for lead in leads)}, set(handles)
    carried = []
    for fact in facts:
        if fact.person_id in ids or (fact.address is not None and fact.address in keys):
            evidence = f"{fact.evidence}, of {loser.object} {loser.id} that was merged into it"
            carried.append(replace(fact, person_id=winner_id, evidence=evidence))
    for record in (loser, *leads):
        carried += org_facts(record, winner_id, f"{loser.object} {loser.id} was opted out and merged into it", more or {})
    return newest_facts(carried)


def carried_waits(waits: Mapping[tuple[str, str], Wait], debts: Iterable[str], winner_id: str) -> dict[tuple[str, str], Wait]:
    """Return how the debts that were carried over go on waiting, by (record id, field) of the record that is left."""
    kept = set(debts)
    return {
        (winner_id, field): replace(wait, intent=replace(wait.intent, record_id=winner_id))
        for (_, field), wait in waits.items()
        if field in kept
    }


def carried_debts(
    owed: Mapping[tuple[str, str], Scalar], loser: OrgRecord, before: OrgRecord | None, winner: OrgRecord | None
) -> dict[str, Scalar]:
    """Return by field what the record that is left owes now: only where it took over the very value that may not stand.

    Shapes: `before` is the record that is left as it was before the merge; a value that it held by itself is its own.
    """
    if winner is None:
        return {}
    held = {} if before is None else before.fields
    return {
        field: lawful
        for (id, field), lawful in owed.items()
        if id == loser.id and (winner.id, field) not in owed
        if held.get(field) != winner.fields.get(field) == loser.fields.get(field)
    }
