"""What does the engine ask of Salesforce when there is much to read? Bulk query jobs, whose rows come by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from syncd.core.values import Scalar

if TYPE_CHECKING:
    from syncd.ports.org import ObjectSchema, Pull

RUNNING, DONE, FAILED, ABORTED = "running", "done", "failed", "aborted"


@dataclass(frozen=True, slots=True)
class QueryJob:
    """A Bulk query job. `state`: "running"; "done", when `rows` can be read; "failed", because of `text`; "aborted"."""

    id: str
    object: str
    state: str
    rows: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a job's result, by column: `columns` holds one sequence of values for each of `names`, which are sorted.

    Units: `stamps` are in UTC as in 2026-01-02T03:04:05.000Z. `locator` is where to go on when these rows are kept; None
    stands for the beginning. `is_page_end`: the next chunk costs an API call; `is_last`: there is none.
    """

    object: str
    names: tuple[str, ...]
    ids: Sequence[str]
    stamps: Sequence[str]
    columns: Sequence[Sequence[Scalar]]
    locator: str | None
    is_page_end: bool
    is_last: bool


@dataclass(frozen=True, slots=True)
class Packed:
    """A chunk as the store will keep it: its columns by the names of the store."""

    chunk: Chunk
    columns: Mapping[str, Sequence[object]]


class BulkReader(Protocol):
    """Reading by Bulk jobs. Methods raise OrgUnreachable, OrgRefused, LoginRefused, BudgetSpent."""

    def open_query(self, pull: Pull) -> QueryJob:
        """Begin a job that reads the rows of a pull, in no order."""
        ...

    def query_job(self, job_id: str) -> QueryJob | None:
        """Ask how a job stands; None when the org has forgotten it."""
        ...

    def running_queries(self, object: str, since_at: datetime) -> list[QueryJob]:
        """List the jobs over an object that syncd's user began since then and that have not ended."""
        ...

    def query_rows(self, job: QueryJob, pull: Pull, schema: ObjectSchema, locator: str | None) -> Iterator[Chunk]:
        """Read the rows of a job that is done, from a place in it; a page that breaks off is asked for again."""
        ...

    def abort_query(self, job_id: str) -> None:
        """End a job whose rows nobody wants any more; nothing happens when it has ended."""
        ...
