"""Is syncd running, is it up to date, and what waits for a human?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli import output, wire
from syncd.cli.source_standing import SourceStanding, read_sources_standing
from syncd.cli.source_standing import reason as sources_reason
from syncd.cli.source_standing import told as sources_told
from syncd.cli.standing import Standing, read_standing
from syncd.core.census import sentence
from syncd.core.values import InboxItem, Verdict
from syncd.engine.health import CALM, STARTS_ALLOWED, Trouble, read_trouble
from syncd.ports import CycleRecord, LeaseHolder, TakenFile

if TYPE_CHECKING:
    from syncd.cli.api_budget import ApiBudget
    from syncd.config import Config
    from syncd.engine.backfill import Backlog
    from syncd.engine.tally import Tally
    from syncd.ports import StoreReader

CYCLES_SHOWN = 10
STALE_INTERVALS = 2
ITEMS_SHOWN = 3
EXPORTS_SHOWN = 3
WARNINGS = {
    "held back": "{} writes were held back: they wait for `syncd apply`, see the inbox",
    "deletes lost": "{} objects had deletes that the org no longer remembers; some gone records may still be in the mirror",
    "schema changes": "{} changes of the org's fields were noticed: syncd audit query --kind schema",
    "outcomes rejected": "{} writes were refused by Salesforce, see the inbox",
    "crossings warn": "{} changes crossed a fence that warns: syncd audit query --verdict warn",
}
ROWS = ("applied", "unchanged", "quarantined", "unmatched", "superseded")
LINES = {"lines_header": "of the header", "lines_taken": "in rows", "lines_rejected": "set aside"}
HEADER = ("ended", "took", "changes seen", "crossings", "reverts", "enrolled", "written", "quarantined", "API calls", "error")


@dataclass(frozen=True, slots=True)
class Status:
    """What the store knows at one moment of the host's clock. `reason` says why it is not healthy; empty when it is."""

    reason: str
    lag: timedelta | None
    interval: timedelta
    cycles: Sequence[CycleRecord]
    open_intents: int
    flags: dict[str, int]
    inbox: Sequence[tuple[int, InboxItem, int]]
    lease: LeaseHolder | None
    warnings: Sequence[str]
    trouble: Trouble = CALM
    budget: ApiBudget | None = None
    census: Mapping[str, Any] | None = None
    backlog: Sequence[Backlog] = ()
    judged: Tally | None = None
    standing: Standing | None = None
    sources: Sequence[SourceStanding] = ()
    exports: Sequence[TakenFile] = ()


def status(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    healthcheck: Annotated[bool, typer.Option("--healthcheck", help="Only one line, for a container's health check.")] = False,
) -> None:
    """Show the last cycles, lag, crossings, inbox and open writes. Exit 1, with the reason, when syncd is behind or failing."""
    config = wire.config_of(context)
    with wire.open_store_to_read(config) as store:
        found = _as_called(_read(store, config, datetime.now(UTC)), context.obj.config)
    if as_json:
        output.as_json(_as_json(found))
    elif healthcheck:
        output.data(found.reason or "ok")
    else:
        output.data("\n".join(_told(found, wire.command(context, "status --json"))))
    if found.reason:
        if not healthcheck:
            output.message(f"not healthy: {found.reason}")
        raise typer.Exit(1)


def _read(store: StoreReader, config: Config, now: datetime) -> Status:
    """Read everything, and let a pause for the API budget be the reason where it is what keeps cycles from running."""
    from syncd.cli.api_budget import read_budget

    found = replace(read_status(store, config.schedule.interval, now), budget=read_budget(store, config.limits, now))
    if not found.reason and found.standing is not None:
        found = replace(found, reason=found.standing.reason)
    found = replace(found, sources=read_sources_standing(store, config), exports=store.taken_files(EXPORTS_SHOWN))
    found = replace(found, reason=found.reason or sources_reason(found.sources))
    paused = found.budget.reason() if found.budget is not None else ""
    is_late = found.lag is None or found.lag > STALE_INTERVALS * found.interval
    return replace(found, reason=paused) if paused and not is_late else found


def _as_called(found: Status, config: Path | None) -> Status:
    """Make every command that a status prints one that can be pasted."""
    remedies = [output.as_called(output.numbered(item.remedy, number), config) for number, item, _ in found.inbox]
    inbox = [(number, replace(item, remedy=text), n) for (number, item, n), text in zip(found.inbox, remedies, strict=True)]
    warnings = [output.as_called(warning, config) for warning in found.warnings]
    return replace(found, reason=output.as_called(found.reason, config), inbox=inbox, warnings=warnings)


