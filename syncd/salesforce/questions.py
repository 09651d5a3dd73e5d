"""What else is asked in the call that pulls rows? How many there are, what was deleted or changed, what an object looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from syncd.errors import OrgUnreachable
from syncd.ports import Counted, DeletedSince, Deletions, Described, DescribedSince, ObjectSchema, UpdatedSince, Updates
from syncd.salesforce import composite, rows, soql
from syncd.salesforce.composite import Part, PartAnswer
from syncd.salesforce.connection import Connection

DELETED_DAYS = timedelta(days=15)
UPDATED_DAYS = timedelta(days=30)
_MINUTE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Counting:
    """How many live rows an object has."""

    object: str

    def part(self) -> Part:
        """Write the question."""
        return Part(f"count {self.object}", f"/query?q={soql.encoded(soql.count_statement(self.object, {}))}")

    def read(self, connection: Connection, answer: PartAnswer) -> Counted:
        """Read the answer."""
        body = composite.expect(connection, self.part(), answer)
        if not isinstance(body, Mapping) or not isinstance(body.get("totalSize"), int):
            raise OrgUnreachable(f"The org's answer to {self.part().what} holds no count.")
        return Counted(self.object, body["totalSize"])


@dataclass(frozen=True, slots=True)
class Describing:
    """What an object looks like, if that changed."""

    asked: DescribedSince

    @property
    def object(self) -> str:
        """Name the object."""
        return self.asked.object

    def part(self) -> Part:
        """Write the question. HTTP dates have whole seconds, so the second that was asked for is asked for again."""
        headers = {}
        if self.asked.since_at is not None:
            since = self.asked.since_at.astimezone(UTC).replace(microsecond=0) - _SECOND
            headers["If-Modified-Since"] = format_datetime(since, usegmt=True)
        return Part(f"describe {self.object}", f"/sobjects/{soql.name(self.object)}/describe", headers=headers)

    def read(self, connection: Connection, answer: PartAnswer) -> Described:
        """Read the answer: 304 when nothing changed, 404 when the object is not visible."""
        if answer.status in {304, 404}:
            return Described(self.object, answer.status == 404, None)
        return Described(self.object, True, schema_of(self.object, composite.expect(connection, self.part(), answer)))


def schema_of(object: str, body: Any) -> ObjectSchema:
    """Read a describe's answer."""
    try:
        return rows.object_schema(body)
    except rows.UNREADABLE as cause:
        raise OrgUnreachable(f"The org described {object} in a form that syncd can't read.") from cause


@dataclass(frozen=True, slots=True)
class Window:
    """One question to /deleted or /updated, in whole minutes of the org's clock."""

    what: str
    object: str
    start: datetime
    end: datetime
    is_whole: bool

    @classmethod
    def of(cls, question: DeletedSince | UpdatedSince, now: datetime) -> Window | None:
        """Cut a question to what the org can answer; None when less than a minute would be left.

        Source: REST API Developer Guide, sObject Get Deleted and Get Updated: seconds are ignored, 15 or 30 days back at most.
        """
        what, days = ("deleted", DELETED_DAYS) if isinstance(question, DeletedSince) else ("updated", UPDATED_DAYS)
        end = _floor(now) + _MINUTE
        asked = _floor(question.since_at)
        oldest = _floor(now - days) + _MINUTE
        start = max(asked, oldest)
        return cls(what, question.object, start, end, asked >= oldest) if end - start >= _MINUTE else None

    def part(self) -> Part:
        """Write the question."""
        span = urlencode({"start": self.start.isoformat(), "end": self.end.isoformat()})
        return Part(f"{self.what} {self.object}", f"/sobjects/{soql.name(self.object)}/{self.what}/?{span}")

    def read(self, connection: Connection, answer: PartAnswer) -> Deletions | Updates:
        """Read the answer; an org that does not take this question inside a composite is asked by itself."""
        part = self.part()
        if answer.status in {400, 404}:
            body = connection.read(part.what, part.method, connection.base + part.path)
        else:
            body = composite.expect(connection, part, answer)
        return self._deletions(body) if self.what == "deleted" else self._updates(body)

    def _deletions(self, body: Any) -> Deletions:
        try:
            ids = tuple(dict.fromkeys(str(row["id"]) for row in body["deletedRecords"]))
            earliest, covered = rows.moment(body["earliestDateAvailable"]), rows.moment(body["latestDateCovered"])
        except rows.UNREADABLE as cause:
            raise OrgUnreachable(f"The org listed the deleted rows of {self.object} in a form that syncd can't read.") from cause
        return Deletions(self.object, ids, covered, self.is_whole and earliest <= self.start)

    def _updates(self, body: Any) -> Updates:
        try:
            ids = tuple(dict.fromkeys(str(id) for id in body["ids"]))
            covered = rows.moment(body["latestDateCovered"])
        except rows.UNREADABLE as cause:
            raise OrgUnreachable(f"The org listed the changed rows of {self.object} in a form that syncd can't read.") from cause
        return Updates(self.object, ids, covered, self.is_whole)


def _floor(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)
