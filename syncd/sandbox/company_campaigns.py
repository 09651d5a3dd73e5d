"""Which campaigns does the demo company run, and who is in them?

The two SYNCD campaigns start empty: they are where stalled deals' people are enrolled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from syncd.sandbox.company_people import MARKETO, Cast
from syncd.sandbox.company_tables import Row, record_id, stamp, table, words

STALLED_EARLY, STALLED_LATE = "SYNCD Stalled Early", "SYNCD Stalled Late"
MEMBER_COLUMNS: Final = (
    "Id",
    "CampaignId",
    "LeadId",
    "ContactId",
    "Status",
    "HasResponded",
    "FirstRespondedDate",
    "CreatedDate",
    "CreatedById",
)
_PLAIN: Final = (("Sent", True, False), ("Responded", False, True))
_EVENT: Final = (("Invited", True, False), ("Registered", False, True), ("Attended", False, True), ("No Show", False, False))
_NURTURE: Final = (
    ("Sent", True, False),
    ("Responded", False, True),
    ("Withdrawn", False, False),
    ("Completed", False, False),
)
# name, type, member statuses as (label, default, responded)
_CAMPAIGNS: Final = (
    (STALLED_EARLY, "Nurture", _NURTURE),
    (STALLED_LATE, "Nurture", _NURTURE),
    ("Spring Newsletter", "Email", _PLAIN),
    ("Autumn Newsletter", "Email", _PLAIN),
    ("Buyer's Guide Download", "Content", _PLAIN),
    ("Total Cost Calculator", "Content", _PLAIN),
    ("Webinar: Fewer Stoppages", "Webinar", _EVENT),
    ("Webinar: First Hundred Days", "Webinar", _EVENT),
    ("Hannover Booth", "Trade Show", _EVENT),
    ("Chicago Booth", "Trade Show", _EVENT),
    ("Partner Roadshow", "Event", _EVENT),
    ("Paid Search Brand", "Advertisement", _PLAIN),
    ("Nurture: Newcomers", "Nurture", _PLAIN),
    ("Nurture: Late Bloomers", "Nurture", _PLAIN),
)


@dataclass(frozen=True, slots=True)
class Campaign:
    id: str
    name: str
    kind: str
    statuses: tuple[tuple[str, bool, bool], ...]


CAMPAIGNS: Final = tuple(Campaign(record_id("Campaign", n), *facts) for n, facts in enumerate(_CAMPAIGNS, 1))


def write_campaigns(folder: Path, cast: Cast, now: datetime) -> None:
    """Write the campaigns and their member statuses."""
    owner = cast.of("marketing")[0].id
    start, end = now.date() - timedelta(days=500), now.date() + timedelta(days=365)
    created = stamp(now - timedelta(days=500))
    columns = words("Id Name Type Status IsActive StartDate EndDate OwnerId CreatedDate CreatedById")
    with table(folder, "Campaign", columns) as row:
        for item in CAMPAIGNS:
            row((item.id, item.name, item.kind, "In Progress", "true", start, end, owner, created, owner))
    columns = words("CampaignId Label IsDefault HasResponded SortOrder CreatedDate CreatedById")
    with table(folder, "CampaignMemberStatus", columns) as row:
        for item in CAMPAIGNS:
            for order, (label, default, responded) in enumerate(item.statuses, 1):
                row((item.id, label, str(default).lower(), str(responded).lower(), order, created, owner))


class MemberWriter:
    """Puts people into the ordinary campaigns."""

    def __init__(self, row: Row, rng: Random, cast: Cast, now: datetime) -> None:
        self._row, self._rng, self._now = row, rng, now
        self._tool, self._written = cast.login(MARKETO).id, 0

    def join(self, since: datetime, *, lead_id: str = "", contact_id: str = "") -> None:
        """Put about every third person into one or two campaigns, at some time between `since` and now."""
        rng = self._rng
        if rng.random() > 0.35:
            return
        for campaign in rng.sample(CAMPAIGNS[2:], rng.choice((1, 1, 2))):
            self._written += 1
            at = stamp(since + (self._now - timedelta(minutes=2) - since) * rng.random())
            status, _, responded = rng.choice(campaign.statuses)
            known = (status, str(responded).lower(), at[:10] if responded else "")
            member_id = record_id("CampaignMember", self._written)
            self._row((member_id, campaign.id, lead_id, contact_id, *known, at, self._tool))
