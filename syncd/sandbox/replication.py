"""Which records were deleted or changed between two minutes?"""

from __future__ import annotations

from datetime import datetime, timedelta

from syncd.sandbox.call import Answer, Call
from syncd.sandbox.clock import parse_datetime, stamp
from syncd.sandbox.database import quoted
from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.schema import SObject

DELETED_DAYS, UPDATED_DAYS = 15, 30
IDS_MAX = 600_000


def deleted(call: Call, sobject: SObject) -> Answer:
    """List what was deleted in the window, with when; at most 15 days back."""
    start, end = _window(call, sobject, DELETED_DAYS)
    rows = call.org.database.rows(
        'SELECT Id AS id, DeletedAt AS deletedDate FROM "_Deleted" WHERE Object = ? AND DeletedAt >= ? AND DeletedAt < ? '
        "ORDER BY DeletedAt, Id",
        (sobject.name, stamp(start), stamp(end)),
    )
    earliest = max(_minute(call.org.started_at), _minute(call.org.clock.now()) - timedelta(days=DELETED_DAYS))
    earliest = max(min(earliest, start), call.org.recycle_bin.emptied_at.get(sobject.name, start))
    return Answer(
        200,
        {
            "deletedRecords": rows,
            "earliestDateAvailable": stamp(earliest),
            "latestDateCovered": stamp(_covered(call, end)),
        },
    )


def updated(call: Call, sobject: SObject) -> Answer:
    """List the ids of what was created or changed in the window; at most 30 days back."""
    start, end = _window(call, sobject, UPDATED_DAYS)
    column = next(name for name in ("SystemModstamp", "LastModifiedDate", "CreatedDate") if sobject.has(name))
    alive = ' AND "IsDeleted" = 0' if sobject.has("IsDeleted") else ""
    rows = call.org.database.connection.execute(
        " ".join(
            (
                'SELECT "Id" FROM',
                quoted(sobject.name),
                f'WHERE "{column}" >= ? AND "{column}" < ?' + alive,
                f'ORDER BY "{column}", "Id"',
            )
        ),
        (stamp(start), stamp(end)),
    ).fetchall()
    if len(rows) > IDS_MAX:
        raise SalesforceError("EXCEEDED_ID_LIMIT", f"more than {IDS_MAX} ids in the window; ask for a shorter one")
    hidden = frozenset(call.org.settings.unshared)
    return Answer(200, {"ids": [row[0] for row in rows if row[0] not in hidden], "latestDateCovered": stamp(_covered(call, end))})


def _window(call: Call, sobject: SObject, days: int) -> tuple[datetime, datetime]:
    if not sobject.can("replicate"):
        raise SalesforceError("INVALID_TYPE_FOR_OPERATION", f"entity type {sobject.name} does not support replication")
    moments = []
    for name in ("start", "end"):
        text = call.params.get(name)
        if text is None:
            raise SalesforceError("MISSING_ARGUMENT", f"The {name} parameter is required")
        moment = parse_datetime(text.replace(" ", "+"))
        if moment is None:
            raise SalesforceError("INVALID_REPLICATION_DATE", f"{name} is not an ISO dateTime with an offset: {text}")
        moments.append(_minute(moment))
    start, end = moments
    if start >= end:
        raise SalesforceError("INVALID_REPLICATION_DATE", "startDate has to be before the endDate, at least by a minute")
    if start < _minute(call.org.clock.now()) - timedelta(days=days):
        raise SalesforceError("INVALID_REPLICATION_DATE", f"startDate cannot be more than {days} days ago")
    return start, end


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _covered(call: Call, end: datetime) -> datetime:
    """A transaction that still runs holds the end back to the minute it began in: its rows will be stamped then."""
    began_at = call.org.transactions.began_at()
    covered = min(end, _minute(call.org.clock.now()))
    return covered if began_at is None else min(covered, _minute(began_at))
