"""Which cells can a database say for certain how they are read, and that a record holds their value already?

Every answer is an SQL expression over a cell (a text, never NULL) that is true only where `core.cells`, `core.rows` and
`core.mapped` would say so too; where it is not, the row is looked at one by one. So each may be too shy, and none too bold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from syncd.core.mapping import Column, SourceMapping
from syncd.core.spoilt import SIGN
from syncd.core.values import Flag

TEXTS = frozenset(("string", "textarea", "picklist", "multipicklist", "combobox", "url", "encryptedstring", "email"))
NUMBERS = frozenset(("double", "currency", "percent", "int", "long"))
STAMP = r"[0-9]{4}-[0-9][0-9]-[0-9][0-9][T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_ADDRESS = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}"
_EXTERNAL = r"[A-Za-z0-9_.:/|=-]{1,200}"
_ID = r"00Q[A-Za-z0-9]{15}|003[A-Za-z0-9]{15}"
FIELD_TYPES = {
    "text": TEXTS | {"phone"}, "email": frozenset(("email", "string", "textarea")),
    "phone": frozenset(("phone", "string", "textarea")),
    "number": NUMBERS, "integer": NUMBERS, "boolean": frozenset(("boolean",)), "date": frozenset(("date",)),
    "datetime": frozenset(("datetime",)),
}  # fmt: skip
"""Of which types a field has to be so that its values can be held against a column's."""


def literal(text: str) -> str:
    """Write a text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def among(cell: str, texts: Iterable[str]) -> str:
    """Write that a cell is one of some spellings."""
    listed = ", ".join(map(literal, sorted(texts)))
    return f"({cell} IN ({listed}))" if listed else "FALSE"


def is_no_error(cell: str) -> str:
    """Write that a cell is certainly no error that a spreadsheet left there: quickly of most, by what they begin with."""
    begins = f"contains({cell}, '{SIGN}') AND regexp_matches({cell}, '^[\\s\\p{{Z}}]*{SIGN}')"
    return f"(({cell} >= chr({ord(SIGN) + 1}) AND {cell} < chr(127)) OR NOT ({begins}))"


def _is_ascii(cell: str) -> str:
    return f"(strlen({cell}) = length({cell}))"


def _has_plain_ends(cell: str) -> str:
    """Write that a cell begins and ends with no blank, nor with anything else that is not shown."""
    no_blank = f"left({cell}, 1) > ' ' AND right({cell}, 1) > ' '"
    return f"({no_blank} AND ({_is_ascii(cell)} OR NOT regexp_matches({cell}, '^\\p{{Z}}|\\p{{Z}}$')))"


def _value(column: Column, cell: str) -> str:
    """Write the text that a cell with plain ends comes to."""
    return f"{column.transform}({cell})" if column.transform in ("lower", "upper") else cell


def _keeps_letters(column: Column, cell: str) -> str:
    """Write that what SQL makes of a cell's letters and ends is what Python makes of them."""
    plain = _has_plain_ends(cell)
    return f"({plain} AND {_is_ascii(cell)})" if column.transform in ("lower", "upper") else plain


def _is_moment(cell: str, zone: str) -> str:
    end = "Z?" if zone == "UTC" else "Z"
    return f"(regexp_full_match({cell}, '{STAMP}{end}') AND {_is_day(f'left({cell}, 10)')})"


def _is_day(text: str) -> str:
    return f"({text} > '1900-01-01' AND {text} <> '1970-01-01' AND TRY_CAST({text} AS DATE) IS NOT NULL)"


def is_readable(column: Column, cell: str, zone: str) -> str:
    """Write that a cell can certainly be read and raises no flag."""
    null = among(cell, column.null)
    point = re.escape(column.decimal)
    by_type = {
        "text": is_no_error(cell),
        "email": f"(regexp_full_match({cell}, '{_ADDRESS}') AND {_is_ascii(cell)})",
        "number": f"(strlen({cell}) <= 15 AND regexp_full_match({cell}, '[+-]?([0-9]+{point}?[0-9]*|{point}[0-9]+)'))",
        "integer": f"(strlen({cell}) <= 15 AND regexp_full_match({cell}, '[+-]?[0-9]+'))",
        "boolean": f"({among(cell, column.true)} OR {among(cell, column.false)})",
        "date": f"(regexp_full_match({cell}, '[0-9]{{4}}-[0-9][0-9]-[0-9][0-9]') AND {_is_day(cell)})",
        "datetime": _is_moment(cell, zone),
        "phone": f"({is_no_error(cell)} AND regexp_matches({cell}, '[0-9]'))",
        "multipicklist": is_no_error(cell) + ("" if column.split == ";" else f" AND NOT contains({cell}, ';')"),
    }
    readable = f"({null} OR {'FALSE' if column.formats else by_type.get(column.type, 'FALSE')})"
    if column.scopes:  # whatever is listed opts out of something
        readable = f"({null} OR {cell} = '')"
    elif column.flag is not None:
        readable = f"({null} OR (NOT {among(cell, column.true)} AND {among(cell, column.false)}))"
    whens = column.opted_out_when | column.unreachable_when
    if whens:
        unsaid = " AND ".join(f"NOT {among(one, whens)}" for one in (cell, f"lower({cell})", f"upper({cell})"))
        readable = f"({readable} AND {unsaid} AND ({cell} = '' OR {_keeps_letters(column, cell)}))"
    return readable


