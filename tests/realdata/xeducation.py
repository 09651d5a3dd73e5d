"""X Education, lead scoring: web leads with their activity as an org, and the same file as a marketing export.

The org knows each lead by its Prospect ID, without any opt-out. Where the export says nothing about country, city or
specialization, in whatever spelling, the org still has what an earlier import left. One lead in ten has no visits and no
source. Sources that begin with a small letter (google, as well as Google) are in no lead, and so not in the org's picklist.
Names, companies and addresses are made up.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.realdata.tables import read_rows, write_rows

NOW = "2026-03-02T09:00:00Z"
STALE = "as imported in 2016"
EXPORT = "leads_dev.csv"
NULLS = ("", "Select", "unknown")
CREATED = "2026-01-05T08:00:00Z"


def write_org(data: Path, folder: Path) -> None:
    """Write the load folder."""
    seen: set[str] = set()
    leads = []
    for row in read_rows(data / EXPORT):
        source = row["Lead Source"]
        is_bare = row["Lead Number"].endswith("0")
        leads.append(
            {
                "LastName": f"Prospect {row['Lead Number']}",
                "Company": f"Household {row['Lead Number']}",
                "Email": f"{row['Prospect ID']}@prospect.example",
                "HasOptedOutOfEmail": "false",
                "LeadSource": "" if source[:1].islower() or (is_bare and source in seen) else source,
                "City": _left(row["City"]),
                "Country": _left(row["Country"]),
                "Specialization__c": _left(row["Specialization"]),
                "CreatedDate": CREATED,
                "Prospect_ID__c:external": row["Prospect ID"],
                "TotalVisits__c:number": "" if is_bare else row["TotalVisits"],
            }
        )
        seen.add(source)
    write_rows(folder, "Lead", leads[0], leads)


def _left(cell: str) -> str:
    return STALE if cell in NULLS else cell


def drop_export(data: Path, exports: Path) -> Path:
    """Put the file into the drop folder of its source, byte by byte as it is, at rest since long."""
    folder = exports / "xeducation"
    folder.mkdir(parents=True, exist_ok=True)
    path = Path(shutil.copyfile(data / EXPORT, folder / EXPORT))
    os.utime(path, (1_500_000_000, 1_500_000_000))
    return path
