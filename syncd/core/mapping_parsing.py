"""What does a mapping file say, and what is wrong with it? `parse_mapping` lists every problem of a file in one run."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from syncd.core import dialect as dialects
from syncd.core.dialect import Dialect
from syncd.core.mapping import Column, SourceMapping
from syncd.core.mapping_checks import OPT_OUT, Reading, never_written, spelling_problems
from syncd.core.mapping_keys import (
    BLANKS,
    COLUMN,
    CONFLICTS,
    DELIMITERS,
    EXTERNAL,
    FILE,
    FLAGS,
    MATCH,
    MODES,
    NULLS,
    PEOPLE,
    SIDES,
    TOP,
    TRANSFORMS,
    TYPES,
    names,
)
from syncd.core.tables import Path, Table
from syncd.core.values import Flag, Problem

_ENCODING = re.compile(r"(?i)utf-8|utf-16(-[lb]e)?|ascii|iso8859-\d+|cp\d{3,4}|koi8-[ru]|mac-\w+|shift_jis|euc_\w+|big5|gb\w+")
_API_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def parse_mapping(name: str, table: Table) -> tuple[SourceMapping | None, list[Problem]]:
    """Read the mapping of one source.

    Shapes: the mapping and no problem, or None and every problem of the file. `name` is the source, as in the file name.
    Source: promise 5: bad input is refused with its place and remedy.
    """
    reading = Reading(table)
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        reading.say((), "MAP-120", f"{name!r} is no name for a source.", "Name the file in small letters, such as marketo.toml.")
    reading.keys((), table.values, names(TOP))
    spelling_problems(reading, (), table.values)
    version = reading.text((), table.values, "version")
    if version is None and "version" not in table.values:
        reading.say((), "MAP-103", "version is missing.", 'Begin the file with a line such as: version = "2026-11"')
    mode = reading.choice((), table.values, "mode", MODES) or "observe"
    file = _file(reading, reading.table_at((), table.values, "file") or {})
    match, external_field = _match(reading, table)
    columns = _columns(reading, table, file.null, is_needed=file.flag is None and file.dialect.flags is None)
    columns = tuple(replace(one, decimal=file.dialect.decimal, thousands=file.dialect.thousands) for one in columns)
    _written_twice(reading, columns)
    if reading.problems:
        return None, sorted(reading.problems, key=lambda problem: (problem.line, problem.column))
    to_org = [column for column in columns if column.flag is Flag.OPTED_OUT and column.fields]
    opt_out = table.rule("opt-out", "column", to_org[0].name) if to_org else None
    return SourceMapping(
        name, table.file, table.sha256, version or "", columns, match, external_field, mode,
        file.pattern, file.encoding, file.delimiter, file.zone, file.null, file.newest, opt_out, file.flag,
        file.dialect,
    ), []  # fmt: skip


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
    if name is not None and not _API_NAME.fullmatch(name):
        reading.say((*base, "field"), "MAP-119", f"{name!r} is no field name.", "Use the API name, such as MA_Person_Id__c.")
    return reading.text(base, values, "column"), name


def _columns(reading: Reading, table: Table, null: frozenset[str], *, is_needed: bool) -> tuple[Column, ...]:
    values = reading.table_at((), table.values, "column")
    if not values:
        if not is_needed and "column" not in table.values:
            return ()
        if "column" not in table.values or values is not None:
            reading.say(
                ("column",), "MAP-103", "No column is mapped: nothing would ever be read.",
                'Write a table such as [column."leadScore"] for each column to use.',
            )  # fmt: skip
        return ()
    columns = []
    for name in values:
        one = reading.table_at(("column",), values, name)
        if one is not None:
            columns.append(_column(reading, table, name, one, null))
    return tuple(columns)


def _column(reading: Reading, table: Table, name: str, values: Mapping[str, object], null: frozenset[str]) -> Column:
    base: Path = ("column", name)
    reading.keys(base, values, names(COLUMN))
    kind = reading.choice(base, values, "type", TYPES)
    if kind is None and "type" not in values:
        reading.say(base, "MAP-103", f"Column {name!r} has no type.", f"Add one of: {', '.join(TYPES)}.")
    flag = reading.choice(base, values, "flag", FLAGS)
    own = reading.texts(base, values, "null")
    true, false = reading.texts(base, values, "true"), reading.texts(base, values, "false")
    column = Column(
        name, kind or "text", table.rule(name, *base),
        # What a blank opt-out means has to be said in its own column: an undeclared blank counts as opted out (promise 4).
        frozenset(own if own is not None else () if flag == Flag.OPTED_OUT else null - set(true or ()) - set(false or ())),
        frozenset(("true",) if true is None else true), frozenset(("false",) if false is None else false),
        _fields(reading, base, values),
        reading.choice(base, values, "side", SIDES) or "marketing",
        reading.choice(base, values, "conflict", CONFLICTS) or "overwrite",
        reading.choice(base, values, "blank", BLANKS) or "leave",
        reading.choice(base, values, "transform", TRANSFORMS),
        Flag(flag) if flag else None,
        frozenset(reading.texts(base, values, "opted_out_when") or ()),
        frozenset(reading.texts(base, values, "unreachable_when") or ()),
        reading.truth(base, values, "exclusive"),
    )  # fmt: skip
    _use_problems(reading, base, column, values)
    _spelling_overlaps(reading, base, column, own)
    _field_problems(reading, base, column, values)
    return column


def _fields(reading: Reading, base: Path, values: Mapping[str, object]) -> dict[str, str]:
    """Read `field`: one name for both objects, or one by object."""
    written = values.get("field")
    path = (*base, "field")
    if isinstance(written, Mapping):
        reading.keys(path, written, PEOPLE, code="MAP-110", what="Only leads and contacts are written from an export")
        named = {key: reading.text(path, written, key) for key in written if key in PEOPLE}
    elif written is None or isinstance(written, str):
        name = reading.text(base, values, "field")
        named = dict.fromkeys(PEOPLE, name) if name else {}
    else:
        reading.say(path, "MAP-102", f"field is {written!r}.", 'Write field = "Lead_Score__c" or { Lead = "…", Contact = "…" }.')
        return {}
    for key, name in named.items():
        where = (*path, key) if isinstance(written, Mapping) else path
        if name is not None and "." not in name and not _API_NAME.fullmatch(name):
            reading.say(where, "MAP-119", f"{name!r} is no field name.", "Use the API name, such as Lead_Score__c.")
            break
        if name is not None and never_written(reading, where, name):
            break
    return {key: name for key, name in named.items() if name}


def _use_problems(reading: Reading, base: Path, column: Column, values: Mapping[str, object]) -> None:
    """Say where a column does nothing, or what its type cannot do."""
    whens = column.opted_out_when | column.unreachable_when
    if not column.fields and column.flag is None and not whens and "field" not in values and "flag" not in values:
        shown = "Give it a field, a flag or opted_out_when, or remove the table."
        reading.say(base, "MAP-118", f"Column {column.name!r} is used for nothing.", shown)
    if column.flag is not None and column.type != "boolean":
        text = f"A flag is read from a boolean; this is {column.type}."
        reading.say((*base, "flag"), "MAP-117", text, 'Write type = "boolean".')
    if whens and column.type != "text":
        shown = 'Write type = "text", or use flag with true and false.'
        key = "opted_out_when" if column.opted_out_when else "unreachable_when"
        reading.say((*base, key), "MAP-117", f"{key} compares texts; this is {column.type}.", shown)
    for key, kinds in (("true", ("boolean",)), ("false", ("boolean",)), ("transform", ("text", "email"))):
        if key in values and column.type not in kinds:
            shown = f"Remove it, or make the column {kinds[0]}."
            reading.say((*base, key), "MAP-117", f"{key} has no meaning in a {column.type} column.", shown)


def _spelling_overlaps(reading: Reading, base: Path, column: Column, own_null: list[str] | None) -> None:
    for key, first, second in (
        ("false", column.true, column.false),
        ("null", column.true | column.false, frozenset(own_null or ())),
    ):
        for spelling in sorted(first & second if column.type == "boolean" else ()):
            shown = "Keep each spelling in one list."
            reading.say((*base, key), "MAP-116", f"{spelling!r} has two meanings in column {column.name!r}.", shown)


def _field_problems(reading: Reading, base: Path, column: Column, values: Mapping[str, object]) -> None:
    """Say what is missing or forbidden where a field is written."""
    opt_out = any(name.casefold() == OPT_OUT.casefold() for name in column.fields.values())
    if opt_out and column.flag is not Flag.OPTED_OUT:
        shown = 'Write type = "boolean" and flag = "opted_out": syncd sets it to true and never back.'
        reading.say((*base, "field"), "MAP-111", f"{OPT_OUT} is written only from an opt-out column.", shown)
    elif column.flag is Flag.OPTED_OUT and column.fields and not opt_out:
        shown = f'Write field = "{OPT_OUT}", or leave field away.'
        reading.say((*base, "field"), "MAP-111", "An opt-out is written to no other field.", shown)
    elif column.flag is Flag.UNREACHABLE and column.fields:
        reading.say((*base, "field"), "MAP-111", "Unreachable is never written to the org.", "Remove field from this column.")
    elif column.fields and not opt_out:
        for key, shown in (("side", '"marketing" or "sales"'), ("conflict", '"overwrite" or "fill"')):
            if key not in values:
                reading.say(base, "MAP-113", f"Column {column.name!r} writes a field and has no {key}.", f"Add {key} = {shown}.")
    if column.exclusive and (column.flag is not None or (column.side, column.conflict) != ("marketing", "overwrite")):
        text = f'Column {column.name!r} is exclusive, but not side = "marketing" with conflict = "overwrite".'
        shown = "A field that only syncd writes always takes the file's value: correct side and conflict, or remove exclusive."
        reading.say((*base, "exclusive"), "MAP-122", text, shown)
    elif column.exclusive and not column.fields:
        text = f"Column {column.name!r} is exclusive and writes no field."
        reading.say((*base, "exclusive"), "MAP-122", text, "Give it a field, or remove exclusive.")
    if column.blank == "clear" and (column.type == "boolean" or column.conflict == "fill"):
        why = "a checkbox is never empty" if column.type == "boolean" else 'conflict = "fill" never takes a value away'
        reading.say((*base, "blank"), "MAP-121", f'blank = "clear" cannot work here: {why}.', 'Write blank = "leave".')


def _written_twice(reading: Reading, columns: Iterable[Column]) -> None:
    """Refuse two columns for one field; several opt-out columns may share theirs, as any of them says no."""
    seen: dict[tuple[str, str], str] = {}
    said: set[tuple[str, str]] = set()
    for column in columns:
        for name, api_name in column.fields.items():
            first = seen.setdefault((name, api_name.casefold()), column.name)
            if first != column.name and column.flag is not Flag.OPTED_OUT and (first, column.name) not in said:
                said.add((first, column.name))
                line, _ = reading.table.where("column", first, "field")
                text = f"{api_name} is written by two columns: {column.name!r} and, on line {line}, {first!r}."
                reading.say(("column", column.name, "field"), "MAP-112", text, "Keep one of the two.")