def is_held(column: Column, field_type: str, cell: str, held: str) -> str:
    """Write that a record holds what a readable cell says, or that the cell would not be written.

    Shapes: `held` is a double for numbers, else a text: of a boolean `true` or `false`; NULL where the field is empty.
    """
    empty = f"({held} IS NULL)"
    text = _value(column, cell)
    blank = f"({among(cell, column.null)} OR {text} = '')" if column.type == "text" else among(cell, column.null)
    number = f"TRY_CAST(replace({text}, {literal(column.decimal)}, '.') AS DOUBLE) = {held}"
    letters = f"({text} = {held} AND {_keeps_letters(column, cell)})"
    same = {
        "text": letters,
        "phone": letters,
        "email": f"({text} = {held})",
        "number": f"({number})",
        "integer": f"({number})",
        "boolean": f"(CASE WHEN {among(cell, column.true)} THEN 'true' ELSE 'false' END = {held})",
        "date": f"({text} = {held})",
        "datetime": f"(replace(left({text}, 19), ' ', 'T') || '.000+0000' = {held})",
    }[column.type]
    if field_type == "email" and column.type in ("text", "email"):
        plain = f"{_is_ascii(cell)} AND {_is_ascii(held)} AND {_has_plain_ends(cell)}"
        same = f"({same} OR (lower({text}) = lower({held}) AND {plain}))"
    if column.conflict == "fill":
        same = f"({same} OR NOT {empty})"
    of_blank = "TRUE" if column.blank == "leave" else empty
    return f"(CASE WHEN {blank} THEN {of_blank} ELSE coalesce({same}, FALSE) END)"


def fits(column: Column, field_type: str | None) -> bool:
    """Tell whether values of a field can be held against a column."""
    return field_type is not None and field_type in FIELD_TYPES[column.type]


def key_of(kind: str, cell: str, null: frozenset[str]) -> str:
    """Write the key that a cell names a person by: NULL for none, '?' for one that has to be looked at."""
    none = f"({among(cell, null)} OR {cell} = '')"
    if kind == "email":
        is_usual = f"regexp_full_match({cell}, '{_ADDRESS}') AND NOT contains(lower({cell}), 'xn--')"
        return f"(CASE WHEN {none} THEN NULL WHEN {is_usual} THEN lower({cell}) ELSE '?' END)"
    pattern = _ID if kind == "id" else _EXTERNAL
    return f"(CASE WHEN {none} THEN NULL WHEN regexp_full_match({cell}, '{pattern}') THEN {cell} ELSE '?' END)"


def stamp_of(cell: str, mapping: SourceMapping, latest: str) -> str:
    """Write how new a row is as `core.rows` notes it: '' for not said, '?' for what has to be looked at."""
    moment = f"replace(left({cell}, 19), ' ', 'T')"
    is_usual = f"{_is_moment(cell, mapping.zone)} AND {moment} <= {literal(latest)}"
    return f"(CASE WHEN {among(cell, mapping.null)} THEN '' WHEN {is_usual} THEN {moment} || '+00:00' ELSE '?' END)"


def may_clear(mapping: SourceMapping) -> bool:
    """Tell whether a row of this source can say that somebody is not opted out."""
    return any(column.flag is Flag.OPTED_OUT or column.opted_out_when for column in mapping.columns)


def field_types(column: Column, types: Mapping[str, Mapping[str, str]]) -> dict[str, str | None]:
    """Return by object the type of the field that a column writes; None for one that is not visible."""
    return {object: types.get(object, {}).get(name) for object, name in column.fields.items()}
