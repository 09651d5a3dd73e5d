"""May a field that no fence stands on change so, and what should it hold otherwise?

Such a field follows the record's side, is always one side's, or is shared by a rule. Fields of opt-outs have no side.
"""

from __future__ import annotations

from syncd.core.fence_model import Fence, Sharing, SideRule
from syncd.core.fences import Crossing, Move, Passed, ball_at, text_of
from syncd.core.values import Scalar

LATCHES = frozenset({"HasOptedOutOfEmail", "PersonHasOptedOutOfEmail", "DoNotCall", "HasOptedOutOfFax"})
"""Fields in which a person says no: whoever sets them is heard, and nobody is put back."""


def judge_side(move: Move, side: SideRule, followed: Fence | None, value: Scalar) -> Crossing | Passed:
    """Judge one change of a field by whose it is.

    Shapes: `followed` is the fence that the rule follows, and `value` what that fence's field held before the change.
    Source: practice 7: beside Status and Owner each field has a side, or a rule that shares it.
    """
    if move.field in LATCHES:
        return Passed("an opt-out stands above all rules")
    if side.shared is not None:
        return _judge_shared(move, side, side.shared)
    owner, why = (side.team, f"{move.label} is {side.team}'s") if side.team is not None else _followed(move, followed, value)
    if owner is None:
        return Crossing("side-unknown", why, side.rule)
    if move.team == owner:
        return Passed(why)
    return Crossing("wrong-side", f"{why}; {move.team or 'an unknown team'} changed it", side.rule)


def _followed(move: Move, fence: Fence | None, value: Scalar) -> tuple[str | None, str]:
    text = text_of(value)
    holding = None if fence is None or text is None else fence.holdings.get(text)
    if fence is None or holding is None:
        return None, f"whose {move.label} is depends on {fence.name if fence else 'a fence'}, and no team owns {value!r}"
    ball = ball_at(holding, move.was)
    return ball.team, ball.why or f"{move.label} is {ball.team}'s at {text!r}"


def _judge_shared(move: Move, side: SideRule, rule: Sharing) -> Crossing | Passed:
    if rule is Sharing.NEWEST:
        return Passed(f"{move.label} is shared: the newest value stands")
    if rule is Sharing.FILL_BLANKS:
        if move.before in (None, ""):
            return Passed(f"{move.label} is shared: a blank may be filled")
        return Crossing("not-blank", f"{move.label} is shared: blanks may be filled, {move.before!r} is not blank", side.rule)
    lost = [value for value in _values(move.before) if value not in _values(move.after)]
    if not lost:
        return Passed(f"{move.label} is shared: values may be added")
    return Crossing("value-lost", f"{move.label} is shared: {', '.join(map(repr, lost))} may not be taken away", side.rule)


def _values(value: Scalar) -> list[str]:
    return [part for part in (text_of(value) or "").split(";") if part]


def restored(side: SideRule, before: Scalar, after: Scalar) -> Scalar:
    """Return what a field should hold after an unlawful change: its last value, or the union of both."""
    if side.shared is not Sharing.UNION:
        return before
    return ";".join(dict.fromkeys([*_values(before), *_values(after)]))
