"""Which bulk jobs does the org have, and how much of their allowance is used?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from syncd.sandbox.bulk.files import Rows, Spool, Style
from syncd.sandbox.clock import stamp
from syncd.sandbox.errors import NotThere, SalesforceError

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

JOB_PREFIX, BATCH_PREFIX, RESULT_PREFIX = "750", "751", "752"
JOB_LIFE = timedelta(days=7)
ENDED = frozenset({"JobComplete", "Failed", "Aborted"})
# Objects that the Bulk API refuses where the other APIs do not.
_NOT_IN_BULK = frozenset(
    {
        "AcceptedEventRelation",
        "ActivityHistory",
        "CaseStatus",
        "CaseTeamMember",
        "CaseTeamRole",
        "ContractStatus",
        "DeclinedEventRelation",
        "FieldSecurityClassification",
        "Name",
        "OpenActivity",
        "OrderStatus",
        "PartnerRole",
        "RecentlyViewed",
        "SolutionStatus",
        "TaskPriority",
        "TaskStatus",
        "UndecidedEventRelation",
        "UserRecordAccess",
        "WorkOrderStatus",
    }
)


@dataclass(slots=True)
class Batch:
    """One batch of a Bulk API 1.0 job."""

    id: str
    job_id: str
    created_at: datetime
    changed_at: datetime
    statement: str = ""
    state: str = "Queued"
    message: str = ""
    polls: int = 0
    result_id: str = ""
    rows: Rows | None = None
    bounds: tuple[str | None, str | None] | None = None  # of a chunk: ids from, up to

    @property
    def ended(self) -> bool:
        """Tell whether nothing will change any more."""
        return self.state in ("Completed", "Failed", "NotProcessed")


@dataclass(slots=True)
class Job:
    """One bulk job. `kind` is V2Query, V2Ingest or Classic."""

    id: str
    kind: str
    operation: str
    object_name: str
    version: str
    user_id: str
    created_at: datetime
    changed_at: datetime
    state: str
    style: Style = field(default_factory=Style)
    statement: str = ""
    external_id: str | None = None
    rule_id: str | None = None
    polls: int = 0
    error: str = ""
    processed: int = 0
    failed: int = 0
    uploads: int = 0
    upload: Spool | None = None
    offset: int = 0  # where in the upload the next row begins
    end: Mapping[str, Any] | None = None  # how a setting wants the job to end
    rows: Rows | None = None
    succeeded: Rows | None = None
    refused: Rows | None = None
    left: Rows | None = None
    chunk_rows: int = 0
    chunk_parent: str = ""
    batches: list[Batch] = field(default_factory=list)

    def enter(self, state: str, now: datetime, error: str = "") -> None:
        """Move the job to another state."""
        self.state, self.changed_at, self.error = state, now, error
        if state in ENDED:
            for each in (self.rows, self.succeeded, self.refused, self.left):
                if each is not None:
                    each.complete = True

    def info(self) -> dict[str, Any]:
        """Shape what every answer about the job says."""
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.object_name,
            "createdById": self.user_id,
            "createdDate": stamp(self.created_at),
            "systemModstamp": stamp(self.changed_at),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
            "lineEnding": self.style.line_ending,
            "columnDelimiter": self.style.column_delimiter,
        }

    def spent_ms(self) -> int:
        """Return how long the job took, by the org's clock."""
        return int((self.changed_at - self.created_at).total_seconds() * 1_000)


class BulkJobs:
    """The org's jobs. A job and its results go seven days after it was made."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._spent: dict[str, dict[datetime, int]] = {}

    def open(self, org: Org, kind: str, state: str, body: Mapping[str, Any], by: tuple[str, str]) -> Job:
        """Make a job; `by` is the user and the API version."""
        now = org.clock.now()
        self._drop_old(now)
        job = Job(org.mint_id(JOB_PREFIX), kind, body["operation"], body["object"], by[1], by[0], now, now, state, body["style"])
        self._jobs[job.id] = job
        org.faults.meet_job(job.id, job.operation, job.object_name)
        return job

    def find(self, text: str, kind: str, now: datetime) -> Job:
        """Return the job of this id (15 or 18 characters) and kind.

        Errors: 404 NOT_FOUND.
        """
        self._drop_old(now)
        for job in [self._jobs[text]] if text in self._jobs else self._jobs.values():
            if job.kind == kind and text in (job.id, job.id[:15]):
                return job
        raise NotThere()

    def listed(self, kind: str, now: datetime) -> list[Job]:
        """Return the jobs of one kind, oldest first."""
        self._drop_old(now)
        return [job for job in self._jobs.values() if job.kind == kind]

    def remove(self, job: Job) -> None:
        """Forget a job and its results."""
        del self._jobs[job.id]

    def _drop_old(self, now: datetime) -> None:
        for job in [job for job in self._jobs.values() if now - job.created_at >= JOB_LIFE]:
            self.remove(job)

    def spent(self, what: str, now: datetime) -> int:
        """Count jobs, batches or rows of the last 24 hours, by the hour."""
        limit = now - timedelta(hours=24)
        kept = {hour: count for hour, count in self._spent.get(what, {}).items() if hour > limit}
        self._spent[what] = kept
        return sum(kept.values())

    def spend(self, what: str, count: int, now: datetime) -> None:
        """Add to what the last 24 hours used."""
        hours = self._spent.setdefault(what, {})
        hour = now.replace(minute=0, second=0)
        hours[hour] = hours.get(hour, 0) + count


def check_object(org: Org, name: str) -> str:
    """Return an object's name in its true spelling.

    Errors: INVALIDENTITY for one that does not exist, or that the Bulk API does not take.
    """
    sobject = org.schema.find(name)
    if sobject is not None and sobject.name not in _NOT_IN_BULK:
        return sobject.name
    known = {each.lower(): each for each in _NOT_IN_BULK}
    if name.lower() in known:
        raise SalesforceError("INVALIDENTITY", f"Entity '{known[name.lower()]}' is not supported by the Bulk API.")
    raise SalesforceError("INVALIDENTITY", f"InvalidEntity : Unable to find object: {name}")


def take_end(org: Org, job: Job) -> Mapping[str, Any] | None:
    """Take the first entry of the setting ``bulk_jobs`` that means this job; each entry serves once.

    Shapes: ``{"operation": "insert", "object": "Lead", "end": "Failed", "after_rows": 10, "message": "…"}``; all but
    `end` may be missing. `end` is Failed, Aborted, or JobComplete for a job that leaves rows unprocessed.
    """
    if job.id in org.faults.ends:
        return org.faults.ends.pop(job.id)
    for entry in org.settings.bulk_jobs:
        if entry.get("operation", job.operation) == job.operation and entry.get("object", job.object_name) == job.object_name:
            org.settings.bulk_jobs = [each for each in org.settings.bulk_jobs if each is not entry]
            return dict(entry)
    return None


def allowances(org: Org) -> dict[str, dict[str, int]]:
    """Return what the limits resource says about bulk jobs."""
    now = org.clock.now()
    most = {
        "DailyBulkApiBatches": (org.settings.bulk_batches_daily, "batches"),
        "DailyBulkV2QueryJobs": (org.settings.bulk_query_jobs_daily, "query jobs"),
    }
    return {name: {"Max": limit, "Remaining": max(0, limit - org.bulk.spent(what, now))} for name, (limit, what) in most.items()}
