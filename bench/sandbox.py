"""How fast is the emulated org? Measure it with many leads of 15 fields, print the figures, and hold them to the promises.

usage: python -m bench.sandbox [--leads N]

N is 1,000,000 unless given. Exits 1 when a promised figure is not reached.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from bench.org import NOW, write_leads

BASE = "/services/data/v62.0"
FIELDS = (
    "Id,LastName,FirstName,Company,Email,Title,Phone,Country,LeadSource,Status,HasOptedOutOfEmail,MA_Person_Id__c,"
    "Lead_Score__c,SystemModstamp,OwnerId"
)
PAGED_ROWS, UPDATED_ROWS, CHUNK_ROWS, BULK_ROWS = 200_000, 20_000, 200, 500_000
WAIT_S = 600


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure and the promise it is held to: at most, or at least."""

    name: str
    value: float
    promise: float
    at_most: bool
    unit: str

    @property
    def is_reached(self) -> bool:
        """Tell whether the promise holds."""
        return self.value <= self.promise if self.at_most else self.value >= self.promise

    def line(self) -> str:
        """Write the figure as one line of the report."""
        sign, verdict = "<=" if self.at_most else ">=", "" if self.is_reached else "   not reached"
        return f"{self.name:<44}{self.value:>12,.1f} {self.unit:<8}{sign} {self.promise:,.0f}{verdict}\n"


class Client:
    """Reads answers whole and as they are, on one connection, so that the org is what is measured."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self._plug = http.client.HTTPConnection(urlsplit(ready["url"]).netloc, timeout=WAIT_S)
        self._headers = {"Content-Type": "application/json", "Sforce-Auto-Assign": "FALSE"}
        form = {"grant_type": "client_credentials", "client_id": ready["client_id"], "client_secret": ready["client_secret"]}
        head = {"Content-Type": "application/x-www-form-urlencoded"}
        self._plug.request("POST", "/services/oauth2/token", urlencode(form), head)
        self._headers["Authorization"] = "Bearer " + json.loads(self._plug.getresponse().read())["access_token"]

    def ask(self, method: str, path: str, body: Any = None) -> tuple[bytes, http.client.HTTPMessage]:
        """Send one request and return body and headers. Errors: RuntimeError for a status of 400 and above."""
        self._plug.request(method, path, json.dumps(body) if body is not None else None, self._headers)
        answer = self._plug.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content, answer.headers

    def close(self) -> None:
        """Close the connection."""
        self._plug.close()


@contextmanager
def sandbox(*arguments: str) -> Iterator[tuple[dict[str, Any], float, int]]:
    """Serve an org in a process of its own; give its facts, the seconds until it was ready, and its process id."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "syncd.sandbox", "--now", f"{NOW:%Y-%m-%dT%H:%M:%SZ}", "--frozen", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            yield ready, time.perf_counter() - began, process.pid
        finally:
            process.terminate()


def pages(client: Client, leads: int) -> float:
    """Page through a query over all leads, its first page included. Units: rows per second."""
    statement = f"SELECT {FIELDS} FROM Lead ORDER BY SystemModstamp, Id"  # noqa: S608
    wanted, rows, seconds, path = min(leads, PAGED_ROWS), 0, 0.0, f"{BASE}/query?q={quote(statement)}"
    while rows < wanted:
        began = time.perf_counter()
        content, _ = client.ask("GET", path)
        seconds += time.perf_counter() - began  # reading the JSON is the client's work, not the org's
        answer = json.loads(content)
        rows += len(answer["records"])
        path = answer.get("nextRecordsUrl", "")
    return rows / seconds


def updates(client: Client, leads: int) -> float:
    """Change leads 200 at a time. Units: rows per second."""
    found = _ids(client, min(leads, UPDATED_ROWS))
    bodies = [
        {"records": [{"attributes": {"type": "Lead"}, "id": each, "Title": "Chief Buyer", "Phone": "+15550"} for each in chunk]}
        for chunk in (found[start : start + CHUNK_ROWS] for start in range(0, len(found), CHUNK_ROWS))
    ]
    began = time.perf_counter()
    for body in bodies:
        content, _ = client.ask("PATCH", f"{BASE}/composite/sobjects", body)
        if content.count(b'"success":true') != len(body["records"]):
            raise RuntimeError(f"an update was refused: {content[:300]!r}")
    return len(found) / (time.perf_counter() - began)


