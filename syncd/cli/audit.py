"""Who changed what, under which rule, on what evidence, and is the ledger still what was written?"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from syncd.cli import output, wire
from syncd.core.values import Entry, OutcomeKind, Proof, Verdict
from syncd.errors import ConfigInvalid
from syncd.ports import LedgerQuery, LedgerRow

HEADER = ("row", "at", "kind", "record", "field", "before", "after", "actor", "proof", "verdict", "rule", "reason")
KINDS = (
    "baseline", "change", "deleted", "merged", "schema", "census", "decision", "intent", "outcome", "flag", "consent", "plan",
    "asked",
)  # fmt: skip
VERDICTS = (*(verdict.value for verdict in Verdict), "recycle", "enroll", "exclude")
OUTCOMES = tuple(kind.value for kind in OutcomeKind)

audit = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Query and verify the ledger.")


@audit.callback()
def _group() -> None:
    """Query and verify the ledger."""


@audit.command()
def query(
    context: typer.Context,
    record: Annotated[str | None, typer.Option(help="A record id of 15 or 18 characters.", metavar="ID")] = None,
    field: Annotated[str | None, typer.Option(help="A field's API name, such as Status or OwnerId.")] = None,
    actor: Annotated[str | None, typer.Option(help="A user id, or a name as the ledger has it.")] = None,
    since: Annotated[str | None, typer.Option(help="From 2026-03-02 or 2026-03-02T09:00:00Z on.", metavar="TIME")] = None,
    until: Annotated[str | None, typer.Option(help="Before this time.", metavar="TIME")] = None,
    kind: Annotated[str | None, typer.Option(help=f"One of: {', '.join(KINDS)}.")] = None,
    verdict: Annotated[str | None, typer.Option(help=f"One of: {', '.join(VERDICTS)}.")] = None,
    outcome: Annotated[str | None, typer.Option(help=f"One of: {', '.join(OUTCOMES)}.")] = None,
    limit: Annotated[int, typer.Option(help="How many rows to show, the latest ones.", min=1)] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document, with every part of each row.")] = False,
) -> None:
    """Show ledger rows that match every option given, in the order in which they were written."""
    for option, word, known in (("kind", kind, KINDS), ("verdict", verdict, VERDICTS), ("outcome", outcome, OUTCOMES)):
        _refuse_unknown(option, word, known)
    asked = LedgerQuery(
        None if record is None else record_id_of(record),
        field,
        None if actor is None else _user_id_or_name(actor),
        kind,
        verdict,
        outcome,
        None if since is None else moment_of(since, "--since"),
        None if until is None else moment_of(until, "--until"),
        limit + 1,
        newest_first=True,
    )
    config = wire.config_of(context)
    with wire.open_store_to_read(config) as store:
        rows = list(store.ledger(asked))
        size = store.ledger_size()
    shown = rows[:limit][::-1]
    if as_json:
        told = [row_as_json(row) for row in shown]
        output.as_json({"schema": 1, "rows": told, "is_complete": len(rows) <= limit, "ledger_rows": size})
        return
    output.data("\n".join(output.table(HEADER, [_cells(row) for row in shown])))
    if len(rows) > limit:
        output.message(f"These are the latest {limit:,} rows that match; there are more. Narrow the question, or raise --limit.")
    elif not rows:
        output.message(f"No row of the ledger's {size:,} matches.")


@audit.command()
def verify(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Recompute the whole ledger. Exit 1 and name the first bad row when it is not what was written."""
    config = wire.config_of(context)
    with wire.open_store_to_read(config) as store:
        found = store.verify()
    if as_json:
        output.as_json({"schema": 1, **asdict(found)})
    else:
        output.data(f"rows          {found.rows:,}\nroot          {found.root}\nopen intents  {found.open_intents:,}")
        for problem in found.problems:
            output.data(f"problem       {problem}")
        output.data("not intact    see the problems above" if found.problems else "intact        every row is what was written")
    if found.problems:
        output.message("  next: keep the database file as it is, compare it with your latest backup, and tell your auditor.")
        raise typer.Exit(1)


def _refuse_unknown(option: str, word: str | None, known: Sequence[str]) -> None:
    if word is not None and word not in known:
        near = difflib.get_close_matches(word, known, n=1)
        guess = f"Did you mean {near[0]}? " if near else ""
        raise ConfigInvalid(f"--{option} {word!r} is no {option} of a ledger row.", hint=f"{guess}Known: {', '.join(known)}.")


def record_id_of(text: str) -> str:
    """Return a record id with 18 characters. Raises ConfigInvalid for what is none."""
    from syncd.salesforce.ids import to_18

    try:
        return to_18(text.strip())
    except ValueError as problem:
        hint = "Copy the id from the record's address in Salesforce, such as 00Q5e00000A1b2cEAB."
        raise ConfigInvalid(f"{problem}.", hint=hint) from problem


def _user_id_or_name(text: str) -> str:
    from syncd.salesforce.ids import to_18

    if not text.startswith("005"):
        return text
    try:
        return to_18(text)
    except ValueError:
        return text


def moment_of(text: str, option: str) -> datetime:
    """Read a time that somebody typed: a day (its beginning in UTC), or a time with its zone. Raises ConfigInvalid."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as problem:
        raise ConfigInvalid(f"{option} {text!r} is no time.", hint="Write it as 2026-03-02 or 2026-03-02T09:00:00Z.") from problem
    if at.tzinfo is None and len(text.strip()) > len("2026-03-02"):
        raise ConfigInvalid(f"{option} {text!r} has no time zone.", hint=f"Write {text.strip()}Z for UTC, or its offset.")
    return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)


def row_as_json(row: LedgerRow) -> dict[str, Any]:
    """Return a ledger row as one flat object."""
    entry = replace(row.entry, evidence=dict(row.entry.evidence))
    return {"seq": row.seq, **{name: getattr(entry, name) for name in Entry.__slots__}, "leaf": row.leaf}


def who(entry: Entry) -> str:
    """Name the actor of an entry, or say why nobody is named."""
    if entry.proof == Proof.HISTORY:
        return entry.actor or entry.actor_id or "unknown"
    if entry.proof is not None:
        return "(not proved)"
    return entry.actor_kind or ""


def _cells(row: LedgerRow) -> tuple[object, ...]:
    entry = row.entry
    rule = f"{entry.rule.file}:{entry.rule.line}" if entry.rule else ""
    return (
        row.seq,
        output.stamp(entry.at),
        entry.kind,
        entry.record_id or entry.object,
        entry.field,
        entry.before,
        entry.after,
        who(entry),
        entry.proof,
        entry.outcome or entry.verdict,
        rule,
        entry.reason,
    )
