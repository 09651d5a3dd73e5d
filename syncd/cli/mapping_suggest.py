"""`syncd mapping suggest`: what does each column of an export probably mean, how sure is that, and why?"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli import output, wire
from syncd.cli.mapping_files import config_if_any, schema_at_hand, unreadable
from syncd.cli.mapping_suggest_file import PACKED, Signs, mapping_text, written_for
from syncd.errors import ConfigInvalid, SyncdError

if TYPE_CHECKING:
    from syncd.core.suggestions.suggesting import Evidence, Known, Proposal, Sample
    from syncd.exports.sampling import Sampled
    from syncd.exports.vendors import Vendor
    from syncd.ports import ObjectSchema


def suggest(
    context: typer.Context,
    export: Annotated[Path, typer.Argument(metavar="EXPORT", help="A file that the marketing tool wrote.")],
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="How the source shall be called.")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the mapping here; overwrites nothing.")] = None,
    org: Annotated[
        bool, typer.Option("--org", help="Ask the org for its fields and for people of the file, in a few calls.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Propose a mapping for an export: for each column a field or a flag, how sure that is, and why.

    Names, cells and, where the database or the org knows people of the file, their values are compared. What is not sure stands
    in the mapping as a comment. Columns that look like an opt-out come first. The mapping goes to stdout, or into --out FILE.
    """
    from syncd.cli.mapping_people import people_of
    from syncd.core.mapping_file.parsing import is_source_name
    from syncd.core.suggestions.suggesting import Sample
    from syncd.core.suggestions.whole import proposals

    if out is not None and out.exists():
        raise SyncdError(f"{out} exists already; nothing was written.", hint="Name a new file, and compare the two.")
    if out is not None and not (is_source_name(out.stem) and out.suffix == ".toml"):
        raise typer.BadParameter(f"{out.name!r} is no name for a mapping. Name it in small letters, such as marketo.toml.")
    config = config_if_any(context)
    seen = _sampled(export)
    schema = schema_at_hand(config, ask=org)
    vendor = _vendor(seen)
    rows = [cells for _, cells in seen.rows]
    sample = Sample(seen.export.columns, rows)
    signs = _signs(sample)
    found = _evidence(sample, vendor, schema, signs)
    first = proposals(found, _refused(found))
    keys = {one.role: one.column for one in first if one.role in ("id", "email") and one.is_sure}
    people = people_of(config, sample, keys, schema or {}, ask=org) if config is not None else {}
    if any(people.values()):
        found = _evidence(replace(sample, people=people), vendor, schema, signs)
        first = proposals(found, _refused(found))
    name = source or _source_name(vendor, export.name)
    text, doubted, why = mapping_text(name, written_for(export, seen, vendor, found, people, signs), first, schema)
    if out is not None and not why:
        _write(out, text)
    if as_json:
        output.as_json(
            {**_document(name, export, seen, first, doubted, people), "written": None if why or out is None else str(out)}
        )
        if why:
            raise typer.Exit(2)
        return
    if why:
        raise ConfigInvalid(
            f"Nothing certain enough could be proposed for {export.name}: {why}",
            hint="A mapping needs a column of addresses or ids, and one to use. See all: syncd mapping suggest EXPORT --json",
        )
    if out is None:
        output.data(text.rstrip("\n"))
    else:
        for line in output.table(
            ("column", "meant as", "sure", "because"), [_row(one, doubted) for one in first if one.confidence]
        ):
            output.data(line)
    _summary(context, first, doubted, export, out)


def _sampled(export: Path) -> Sampled:
    from syncd.exports.sampling import sample
    from syncd.exports.vendors import NoExport

    try:
        return sample(export)
    except OSError as error:
        raise unreadable(export, error) from error
    except NoExport as error:
        raise ConfigInvalid(f"{export} {error}.", hint="Name a file that the marketing tool wrote, as it wrote it.") from error


def _vendor(seen: Sampled) -> Vendor:
    from syncd.exports.vendors import recognise

    return recognise(seen.export)


def known_of(vendor: Vendor) -> Known:
    """Return what is known of a vendor's columns as values: the lines of its starter mapping, read as TOML."""
    from syncd.core.suggestions.suggesting import Known

    columns = {column.name: tomllib.loads("\n".join(column.lines)) for column in vendor.columns}
    title = vendor.title.partition(" (")[0]
    email = vendor.email if vendor.columns else ()  # of a tool that is not recognised nothing is known
    return Known(title, email, vendor.id, vendor.newest, vendor.null, columns, vendor.is_seen)


