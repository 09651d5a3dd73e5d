"""Measure syncd against the floor in one run and print the figures.

usage: python -m bench [--quick]

--quick takes 10,000 leads in place of 100,000. Exits 1 when a promised figure is not reached.

The emulated org itself, with a million leads, is measured by: python -m bench.sandbox
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.org import RunningOrg, serving, write_leads

ROOT = Path(__file__).resolve().parent.parent
FIELDS = "Name,Email,Status,OwnerId,HasOptedOutOfEmail,IsConverted,ConvertedContactId,CreatedDate,MA_Person_Id__c,SystemModstamp"
IDLE_CALLS_MAX = 2
PEAK_MB_MAX = 150
IDLE_CYCLES = 15


def measure(folder: Path, leads: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (floor, syncd) figures for an org of so many leads."""
    write_leads(folder / "load", leads)
    with serving(folder / "load") as org:
        arguments = [org.url, org.client_id, org.client_secret, str(folder / "floor.db"), FIELDS]
        floor = _child("bench.floor", *arguments)
        return floor, _child("bench.subject", str(_config(folder, org)), str(IDLE_CYCLES), SYNCD_CLIENT_SECRET=org.client_secret)


def _config(folder: Path, org: RunningOrg) -> Path:
    shutil.copytree(ROOT / "mappings", folder / "mappings")
    path = folder / "config.toml"
    secret = 'client_secret = "${SYNCD_CLIENT_SECRET}"'
    path.write_text(f'[org]\nlogin_url = "{org.url}"\nclient_id = "{org.client_id}"\n{secret}\n', encoding="utf-8")
    return path


def _child(module: str, *arguments: str, **environ: str) -> dict[str, Any]:
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environ, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Measure a small and a large org and say which promise does not hold."""
    sizes = (1_000, 10_000) if "--quick" in sys.argv[1:] else (10_000, 100_000)
    results = {}
    for leads in sizes:
        with tempfile.TemporaryDirectory() as folder:
            results[leads] = measure(Path(folder), leads)
    _line("leads in the org", *(f"{leads:,}" for leads in sizes))
    floors, subjects = zip(*(results[leads] for leads in sizes), strict=True)
    _line("bare loop: first load, s", *(f"{one['seconds']:.2f}" for one in floors))
    _line("syncd: first load, s", *(f"{one['seconds']:.2f}" for one in subjects))
    _line("ratio to the bare loop", *(f"{s['seconds'] / f['seconds']:.2f}" for f, s in results.values()))
    _line("syncd: API calls of it", *(str(one["calls"]) for one in subjects))
    _line("syncd: peak memory, MB", *(f"{one['peak_mb']:.0f}" for one in subjects))
    _line("idle cycle, API calls", *(str(one["idle_calls_max"]) for one in subjects))
    _line("idle cycle, best ms", *(f"{one['idle_ms']:.1f}" for one in subjects))
    _line("idle cycle, best CPU ms", *(f"{one['idle_cpu_ms']:.1f}" for one in subjects))
    faults = [f"peak memory over {PEAK_MB_MAX} MB" for one in subjects if one["peak_mb"] > PEAK_MB_MAX]
    faults += [
        f"an idle cycle costs more than {IDLE_CALLS_MAX} API calls" for one in subjects if one["idle_calls_max"] > IDLE_CALLS_MAX
    ]
    faults += [
        f"{one['leads']} leads in the mirror of {leads}"
        for leads, one in zip(sizes, subjects, strict=True)
        if one["leads"] != leads
    ]
    for fault in faults:
        sys.stderr.write(f"not reached: {fault}\n")
    return 1 if faults else 0


def _line(name: str, *cells: str) -> None:
    sys.stdout.write(f"{name:<28}" + "".join(f"{cell:>14}" for cell in cells) + "\n")


if __name__ == "__main__":
    sys.exit(main())
