"""How does the engine ask Salesforce for a write, and what does it hear?

Four ways, by what the write has to be careful of: `update` is conditional, for fields that people change too; `overwrite` and
a Bulk load are not, for fields that syncd alone writes; `create` adds rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from syncd.core.values import Scalar
from syncd.ports.org import OrgReader

OVERWRITES_MAX = 200
CREATES_MAX = 200
ENDED = frozenset({"JobComplete", "Failed", "Aborted"})


@dataclass(frozen=True, slots=True)
class Update:
    """One conditional update: applied only when the row was not modified after `unmodified_since`."""

    object: str
    id: str
    values: Mapping[str, Scalar]
    unmodified_since: datetime


@dataclass(frozen=True, slots=True)
class Overwrite:
    """One unconditional update, of fields that nobody but syncd writes."""

    id: str
    values: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What Salesforce answered for one row.

    `status`: "done"; "stale" (precondition failed, HTTP 412); "gone" (deleted, merged or not visible); "locked" (row
    lock: try that row again); "duplicate" (a unique key exists already); "refused" (with Salesforce's code and text);
    "unprocessed" (a Bulk load ended before it came to this row).
    """

    status: str
    id: str | None = None
    code: str = ""
    text: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class IngestJob:
    """One Bulk load as the org tells of it.

    `state` is Salesforce's: Open, UploadComplete, InProgress, then JobComplete, Failed or Aborted. Rows may have been written
    in any state after Open; JobComplete does not mean that all of them were.
    """

    id: str
    object: str
    state: str
    created_by: str
    created_at: datetime
    rows_done: int = 0
    rows_failed: int = 0
    error: str = ""

    @property
    def is_ended(self) -> bool:
        """Tell whether its results can be read."""
        return self.state in ENDED


class OrgWriter(OrgReader, Protocol):
    """One Salesforce org that may be written to. Only `engine.act` holds one.

    Every method but the reading ones raises AnswerLost when the request left and no answer came: it may have been carried out.
    Assignment rules are off in all of them, unless `create` is told otherwise. They may be called by several threads at once.
    """

    def update(self, updates: Sequence[Update]) -> list[WriteResult]:
        """Send at most 25 conditional updates in one API call. The results are in the order of the updates."""
        ...

    def overwrite(self, object: str, rows: Sequence[Overwrite]) -> list[WriteResult]:
        """Send at most 200 unconditional updates in one API call. The results are in the order of the rows."""
        ...

    def create(self, object: str, rows: Sequence[Mapping[str, Scalar]], *, assign: bool = False) -> list[WriteResult]:
        """Create at most 200 rows in one API call. The results are in their order. `assign`: assignment rules run."""
        ...

    def open_ingest(self, object: str) -> IngestJob:
        """Open a Bulk load of updates. Nothing is written before it was filled and closed."""
        ...

    def fill_ingest(self, job_id: str, rows: Sequence[Overwrite]) -> None:
        """Upload the rows of an open load, once; a field that a row does not name stays as it is."""
        ...

    def close_ingest(self, job_id: str) -> None:
        """Say that the upload is complete: from now on the org writes the rows."""
        ...

    def abort_ingest(self, job_id: str) -> None:
        """Give up a load that was never closed."""
        ...

    def ingest_job(self, job_id: str) -> IngestJob | None:
        """Ask how a load stands; None when the org knows it no more (it forgets after 7 days)."""
        ...

    def open_ingests(self) -> list[IngestJob]:
        """List the loads of all users that were opened and never closed."""
        ...

    def ingest_results(self, job_id: str) -> list[WriteResult]:
        """Read what became of each row of an ended load, by `id`: done, refused as in the other ways, or unprocessed."""
        ...
