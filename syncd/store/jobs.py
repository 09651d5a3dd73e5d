"""Where are the Bulk jobs kept that were begun at Salesforce and not ended yet?"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, bindparam, delete, select

from syncd.ports.jobs import Job
from syncd.store.base import Reads, Writes, replace
from syncd.store.encoding import from_json, to_json, to_moment, to_text
from syncd.store.tables import jobs

_JOBS = (
    select(jobs)
    .where(jobs.c.org == bindparam("of_org"), jobs.c.kind == bindparam("of_kind"))
    .order_by(jobs.c.created_at, jobs.c.key)
)


class JobReads(Reads):
    """The jobs of one org."""

    def jobs(self, kind: str) -> list[Job]:
        """Return the jobs of a kind, oldest first."""
        with self._reading() as connection:
            return [_job(row) for row in connection.execute(_JOBS, {"of_org": self.org, "of_kind": kind})]


class JobWrites(Writes):
    """What changes about them."""

    def put_job(self, job: Job) -> None:
        """Insert a job, or replace what was known of it."""
        row = {
            "org": self.org, "key": job.key, "kind": job.kind, "object": job.object, "job_id": job.job_id, "state": job.state,
            "payload": to_json(dict(job.payload)), "created_at": to_text(job.created_at), "updated_at": to_text(job.updated_at),
        }  # fmt: skip
        replace(self.connection, jobs, [row])

    def drop_job(self, key: str) -> None:
        """Forget a job: all of it is done."""
        self.connection.execute(delete(jobs).where(jobs.c.org == self.org, jobs.c.key == key))


def _job(row: Row[Any]) -> Job:
    return Job(
        row.key, row.kind, row.object, row.job_id, row.state, from_json(row.payload), to_moment(row.created_at),
        to_moment(row.updated_at),
    )  # fmt: skip
