"""How are the pages of one query's answer read? Page by page, counting, and never taking a cut answer for the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncd.core.values import OrgRecord
from syncd.errors import OrgRefused, OrgUnreachable
from syncd.ports import Page
from syncd.salesforce import rows
from syncd.salesforce.connection import Connection


class CursorExpired(OrgUnreachable):
    """The org no longer knows the place where a query's next page begins."""


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One page as it came over the wire."""

    total: int
    is_last: bool
    following: str | None
    records: tuple[OrgRecord, ...]


def pages(connection: Connection, object: str, fields: Sequence[str], stamp_field: str, body: Any) -> Iterator[Page]:
    """Yield the page in `body` and then those that follow it, each before the next is asked for.

    Errors: CursorExpired when the org dropped the cursor; OrgUnreachable when fewer rows came than were announced.
    """
    sheet = _sheet(object, fields, stamp_field, body)
    announced, seen = sheet.total, 0
    while True:
        seen += len(sheet.records)
        if sheet.is_last and seen < announced:
            raise OrgUnreachable(f"The org announced {announced} rows of {object} and sent {seen}: the rest is not read.")
        yield Page(object, sheet.records, sheet.is_last, announced)
        if sheet.is_last:
            return
        sheet = _sheet(object, fields, stamp_field, _following(connection, object, sheet.following))


def _sheet(object: str, fields: Sequence[str], stamp_field: str, body: Any) -> _Sheet:
    try:
        records = tuple(rows.record(object, row, fields, stamp_field) for row in body["records"])
        return _Sheet(int(body["totalSize"]), bool(body["done"]), body.get("nextRecordsUrl"), records)
    except rows.UNREADABLE as cause:
        raise OrgUnreachable(f"The org answered a query of {object} in a form that syncd can't read.") from cause


def _following(connection: Connection, object: str, path: str | None) -> Mapping[str, Any]:
    if not isinstance(path, str) or not path.startswith("/services/data/"):
        raise OrgUnreachable(f"The org said that more rows of {object} follow, but not where.")
    try:
        body: Mapping[str, Any] = connection.read(f"next page of {object}", "GET", path)
    except OrgRefused as cause:
        if "INVALID_QUERY_LOCATOR" in str(cause):
            raise CursorExpired(f"The org dropped the cursor of a query of {object}.") from cause
        raise
    return body
