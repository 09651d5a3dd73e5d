"""What does a mapping file say, and what is wrong with it? `parse_mapping` lists every problem of a file in one run."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from syncd.core import dialect as dialects
from syncd.core.creation import Creation, read_creation
from syncd.core.dialect import Dialect
from syncd.core.mapping import Column, SourceMapping
from syncd.core.mapping_file.checks import Reading, spelling_problems
from syncd.core.mapping_file.column_checks import refuse_unknown_regions, refuse_unused, refuse_written_twice
from syncd.core.mapping_file.columns import API_NAME, Defaults, read_columns, read_computed
from syncd.core.mapping_file.consent import read_consent
from syncd.core.mapping_file.formulas import Compile, Formulas, columns_named
from syncd.core.mapping_file.keys import DELIMITERS, EXTERNAL, FILE, FLAGS, MATCH, MODES, NULLS, TOP, names
from syncd.core.tables import Path, Table
from syncd.core.values import Flag, Problem

_ENCODING = re.compile(r"(?i)utf-8|utf-16(-[lb]e)?|ascii|iso8859-\d+|cp\d{3,4}|koi8-[ru]|mac-\w+|shift_jis|euc_\w+|big5|gb\w+")


def is_source_name(name: str) -> bool:
    """Tell whether a source, and so its mapping and its folder, can be called so."""
    return re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) is not None


def parse_mapping(name: str, table: Table, compile_formula: Compile | None = None) -> tuple[SourceMapping | None, list[Problem]]:
    """Read the mapping of one source.

    Shapes: the mapping and no problem, or None and every problem of the file. `name` is the source, as in the file name.
            `compile_formula` makes formulas of texts; without it a file that holds one is refused.
    Source: promise 5: bad input is refused with its place and remedy.
    """
    reading = Reading(table)
    if not is_source_name(name):
        reading.say((), "MAP-120", f"{name!r} is no name for a source.", "Name the file in small letters, such as marketo.toml.")
    reading.keys((), table.values, names(TOP))
    spelling_problems(reading, (), table.values)
    version = reading.text((), table.values, "version")
    if version is None and "version" not in table.values:
        reading.say((), "MAP-103", "version is missing.", 'Begin the file with a line such as: version = "2026-11"')
    mode = reading.choice((), table.values, "mode", MODES) or "observe"
    file = _file(reading, reading.table_at((), table.values, "file") or {})
    match, external_field = _match(reading, table)
    has_flag = file.flag is not None or file.dialect.flags is not None
    formulas = Formulas(reading, columns_named(table.values, match, file.newest), compile_formula)
    computed = read_computed(reading, formulas)
    defaults = Defaults(file.null, file.dialect.decimal, file.dialect.thousands, file.region)
    columns = read_columns(reading, formulas, defaults, is_needed=not has_flag and not computed)
    refuse_unknown_regions(reading, columns)
    named = {file.newest, *(column.region_from for column in columns)} - {None, ""}
    refuse_unused(reading, columns, formulas.used | named)
    refuse_written_twice(reading, columns, computed)
    consent = read_consent(reading)
    create = _creation(reading, (*columns, *computed), match)
    if reading.problems:
        return None, sorted(reading.problems, key=lambda problem: (problem.line, problem.column))
    to_org = [column for column in columns if column.flag is Flag.OPTED_OUT and column.fields]
    opt_out = table.rule("opt-out", "column", to_org[0].name) if to_org else None
    return SourceMapping(
        name, table.file, table.sha256, version or "", columns, match, external_field, mode,
        file.pattern, file.encoding, file.delimiter, file.zone, file.null, file.newest, opt_out, file.flag,
        file.dialect, computed, formulas.references, table, consent=consent, create=create,
    ), []  # fmt: skip


def _creation(reading: Reading, writing: Sequence[Column], match: Mapping[str, str]) -> Creation | None:
    written = {column.fields["Lead"] for column in writing if "Lead" in column.fields and column.side == "marketing"}
    return read_creation(reading, written, {column.name for column in writing}, match)


@dataclass(frozen=True, slots=True)
class _File:
    pattern: str
    encoding: str
    delimiter: str
    zone: str
    null: frozenset[str]
    newest: str | None
    flag: Flag | None
    dialect: Dialect
    region: str


def _file(reading: Reading, values: Mapping[str, object]) -> _File:
    base: Path = ("file",)
    reading.keys(base, values, names(FILE))
    pattern = reading.text(base, values, "pattern") or "*.csv"
    if "/" in pattern or "\\" in pattern or pattern.startswith("."):
        reading.say((*base, "pattern"), "MAP-119", f"{pattern!r} leaves the folder.", 'Give a file name such as "*.csv".')
    null = reading.texts(base, values, "null")
    flags = dialects.read_flags(reading, values)
    flag = reading.choice(base, values, "flag", FLAGS) if flags is None else None
    return _File(
        pattern,
        _encoding(reading, reading.text(base, values, "encoding") or "utf-8"),
        _delimiter(reading, reading.text(base, values, "delimiter") or ","),
        _zone(reading, reading.text(base, values, "zone") or "UTC"),
        frozenset(NULLS if null is None else null),
        reading.text(base, values, "newest"),
        Flag(flag) if flag else None,
        replace(dialects.read_dialect(reading, values), flags=flags),
        reading.text(base, values, "region") or "",
    )


def _encoding(reading: Reading, encoding: str) -> str:
    try:
        known = codecs.lookup(encoding).name
    except (LookupError, ValueError):
        known = ""
    if not _ENCODING.fullmatch(known):
        near = reading.near(encoding, ("utf-8", "utf-16", "cp1252", "iso8859-1", "shift_jis"))
        reading.say(("file", "encoding"), "MAP-106", f"{encoding!r} is no text encoding.{near}", 'Most exports are "utf-8".')
    return known


def _delimiter(reading: Reading, delimiter: str) -> str:
    if delimiter not in DELIMITERS:
        shown = 'Use one of "," ";" "|" or "\\t".'
        reading.say(("file", "delimiter"), "MAP-107", f"{delimiter!r} cannot separate columns.", shown)
    return delimiter


def _zone(reading: Reading, zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (OSError, ValueError, LookupError):
        near = reading.near(zone, _ZONES)
        reading.say(("file", "zone"), "MAP-105", f"{zone!r} is no time zone.{near}", 'Write it as "Europe/Berlin" or "UTC".')
    return zone


_ZONES = (
    "UTC", "Europe/London", "Europe/Berlin", "Europe/Paris", "Europe/Madrid", "America/New_York", "America/Chicago",
    "America/Denver", "America/Los_Angeles", "America/Sao_Paulo", "Asia/Tokyo", "Asia/Kolkata", "Asia/Singapore",
    "Australia/Sydney",
)  # fmt: skip


def _match(reading: Reading, table: Table) -> tuple[dict[str, str], str | None]:
    values = reading.table_at((), table.values, "match")
    if not values:
        if "match" not in table.values or values is not None:
            reading.say(
                ("match",), "MAP-103", "[match] is missing: no row could be tied to a person.",
                'Write [match] and a line such as: email = "email"',
            )  # fmt: skip
        return {}, None
    reading.keys(("match",), values, names(MATCH))
    match: dict[str, str] = {}
    external_field = None
    for key in values:
        if key == "external":
            table_of = reading.table_at(("match",), values, key) or {}
            column, external_field = _external(reading, table_of) if table_of else (None, None)
        else:
            column = reading.text(("match",), values, key) if key in names(MATCH) else None
        if column is not None:
            match[key] = column
    return match, external_field


def _external(reading: Reading, values: Mapping[str, object]) -> tuple[str | None, str | None]:
    base: Path = ("match", "external")
    reading.keys(base, values, names(EXTERNAL))
    for key in ("column", "field"):
        if key not in values:
            shown = 'Write external = { column = "id", field = "MA_Person_Id__c" }'
            reading.say(base, "MAP-103", f"external has no {key}.", shown)
    name = reading.text(base, values, "field")
    if name is not None and not API_NAME.fullmatch(name):
        reading.say((*base, "field"), "MAP-119", f"{name!r} is no field name.", "Use the API name, such as MA_Person_Id__c.")
    return reading.text(base, values, "column"), name
