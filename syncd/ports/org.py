"""What does the engine ask of Salesforce?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from syncd.core.values import OrgRecord, Scalar
from syncd.ports.bulk import BulkReader
from syncd.ports.census import CensusReader


@dataclass(frozen=True, slots=True)
class OrgIdentity:
    """Which org this is and as whom syncd runs in it. Ids have 18 characters."""

    org_id: str
    user_id: str
    instance_url: str


@dataclass(frozen=True, slots=True)
class ApiUsage:
    """Daily API requests of the whole org, from Sforce-Limit-Info; `ours` counts this process's own calls."""

    used: int
    allowed: int
    ours: int


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """One visible field, from describe. `picklist` holds the active values' API names, empty for other types; `is_calculated`
    marks formulas and roll-ups, whose value may change although the row's SystemModstamp does not; `label` is what people see.

    `inactive` holds a picklist's other values, `references` the objects that a lookup leads to; a number has `precision` digits
    in all, `scale` of them after the point.
    """

    name: str
    type: str
    length: int
    is_updateable: bool
    is_createable: bool
    is_external_id: bool
    picklist: tuple[str, ...] = ()
    is_calculated: bool = False
    label: str = ""
    is_nillable: bool = True
    inactive: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True, slots=True)
class ObjectSchema:
    """One visible object. A field that is absent may exist and be hidden by field-level security."""

    name: str
    fields: Mapping[str, FieldSchema]
    is_updateable: bool
    is_createable: bool


@dataclass(frozen=True, slots=True)
class RecordType:
    """One active record type of an object, by its developer name, with the values that its picklists offer by field."""

    object: str
    name: str
    picklists: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, order=True)
class Keyset:
    """A place in an object's rows ordered by (stamp, Id): everything up to and including it has been read."""

    at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Pull:
    """Rows of one object that changed: from `since_at` on (inclusive), or strictly after the keyset `after`; else all.

    Rows come ordered by (`stamp_field`, Id). `stamp_field` is SystemModstamp, or CreatedDate for history objects. When more
    than `rows_max` rows match, the pull ends after its first page, whose `is_last` is False: the rest is for a Bulk job.
    """

    object: str
    fields: tuple[str, ...]
    stamp_field: str = "SystemModstamp"
    since_at: datetime | None = None
    after: Keyset | None = None
    rows_max: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of one pull, in order. `total` is how many rows matched when the pull was asked."""

    object: str
    records: tuple[OrgRecord, ...]
    is_last: bool
    total: int = 0


@dataclass(frozen=True, slots=True)
class DeletedSince:
    """Ask which rows of an object were deleted since then."""

    object: str
    since_at: datetime


@dataclass(frozen=True, slots=True)
class Deletions:
    """Rows of one object that are gone. `covered_until` is where to ask from next; `is_complete` is False when the org
    no longer knows all deletes since the time asked for."""

    object: str
    ids: tuple[str, ...]
    covered_until: datetime
    is_complete: bool


@dataclass(frozen=True, slots=True)
class UpdatedSince:
    """Ask which rows of an object were created or changed since then, in whole minutes of the org's clock, at most 30 days."""

    object: str
    since_at: datetime


@dataclass(frozen=True, slots=True)
class Updates:
    """Ids of rows of one object that were created or changed. Every transaction before `covered_until` has ended: no row
    with an earlier stamp will still become visible. `is_complete` is False when the org cannot look back that far."""

    object: str
    ids: tuple[str, ...]
    covered_until: datetime
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """How many live rows of an object the org has."""

    object: str
    rows: int


@dataclass(frozen=True, slots=True)
class DescribedSince:
    """Ask what an object looks like if that changed after `since_at` (the second of `since_at` counts as after), or anyway."""

    object: str
    since_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Described:
    """What an object looks like. `schema` is None when nothing changed, and when the object is not visible."""

    object: str
    is_changed: bool
    schema: ObjectSchema | None


Answer = Page | Deletions | Updates | Counted | Described


@dataclass(frozen=True, slots=True)
class Fresh:
    """Rows as they stand now. `asked_at` is the org's clock in the answer *before* this request was sent: a row stamped
    in that second or later may still change within the same second (HTTP dates have one-second grain)."""

    records: Mapping[str, OrgRecord]
    asked_at: datetime


class OrgReader(BulkReader, CensusReader, Protocol):
    """One Salesforce org, read only. Methods raise OrgUnreachable, OrgRefused, LoginRefused, BudgetSpent."""

    def identity(self) -> OrgIdentity:
        """Log in when needed and say which org and user this is. Costs no API call."""
        ...

    def now(self) -> datetime:
        """Return the org's clock as in the `Date` header of the latest answer."""
        ...

    def look_at_clock(self) -> None:
        """Bring `now` up to date by a request that costs no API call."""
        ...

    def usage(self) -> ApiUsage:
        """Return the API usage as in the latest answer."""
        ...

    def schema(self, objects: Sequence[str]) -> Mapping[str, ObjectSchema]:
        """Describe up to 25 objects in one API call; an object that is not visible is absent from the answer."""
        ...

    def pull(
        self,
        pulls: Sequence[Pull],
        deleted: Sequence[DeletedSince] = (),
        *,
        counted: Sequence[str] = (),
        updated: Sequence[UpdatedSince] = (),
        described: Sequence[DescribedSince] = (),
    ) -> Iterator[Answer]:
        """Read changed rows: at most 5 pulls and counts, and 25 questions in all, travel in one API call; further pages one each.

        Shapes: what the first call asked comes in the order described, counted, pages, deletions, updates; then the next call's.
        Errors: FieldHidden for a pull that names a hidden field is raised when everything else of its call was given.
        """
        ...

    def read(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Fresh:
        """Read rows by id as they stand now, at most 2,000 a call; missing, deleted or invisible rows are absent."""
        ...

    def find(self, object: str, fields: Sequence[str], where: Mapping[str, Sequence[Scalar]]) -> Fresh:
        """Find rows whose fields each hold one of the given values (AND over fields, IN over values).

        An empty list of values asks nothing and finds nothing.
        """
        ...