def read_status(store: StoreReader, interval: timedelta, now: datetime) -> Status:
    """Read everything from the store. Raises StoreUnusable when it cannot be read.

    The lag is measured on the host's clock alone: a wrong one is for `check` to tell, not to be taken for silence.
    """
    from syncd.engine.backfill import backlog
    from syncd.engine.cycle import HEARTBEAT
    from syncd.engine.tally import read_tally

    cycles = store.cycles(CYCLES_SHOWN)
    heard = store.setting(HEARTBEAT)
    trouble = read_trouble(store)
    lag = now - (datetime.fromisoformat(heard) if isinstance(heard, str) else cycles[0].ended_at) if cycles else None
    return Status(
        health_problem(cycles, lag, interval, trouble, now),
        lag,
        interval,
        cycles,
        store.count_open(),
        dict(store.flag_counts()),
        store.inbox(),
        store.lease_holder(),
        [text.format(count) for name, text in WARNINGS.items() if cycles and (count := cycles[0].counts.get(name))],
        trouble,
        census=_census(store),
        backlog=backlog(store),
        judged=read_tally(store),
        standing=read_standing(store, now),
    )


def _census(store: StoreReader) -> Mapping[str, Any] | None:
    from syncd.engine.census import RESULT

    known = store.setting(RESULT)
    return known if isinstance(known, dict) else None


def health_problem(
    cycles: Sequence[CycleRecord],
    lag: timedelta | None,
    interval: timedelta,
    trouble: Trouble = CALM,
    now: datetime | None = None,
) -> str:
    """Say why syncd is not healthy, or return an empty text. `now` is the host's time, for how long a trouble lasts.

    Source: silence is an alarm: stale data shows within two intervals (README.md, What syncd promises).
    """
    cause = _cause(trouble, now)
    if not cycles or lag is None:
        return f"no cycle has run yet; {cause or 'start one with: syncd run --once'}"
    if lag > STALE_INTERVALS * interval:
        ran = f"the last cycle ended {output.span(lag)} ago, more than {STALE_INTERVALS} intervals of {output.span(interval)}"
        return f"{ran}; {cause or 'is `syncd run` running?'}"
    if cause:
        return cause
    if trouble.is_restored:
        return "the store was restored; the next cycle compares it with the org before it writes"
    if cycles[0].error:
        return f"the last cycle failed: {cycles[0].error}"
    hidden = cycles[0].counts.get("fields hidden", 0)
    if hidden:
        what = "1 field that a rule needs is hidden" if hidden == 1 else f"{hidden:,} fields that a rule needs are hidden"
        return f"{what}; see the inbox"
    return ""


def _cause(trouble: Trouble, now: datetime | None) -> str:
    """Name what keeps the daemon from finishing a cycle, or return an empty text."""
    if trouble.running and now is not None and trouble.running_since_at is not None:
        where = f", now in {trouble.seen_in}" if trouble.seen_in else ""
        return f"a {trouble.running} has been running for {output.span(now - trouble.running_since_at)}{where}"
    if trouble.starts > STARTS_ALLOWED:
        return f"`syncd run` was started {trouble.starts} times without finishing a cycle; see its log"
    if trouble.failing and now is not None and trouble.failing_since_at is not None:
        tries = f"the last {output.many(trouble.failing, 'try', 'tries')} of {output.span(now - trouble.failing_since_at)} failed"
        return f"{tries}: {trouble.reason}"
    return ""


def _as_json(found: Status) -> dict[str, Any]:
    return {
        "schema": 1,
        "is_healthy": not found.reason,
        "reason": found.reason,
        "lag_s": None if found.lag is None else round(found.lag.total_seconds(), 1),
        "interval_s": found.interval.total_seconds(),
        "cycles": found.cycles,
        "open_intents": found.open_intents,
        "people_excluded": found.flags,
        "inbox": [{"number": number, "times": times, **asdict(item)} for number, item, times in found.inbox],
        "lease": found.lease,
        "paused": found.budget.pause if found.budget is not None else None,
        "api_budget": found.budget.as_json() if found.budget is not None else None,
        "warnings": found.warnings,
        "backlog": found.backlog,
        "trouble": found.trouble,
        "census": found.census,
        "sources": [one.as_json() for one in found.sources],
        "exports": found.exports,
        "judged": found.judged,
        **(found.standing.as_json() if found.standing is not None else {}),
    }


FLAG_WORDS = {
    "opted_out": "opted out", "scoped": "opted out of a brand or topic", "opt_out_unreadable": "opt out unreadable",
    "unreachable": "unreachable",
}  # fmt: skip


def _without_mail(counts: Mapping[str, int]) -> str:
    flags = ", ".join(f"{counts[flag]:,} {words}" for flag, words in FLAG_WORDS.items() if counts.get(flag))
    again = f"; {output.many(counts['consents'], 'person has', 'people have')} consented again" if counts.get("consents") else ""
    return f"{counts.get('any', 0):,} people" + (f": {flags}" if flags else "") + again


