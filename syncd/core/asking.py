"""How is a person asked whether a crossing is put back, and what does each answer do?"""

from __future__ import annotations

from collections.abc import Sequence

from syncd.core.ladder import Wait
from syncd.core.values import InboxItem

ASK = "ask"
REVERT, KEEP = "revert", "keep"
ANSWERS = (REVERT, KEEP)


def question(waits: Sequence[Wait]) -> InboxItem:
    """Ask about everything on one record that waits for a person's word. It names kinds of actors and teams, no person.

    Shapes: one record's waits, at least one. A record has one item: a later question replaces the words of an earlier one.
    """
    first = waits[0].intent
    told = "; ".join(_move(wait) for wait in waits)
    rules = ", ".join(dict.fromkeys(f"{one.intent.rule.file}:{one.intent.rule.line}" for one in waits))
    return InboxItem(
        ASK,
        first.record_id,
        f"{first.object} {first.record_id}",
        f"{told}. Shall it be put back?",
        "Put it back: syncd inbox resolve NUMBER --revert    Let it stand: syncd inbox resolve NUMBER --keep",
        detail=rules,
    )


def _move(wait: Wait) -> str:
    one = wait.intent
    values = "" if one.field == "OwnerId" else f" from {one.after!r} to {one.before!r}"
    at = f"{wait.changed_at:%Y-%m-%d %H:%M} UTC"
    return f"{one.field} was moved{values} at {at}, which no line of the policy allows: {one.reason}"
