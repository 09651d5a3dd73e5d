"""What does the demo tell at its end, on one screen? Every number comes from the ledger, the cycles or the inbox."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from syncd.cli import output
from syncd.cli.demo_days import Course
from syncd.cli.demo_truth import FENCED_FIELDS, Compared
from syncd.core.values import Entry, InboxItem, OutcomeKind, Verdict
from syncd.ports import CycleRecord, LedgerQuery, LedgerRow, StoreReader, Verification

EVERYTHING = 10**9
NAME = 14
WIDTH = 100
ROW_CODES = {
    "ROW-001": "wrong number of cells",
    "ROW-004": "unreadable yes or no",
    "ROW-010": "one person twice at one time",
    "ROW-011": "fits several people",
}


ROW_ENDS = {
    "applied": "applied",
    "unchanged": "unchanged",
    "superseded": "outdated",
    "unmatched": "fit nobody",
    "quarantined": "quarantined",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """What the store says about the days. `rows` is the whole ledger, `cycles` oldest first, `inbox` with times seen."""

    rows: Sequence[LedgerRow]
    cycles: Sequence[CycleRecord]
    inbox: Sequence[tuple[InboxItem, int]]
    flags: Mapping[str, int]
    leads: int
    deals: int
    verified: Verification

    @property
    def began_at(self) -> datetime:
        """Return when the first cycle began: what changed before is history, only noted."""
        return self.cycles[0].started_at

    def total(self, name: str) -> int:
        """Add one count of all cycles up."""
        return sum(cycle.counts.get(name, 0) for cycle in self.cycles)

    def of_kind(self, kind: str) -> Iterator[Entry]:
        """Give the ledger rows of one kind."""
        return (row.entry for row in self.rows if row.entry.kind == kind)

    def new_changes(self) -> Iterator[Entry]:
        """Give the changes made since the first cycle began."""
        return (one for one in self.of_kind("change") if one.changed_at is not None and one.changed_at >= self.began_at)


def read_figures(store: StoreReader) -> Figures:
    """Read everything that the report needs from the store."""
    inbox = [(item, times) for _, item, times in store.inbox(open_only=False)]
    cycles = store.cycles(EVERYTHING)[::-1]
    rows = list(store.ledger(LedgerQuery(limit=EVERYTHING)))
    return Figures(rows, cycles, inbox, store.flag_counts(), store.count("Lead"), store.count("Opportunity"), store.verify())


def report(figures: Figures, course: Course, truth: Compared, days: int, took_s: float) -> list[str]:
    """Lay the report out: at most one screen of 100 columns."""
    title = (
        f"{output.many(days, 'day')} at a made-up company with {figures.leads:,} leads and {figures.deals:,} deals, "
        f"on an emulated Salesforce org, in {took_s:,.0f} s"
    )
    return [
        *_wrapped(title, ""),
        "",
        *_seen(figures),
        "",
        *_crossings(figures, course),
        "",
        *_nurture(figures),
        *_exports(figures, course),
        "",
        *_trust(figures, course, truth),
    ]


def story_record(rows: Sequence[LedgerRow]) -> str | None:
    """Choose the lead with the shortest whole story around a value that was put back."""
    by_record: dict[str, list[Entry]] = {}
    for entry in (row.entry for row in rows):
        if entry.object == "Lead" and entry.record_id:
            by_record.setdefault(entry.record_id, []).append(entry)
    put_back = {one.record_id for one in (row.entry for row in rows) if _is_put_back(one)}
    stories = {id: entries for id, entries in by_record.items() if id in put_back}
    return min(
        stories, key=lambda id: (not any(_fate(one) == "again" for one in stories[id]), len(stories[id]), id), default=None
    )


def _is_put_back(entry: Entry) -> bool:
    return entry.kind == "outcome" and entry.field in FENCED_FIELDS and entry.outcome == OutcomeKind.CONFIRMED


def _line(name: str, text: str) -> list[str]:
    """Lay one line out, its text wrapped beside its name."""
    indent = " " * (2 + NAME)
    return _wrapped(f"  {name:<{NAME}}{text}", indent)


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _seen(figures: Figures) -> Iterator[str]:
    changes = list(figures.new_changes())
    proved = sum(one.proof == "history" for one in changes)
    old = sum(one.fence is not None for one in figures.of_kind("change")) - sum(one.fence is not None for one in changes)
    read = figures.cycles[0].counts.get("rows read", 0)
    yield from _line("first cycle", f"{read:,} rows read as they stand; {old:,} crossings in their past, only noted")
    who = "every one" if proved == len(changes) else f"{proved:,} of them"
    yield from _line("changes seen", f"{len(changes):,} of lead status, owner and deal stage; history proves who made {who}")
    yield from _line("gates passed", _gates(changes))


def _gates(changes: Iterable[Entry]) -> str:
    gates: dict[str, Counter[str]] = {}
    for one in changes:
        if one.verdict == Verdict.ALLOW and one.rule is not None:
            target = one.rule.name.rpartition("-> ")[2]
            gates.setdefault(one.team or "", Counter())[f"owner to {target}" if one.field == "OwnerId" else f"to {target}"] += 1
    teams = sorted(gates.items(), key=lambda pair: -pair[1].total())
    told = (
        f"{team} {by.total():,} ({', '.join(f'{gate} {count:,}' for gate, count in by.most_common(4))})" for team, by in teams
    )
    return f"{sum(map(Counter.total, gates.values())):,} lawful hand-overs: {'; '.join(told)}"


def _crossings(figures: Figures, course: Course) -> Iterator[str]:
    yield from _wrapped("  Crossings (no gate of mappings/fences.toml allows them): tools are put back, people only warned", "  ")
    table: dict[tuple[str, str, str], Counter[str]] = {}
    for one in figures.new_changes():
        if one.fence is not None:
            counts = table.setdefault((one.actor_kind or "", one.team or "(unknown)", one.fence), Counter())
            counts[_fate(one)] += 1
    header = ("by a", "of team", "fence", "crossings", "put back", "left alone", "warned", "noted")
    rows = [
        (
            *key,
            f"{counts.total():,}",
            *(f"{counts[fate]:,}" if counts[fate] else "-" for fate in ("revert", "again", "warn", "note")),
        )
        for key, counts in sorted(table.items(), key=lambda pair: -pair[1].total())
    ]
    for line in _columns(header, rows):
        yield f"    {line}"
    yield from _line("put back", _settled(figures))
    for who, card, times in _boomerangs(figures):
        often = output.many(times, "time")
        words = f"{who} came back {often} with a value once put back, and is not fought."
        yield from _line("left alone", f'{words} Inbox: "{card}"')
    for seen in course.bulk:
        calls = output.many(seen.cycle.counts.get("API calls", 0), "API call")
        number = output.many(seen.cycle.counts.get("crossings", 0), "crossing")
        yield from _line("mass edit", f"{seen.title}: {number}, {calls}")


def _boomerangs(figures: Figures) -> Iterator[tuple[str, str, int]]:
    """Give who fought a value that was put back, what the card in the inbox advises, and how often it was seen."""
    names = {one.actor_id: one.actor for one in figures.of_kind("change")}
    for item, times in figures.inbox:
        if item.kind == "machine-wins":
            user_id = item.subject.partition(":")[0]
            yield names.get(user_id) or user_id, item.remedy.partition(";")[0].partition(", and ")[0], times


def _fate(one: Entry) -> str:
    return "again" if one.verdict == Verdict.WARN and one.actor_kind != "person" else str(one.verdict)


def _settled(figures: Figures) -> str:
    ends = Counter(one.outcome for one in figures.of_kind("outcome") if one.field in FENCED_FIELDS)
    words = {
        OutcomeKind.CONFIRMED: "written within a cycle",
        OutcomeKind.SUPERSEDED: "dropped, as somebody had moved the lead meanwhile",
        OutcomeKind.REJECTED: "refused by Salesforce",
        OutcomeKind.NOT_SENT: "not sent",
    }
    return ", ".join(f"{ends[kind]:,} {text}" for kind, text in words.items() if ends[kind] or kind is OutcomeKind.CONFIRMED)


def _columns(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    cells = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for row in cells:
        yield "  ".join(t.ljust(w) if c < 3 else t.rjust(w) for c, (t, w) in enumerate(zip(row, widths, strict=True))).rstrip()


def _nurture(figures: Figures) -> Iterator[str]:
    decisions = list(figures.of_kind("decision"))
    verdicts = Counter(one.verdict for one in decisions)
    members = sum(o.outcome == OutcomeKind.CONFIRMED and o.field == "CampaignId" for o in figures.of_kind("outcome"))
    reasons: Counter[str] = Counter()
    for one in decisions:
        if one.verdict == "exclude":
            reasons.update({_short(reason) for reason in (one.reason or "").split("; ")})
    told = ", ".join(f"{number:,} {reason}" for reason, number in reasons.most_common(5))
    yield from _line(
        "stalled deals", f"{verdicts['recycle']:,} found; {members:,} of their people enrolled in a nurture campaign"
    )
    yield from _line(
        "kept out", f"{verdicts['exclude']:,} people: {told}{'; some for two' if reasons.total() > verdicts['exclude'] else ''}"
    )


def _short(reason: str) -> str:
    """Cut names and dates off a reason for not enrolling somebody."""
    return re.split(r" \(|: | until ", reason, maxsplit=1)[0]


def _exports(figures: Figures, course: Course) -> Iterator[str]:
    total = {name: figures.total(f"export {name}") for name in ("files", "rows", *ROW_ENDS)}
    ends = ", ".join(f"{total[name]:,} {word}" for name, word in ROW_ENDS.items())
    yield from _line("exports", f"{output.many(total['files'], 'file')}, {total['rows']:,} rows: {ends}")
    faults = (
        re.match(r"\[([A-Z0-9-]+)\]", item.text) for item, _ in figures.inbox if item.kind in ("export-row", "export-choice")
    )
    codes = Counter(fault[1] for fault in faults if fault is not None)
    reasons = ", ".join(f"{count:,} {ROW_CODES.get(code, code)}" for code, count in codes.most_common(4))
    yield from _line("quarantined", f"{reasons or 'none'} (see the inbox)")
    flags = {flag: count for flag, count in figures.flags.items() if flag not in ("any", "scoped", "consents") and count}
    told = ", ".join(f"{count:,} {flag.replace('_', ' ')}" for flag, count in flags.items())
    yield from _line("no mail to", f"{figures.flags.get('any', 0):,} people flagged by exports: {told}")
    for asked in course.asked:
        reason = asked.reason.partition(": ")[2] or asked.reason
        words = f"{reason}: no write before somebody agrees. The demo did:"
        yield from _line("stop and ask", f"{words} syncd apply plans/{asked.plan.name}")


def _trust(figures: Figures, course: Course, truth: Compared) -> Iterator[str]:
    calls = figures.total("API calls")
    idle = figures.cycles[-1].counts.get("API calls", 0)
    average = calls / len(figures.cycles)
    yield from _line(
        "API calls", f"{calls:,} in {len(figures.cycles):,} cycles ({average:,.1f} a cycle, {idle:,} for an idle one)"
    )
    found = figures.verified
    state = f"verified, root {found.root[:16]}…" if not found.problems else f"NOT verified: {found.problems[0]}"
    yield from _line("ledger", f"{found.rows:,} rows, {state}, {output.many(found.open_intents, 'write')} without an outcome")
    yield from _line(
        "truth", _truth(truth) + (f"; the org refused {course.refused:,} saves of the play" if course.refused else "")
    )


def _truth(truth: Compared) -> str:
    found = f"{truth.found:,} crossings found: {truth.missed:,} missed, {truth.wrong:,} wrong."
    text = f"{truth.played:,} unlawful moves played, {found}"
    if not (truth.moot or truth.again):
        return text
    return (
        f"{text} The rest is what syncd's own writes changed: {truth.moot:,} moves met a value already put back (no change), "
        f"{truth.again:,} repeats were new crossings since it had been put back"
    )
