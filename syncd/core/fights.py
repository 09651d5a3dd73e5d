"""Is a field fought over, and when does syncd step out of the fight?

Two writers that set a field back and forth help nobody, least of all with syncd as one of them. A machine's value that comes
back after it was put back once stands, and from then on nothing of that machine in that field is put back, on any record; a
person's third revert of a field of one record in a day is not made. A write that the org refuses twice is not tried a third time.
Source: complaint 10: one inbox item that names both sides, and nothing is stuck.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.core.values import Actor, Change, InboxItem, Intent, Judgement, Outcome
from syncd.core.vendors import product_of, steps

DAY = timedelta(days=1)
REVERTS_A_DAY = 2
CAME_BACK = "put back once already, so left alone"
PARKED = "fought over, so left alone until its inbox item is resolved"
YIELDED = "this machine's values of the field are left alone until its inbox item is resolved"
MACHINE_WINS = "machine-wins"
FOUGHT_OVER = "fought-over"
BLOCKED = "protections-blocked"


@dataclass(frozen=True, slots=True)
class Fight:
    """Who was reverted last on a field of one record, from which value, and when reverts of it were decided lately."""

    by: str = ""
    value: str = ""
    reverted_at: tuple[datetime, ...] = ()

    @classmethod
    def read(cls, text: str | None) -> Fight:
        """Read what `text` gave; also the `user:value` that older versions kept."""
        if not text:
            return cls()
        if not text.startswith("{"):
            by, _, value = text.partition(":")
            return cls(by, value)
        known = json.loads(text)
        return cls(known["by"], known["value"], tuple(datetime.fromisoformat(at) for at in known["reverted_at"]))

    def text(self) -> str:
        """Return it as text to keep."""
        at = [each.isoformat() for each in self.reverted_at]
        return json.dumps({"by": self.by, "value": self.value, "reverted_at": at}, separators=(",", ":"))

    def lately(self, now: datetime) -> tuple[datetime, ...]:
        """Return the reverts of the last 24 hours."""
        return tuple(at for at in self.reverted_at if at > now - DAY)

    def is_about(self, change: Change) -> bool:
        """Tell whether this user was put back from this value last."""
        return self.by == str(change.actor.user_id) and self.value == str(change.after)

    def is_too_much(self, now: datetime) -> bool:
        """Tell whether one more revert would be one too many."""
        return len(self.lately(now)) >= REVERTS_A_DAY

    def after(self, change: Change, now: datetime) -> Fight:
        """Return the fight after one more revert."""
        return Fight(str(change.actor.user_id), str(change.after), (*self.lately(now), now))


def yielding(actor: Actor, object: str, field: str) -> str:
    """Return the subject under which a machine that is left alone in a field stands in the inbox."""
    return f"{actor.user_id}:{object}.{field}"


def boomerang(item: Judgement) -> InboxItem:
    """Tell that a machine wins a field, on all records from now on, and where to stop it."""
    change = item.change
    product = product_of(change.actor)
    behind = f" ({product.name})" if product is not None and product.name.casefold() not in change.actor.name.casefold() else ""
    return InboxItem(
        MACHINE_WINS,
        yielding(change.actor, change.object, change.field),
        f"{change.object} {change.record_id}",
        f"{change.actor.name}{behind} brings values of {change.field} back that were put back; the latest: {change.after!r} "
        f"over {change.before!r}. syncd leaves its {change.field} alone now, on every {change.object}.",
        f"{steps(change.actor, change.object, change.field)}. Two machines fighting helps nobody. When it is blocked: "
        "syncd inbox resolve",
    )


def parking(record_id: str, field: str) -> str:
    """Return the subject under which the fight over a field of a record stands in the inbox."""
    return f"{record_id}:{field}"


def fought_over(item: Judgement, reverted_at: Sequence[datetime]) -> InboxItem:
    """Tell that a field is parked, naming both sides: who sets it, and whose value it was by the fence."""
    change = item.change
    side = f" ({change.actor.team})" if change.actor.team else ""
    rule = f" ({item.rule.file}:{item.rule.line})" if item.rule is not None else ""
    times = f" after {len(reverted_at)} reverts since {reverted_at[0]:%Y-%m-%d %H:%M} UTC" if reverted_at else ""
    reason = item.reason.removesuffix(f"; {PARKED}")
    return InboxItem(
        FOUGHT_OVER,
        parking(change.record_id, change.field),
        f"{change.object} {change.record_id}",
        f"{change.actor.name}{side} set {change.field} from {change.before!r} to {change.after!r} again{times}. The other side: "
        f"{reason}{rule}. It stands, and nobody's change of this field is reverted until this is resolved.",
        "Let both sides agree. The fence stands again after a lawful move of the field, or after: syncd inbox resolve",
    )


ORG_RULES = frozenset(
    {
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "FIELD_FILTER_VALIDATION_EXCEPTION",
        "CANNOT_EXECUTE_FLOW_TRIGGER",
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "REQUIRED_FIELD_MISSING",
        "DUPLICATES_DETECTED",
    }
)
"""The codes by which Salesforce says that a rule of the org stands against a save, not a missing permission."""


def is_blocked(intent: Intent, outcome: Outcome) -> bool:
    """Tell whether a rule of the org refused to have a value put back that a fence wants back."""
    return intent.part == "fence" and outcome.code in ORG_RULES


def blocked(intent: Intent, outcome: Outcome) -> InboxItem:
    """Tell that two protections block each other: a fence that puts a value back, and a rule of the org that refuses it."""
    words = f"{outcome.code} {outcome.text}".strip()
    line = f"{intent.rule.file}:{intent.rule.line}"
    return InboxItem(
        BLOCKED,
        parking(intent.record_id, intent.field),
        f"{intent.object} {intent.record_id}",
        f"Two protections block each other over {intent.field}. syncd's {intent.rule.name} ({line}) puts {intent.after!r} back; "
        f"a rule of the org refuses just that: {words}. {intent.before!r} stands meanwhile, and syncd does not try again.",
        f"Decide which of the two is right: change {line}, or the org's rule (Setup > Object Manager > {intent.object} > "
        "Validation Rules), then: syncd inbox resolve",
        detail=intent.reason,
    )
