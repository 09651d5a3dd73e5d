"""How does the model answer a census, and Bulk queries?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from syncd.core.values import Scalar
from syncd.ports.bulk import ABORTED, DONE, RUNNING, Chunk, QueryJob
from syncd.ports.census import Fate, Span
from syncd.ports.org import ObjectSchema, Pull
from syncd.testing.model import BulkQuery, OrgModel, Row, eighteen

SPANS_A_CALL, IDS_A_CALL, POLLS, PAGE_ROWS = 5, 2_000, 2, 50_000


class ModelCensus:
    """The part of the port that a census asks."""

    model: OrgModel
    _call: Callable[..., dict[str, Any]]
    _answer: Callable[[Mapping[str, Any]], None]

    def _within(self, span: Span) -> list[Row]:
        rows = [row for row in self.model.live(span.object) if _is_within(row, span)]
        return sorted(rows, key=lambda row: str(row["Id"]))

    def count_days(self, spans: Sequence[Span]) -> list[dict[str, int]]:
        """Count rows by day in UTC; five spans a call."""
        found: list[dict[str, int]] = []
        for some in _some(spans, SPANS_A_CALL):
            entry = self._call("GET", "composite count by day")
            for span in some:
                days: dict[str, int] = {}
                for row in self._within(span):
                    day = row[span.stamp_field].date().isoformat()
                    days[day] = days.get(day, 0) + 1
                found.append(days)
            self._answer(entry)
        return found

    def count_spans(self, spans: Sequence[Span]) -> list[int]:
        """Count rows; five spans a call."""
        found: list[int] = []
        for some in _some(spans, SPANS_A_CALL):
            entry = self._call("GET", "composite count")
            found += [len(self._within(span)) for span in some]
            self._answer(entry)
        return found

    def ids(self, span: Span) -> Iterator[tuple[str, datetime]]:
        """Give ids with their stamps, about 2,000 a call."""
        rows = iter(self._within(span))
        is_first = True
        while (some := list(islice(rows, IDS_A_CALL))) or is_first:
            self._answer(self._call("GET", f"query ids of {span.object}"))
            yield from ((row["Id"], row[span.stamp_field]) for row in some)
            is_first = False

    def fates(self, object: str, ids: Sequence[str], fields: Sequence[str] = ()) -> Mapping[str, Fate]:
        """Say what became of rows; one that the org no longer knows is absent."""
        found: dict[str, Fate] = {}
        for some in _some(ids, IDS_A_CALL):
            entry = self._call("GET", f"queryAll {object}")
            rows = [self.model.tables[object][id] for id in map(eighteen, some) if id in self.model.tables[object]]
            for row in rows:
                found[row["Id"]] = Fate(row["IsDeleted"], row.get("MasterRecordId"), {name: row.get(name) for name in fields})
            self._answer(entry)
        return found


class ModelBulkReader:
    """Bulk query jobs. Each question finds one further on."""

    model: OrgModel
    _call: Callable[..., dict[str, Any]]
    _answer: Callable[[Mapping[str, Any]], None]
    _matching: Callable[[Pull], Any]

    def open_query(self, pull: Pull) -> QueryJob:
        """Begin a job that reads the rows of a pull."""
        entry = self._call("POST", "jobs/query", {"operation": "query", "query": pull.object})
        job = BulkQuery(self.model.mint("750"), pull.object, self.model.second())
        self.model.queries[job.id] = job
        self._answer(entry)
        return self._job(job)

    def query_job(self, job_id: str) -> QueryJob | None:
        """Ask how a job stands; None when the org has forgotten it."""
        entry = self._call("GET", f"jobs/query/{job_id}")
        job = self.model.queries.get(job_id)
        if job is not None and job.state == RUNNING:
            job.polls += 1
            job.state = DONE if job.polls >= POLLS else RUNNING
        self._answer(entry)
        return None if job is None else self._job(job)

    def running_queries(self, object: str, since_at: datetime) -> list[QueryJob]:
        """List the jobs over an object that were begun since then and have not ended."""
        entry = self._call("GET", "jobs/query")
        jobs = [job for job in self.model.queries.values() if job.object == object and job.state == RUNNING]
        self._answer(entry)
        return [self._job(job) for job in jobs if job.created_at >= since_at]

    def query_rows(self, job: QueryJob, pull: Pull, schema: ObjectSchema, locator: str | None) -> Iterator[Chunk]:
        """Read the rows of a job that is done, a page a call."""
        size = self.model.settings.get("bulk_page_rows", PAGE_ROWS)
        names = tuple(sorted(pull.fields))
        start = int(locator or 0)
        while True:
            entry = self._call("GET", f"jobs/query/{job.id}/results")
            known = self.model.queries[job.id]
            if known.rows is None:
                known.rows = self._matching(pull)
            some = known.rows[start : start + size]
            self._answer(entry)
            start += size
            is_last = start >= len(known.rows)
            columns: list[list[Scalar]] = [[row.fields[name] for row in some] for name in names]
            stamps = [f"{row.modified_at:%Y-%m-%dT%H:%M:%S}.000Z" for row in some]
            place = None if is_last else str(start)
            yield Chunk(job.object, names, [row.id for row in some], stamps, columns, place, True, is_last)
            if is_last:
                return

    def abort_query(self, job_id: str) -> None:
        """End a job whose rows nobody wants any more."""
        entry = self._call("PATCH", f"jobs/query/{job_id}", {"state": "Aborted"})
        job = self.model.queries.get(job_id)
        if job is not None and job.state == RUNNING:
            job.state = ABORTED
        self._answer(entry)

    def _job(self, job: BulkQuery) -> QueryJob:
        return QueryJob(job.id, job.object, job.state, 0)


def _is_within(row: Row, span: Span) -> bool:
    at = row[span.stamp_field]
    if at >= span.until_at or (span.since_at is not None and at < span.since_at):
        return False
    return bool(row["Id"] >= span.low and (not span.high or row["Id"] < span.high))


def _some(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
