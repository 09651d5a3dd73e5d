"""Which moves does the demo company hold to be lawful?

The ground truth of the play, written down once more and apart from syncd's own judging, so that a misreading of the
fences isn't made twice. Status values belong to one team each; the team moves a lead among its own values as it likes;
every other move needs a gate. Owners likewise: a team hands leads around among its own people and queues; across teams
only through an owner gate. A tool that acts for the record's owner (outreach.sync) is judged as the owner's team.
"""

from __future__ import annotations

from typing import Final

INQUIRY, NURTURE, MQL, WORKING = "Inquiry", "Nurture", "MQL", "Working"
MEETING_SET, QUALIFIED, DISQUALIFIED = "Meeting Set", "Qualified", "Disqualified"
LEAD_STATUSES: Final = (INQUIRY, NURTURE, MQL, WORKING, MEETING_SET, QUALIFIED, DISQUALIFIED)
STATUS_TEAM: Final = {
    INQUIRY: "marketing",
    NURTURE: "marketing",
    MQL: "sdr",
    WORKING: "sdr",
    MEETING_SET: "sdr",
    DISQUALIFIED: "sdr",
    QUALIFIED: "sales",
}
STATUS_GATES: Final = frozenset(
    [
        *((before, MQL, "marketing") for before in (INQUIRY, NURTURE)),
        *((before, NURTURE, "sdr") for before in (MQL, WORKING, MEETING_SET)),
        *((before, QUALIFIED, team) for before in (MQL, WORKING, MEETING_SET) for team in ("sdr", "sales")),
        *((before, DISQUALIFIED, "marketing") for before in (INQUIRY, NURTURE)),
        (DISQUALIFIED, INQUIRY, "marketing"),
    ]
)
OWNER_GATES: Final = frozenset(
    [
        ("marketing", "sdr", "marketing"),
        ("marketing", "sdr", "routing"),
        ("sdr", "sales", "sdr"),
        ("sdr", "sales", "sales"),
        ("sdr", "marketing", "sdr"),
    ]
)


def may_set_status(team: str, before: str, after: str) -> bool:
    """Say whether `team` may move a lead from status `before` to `after`."""
    at_home = STATUS_TEAM.get(before) == STATUS_TEAM.get(after) == team
    return at_home or (before, after, team) in STATUS_GATES


def may_set_owner(team: str, before_team: str, after_team: str) -> bool:
    """Say whether `team` may move a lead from an owner of `before_team` to one of `after_team`."""
    return before_team == after_team == team or (before_team, after_team, team) in OWNER_GATES
