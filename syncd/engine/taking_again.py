"""How is an export taken in once more that was taken before: because its mapping observed then, or was put right since?

    1. Open it again.   The store no longer calls it finished; the ledger says who asked, and why. One transaction.
    2. Bring it back.   Its original goes from done/ to where it came from, and the next cycle takes it in like any export.

Killed between the two, the request is taken up again and the original found where it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncd.core.mapping import SourceMapping
from syncd.core.values import Entry, InboxItem
from syncd.engine.intake_again import Again, all_again, keep_again
from syncd.engine.intake_telling import FILE_KINDS
from syncd.engine.world import World
from syncd.errors import SyncdError
from syncd.ports import OrgWriter, Request, TakenFile

AGAIN = "again"
_ALL = 10**6
_NOTHING = "Nothing was changed."


@dataclass(frozen=True, slots=True)
class _Asked:
    """The file that somebody asked for, the mapping of its source, and who asked."""

    mapping: SourceMapping
    source: str
    name: str
    sha256: str
    request: Request

    @property
    def id(self) -> str:
        """Name the request for ever."""
        return f"request-{self.request.number} {self.request.asked_at.isoformat()}"


def take_again(world: World, _org: OrgWriter, request: Request) -> Mapping[str, Any]:
    """Have an export taken in once more with the next cycle.

    Shapes: "waiting" is the name under which its original lies in the drop folder again; None when there is no original, and the
    file has to be dropped once more.
    Errors: SyncdError when it was never taken, or would overwrite newer values, or values of its source are under way; nothing
    is changed then. When its original cannot be moved, all else is done.
    """
    given = {name: str(request.payload.get(name) or "") for name in ("source", "name", "sha256")}
    mapping = next((one for one in world.policies.sources if one.name == given["source"]), None)
    if mapping is None:
        hint = "Its mapping has to be in force: syncd status"
        raise SyncdError(f"No mapping has the name {given['source']!r}. {_NOTHING}", hint=hint)
    asked = _Asked(mapping, request=request, **given)
    archive = world.fetching.archive if world.fetching is not None else None
    found = archive.original(asked.source, asked.name, asked.sha256, mapping.dialect.members) if archive is not None else None
    if not (request.tries and any(one.request == asked.id for one in all_again(world.store).values())):
        _open_again(world, asked, found[1] if found is not None else (asked.sha256,))
    answer = {"source": asked.source, "name": asked.name, "waiting": None}
    if archive is None or found is None:
        return answer
    try:
        return {**answer, "waiting": archive.bring_back(found[0])}
    except OSError as error:
        hint = f"Put a copy of it into {found[0].parent.parent} yourself: it is taken in again."
        raise SyncdError(f"{found[0]} cannot be moved: {error.strerror}.", hint=hint) from error


def _open_again(world: World, asked: _Asked, hashes: Sequence[str]) -> None:
    taken = world.store.taken_files(_ALL, asked.source)
    mine = [one for one in taken if one.sha256 in hashes]
    file = next((one for one in mine if one.sha256 == asked.sha256), None)
    if file is None:
        text = f"{asked.name} is no file of {asked.source} that was taken in. {_NOTHING}"
        raise SyncdError(text, hint="See: syncd exports list")
    if asked.mapping.newest is None:
        _refuse_older(world, asked.mapping, file, taken, mine)
    if under_way := sum(1 for _ in _values_of(world, asked.mapping)):
        text = f"{under_way:,} values of {asked.source} are under way to Salesforce. {_NOTHING}"
        raise SyncdError(text, hint="Ask again after the next cycle.")
    at = world.org.now()
    again = Again(asked.id, max(one.finished_at for one in mine), asked.source, asked.name)
    with world.store.begin() as tx:
        for one in mine:
            tx.reopen_file(one.sha256)
        keep_again(tx, world.store, [one.sha256 for one in mine], again)
        for item in _told_of(world, mine):
            tx.resolve_inbox(item.kind, [item.subject], at)
        tx.append([_entry(asked, file, world)])


def _refuse_older(
    world: World, mapping: SourceMapping, file: TakenFile, taken: Sequence[TakenFile], mine: Sequence[TakenFile]
) -> None:
    """Refuse a file that is not the last one of its source, where nothing in its rows says how old they are."""
    since = [one for one in taken if one not in mine and one.finished_at >= file.finished_at]
    waiting = [one.name for one in world.exports.waiting(mapping)[0]]
    later = waiting[0] if waiting else since[0].name if since else None
    if later is not None:
        text = f"{later} is newer than {file.name}, and nothing in their rows says so: older values would overwrite newer ones."
        hint = f"Take the last file again, or name the column that says how new a row is: newest under [file] in {mapping.file}."
        raise SyncdError(f"{text} {_NOTHING}", hint=hint)


def _values_of(world: World, mapping: SourceMapping) -> Iterator[int]:
    """Give the open intents that come from exports of a source."""
    for one in world.store.open_intents():
        if one.intent.part == "map" and one.intent.rule.file == mapping.file:
            yield one.seq


def _told_of(world: World, files: Sequence[TakenFile]) -> Iterator[InboxItem]:
    """Give what the inbox has of the rows of these files: what is still so will be told again."""
    until = {one.name: one.finished_at for one in files}
    for card in world.store.inbox_cards(open_only=True):
        if card.item.kind in FILE_KINDS:
            end = until.get(card.item.where.rpartition(":")[0])
            if end is not None and card.last_at <= end:
                yield card.item


def _entry(asked: _Asked, file: TakenFile, world: World) -> Entry:
    by, reason = asked.request.asked_by, str(asked.request.payload.get("reason") or "")
    text = f"export {asked.source}/{asked.name}, taken in at {file.finished_at:%Y-%m-%d %H:%M} UTC, is taken in again, says {by}"
    return Entry(
        kind="asked", at=world.org.now(), cycle=f"request-{asked.request.number}", reason=f"{text}: {reason}" if reason else text,
        evidence={"verb": AGAIN, "by": by, "source": asked.source, "file": asked.name, "sha256": asked.sha256},
    )  # fmt: skip
