"""`syncd mapping suggest`: what does each column of an export probably mean, how sure is that, and why?"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli import output
from syncd.cli.mapping_files import config_if_any, schema_at_hand, unreadable
from syncd.errors import ConfigInvalid, SyncdError

if TYPE_CHECKING:
    from syncd.core.suggest_text import Written
    from syncd.core.suggesting import Evidence, Known, Proposal
    from syncd.exports.sampling import Sampled
    from syncd.exports.vendors import Export, Vendor
    from syncd.ports import ObjectSchema

_PACKED = re.compile(r"(?i)(\.(csv|tsv|txt|xlsx))?(\.(zip|gz))?$")
_ROUNDS_MAX = 50


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
    from syncd.core.suggest_all import proposals
    from syncd.core.suggesting import Sample

    if out is not None and out.exists():
        raise SyncdError(f"{out} exists already; nothing was written.", hint="Name a new file, and compare the two.")
    config = config_if_any(context)
    seen = _sampled(export)
    schema = schema_at_hand(config, ask=org)
    vendor = _vendor(seen)
    rows = [cells for _, cells in seen.rows]
    sample = Sample(seen.export.columns, rows)
    found = _evidence(sample, vendor, schema)
    first = proposals(found, _refused(found))
    keys = {one.role: one.column for one in first if one.role in ("id", "email") and one.is_sure}
    people = people_of(config, sample, keys, schema or {}, ask=org) if config is not None else {}
    if any(people.values()):
        found = _evidence(replace(sample, people=people), vendor, schema)
        first = proposals(found, _refused(found))
    name = source or _source_name(vendor, export.name)
    text, doubted = _text(name, _written(export, seen, vendor, found, people), first, schema)
    if out is not None:
        _write(out, text)
    if as_json:
        output.as_json(_document(name, export, seen, first, doubted, people, out))
        return
    if out is None:
        output.data(text.rstrip("\n"))
    else:
        for line in output.table(
            ("column", "meant as", "sure", "because"), [_row(one, doubted) for one in first if one.confidence]
        ):
            output.data(line)
    _summary(first, doubted, found, out)


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
    from syncd.core.suggesting import Known

    columns = {column.name: tomllib.loads("\n".join(column.lines)) for column in vendor.columns}
    title = vendor.title.partition(" (")[0]
    return Known(title, vendor.email, vendor.id, vendor.newest, vendor.null, columns, vendor.is_seen)


def _evidence(sample: Any, vendor: Vendor, schema: Mapping[str, ObjectSchema] | None) -> Evidence:
    from rapidfuzz import fuzz

    from syncd.core.suggesting import evidence
    from syncd.policies.usual_fields import USUAL

    fields = {name: one.fields for name, one in schema.items() if name in ("Lead", "Contact")} if schema else USUAL
    return evidence(
        sample,
        known_of(vendor),
        fields,
        alike=lambda left, right: fuzz.ratio(left, right),
        reads=_reads,
        is_org_known=bool(schema),
    )


def _reads(kind: str, cell: str) -> bool:
    """Tell whether a mapping could read a cell as this type."""
    from zoneinfo import ZoneInfo

    from syncd.core.cells import Unreadable, read_cell
    from syncd.core.mapping import Column
    from syncd.core.values import Rule

    try:
        return read_cell(Column("", kind, Rule("", "", 0), null=frozenset()), cell, ZoneInfo("UTC")) is not None
    except Unreadable:
        return False


def _refused(found: Evidence) -> dict[str, str]:
    """Return by field why no export may write it, in the words of the check."""
    from syncd.core.mapping_checks import Reading, never_written
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
        stem = re.sub(r"[^a-z0-9]+", "_", _PACKED.sub("", file_name).lower()).strip("_")
        return re.sub(r"[_0-9]+$", "", stem) or "export"
    return source_name(vendor, file_name)


def _written(export: Path, seen: Sampled, vendor: Vendor, found: Evidence, people: Mapping[str, Sequence[Any]]) -> Written:
    from syncd.core.suggest_text import Written

    count = sum(map(len, people.values()))
    notes = [
        f"{count} people of the file were found in Salesforce and compared." if count else "No people of the file were compared."
    ]
    if seen.bad:
        lines = ", ".join(map(str, seen.bad[:5])) + (" …" if len(seen.bad) > 5 else "")
        notes.append(f"{output.many(len(seen.bad), 'row')} have another number of cells than the header (lines {lines}).")
    if not vendor.is_seen:
        notes.append("The tool that wrote the file is not known: check every line.")
    if not found.is_org_known:
        notes.append("The org's fields are not known here: names were taken from fields that most orgs have.")
    begin = next((word for word in vendor.file_flags if export.name.lower().startswith(word)), "")
    lines = tuple(_file_lines(export, begin, seen.export, vendor, found.null))
    has_flag = any(line.startswith("flag ") for line in lines)
    return Written(export.name, vendor.title, len(seen.rows), lines, has_flag, tuple(notes))


def _file_lines(export: Path, begin: str, seen: Export, vendor: Vendor, null: Sequence[str]) -> Iterator[str]:
    """Write what stands under [file]: how the file is packed and written, and what its name says of everybody in it."""
    from syncd.core.suggest_text import quoted, value_text

    suffix = _PACKED.search(export.name)
    yield f"pattern = {quoted(begin + '*' + (suffix[0] if suffix and suffix[0] else '.csv'))}"
    if len(seen.sheets) > 1:
        yield f"sheet = {quoted(seen.sheets[0])}    # the first of {len(seen.sheets)}"
    if not seen.sheets:
        yield f"encoding = {quoted(seen.encoding)}"
        yield f"delimiter = {quoted(seen.delimiter)}"
        yield from vendor.dialect
    yield f"zone = {quoted(vendor.zone)}    # {vendor.zone_note}"
    yield f"null = {value_text(null)}"
    said = {f"{word}*": flag for word, flag in vendor.file_flags.items() if flag}
    if seen.members and said:
        table = ", ".join(f"{quoted(word)} = {quoted(flag)}" for word, flag in said.items())
        yield f"flag = {{ {table} }}    # by the name of each file in the archive"
    elif vendor.file_flags.get(begin):
        yield f"flag = {quoted(vendor.file_flags[begin])}    # everybody in a file whose name begins with {begin}"


def _text(
    name: str, file: Written, proposed: Sequence[Proposal], schema: Mapping[str, ObjectSchema] | None
) -> tuple[str, dict[str, str]]:
    """Write the mapping; whatever the check would say of a proposal makes a comment of it, until it says nothing.

    Errors: ConfigInvalid when nothing is left that a mapping could consist of.
    """
    from syncd.core.suggest_text import toml_text

    doubted: dict[str, str] = {}
    for _ in range(_ROUNDS_MAX):
        text = toml_text(file, proposed, doubted)
        problems = wrong_in(name, text, schema)
        news = {column: words for column, words in problems if column and column not in doubted}
        if not news:
            break
        doubted |= news
    if problems:
        asked = [repr(one.column) for one in proposed if one.role == "opted_out"]
        words = "; ".join(words for _, words in problems)
        words += f" Not sure, but like an opt-out: {', '.join(asked)}." if asked else ""
        raise ConfigInvalid(
            f"Nothing certain enough could be proposed for {file.name}: {words}",
            hint="A mapping needs a column of e-mail addresses or ids. See all: syncd mapping suggest EXPORT --json",
        )
    return text, doubted


def wrong_in(name: str, text: str, schema: Mapping[str, ObjectSchema] | None) -> list[tuple[str, str]]:
    """Check the text of a mapping as `syncd mapping check` would; return (column or "", what is wrong)."""
    import tempfile

    from syncd.cli.mapping_check import problems_of
    from syncd.cli.mapping_files import read

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.toml"
        path.write_text(text, "utf-8")
        file = read(path)
    problems = list(problems_of(file, dict(schema) if schema else None))
    places = sorted(
        (where[0], str(path[1]))
        for path, where in (file.table.positions.items() if file.table else ())
        if path[:1] == ("column",) and len(path) == 2
    )
    found = []
    for problem in problems:
        column = next((column for line, column in reversed(places) if line <= problem.line), "")
        found.append((column, problem.text))
    return found


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


def _summary(proposed: Sequence[Proposal], doubted: Mapping[str, str], found: Evidence, out: Path | None) -> None:
    sure = [one for one in proposed if one.is_sure and one.column not in doubted]
    asked = [one for one in proposed if one.role != "none" and one not in sure]
    rest = len(proposed) - len(sure) - len(asked)
    output.message(f"{len(sure)} columns proposed, {len(asked)} not sure (as comments), {rest} left out.")
    flags = [one.column for one in proposed if one.role == "opted_out"]
    output.message(f"opt-outs: {', '.join(map(repr, flags))}" if flags else "WARNING: no column says who has opted out.")
    if out is not None:
        output.message(f"wrote {out}. Next: syncd mapping check {out}")


def _document(
    name: str, export: Path, seen: Sampled, proposed: Sequence[Proposal], doubted: Mapping[str, str],
    people: Mapping[str, Sequence[Any]], out: Path | None,
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
        "written": None if out is None else str(out),
        "columns": listed,
    }
