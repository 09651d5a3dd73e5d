"""Which emulated org is measured, and how is it started?"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

SALES_USER = "sdr@bench.example"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
STATUSES = ("Inquiry", "Nurture", "MQL", "Working", "Meeting Set", "Qualified", "Disqualified")
HEADER = (
    "LastName",
    "FirstName",
    "Company",
    "Email",
    "Title",
    "Phone",
    "Country",
    "LeadSource",
    "Status",
    "HasOptedOutOfEmail",
    "MA_Person_Id__c:external",
    "Lead_Score__c:number",
    "CreatedDate",
    "SystemModstamp",
    "Owner.Username",
)


@dataclass(frozen=True, slots=True)
class RunningOrg:
    """Where the org answers and how to log in."""

    url: str
    client_id: str
    client_secret: str
    pid: int

    def cpu_s(self) -> float:
        """Return the CPU time that the org's process has used. Units: seconds."""
        parts = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def write_leads(folder: Path, leads: int) -> None:
    """Write a load folder with so many leads of 15 fields, 40 of them stamped in each second."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "User.csv", ("Username", "LastName", "Email"), (SALES_USER, "Sdr", SALES_USER))
    _write(folder / "Account.csv", ("Name",), ("Acme 0",))
    _write(folder / "Contact.csv", ("LastName", "Account.Name", "Nurture_Hold_Until__c:date"), ("Doe", "Acme 0", ""))
    deal = ("Name", "StageName", "CloseDate", "Account.Name", "Nurture_Hold_Until__c:date")
    _write(folder / "Opportunity.csv", deal, ("Acme 0 - Pilot", "Negotiation", "2026-06-30", "Acme 0", ""))
    with (folder / "Lead.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(HEADER)
        for number in range(leads):
            at = f"{NOW - timedelta(days=30) + timedelta(seconds=number // 40):%Y-%m-%dT%H:%M:%S.000Z}"
            status, address = STATUSES[number % 7], f"p{number}@acme{number % 5000}.example"
            row = (f"Doe{number}", "Jo", f"Acme {number % 5000}", address, "Buyer", f"+1555{number:07d}", "US", "Web", status)
            out.writerow((*row, "false", f"M{number}", str(number % 100), at, at, SALES_USER))


def _write(path: Path, *rows: tuple[str, ...]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


@contextmanager
def serving(folder: Path) -> Iterator[RunningOrg]:
    """Serve a load folder as an emulated org in a process of its own; its clock runs."""
    command = [sys.executable, "-m", "syncd.sandbox", "--port", "0", "--load", str(folder), "--now", f"{NOW:%Y-%m-%dT%H:%M:%SZ}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            yield RunningOrg(ready["url"], ready["client_id"], ready["client_secret"], process.pid)
        finally:
            process.terminate()
