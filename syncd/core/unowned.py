"""What becomes of records whose value no team owns? They are parked: nothing is put back until the fence file knows the value."""

from __future__ import annotations

from syncd.core.fence_fields import OWNER_FIELD
from syncd.core.fence_model import Fence, Fences
from syncd.core.values import Change, InboxItem

UNOWNED = "unowned-value"


def is_unowned(change: Change, fence: Fence) -> bool:
    """Tell whether a change left a record at a value that no team owns."""
    return change.field != OWNER_FIELD and change.after is not None and str(change.after) not in fence.holdings


def subject_of(object: str, field: str, value: str) -> str:
    """Return the subject under which all records of one value stand in the inbox."""
    return f"{object}.{field}: {value}"


def unowned(change: Change, fence: Fence) -> InboxItem:
    """Tell of a value that no team owns, once for all records that hold it."""
    value = str(change.after)
    return InboxItem(
        UNOWNED,
        subject_of(change.object, change.field, value),
        f"{change.object} {change.record_id}",
        f"No team owns {change.object} {change.field} {value!r}. Records that hold it are parked: what changes there is only "
        "noted, and nothing is put back.",
        f'Give it a team in {fence.rule.file}: "{value}" = {{ team = "…" }}. It clears itself then.',
    )


def owned_by_now(subjects: list[str], fences: Fences) -> list[str]:
    """Return the subjects whose values the fences know by now, or whose fence is gone."""
    parked = {subject_of(bound.object, bound.field, ""): fence.holdings for fence in fences.fences for bound in fence.bound}
    found = []
    for subject in subjects:
        place, _, value = subject.partition(": ")
        holdings = parked.get(f"{place}: ")
        if holdings is None or value in holdings:
            found.append(subject)
    return found
