"""Is it told, change by change, what other fences would have made of the past?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncd.core.fence_effect import UNJUDGED, Story, counted, judged_otherwise, law_for
from syncd.core.values import Change, Entry, Proof
from tests.core.samples import LEAD, NOON, POLICY, change, fences, people

FEWER = POLICY.replace('by = ["sdr", "sales"]', 'by = ["sales"]')
NOBODYS = POLICY.replace('role = ["SDR"]', 'role = ["Nobody"]')
OBSERVING = POLICY.replace('tool = "revert"', 'tool = "observe"')
PUSH = change("Working", "Inquiry", "marketo")


def row(each: Change) -> Entry:
    """Enter a change as a cycle does."""
    is_proved = each.proof is Proof.HISTORY
    return Entry(
        kind="change",
        at=each.changed_at + timedelta(minutes=1),
        cycle="c1",
        object=each.object,
        record_id=each.record_id,
        field=each.field,
        before=each.before,
        after=each.after,
        changed_at=each.changed_at,
        actor_id=each.actor.user_id if is_proved else None,
        actor=each.actor.name if is_proved else None,
        actor_kind=each.actor.kind.value,
        proof=each.proof.value,
        team=each.actor.team,
    )


def found(before: str, after: str, *changes: Change) -> list[tuple[str, str]]:
    holds = {each.field: each.after for each in changes}
    old, new = (law_for(fences(text), people()) for text in (before, after))
    return [(one.before, one.after) for one in judged_otherwise([Story("Lead", LEAD, [*map(row, changes)], holds)], old, new)]


@pytest.mark.parametrize(
    ("before", "after", "changes", "expected"),
    [
        (OBSERVING, POLICY, [PUSH], [("note", "revert")]),
        (POLICY, POLICY.replace('"Inquiry, Nurture -> MQL"', '"Working -> Inquiry"'), [PUSH], [("revert", "allow")]),
        (POLICY, POLICY.replace("v1", "v2") + "# the end\n", [PUSH], []),
        (POLICY, NOBODYS, [change("Working", "Nurture", "sam")], [("allow", "note")]),
        (POLICY, FEWER, [change("Working", "Qualified", "sam")], [("allow", "warn")]),
        (OBSERVING, POLICY, [change("Working", "Inquiry", "syncd")], []),
        (OBSERVING, POLICY, [change("Working", "Inquiry", "marketo", proof=Proof.LAST_MODIFIED)], []),
        # a move away from an unlawful value is judged from the last lawful one: putting it back is lawful under both
        (OBSERVING, POLICY, [PUSH, change("Inquiry", "Working", "sam", 5)], [("warn", "allow"), ("note", "revert")]),
    ],
)  # fmt: skip
def test_only_what_two_versions_judge_differently_is_told(
    before: str, after: str, changes: list[Change], expected: list[tuple[str, str]]
) -> None:
    assert found(before, after, *changes) == expected


@pytest.mark.parametrize("since", ["2026-11-02T13:00:00Z", "2026-11-02T11:00:00Z"])
def test_fences_are_compared_as_if_they_had_stood_all_the_time(since: str) -> None:
    later = POLICY.replace("[crossing.status]\n", f"[crossing.status]\nsince = {since}\n")
    assert (found(POLICY, later, PUSH), found(OBSERVING, later, PUSH)) == ([], [("note", "revert")])


def test_a_field_that_a_new_fence_stands_on_was_not_judged_before() -> None:
    stage = (
        '\n[fence.grade]\nfields = ["Lead.Grade__c"]\n[fence.grade.status]\n"A" = { team = "sales" }\n"B" = { team = "sdr" }\n'
    )
    stage += '[crossing.grade]\nmode = { tool = "warn" }\n'
    assert found(POLICY, POLICY + stage, change("A", "B", "marketo", field="Grade__c")) == [(UNJUDGED, "warn")]


def test_it_is_told_who_moved_what_and_counted_by_field() -> None:
    story = Story("Lead", LEAD, [row(PUSH)], {"Status": "Inquiry"})
    [one] = judged_otherwise([story], law_for(fences(OBSERVING), people()), law_for(fences(), people()))
    assert one.text == (
        f"Lead {LEAD} Status 'Working' -> 'Inquiry' by Marketo Sync (marketing) at {NOON:%Y-%m-%d %H:%M} UTC: note -> revert, "
        "'Working' belongs to sdr; marketing moved it to 'Inquiry'"
    )
    assert counted([one, one]) == {"Lead.Status": {"note -> revert": 2}}