def _ids(client: Client, count: int) -> list[str]:
    statement = f"SELECT Id FROM Lead ORDER BY Id LIMIT {count}"  # noqa: S608
    content, _ = client.ask("GET", f"{BASE}/query?q={quote(statement)}")
    answer = json.loads(content)
    found = [row["Id"] for row in answer["records"]]
    while not answer["done"]:
        content, _ = client.ask("GET", answer["nextRecordsUrl"])
        answer = json.loads(content)
        found += [row["Id"] for row in answer["records"]]
    return found


def incremental(client: Client, leads: int) -> float:
    """Ask for the leads that changed lately. Units: milliseconds, the median of 20."""
    newest = NOW - timedelta(days=30) + timedelta(seconds=(leads - 1) // 40)
    since = f"{newest - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"
    statement = f"SELECT {FIELDS} FROM Lead WHERE SystemModstamp >= {since} ORDER BY SystemModstamp, Id LIMIT 100"  # noqa: S608
    spent = []
    for _ in range(20):
        began = time.perf_counter()
        content, _ = client.ask("GET", f"{BASE}/query?q={quote(statement)}")
        spent.append((time.perf_counter() - began) * 1000)
        assert json.loads(content)["records"]
    return statistics.median(spent)


def bulk_results(client: Client, leads: int) -> float:
    """Run a Bulk API 2.0 query and read all its result pages. Units: rows of CSV per second, the job's own time included."""
    limit = min(leads, BULK_ROWS)
    job = {"operation": "query", "query": f"SELECT {FIELDS} FROM Lead LIMIT {limit}"}  # noqa: S608
    began = time.perf_counter()
    created = json.loads(client.ask("POST", f"{BASE}/jobs/query", job)[0])
    path = f"{BASE}/jobs/query/{created['id']}"
    while json.loads(client.ask("GET", path)[0])["state"] != "JobComplete":
        time.sleep(0.01)
    rows, locator = 0, ""
    while locator != "null":
        _, head = client.ask("GET", f"{path}/results" + (f"?locator={locator}" if locator else ""))
        rows += int(head["Sforce-NumberOfRecords"])
        locator = head["Sforce-Locator"]
    seconds = time.perf_counter() - began
    if rows != limit:
        raise RuntimeError(f"{rows} rows came of a Bulk query of {limit}")
    return rows / seconds


def peak_mb(pid: int) -> float:
    """Return the most memory a process ever held. Units: MiB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def measure(folder: Path, leads: int, report: Callable[[Figure], None]) -> None:
    """Measure everything and report each figure as it is found."""
    state = str(folder / "org.state")
    write_leads(folder / "load", leads)
    with sandbox("--load", str(folder / "load"), "--state", state) as (ready, seconds, pid):
        report(Figure(f"{leads:,} leads: started from CSV", seconds, 90, True, "s"))
        report(Figure("peak memory when started", peak_mb(pid), 3_072, True, "MiB"))
        client = Client(ready)
        report(Figure("incremental query of 80 rows", incremental(client, leads), 50, True, "ms"))
        report(Figure("REST query pages of 15 fields", pages(client, leads), 20_000, False, "rows/s"))
        report(Figure("collections update, 200 at a time", updates(client, leads), 3_000, False, "rows/s"))
        report(Figure("Bulk API 2.0 result CSV of 15 fields", bulk_results(client, leads), 100_000, False, "rows/s"))
        report(Figure("peak memory of it all", peak_mb(pid), 3_072, True, "MiB"))
        client.close()
    with sandbox("--state", state) as (_, seconds, pid):
        report(Figure("started from its saved state", seconds, 5, True, "s"))
        report(Figure("peak memory when started from it", peak_mb(pid), 3_072, True, "MiB"))


def main() -> int:
    """Measure and say which promise does not hold."""
    parser = argparse.ArgumentParser(prog="python -m bench.sandbox", description="Measure the emulated org.")
    parser.add_argument("--leads", type=int, default=1_000_000, metavar="N")
    leads = parser.parse_args().leads
    sys.stdout.write(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before\n")
    figures: list[Figure] = []

    def report(figure: Figure) -> None:
        figures.append(figure)
        sys.stdout.write(figure.line())
        sys.stdout.flush()

    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
        measure(Path(folder), leads, report)
    return 0 if all(each.is_reached for each in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
