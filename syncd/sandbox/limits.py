"""How much of the org's allowance is used?"""

from __future__ import annotations

from syncd.sandbox import spending
from syncd.sandbox.bulk.jobs import allowances
from syncd.sandbox.call import Answer, Call
from syncd.sandbox.database import quoted


def limits(call: Call) -> Answer:
    """List the allowances a sync looks at, with what remains."""
    fixed = {
        "DailyAsyncApexExecutions": 250_000,
        "DailyBulkV2QueryFileStorageMB": 976_562,
        "DailyStreamingApiEvents": 200_000,
        "DataStorageMB": 10_240,
        "FileStorageMB": 10_240,
        "HourlyAsyncReportRuns": 1_200,
        "MonthlyPlatformEvents": 0,
        "SingleEmail": 5_000,
    }
    return Answer(
        200,
        {spending.DAILY: spending.daily_limit(call.org)}
        | {name: {"Max": value, "Remaining": value} for name, value in fixed.items()}
        | allowances(call.org)
        | call.org.settings.limits,
    )


def record_count(call: Call) -> Answer:
    """Count live records per object; objects without records are left out."""
    asked = call.params.get("sObjects")
    names = [name.strip() for name in asked.split(",")] if asked else [each.name for each in call.org.schema.objects.values()]
    counts = []
    for sobject in filter(None, map(call.org.schema.find, names)):
        alive = 'WHERE "IsDeleted" = 0' if sobject.has("IsDeleted") else ""
        count = call.org.database.value(" ".join(("SELECT COUNT(*) FROM", quoted(sobject.name), alive)))
        if count:
            counts.append({"count": count, "name": sobject.name})
    return Answer(200, {"sObjects": counts})
