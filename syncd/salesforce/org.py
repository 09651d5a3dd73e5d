"""What does the engine hold when it works with a real org? The adapter behind `syncd.ports.OrgWriter`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType

from syncd.core.values import Scalar
from syncd.ports import (
    Answer,
    ApiUsage,
    Chunk,
    DeletedSince,
    DescribedSince,
    Fresh,
    IngestJob,
    ObjectSchema,
    OrgIdentity,
    Overwrite,
    Pull,
    QueryJob,
    RecordType,
    Update,
    UpdatedSince,
    WriteResult,
)
from syncd.ports.census import Fate, Span
from syncd.salesforce import bulk_ingest, bulk_query, counting, pull, reads, record_types, writes
from syncd.salesforce.access import OrgAccess
from syncd.salesforce.connection import Connection, host_now


class SalesforceOrg:
    """One Salesforce org over HTTP. It may be shared by threads; `close` it at the end.

    `wall` is the host's clock and serves to measure how far it is off; every time that is returned is the org's.
    """

    def __init__(
        self,
        config: OrgAccess,
        *,
        wall: Callable[[], datetime] = host_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = Connection(config, wall=wall, sleep=sleep)

    def __enter__(self) -> SalesforceOrg:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._connection.close()

    def identity(self) -> OrgIdentity:
        """Log in when needed and say which org and user this is."""
        return self._connection.identity()

    def now(self) -> datetime:
        """Return the org's clock as of the latest answer. Units: whole seconds, UTC."""
        return self._connection.now()

    def look_at_clock(self) -> None:
        """Bring `now` up to date without an API call."""
        self._connection.look_at_clock()

    def try_login_at_once(self) -> None:
        """Let the next login pass although logins were refused before: somebody waits to see what comes of it."""
        self._connection.try_login_at_once()

    def skew(self) -> timedelta:
        """Return how far the org's clock was ahead of this host's at the latest answer (negative: behind)."""
        self._connection.now()
        return self._connection.meter.skew() or timedelta(0)

    def usage(self) -> ApiUsage:
        """Return the API usage as of the latest answer."""
        return self._connection.meter.usage()

    def schema(self, objects: Sequence[str]) -> Mapping[str, ObjectSchema]:
        """Describe objects, 25 in one API call; an object that is not visible is absent."""
        return reads.schema(self._connection, objects)

    def record_types(self, object: str) -> list[RecordType]:
        """Read the active record types of an object with their picklist values; `check` asks."""
        return record_types.record_types(self._connection, object)

    def pull(
        self,
        pulls: Sequence[Pull],
        deleted: Sequence[DeletedSince] = (),
        *,
        counted: Sequence[str] = (),
        updated: Sequence[UpdatedSince] = (),
        described: Sequence[DescribedSince] = (),
    ) -> Iterator[Answer]:
        """Read changed rows page by page, and what else is asked in the same calls."""
        return pull.pull(self._connection, pulls, deleted, counted=counted, updated=updated, described=described)

    def read(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Fresh:
        """Read rows by id as they stand now."""
        return reads.read(self._connection, object, ids, fields)

    def find(self, object: str, fields: Sequence[str], where: Mapping[str, Sequence[Scalar]]) -> Fresh:
        """Find rows whose fields each hold one of the given values."""
        return reads.find(self._connection, object, fields, where)

    def count_days(self, spans: Sequence[Span]) -> list[dict[str, int]]:
        """Count rows by day in UTC, five spans a call."""
        return counting.count_days(self._connection, spans)

    def count_spans(self, spans: Sequence[Span]) -> list[int]:
        """Count rows, five spans a call."""
        return counting.count_spans(self._connection, spans)

    def ids(self, span: Span) -> Iterator[tuple[str, datetime]]:
        """Give ids with their stamps."""
        return counting.ids(self._connection, span)

    def fates(self, object: str, ids: Sequence[str], fields: Sequence[str] = ()) -> Mapping[str, Fate]:
        """Say what became of rows."""
        return counting.fates(self._connection, object, ids, fields)

    def count(self, questions: Sequence[tuple[str, Mapping[str, Sequence[Scalar]]]]) -> list[int]:
        """Count rows, five questions (object, where) in one API call; `check` asks."""
        return reads.count(self._connection, questions)

    def open_query(self, pull: Pull) -> QueryJob:
        """Begin a Bulk job that reads the rows of a pull, in no order."""
        return bulk_query.open_job(self._connection, pull)

    def query_job(self, job_id: str) -> QueryJob | None:
        """Ask how a Bulk query stands; None when the org has forgotten it."""
        return bulk_query.ask(self._connection, job_id)

    def running_queries(self, object: str, since_at: datetime) -> list[QueryJob]:
        """List the Bulk queries over an object that our user began since then and that have not ended."""
        return bulk_query.running(self._connection, object, since_at)

    def query_rows(self, job: QueryJob, pull: Pull, schema: ObjectSchema, locator: str | None) -> Iterator[Chunk]:
        """Read the rows of a Bulk query that is done, straight from the socket."""
        return bulk_query.read(self._connection, job, pull, schema, locator)

    def abort_query(self, job_id: str) -> None:
        """End a Bulk query whose rows nobody wants any more."""
        bulk_query.abort(self._connection, job_id)

    def update(self, updates: Sequence[Update]) -> list[WriteResult]:
        """Send at most 25 conditional updates in one API call."""
        return writes.update(self._connection, updates)

    def overwrite(self, object: str, rows: Sequence[Overwrite]) -> list[WriteResult]:
        """Send at most 200 unconditional updates in one API call."""
        return writes.overwrite(self._connection, object, rows)

    def create(self, object: str, rows: Sequence[Mapping[str, Scalar]], *, assign: bool = False) -> list[WriteResult]:
        """Create at most 200 rows in one API call."""
        return writes.create(self._connection, object, rows, assign=assign)

    def open_ingest(self, object: str) -> IngestJob:
        """Open a Bulk load of updates."""
        return bulk_ingest.open_job(self._connection, object)

    def fill_ingest(self, job_id: str, rows: Sequence[Overwrite]) -> None:
        """Upload the rows of an open load, once."""
        bulk_ingest.fill(self._connection, job_id, rows)

    def close_ingest(self, job_id: str) -> None:
        """Say that the upload is complete: the org begins to write."""
        bulk_ingest.close(self._connection, job_id)

    def abort_ingest(self, job_id: str) -> None:
        """Give up a load that was never closed."""
        bulk_ingest.abort(self._connection, job_id)

    def ingest_job(self, job_id: str) -> IngestJob | None:
        """Ask how a load stands; None when the org knows it no more."""
        return bulk_ingest.ask(self._connection, job_id)

    def open_ingests(self) -> list[IngestJob]:
        """List the loads that were opened and never closed."""
        return bulk_ingest.open_jobs(self._connection)

    def ingest_results(self, job_id: str) -> list[WriteResult]:
        """Read what became of each row of an ended load."""
        return bulk_ingest.results(self._connection, job_id)
