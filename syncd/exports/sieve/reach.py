"""How much of what a mapping says is understood here?

Three questions of rising depth. Each may be answered with no at any time, which costs a look at the rows; what is added to
mappings later is understood by none of them, until somebody says so here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, Field, fields
from typing import Any

from syncd.core.mapping import Column, SourceMapping
from syncd.core.values import Flag
from syncd.exports.sieve.columns import FIELD_TYPES

_OF_COLUMN = frozenset((
    "name", "type", "rule", "null", "true", "false", "fields", "side", "conflict", "blank", "transform", "flag",
    "opted_out_when", "unreachable_when", "exclusive", "decimal", "thousands", "formula", "when", "is_required", "formats",
    "split", "region", "scope", "scopes", "region_from",
))  # fmt: skip
_OF_MAPPING = frozenset((
    "name", "file", "sha256", "version", "columns", "match", "external_field", "mode", "pattern", "encoding", "delimiter",
    "zone", "null", "newest", "opt_out_rule", "file_flag", "dialect", "computed", "references", "table", "create", "consent",
))  # fmt: skip


def may_be_known(mapping: SourceMapping) -> bool:
    """Tell whether a row that led to nothing leads to nothing again, while its cells, the policy and its person stay as they are.

    So it is with formulas too: they see the row and the record, no clock and no other record. What a row brings about nobody is
    never remembered, so a [create] that refused somebody before is asked again; evidence of consent is stored once.
    """
    if not _says_only(mapping, _OF_MAPPING) or not set(mapping.match) <= {"id", "external", "email"}:
        return False
    return all(_says_only(column, _OF_COLUMN) for column in mapping.writing)


def is_told(mapping: SourceMapping) -> bool:
    """Tell whether a database can say of rows never seen that their cells can be read and raise no flag.

    A file whose name says something of everybody in it has no such rows, and the blank of a guard would have to be taken away.
    """
    if mapping.file_flag is not None or mapping.dialect.has_guard:
        return False
    return all(_is_told(column, mapping) for column in mapping.columns)


def is_compared(mapping: SourceMapping, header: Sequence[str]) -> bool:
    """Tell whether a database can say as well that a record holds all that a row would write.

    A formula may have no value for a row, and a condition too: only a look finds that out.
    """
    written = [one for one in mapping.columns if one.name in header and writes(one)]
    return not mapping.computed and all(
        one.formula is None and one.when is None and one.type in FIELD_TYPES and set(one.fields) <= {"Lead", "Contact"}
        for one in written
    )


def writes(column: Column) -> bool:
    """Tell whether a column writes a field of its own."""
    return bool(column.fields) and column.flag is None and column.side == "marketing"


def _is_told(column: Column, mapping: SourceMapping) -> bool:
    is_flag = column.flag in (None, Flag.OPTED_OUT, Flag.UNREACHABLE)
    is_usual = column.flag is None or column.type == "boolean" or bool(column.scopes)
    if (column.opted_out_when | column.unreachable_when) and column.type != "text":
        return False
    return is_flag and is_usual and not (column.formats and column.name == mapping.newest)


def _says_only(given: Any, names: frozenset[str]) -> bool:
    return all(one.name in names or getattr(given, one.name) == _default(one) for one in fields(given))


def _default(one: Field[Any]) -> object:
    return one.default_factory() if one.default_factory is not MISSING else one.default
