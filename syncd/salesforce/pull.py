"""Which rows changed or were deleted? Five objects' questions in one API call; the following pages one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Any
from urllib.parse import urlencode

from syncd.errors import OrgUnreachable
from syncd.ports import DeletedSince, Deletions, Keyset, Page, Pull
from syncd.salesforce import composite, rows, soql
from syncd.salesforce.composite import Part, PartAnswer
from syncd.salesforce.connection import Connection
from syncd.salesforce.cursor import CursorExpired, pages

DELETED_MAX = composite.SUBREQUESTS_MAX - composite.QUERIES_MAX
DELETED_DAYS = timedelta(days=15)
RESTARTS_MAX = 3
_MINUTE = timedelta(minutes=1)


def pull(connection: Connection, pulls: Sequence[Pull], deleted: Sequence[DeletedSince]) -> Iterator[Page | Deletions]:
    """Read changed rows page by page, each page as soon as it is there.

    Shapes: the pages of the pulls in the order given, then the deletions; one call carries 5 pulls and 20 deletion questions.
    """
    pull_groups = _groups(pulls, composite.QUERIES_MAX)
    deleted_groups = _groups(deleted, DELETED_MAX)
    for some_pulls, some_deleted in zip_longest(pull_groups, deleted_groups, fillvalue=()):
        yield from _one_call(connection, some_pulls, some_deleted)


def _groups(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _one_call(connection: Connection, pulls: Sequence[Pull], deleted: Sequence[DeletedSince]) -> Iterator[Page | Deletions]:
    windows = [window for question in deleted if (window := Window.of(question, connection.now())) is not None] if deleted else []
    parts = [_query(each) for each in pulls] + [window.part() for window in windows]
    if not parts:
        return
    found = composite.ask(connection, "pull " + ", ".join(part.what for part in parts), parts)
    found.reverse()
    for each, part in zip(pulls, parts, strict=False):
        yield from _pages(connection, each, composite.expect(connection, part, found.pop()))
    for window in windows:
        yield window.deletions(_deleted_body(connection, window, found.pop()))


def _query(pull: Pull, resume: Keyset | None = None) -> Part:
    """Write the question. IsDeleted is always false for `query`: selecting it asks for deleted and merged rows too."""
    resource = "queryAll" if any(field.lower() == "isdeleted" for field in pull.fields) else "query"
    return Part(f"query {pull.object}", f"/{resource}?q={soql.encoded(soql.pull_statement(pull, resume))}")


def _pages(connection: Connection, pull: Pull, body: Any) -> Iterator[Page]:
    """Yield the pages of one pull; when its cursor expires, the pull goes on after the last row that was yielded."""
    resume, restarts = pull.after, 0
    while True:
        try:
            for page in pages(connection, pull.object, pull.fields, pull.stamp_field, body):
                if page.records:
                    resume = Keyset(page.records[-1].modified_at, page.records[-1].id)
                yield page
        except CursorExpired as cause:
            restarts += 1
            if restarts > RESTARTS_MAX:
                raise OrgUnreachable(f"The org dropped the cursor of {pull.object} {restarts} times.") from cause
        else:
            return
        part = _query(pull, resume)
        body = connection.read(part.what, "GET", connection.base + part.path)


class Window:
    """One question to /deleted, in whole minutes of the org's clock."""

    def __init__(self, object: str, start: datetime, end: datetime, is_whole: bool) -> None:
        self.object = object
        self.start = start
        self.end = end
        self.is_whole = is_whole

    @classmethod
    def of(cls, question: DeletedSince, now: datetime) -> Window | None:
        """Cut a question to what the org can answer; None when less than a minute would be left.

        Source: REST API Developer Guide, sObject Get Deleted: seconds are ignored, 15 days back at most.
        """
        end = _floor(now) + _MINUTE
        asked = _floor(question.since_at)
        oldest = _floor(now - DELETED_DAYS) + _MINUTE
        start = max(asked, oldest)
        return cls(question.object, start, end, asked >= oldest) if end - start >= _MINUTE else None

    def part(self) -> Part:
        """Write the question."""
        span = urlencode({"start": self.start.isoformat(), "end": self.end.isoformat()})
        return Part(f"deleted {self.object}", f"/sobjects/{soql.name(self.object)}/deleted/?{span}")

    def deletions(self, body: Any) -> Deletions:
        """Read the answer."""
        try:
            ids = tuple(dict.fromkeys(str(row["id"]) for row in body["deletedRecords"]))
            earliest, covered = rows.moment(body["earliestDateAvailable"]), rows.moment(body["latestDateCovered"])
        except rows.UNREADABLE as cause:
            raise OrgUnreachable(f"The org listed the deleted rows of {self.object} in a form that syncd can't read.") from cause
        return Deletions(self.object, ids, covered, self.is_whole and earliest <= self.start)


def _deleted_body(connection: Connection, window: Window, answer: PartAnswer) -> Any:
    """Return the answer; an org that does not take this question inside a composite is asked by itself."""
    part = window.part()
    if answer.status in {400, 404}:
        return connection.read(part.what, part.method, connection.base + part.path)
    return composite.expect(connection, part, answer)


def _floor(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)
