"""What does the engine ask of the world?

Protocols only: Salesforce (`OrgReader`, `OrgWriter`), the export folder (`Exports`), the database (`Store`) and the host's
clock. The adapters live in `salesforce/`, `exports/`, `store/`.
"""

from syncd.ports.clock import Clock
from syncd.ports.exports import ExportFile, ExportRow, Exports, Header, Item, Refused
from syncd.ports.org import (
    ApiUsage,
    DeletedSince,
    Deletions,
    FieldSchema,
    Fresh,
    Keyset,
    ObjectSchema,
    OrgIdentity,
    OrgReader,
    OrgWriter,
    Page,
    Pull,
    Update,
    WriteResult,
)
from syncd.ports.store import (
    Case,
    CycleRecord,
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

__all__ = [
    "ApiUsage",
    "Case",
    "Clock",
    "CycleRecord",
    "DeletedSince",
    "Deletions",
    "ExportFile",
    "ExportRow",
    "Exports",
    "FieldSchema",
    "Fresh",
    "Header",
    "Item",
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
    "Page",
    "Pull",
    "Refused",
    "Store",
    "StoreReader",
    "StoreWriter",
    "Update",
    "Verification",
    "WriteResult",
]
