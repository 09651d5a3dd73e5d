"""X Education, lead scoring: web leads with their activity as an org, and the same file as a marketing export.

The org knows each lead by its Prospect ID, without any opt-out, and with fields that differ from the export: country, city
and specialization hold what an earlier import left, and the source is there only on the first lead that came from it (so
that the org's picklist has every source). Names, companies and addresses are made up.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.realdata.tables import read_rows, write_rows

NOW = "2026-03-02T09:00:00Z"
STALE = "as imported in 2016"
EXPORT = "leads_dev.csv"
CREATED = "2026-01-05T08:00:00Z"


def write_org(data: Path, folder: Path) -> None:
    """Write the load folder."""
    seen: set[str] = set()
    leads = []
    for row in read_rows(data / EXPORT):
        source = row["Lead Source"]
        leads.append(
            {
                "LastName": f"Prospect {row['Lead Number']}",
                "Company": f"Household {row['Lead Number']}",
                "Email": f"{row['Prospect ID']}@prospect.example",
                "HasOptedOutOfEmail": "false",
                "LeadSource": "" if source in seen else source,
                "City": STALE,
                "Country": STALE,
                "Specialization__c": STALE,
                "CreatedDate": CREATED,
                "Prospect_ID__c:external": row["Prospect ID"],
                "TotalVisits__c:number": "",
            }
        )
        seen.add(source)
    write_rows(folder, "Lead", leads[0], leads)


def drop_export(data: Path, exports: Path) -> Path:
    """Put the file into the drop folder of its source, byte by byte as it is, at rest since long."""
    folder = exports / "xeducation"
    folder.mkdir(parents=True, exist_ok=True)
    path = Path(shutil.copyfile(data / EXPORT, folder / EXPORT))
    os.utime(path, (1_500_000_000, 1_500_000_000))
    return path
