"""What does the engine ask of the world?

Protocols only: Salesforce (`OrgReader`, `OrgWriter`), the export folder (`Exports`), the database (`Store`) and the host's
clock. The adapters live in `salesforce/`, `exports/`, `store/`.
"""

from syncd.ports.bulk import BulkReader, Chunk, Packed, QueryJob
from syncd.ports.clock import Clock
from syncd.ports.exports import ExportFile, ExportRow, Exports, Header, Item, Refused
from syncd.ports.jobs import Job
from syncd.ports.org import (
    Answer,
    ApiUsage,
    Counted,
    DeletedSince,
    Deletions,
    Described,
    DescribedSince,
    FieldSchema,
    Fresh,
    Keyset,
    ObjectSchema,
    OrgIdentity,
    OrgReader,
    Page,
    Pull,
    RecordType,
    UpdatedSince,
    Updates,
)
from syncd.ports.requests import Request
from syncd.ports.store import (
    Case,
    CycleRecord,
    InboxCard,
    LeaseHolder,
    LedgerQuery,
    LedgerRow,
    Mark,
    OpenIntent,
    Store,
    StoreReader,
    StoreWriter,
    Verification,
)
from syncd.ports.writing import IngestJob, OrgWriter, Overwrite, Update, WriteResult

__all__ = [
    "Answer",
    "ApiUsage",
    "BulkReader",
    "Case",
    "Chunk",
    "Clock",
    "Counted",
    "CycleRecord",
    "DeletedSince",
    "Deletions",
    "Described",
    "DescribedSince",
    "ExportFile",
    "ExportRow",
    "Exports",
    "FieldSchema",
    "Fresh",
    "Header",
    "InboxCard",
    "IngestJob",
    "Item",
    "Job",
    "Keyset",
    "LeaseHolder",
    "LedgerQuery",
    "LedgerRow",
    "Mark",
    "ObjectSchema",
    "OpenIntent",
    "OrgIdentity",
    "OrgReader",
    "OrgWriter",
    "Overwrite",
    "Packed",
    "Page",
    "Pull",
    "QueryJob",
    "RecordType",
    "Refused",
    "Request",
    "Store",
    "StoreReader",
    "StoreWriter",
    "Update",
    "UpdatedSince",
    "Updates",
    "Verification",
    "WriteResult",
]
