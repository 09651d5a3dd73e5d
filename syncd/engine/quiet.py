"""Does today lie in a quiet period of the org's fiscal year?

The month in which that year begins is asked for once a day, and only where fences.toml names quiet days.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from syncd.core.fence_model import Fences
from syncd.core.fiscal import QuietPeriod, quiet_on
from syncd.engine.world import Cycle, World
from syncd.errors import OrgRefused
from syncd.ports import OrgReader

KNOWN = "fiscal year"
START = "FiscalYearStartMonth"
ASKED_EVERY = timedelta(days=1)


def quiet_now(world: World, cycle: Cycle, fences: Fences) -> QuietPeriod | None:
    """Return the quiet period that the org's today lies in, or None. Days are those of the configured zone."""
    if fences.quiet.days <= 0:
        return None
    return quiet_on(cycle.now.astimezone(world.zone).date(), fences.quiet, start_month(world, cycle))


def start_month(world: World, cycle: Cycle) -> int | None:
    """Return the month in which the org's fiscal year begins; None when the org does not show it.

    Source: Object Reference, Organization.FiscalYearStartMonth.
    """
    known: Any = world.store.setting(KNOWN)
    if isinstance(known, dict) and cycle.now - datetime.fromisoformat(known["asked_at"]) < ASKED_EVERY:
        return _month(known["month"])
    month = month_of(world.org)
    with world.store.begin() as tx:
        tx.put_setting(KNOWN, {"month": month, "asked_at": cycle.now.isoformat()})
    return month


def month_of(org: OrgReader) -> int | None:
    """Ask in which month the org's fiscal year begins; None when it is not told."""
    try:
        rows = org.find("Organization", (START,), {"Id": [org.identity().org_id]}).records
    except OrgRefused:
        return None
    return next((_month(row.fields.get(START)) for row in rows.values()), None)


def _month(value: object) -> int | None:
    """Read a month, which the org tells as a number or, being a picklist in some versions, as text."""
    text = str(value)
    return int(text) if text.isdecimal() and 1 <= int(text) <= 12 else None
