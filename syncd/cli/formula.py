"""What does a formula say about one record, and does syncd reproduce Salesforce's published results?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli import output, wire
from syncd.cli.audit import record_id_of
from syncd.cli.story import OBJECT_OF_PREFIX
from syncd.errors import ConfigInvalid, SyncdError

if TYPE_CHECKING:
    from syncd.core.values import Problem
    from syncd.formula.results import Report
    from syncd.formula.values import FieldKind

FAILURES_SHOWN = 20


def formula(
    context: typer.Context,
    expression: Annotated[str | None, typer.Argument(metavar="EXPR", help="A formula in Salesforce's own syntax.")] = None,
    record: Annotated[str | None, typer.Option("--record", metavar="ID", help="Whose fields: a lead, contact or deal.")] = None,
    blank_as_zero: Annotated[bool, typer.Option("--blank-as-zero", help="Count blank number fields as zero.")] = False,
    results: Annotated[
        Path | None, typer.Option("--results", metavar="FILE", help="Work through published results, one formula a line.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show what a formula comes to for a record, part by part; or run a file of published results."""
    if (expression is None) == (results is None):
        raise ConfigInvalid("Give either a formula or --results FILE.", hint='Try: syncd formula "ROUND(2.5, 0)"')
    if results is not None:
        _run(results, as_json=as_json)
        return
    assert expression is not None
    kinds, values, zone = _fields(context, expression, record) if record is not None else ({}, {}, UTC)
    _show(expression, kinds, values, zone, blank_as_zero=blank_as_zero, as_json=as_json)


def _fields(context: typer.Context, expression: str, record: str) -> tuple[Mapping[str, FieldKind], Mapping[str, Any], tzinfo]:
    """Read the record's fields from the org: two API calls, nothing is kept."""
    from syncd.formula.showing import fields_of
    from syncd.formula.values import kind_of

    config = wire.config_of(context)
    record_id = record_id_of(record)
    object = OBJECT_OF_PREFIX.get(record_id[:3])
    if object is None:
        raise ConfigInvalid(f"{record_id} is no lead, contact or opportunity.", hint="Its id begins with 00Q, 003 or 006.")
    with wire.open_org(config) as org:
        schema = org.schema([object]).get(object)
        if schema is None:
            raise SyncdError(f"{object} is not visible to syncd's user.", hint="Give its permission set read access.")
        kinds = {name: kind_of(field.type) for name, field in schema.fields.items()}
        names = {name.lower(): name for name in kinds}
        wanted = [names[path.lower()] for path in fields_of(expression) if path.lower() in names]
        row = org.read(object, [record_id], wanted or ["Id"]).records.get(record_id)
    if row is None:
        raise SyncdError(f"There is no {object} {record_id} that syncd's user may see.", hint="Check the id.")
    return kinds, row.fields, config.zone


def _show(
    expression: str,
    kinds: Mapping[str, FieldKind],
    values: Mapping[str, Any],
    zone: tzinfo,
    *,
    blank_as_zero: bool,
    as_json: bool,
) -> None:
    from syncd.formula.logic import to_text
    from syncd.formula.showing import shown
    from syncd.formula.values import Moment

    parts, problems = shown(expression, kinds, values, Moment(datetime.now(UTC), zone), blank_as_zero=blank_as_zero)
    if problems:
        raise ConfigInvalid(_listed(expression, problems), hint="docs/formulas.md lists the functions and their parts.")
    told = [(part.text, f"no value: {part.fault}" if part.fault else to_text(part.value) or "(blank)") for part in parts]
    whole = parts[-1]
    if as_json:
        rows = [{"text": part.text, "value": _plain(part.value), "fault": part.fault} for part in parts]
        output.as_json({"schema": 1, "value": _plain(whole.value), "fault": whole.fault, "parts": rows})
    else:
        for line in output.table(("part", "value"), told):
            output.data(line)
    if whole.fault:
        raise SyncdError(f"The formula has no value here: {whole.fault}.", hint="IFERROR(formula, value) gives one instead.")


def _plain(value: Any) -> Any:
    from syncd.formula.logic import to_text

    return value if value is None or isinstance(value, bool) else to_text(value)


def _listed(expression: str, problems: list[Problem]) -> str:
    from syncd.formula.showing import caret

    return "\n".join(f"{problem}\n{caret(expression, problem)}" for problem in problems)


def _run(path: Path, *, as_json: bool) -> None:
    from syncd.formula.results import run
    from syncd.formula.values import Moment

    try:
        with path.open(encoding="utf-8") as lines:
            # The clock stands where the published results of TODAY() expect it.
            report = run(lines, Moment(datetime(2009, 6, 1, tzinfo=UTC)))
    except (OSError, ValueError) as fault:
        why = getattr(fault, "strerror", None) or str(fault)
        raise ConfigInvalid(f"{path}: {why}.", hint="docs/formulas.md tells what such a file holds.") from fault
    _tell(report, as_json=as_json)
    if report.failures:
        raise typer.Exit(1)


def _tell(report: Report, *, as_json: bool) -> None:
    if as_json:
        counts = {"passed": report.passed, "failed": len(report.failures), "unsupported": sum(report.unsupported.values())}
        output.as_json({"schema": 1, **counts, "failures": report.failures, "unknown_functions": report.unsupported})
        return
    for failure in report.failures[:FAILURES_SHOWN]:
        words = f"{failure.name}: {failure.formula} with {failure.inputs} ({failure.switch})"
        output.data(output.visible(f"{words}: expected {failure.expected}, found {failure.found}"))
    output.data(f"passed       {report.passed:>7,}")
    output.data(f"failed       {len(report.failures):>7,}")
    output.data(f"unsupported  {sum(report.unsupported.values()):>7,}  {', '.join(sorted(report.unsupported))}".rstrip())
