"""Who cleared opt-outs in the org, as far as history or the last save tells, and which of them are still to be asked about?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from syncd.core.actors import actor_of
from syncd.core.clearing import KIND, Clearer, Clearing, box_at, cards, in_history, is_of_privacy, remembered, subject_of
from syncd.core.flags import Reason, opt_out_fields
from syncd.core.mapping_file.checks import OPT_OUT
from syncd.core.privacy import LINK
from syncd.core.values import ActorKind, InboxItem, OrgRecord, Proof, Scalar
from syncd.engine.consent import org_opt_outs, reasons_by
from syncd.engine.world import Cycle, World
from syncd.ports import Case, StoreReader, StoreWriter

ASKED = "opt-outs cleared"
HISTORY: Mapping[str, tuple[str, str]] = {"Lead": ("LeadHistory", "LeadId"), "Contact": ("ContactHistory", "ContactId")}


def clearers(
    world: World, cycle: Cycle, object: str, taken: Sequence[Clearing], history: Mapping[str, Sequence[OrgRecord]]
) -> Iterator[tuple[Clearing, Clearer]]:
    """Give who cleared each: by its history, else who saved the record last, which is a hint and proves nothing."""
    if not taken:
        return
    unproven: list[Clearing] = []
    for clearing in taken:
        rows = history.get(clearing.record_id, ())
        row = in_history(clearing, (row for row in rows if row.modified_at >= clearing.true_until))
        if row is None:
            unproven.append(clearing)
        else:
            yield clearing, named(world, cycle, row.text("CreatedById"), Proof.HISTORY)
    if unproven:
        last = world.org.read(object, sorted({one.record_id for one in unproven}), ["LastModifiedById"]).records
        for clearing in unproven:
            record = last.get(clearing.record_id)
            yield clearing, named(world, cycle, record.text("LastModifiedById") if record else None, Proof.LAST_MODIFIED)


def history_of(
    world: World, cycle: Cycle, object: str, changed: Iterable[str], taken: Iterable[Clearing], cases: Iterable[Case]
) -> dict[str, list[OrgRecord]]:
    """Return by record what its history tells: what came with the cases; of opt-outs that were taken, and where history does not
    come with cases, what is in the mirror too."""
    mirrored, parent = HISTORY[object]
    found = {case.subject_id: [*case.history] for case in cases if case.history}
    need = cycle.needs.get(mirrored)
    ids = {clearing.record_id for clearing in taken}.union(changed if need is not None and need.parent is None else ())
    for row in world.store.by_key(mirrored, parent, sorted(ids)) if need is not None and ids else ():
        found.setdefault(row.text(parent) or "", []).append(row)
    return found


def named(world: World, cycle: Cycle, user_id: str | None, proof: Proof) -> Clearer:
    """Return who it was by name, as far as that is known."""
    actor = actor_of(user_id, cycle.people, world.policies.fences.teams)
    kind = ActorKind.UNKNOWN if actor.kind is ActorKind.SYNCD else actor.kind
    return Clearer(user_id, actor.name or "somebody unknown", kind, proof)


def is_kept_out(world: World, cycle: Cycle, clearing: Clearing) -> bool:
    """Tell whether anything but the opt-out that was cleared speaks against mailing the person."""
    fields: dict[str, Scalar] = dict.fromkeys(opt_out_fields(clearing.object, org_opt_outs(world)), False)
    known = world.store.get(clearing.object, [clearing.record_id]).get(clearing.record_id)
    link = None if known is None else known.fields.get(LINK)
    record = OrgRecord(clearing.object, clearing.record_id, clearing.true_until, fields | {"Email": clearing.address, LINK: link})
    reasons = reasons_by(world, cycle, {clearing.record_id: record})[clearing.record_id]
    return any(reason.text.startswith("opted out") for reason in reasons)


def tell_cleared(tx: StoreWriter, world: World, cycle: Cycle, asked: Sequence[tuple[Clearing, Clearer]]) -> None:
    """Ask about opt-outs that were cleared and keep people out nevertheless: one card for all that one clearer cleared."""
    known = remembered(_asked(world.store), asked)
    keys = {subject_of(by) for _, by in asked}
    tx.put_setting(ASKED, known)
    tx.put_inbox(cards({key: one for key, one in known.items() if key in keys}), cycle.now)


def _asked(store: StoreReader) -> Mapping[str, Mapping[str, Sequence[str]]]:
    known = store.setting(ASKED)
    return known if isinstance(known, dict) else {}


def settle_cleared(world: World, cycle: Cycle) -> None:
    """Take out of the inbox whom the org calls opted out again, or against whom nothing speaks any more."""
    known = _asked(world.store)
    if not known:
        return
    wanted = {where: box_at(where) for one in known.values() for where in one["records"]}
    rows: dict[str, OrgRecord] = {}
    for object in HISTORY:
        rows |= world.store.get(object, sorted({id for name, id, _ in wanted.values() if name == object}))
    there = {id: row for id, row in rows.items() if not row.is_deleted}
    against = reasons_by(world, cycle, there)
    still = {
        where
        for where, (_, id, box) in wanted.items()
        if id in there and against[id] and not _is_said_again(there[id], box, against[id])
    }
    left = {key: {**one, "records": [where for where in one["records"] if where in still]} for key, one in known.items()}
    left = {key: one for key, one in left.items() if one["records"]}
    if left == known:
        return
    with world.store.begin() as tx:
        tx.put_setting(ASKED, left)
        tx.resolve_inbox(KIND, [key for key in known if key not in left], cycle.now)


def _is_said_again(record: OrgRecord, box: str, against: Iterable[Reason]) -> bool:
    """Tell whether the org calls a record opted out again."""
    if is_of_privacy(box) and any(one.is_the_orgs and one.text.startswith("opted out") for one in against):
        return True
    return any(record.fields.get(name) is True for name in (box, OPT_OUT))


def forget_cleared(world: World, tx: StoreWriter, item: InboxItem) -> None:
    """Ask no more about these: a person has looked at them. They stay without mail."""
    tx.put_setting(ASKED, {key: one for key, one in _asked(world.store).items() if key != item.subject})