def _told(found: Status, whole: str) -> Iterator[str]:
    yield _line("health", found.reason or "ok")
    every = f"a cycle every {output.span(found.interval)}"
    yield _line("lag", f"none known, {every}" if found.lag is None else f"{output.span(found.lag)}, {every}")
    yield _line("daemon", _daemon(found.lease))
    settled = ", which the next cycle settles or sends" if found.open_intents else ""
    yield _line("open writes", f"{found.open_intents:,}{settled}")
    yield _line("no mail", _without_mail(found.flags))
    if found.judged is not None:
        yield _line("judged", _judged(found.judged))
    yield _line("drift", "not counted yet: every night" if found.census is None else output.visible(sentence(found.census)))
    for name, text in found.budget.told() if found.budget is not None else ():
        yield _line(name, output.visible(text))
    for name, text in found.standing.told() if found.standing is not None else ():
        yield _line(name, output.visible(text))
    for name, text in sources_told(found.sources):
        yield _line(name, output.visible(text))
    for file in found.exports:
        yield _line("export", output.visible(_taken(file)))
    for one in found.backlog:
        yield _line("loading", _loading(one))
    for warning in found.warnings:
        yield _line("warning", output.visible(warning))
    yield ""
    yield from output.table(HEADER, [_cycle_cells(cycle) for cycle in found.cycles])
    yield ""
    yield from _inbox(found.inbox, whole)


def _judged(tally: Tally) -> str:
    told = f"{output.many(tally.judged, 'change')} since {output.when(tally.since_at)}: {tally.crossings:,} crossed a fence"
    return f"{told}; of {tally.unknowable:,} ({tally.unknowable_percent:.1f} %) it cannot be known"


def _taken(file: TakenFile) -> str:
    """Say what became of a file's lines and rows: both add up."""
    counts = file.counts
    rows = ", ".join(f"{counts[name]:,} {name}" for name in ROWS if counts.get(name)) or "none"
    lines = ""
    if "lines" in counts:
        parts = (f"{counts.get(name, 0):,} {words}" for name, words in LINES.items())
        lines = f"; {output.many(counts['lines'], 'line')}: {', '.join(parts)}"
    held = counts.get("would_write", 0)
    seen = f"; {output.many(held, 'value')} not written, as the mapping observed" if held else ""
    told = f"{file.source}/{file.name}, {output.when(file.finished_at)}"
    return f"{told}: {output.many(counts.get('rows', 0), 'row')}: {rows}{lines}{seen}"


def _loading(one: Backlog) -> str:
    of = "" if one.rows_expected is None else f" of {one.rows_expected:,}"
    return f"{one.object}, {one.reason}: {one.rows_done:,}{of} rows, since {output.when(one.since_at)}"


def _line(name: str, text: str) -> str:
    return f"{name:<12}  {text}"


def _daemon(lease: LeaseHolder | None) -> str:
    if lease is None:
        return "no syncd is writing now"
    return f"{output.visible(lease.host)}, process {lease.pid}, since {output.when(lease.since_at)}"


def _cycle_cells(cycle: CycleRecord) -> list[object]:
    counts = cycle.counts
    by_verdict = ", ".join(f"{count} {v.value}" for v in Verdict if (count := counts.get(f"crossings {v.value}", 0)))
    crossings = f"{counts.get('crossings', 0)}" + (f" ({by_verdict})" if by_verdict else "")
    took = output.span(cycle.ended_at - cycle.started_at)
    names = ("reverts", "enrolled", "fields written", "quarantined", "API calls")
    rest = [counts.get(name, 0) for name in names]
    return [output.stamp(cycle.ended_at), took, counts.get("changes seen", 0), crossings, *rest, cycle.error or ""]


def _inbox(inbox: Sequence[tuple[int, InboxItem, int]], whole: str) -> Iterator[str]:
    if not inbox:
        yield "inbox: empty, nothing waits for a human"
        return
    kinds: dict[str, list[tuple[int, InboxItem, int]]] = {}
    for row in inbox:
        kinds.setdefault(row[1].kind, []).append(row)
    yield f"inbox: {output.many(len(inbox), 'item')} in {output.many(len(kinds), 'group')}"
    for kind, rows in sorted(kinds.items(), key=lambda pair: -len(pair[1])):
        yield f"  {kind}: {len(rows)}"
        for _, item, times in rows[:ITEMS_SHOWN]:
            seen = f" (seen {times} times)" if times > 1 else ""
            yield f"    {output.visible(item.where)}: {output.visible(item.text)}{seen}"
            yield f"      next: {output.visible(item.remedy)}"
        if len(rows) > ITEMS_SHOWN:
            yield f"    … and {len(rows) - ITEMS_SHOWN} more like it: {whole}"