def _evidence(sample: Sample, vendor: Vendor, schema: Mapping[str, ObjectSchema] | None, signs: Signs) -> Evidence:
    from rapidfuzz import fuzz

    from syncd.core.suggestions.suggesting import evidence
    from syncd.policies.usual_fields import USUAL

    fields = {name: one.fields for name, one in schema.items() if name in ("Lead", "Contact")} if schema else USUAL
    return evidence(
        sample, known_of(vendor), fields, alike=lambda left, right: fuzz.ratio(left, right), reads=partial(_reads, signs),
        is_org_known=bool(schema),
    )  # fmt: skip


def _signs(sample: Sample) -> Signs:
    """Tell what stands before fractions and between thousands, by the cells of all columns."""
    from syncd.core.suggestions.forms import number_signs

    return number_signs(Counter(row[place] for row in sample.rows if row[place].strip()) for place in range(len(sample.header)))


def _reads(signs: Signs, kind: str, cell: str) -> bool:
    """Tell whether a mapping could read a cell as this type."""
    from zoneinfo import ZoneInfo

    from syncd.core.cells import read_cell
    from syncd.core.mapping import Column
    from syncd.core.unreadable import Unreadable
    from syncd.core.values import Rule

    decimal, thousands = signs
    column = Column("", kind, Rule("", "", 0), null=frozenset(), decimal=decimal, thousands=thousands)
    try:
        return read_cell(column, cell, ZoneInfo("UTC")) is not None
    except Unreadable:
        return False


def _refused(found: Evidence) -> dict[str, str]:
    """Return by field why no export may write it, in the words of the check."""
    from syncd.core.mapping_file.checks import Reading, never_written
    from syncd.core.tables import Table

    refused = {}
    for name in {name for fields in found.fields.values() for name in fields}:
        reading = Reading(Table("", {}, {}, ""))
        if never_written(reading, (), name):
            refused[name] = reading.problems[0].text
    return refused


def _source_name(vendor: Vendor, file_name: str) -> str:
    from syncd.exports.vendors import UNKNOWN, source_name

    if vendor is UNKNOWN:
        stem = re.sub(r"[^a-z0-9]+", "_", PACKED.sub("", file_name).lower()).strip("_")
        return re.sub(r"[_0-9]+$", "", stem) or "export"
    return source_name(vendor, file_name)


def _write(out: Path, text: str) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, "utf-8")
    except OSError as error:
        raise SyncdError(f"cannot write {out}: {error.strerror}.", hint="Check its owner and permissions.") from error


def _meant(one: Proposal) -> str:
    field = one.options.get("field")
    target = ", ".join(f"{key}.{value}" for key, value in field.items()) if isinstance(field, Mapping) else str(field or "")
    return {"field": target, "opted_out": "opted out", "none": "(nothing)", "external": f"external id {target}"}.get(
        one.role, one.role
    )


def _row(one: Proposal, doubted: Mapping[str, str]) -> tuple[str, str, str, str]:
    state = "" if one.role == "none" else f"{one.confidence:.0%}" + ("" if one.is_sure and one.column not in doubted else " ?")
    return one.column, _meant(one), state, "; ".join((*one.reasons, *([doubted[one.column]] if one.column in doubted else ())))


def _summary(
    context: typer.Context, proposed: Sequence[Proposal], doubted: Mapping[str, str], export: Path, out: Path | None
) -> None:
    sure = [one for one in proposed if one.is_sure and one.column not in doubted]
    asked = [one for one in proposed if one.role != "none" and one not in sure]
    rest = len(proposed) - len(sure) - len(asked)
    output.message(f"{len(sure)} columns proposed, {len(asked)} not sure (as comments), {rest} left out.")
    flags = [one.column for one in proposed if one.role == "opted_out"]
    output.message(f"opt-outs: {', '.join(map(repr, flags))}" if flags else "WARNING: no column says who has opted out.")
    if out is not None:
        words = f"mapping check {shlex.quote(str(out))} --with {shlex.quote(str(export))}"
        output.message(f"wrote {out}. Next: {wire.command(context, words)}")


def _document(
    name: str, export: Path, seen: Sampled, proposed: Sequence[Proposal], doubted: Mapping[str, str],
    people: Mapping[str, Sequence[Any]],
) -> dict[str, Any]:  # fmt: skip
    listed = [
        {
            "column": one.column,
            "role": one.role,
            "sure": one.is_sure and one.column not in doubted,
            "confidence": round(one.confidence, 2),
            "options": one.options,
            "reasons": [*one.reasons, *([doubted[one.column]] if one.column in doubted else [])],
        }
        for one in proposed
    ]
    return {
        "schema": 1,
        "source": name,
        "file": export.name,
        "rows": len(seen.rows),
        "encoding": seen.export.encoding,
        "delimiter": seen.export.delimiter,
        "people_compared": sum(map(len, people.values())),
        "columns": listed,
    }
