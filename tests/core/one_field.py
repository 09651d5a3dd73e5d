"""What came of the changes of one field of the lead, for tests that look at no other field?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from syncd.core.directory import Directory
from syncd.core.fence_model import Fences
from syncd.core.fiscal import QuietPeriod
from syncd.core.law import Law
from syncd.core.replay import Course, Spare, Standing, nothing_spared, replay
from syncd.core.values import Change, Judgement, Scalar


@dataclass(frozen=True, slots=True)
class OneField:
    """The judgements in order, the last value that may stand, and whether it is owed."""

    judgements: tuple[Judgement, ...] = field(default_factory=tuple)
    standing: Scalar = None
    owed: bool = False


def replay_one(
    changes: Sequence[Change],
    fences: Fences,
    people: Directory,
    *,
    owed: Scalar = None,
    held: Scalar = None,
    first_sight: bool = False,
    explained: Iterable[int] = (),
    events: Mapping[int, str] | None = None,
    quiet: QuietPeriod | None = None,
    spare: Spare = nothing_spared,
) -> OneField:
    """Replay changes of one field, with what is owed and was held in it."""
    name = changes[0].field if changes else "Status"
    course = Course(
        "Lead",
        changes,
        {} if held is None else {name: held},
        {} if owed is None else {name: owed},
        frozenset(explained),
        events or {},
        first_sight,
    )
    result = replay(course, Law(fences, people, quiet), spare=spare)
    standing = result.standing.get(name, Standing(None))
    return OneField(result.judgements, standing.value, standing.is_owed)
