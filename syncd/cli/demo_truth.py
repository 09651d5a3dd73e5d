"""Did syncd find what really happened? The play knows each move that was against the fences; the ledger has what was found.

The play's truth holds for an org in which it alone writes. Where syncd put a value back, a later move of the play can be no
change at all, or be one where the play expected none: such differences are counted by themselves, never hidden.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from syncd.core.values import OutcomeKind, Proof
from syncd.ports import LedgerRow

if TYPE_CHECKING:
    from syncd.sandbox.play import Moment, Truth

FENCED_FIELDS = ("Status", "OwnerId")
Move = tuple[str, str, str, str]  # record id, field, new value, user id
Place = tuple[str, str]  # record id, field


@dataclass(frozen=True, slots=True)
class Compared:
    """The play's unlawful moves beside the crossings that history proves.

    `missed`: unlawful moves in no row. `moot`: unlawful moves that changed nothing, since syncd had put the value back.
    `again`: crossings that the play made only because syncd had put the value back. `wrong`: other crossings.
    """

    played: int
    found: int
    missed: int
    moot: int
    again: int
    wrong: int


def compare(moments: Sequence[Moment], rows: Sequence[LedgerRow], user_ids: Mapping[str, str], since: datetime) -> Compared:
    """Hold the ledger against the play's truth.

    Shapes: `user_ids` by username; only moves of fenced fields count, from `since` on.
    """
    facts = [(moment.at, fact) for moment in moments for fact in moment.truth if fact.field in FENCED_FIELDS]
    unlawful = [(at, _move(fact, user_ids)) for at, fact in facts if not fact.is_lawful]
    crossings = list(_crossings(rows, since))
    put_back = _put_back(rows)
    not_found = _without(unlawful, Counter(move for _, move in crossings))
    unplayed = _without(crossings, Counter(move for _, move in unlawful))
    moot = sum(_was_put_back(move, at, put_back) for at, move in not_found)
    again = sum(_was_put_back(move, at, put_back) for at, move in unplayed)
    return Compared(len(unlawful), len(crossings), len(not_found) - moot, moot, again, len(unplayed) - again)


def _move(fact: Truth, user_ids: Mapping[str, str]) -> Move:
    return (fact.record_id, fact.field, fact.after, user_ids.get(fact.username, fact.username))


def _crossings(rows: Iterable[LedgerRow], since: datetime) -> Iterator[tuple[datetime, Move]]:
    for entry in (row.entry for row in rows if row.entry.kind == "change" and row.entry.fence):
        if entry.proof == Proof.HISTORY and entry.changed_at is not None and entry.changed_at >= since:
            yield entry.changed_at, (str(entry.record_id), str(entry.field), str(entry.after or ""), str(entry.actor_id))


def _put_back(rows: Iterable[LedgerRow]) -> dict[Place, datetime]:
    """Return when each field of a record was first put back."""
    found: dict[Place, datetime] = {}
    for entry in (row.entry for row in rows):
        if entry.kind == "outcome" and entry.outcome == OutcomeKind.CONFIRMED and entry.field in FENCED_FIELDS:
            found.setdefault((str(entry.record_id), str(entry.field)), entry.at)
    return found


def _was_put_back(move: Move, at: datetime, put_back: Mapping[Place, datetime]) -> bool:
    return (first := put_back.get((move[0], move[1]))) is not None and first <= at


def _without(moves: Sequence[tuple[datetime, Move]], others: Counter[Move]) -> list[tuple[datetime, Move]]:
    """Return the moves that are left when each of the others takes one equal move away, the earliest first."""
    left = others.copy()
    kept = []
    for at, move in moves:
        if left[move]:
            left[move] -= 1
        else:
            kept.append((at, move))
    return kept
