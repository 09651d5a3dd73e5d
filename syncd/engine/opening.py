"""How are intents committed, so that what syncd writes explains itself when it is read back?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from syncd.core.values import Intent
from syncd.ports import StoreWriter

WRITTEN = "written"


def open_intents(tx: StoreWriter, intents: Sequence[tuple[Intent, int | None]], at: datetime, cycle: str) -> list[int]:
    """Commit intents to the ledger, each with the row that caused it, and remember the values.

    By these values syncd knows its own history rows, and what else it wrote to a record beside a rule's first write.

    Shapes: the sequence numbers of those that were new.
    """
    if not intents:
        return []
    seqs = tx.open(intents, at, cycle)
    updates = [intent for intent, _ in intents if not intent.is_create]
    tx.put_verdicts(WRITTEN, {f"{intent.record_id}.{intent.field}": str(intent.after) for intent in updates})
    return seqs
