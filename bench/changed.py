"""1,200 leads change among 120,000: what does it take to pull, judge and record that, against a bare query and upsert?"""

from __future__ import annotations

from typing import Any

from bench.child import Child
from bench.figures import Figure, Figures
from bench.hall import Hall, Stage
from bench.org import SALES_USER, STATUSES

HISTORY = ("Id", "LeadId", "Field", "OldValue", "NewValue", "CreatedById", "CreatedDate")
ROUNDS = 5
APART_S = 1200.0  # between two rounds, so that the overlap of the first is past
QUIET_CYCLES = 4
RATIO_MAX = 2.0


def measure(hall: Hall, leads: int, changed: int) -> Figures:
    """Measure rounds of changes; the quickest of each side counts, since other work on the machine only adds."""
    stage = hall.stage(leads)
    with stage.floor("changed-floor") as floor, stage.subject("changed") as subject:
        subject.ask("load")
        fields = subject.ask("fields", object="Lead")["fields"]
        ids = floor.ask("ids", object="Lead", limit=leads)["ids"]
        floor.ask("bulk_load", object="Lead", fields=fields)
        rounds = [_round(stage, floor, subject, fields, ids, number, changed) for number in range(ROUNDS)]
    bare, ours = min(each[0]["seconds"] for each in rounds), min(each[1]["seconds"] for each in rounds)
    share = min(each[2] for each in rounds)
    cpu = min(each[0]["cpu_s"] for each in rounds)
    note = f"bare {bare:.3f} s (CPU {cpu:.3f} s), syncd {ours:.3f} s, of it {share:.3f} s the org's CPU"
    calls = max(each[1]["calls"] for each in rounds)
    name = f"{changed:,} of {leads:,} leads changed"
    yield Figure(f"{name}: pulled, judged, recorded", ours / bare, "x bare", RATIO_MAX, note)
    yield Figure(f"{name}: syncd's own CPU", min(each[1]["cpu_s"] for each in rounds) * 1000, "ms")
    yield Figure(f"{name}: calls of that cycle", calls, "calls", 3)


def _round(
    stage: Stage, floor: Child, subject: Child, fields: list[str], ids: list[str], number: int, changed: int
) -> tuple[dict[str, Any], dict[str, Any], float]:
    stage.control.advance(APART_S)
    subject.ask("cycles", count=QUIET_CYCLES)
    began_at = stage.control.now()
    places = range(number, len(ids), len(ids) // changed)[:changed]
    edits = [{"op": "update", "object": "Lead", "id": ids[at], "fields": {"Status": STATUSES[(at + 1) % 7]}} for at in places]
    stage.control.edit(SALES_USER, edits)
    before = subject.ask("ledger_size")["rows"]
    cpu = stage.org.cpu_s()
    (ours,) = subject.ask("cycles", count=1)["cycles"]
    cpu = stage.org.cpu_s() - cpu
    recorded = subject.ask("ledger_size")["rows"] - before
    lead = ("Lead", fields, f"WHERE SystemModstamp >= {began_at} ORDER BY SystemModstamp, Id")
    history = ("LeadHistory", HISTORY, f"WHERE CreatedDate >= {began_at} ORDER BY CreatedDate, Id")
    bare = floor.ask("changes", questions=[lead, history])
    if recorded < changed or bare["rows"] < 2 * changed:
        raise RuntimeError(f"{recorded} of {changed} changes were recorded, {bare['rows']} rows read by the bare loop")
    return bare, ours, cpu
