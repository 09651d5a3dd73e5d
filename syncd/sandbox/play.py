"""What do the people and machines of the demo company do over several days, and was it lawful?

The script is data: `days` returns moments with the saves to send and the ground truth of each. It is a function of the
load folder, seed and start alone, since the company's ids are known before any org runs. The fences it is judged by
(`company_fence.py`):

- Status: Inquiry and Nurture belong to marketing; MQL, Working, Meeting Set and Disqualified to sdr; Qualified to sales.
  A team moves leads among its own values freely.
- Gates: Inquiry, Nurture -> MQL and -> Disqualified by marketing; Disqualified -> Inquiry by marketing;
  MQL, Working, Meeting Set -> Nurture by sdr, -> Qualified by sdr and sales.
- Owner: marketing -> sdr by marketing and the routing tool; sdr -> sales by sdr and sales; sdr -> marketing by sdr;
  within a team freely by that team. Queues Inquiries and Nurture are marketing's, MQL_AMER and MQL_EMEA sdr's.
- marketo.sync, routing and automated.process are machines of their own, no members of a team: they pass only where a
  gate names them. outreach.sync acts for the record's owner. Other fields and stages are fenced by nobody.

The truth holds for an org in which only the play writes. Where syncd reverts a crossing, later moments still pass: a
lead that was in a crossing is left alone, except by the Marketo sync and the SDRs who fight it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from syncd.sandbox.play_deals import DealDay
from syncd.sandbox.play_leads import LeadDay
from syncd.sandbox.play_player import EditFailed, Player, PlayStopped
from syncd.sandbox.play_world import ExportDrop, Moment, Truth, World

__all__ = ["EditFailed", "ExportDrop", "Moment", "PlayStopped", "Player", "Truth", "days"]


def days(folder: Path, *, seed: int, start: datetime, count: int = 5) -> list[Moment]:
    """Script `count` working days from `start` on, in order of time.

    Shapes: each day begins at `start`'s hour; Saturdays and Sundays are skipped. Day 2 has the admin's bulk load, day 5
    the list-view edit. `folder` is what `write_company` wrote, with `start` not before its `now`.
    Units:  aware UTC.
    """
    world = World(folder, Random(f"{seed} play"))
    moments: list[Moment] = []
    pushed: list[str] = []
    for day, at in enumerate(_working_days(start, count), 1):
        moments.append(Moment(at + timedelta(minutes=5), f"The marketing tool's export of day {day}", export=ExportDrop(day)))
        lead_day, deal_day = LeadDay(world, at, day, pushed), DealDay(world, at, day)
        today = [*lead_day.moments(), *deal_day.moments()]
        moments += sorted((moment for moment in today if moment.edits), key=lambda moment: moment.at)
    return moments


def _working_days(start: datetime, count: int) -> list[datetime]:
    days_ahead = (start + timedelta(days=n) for n in range(count * 2 + 3))
    return [at for at in days_ahead if at.weekday() < 5][:count]
