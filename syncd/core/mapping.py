"""Which column of an export becomes which field or flag?

One file `mappings/fields/<source>.toml` per source, read by `syncd.core.mapping_file.parsing`; how a cell is read stands in
`syncd.core.cells`, how a row is in `syncd.core.rows`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as default
from functools import lru_cache

from syncd.core.creation import Creation
from syncd.core.dialect import Dialect
from syncd.core.mapping_file.checks import OPT_OUT
from syncd.core.mapping_file.consent import ConsentColumns
from syncd.core.mapping_file.keys import NULLS, PEOPLE
from syncd.core.tables import Table
from syncd.core.values import GLOBAL, Fields, Flag, Problem, Rule, Scalar

_SIGNS = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True, slots=True)
class Formula:
    """A transform, condition or computed value in Salesforce formula syntax, compiled by whoever read the file.

    `gives` is the type of its value, in the words of `type`. `columns` maps each column that it reads, as the formula writes
    it in small letters, to the column's name, or to None where the mapping names no such column: then a column of the file
    with that `reference` is meant. `fields` are the fields of the record that it reads as $Record.
    `value(cells, record)` works it out. Errors: Unreadable for a row that it has no value for.
    `typed(types)` compiles it again with what the org says the record's fields hold.
    """

    text: str
    rule: Rule
    gives: str
    columns: Mapping[str, str | None]
    fields: tuple[str, ...]
    value: Callable[[Mapping[str, Scalar], Fields], Scalar] = default(compare=False, repr=False)
    typed: Callable[[Mapping[str, str]], Formula | Problem] = default(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Column:
    """What one column of the file means. `fields` holds the field to write by object, empty when none is written;
    `exclusive` says that nobody but syncd writes it; `decimal` and `thousands` are the signs in its numbers.

    `formula` gives the value to write in place of the cell's own, `when` says for which rows it is written. A file may lack a
    column that is not `is_required`. `formats` tells how dates that are not ISO are written, `split` what separates the values
    within one cell, `region` the country of phone numbers that name none, unless the cell of the column `region_from` names
    one. `scope` says what an opt-out covers, `scopes` what it covers by the value of the cell.
    """

    name: str
    type: str
    rule: Rule
    null: frozenset[str] = frozenset(NULLS)
    true: frozenset[str] = frozenset(("true",))
    false: frozenset[str] = frozenset(("false",))
    fields: Mapping[str, str] = default(default_factory=dict)
    side: str = "marketing"
    conflict: str = "overwrite"
    blank: str = "leave"
    transform: str | None = None
    flag: Flag | None = None
    opted_out_when: frozenset[str] = frozenset()
    unreachable_when: frozenset[str] = frozenset()
    exclusive: bool = False
    decimal: str = "."
    thousands: str = ""
    formula: Formula | None = None
    when: Formula | None = None
    is_required: bool = True
    formats: tuple[str, ...] = ()
    split: str = ";"
    region: str = ""
    scope: str = GLOBAL
    scopes: Mapping[str, str] = default(default_factory=dict)
    region_from: str = ""

    @property
    def gives(self) -> str:
        """Return the type of what is written: the formula's, or the cell's own."""
        return self.type if self.formula is None else self.formula.gives

    @property
    def is_computed(self) -> bool:
        """Tell whether this is a computed field, that no column of the file gives."""
        return self.formula is not None and self.formula.rule.name.startswith("formula ")

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """Return the formulas of the column."""
        return tuple(one for one in (self.formula, self.when) if one is not None)


@dataclass(frozen=True, slots=True)
class SourceMapping:
    """One file of `mappings/fields/`. `match` names the key columns in the order in which they are tried.

    `external_field` is the org's field that the external column is looked up in. `opt_out_rule` is set when an opt-out
    is also written to the org (HasOptedOutOfEmail = true, never false). `file_flag` holds for everybody in a file: some tools
    say a status only in the file's name. `computed` are fields that no single column gives; they have a formula each.
    `references` is what only formulas name, as `reference` spells it: each means one column of the file. `create` is set
    where rows that fit nobody create people.
    """

    name: str
    file: str
    sha256: str
    version: str
    columns: tuple[Column, ...]
    match: Mapping[str, str]
    external_field: str | None = None
    mode: str = "observe"
    pattern: str = "*.csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    zone: str = "UTC"
    null: frozenset[str] = frozenset(NULLS)
    newest: str | None = None
    opt_out_rule: Rule | None = None
    file_flag: Flag | None = None
    dialect: Dialect = default(default_factory=Dialect)
    computed: tuple[Column, ...] = ()
    references: tuple[str, ...] = ()
    table: Table | None = default(default=None, compare=False, repr=False)
    create: Creation | None = None
    consent: ConsentColumns | None = None

    def of_file(self, name: str) -> SourceMapping:
        """Return what holds for one file of the source: its name may say a flag of everybody in it."""
        return self if self.dialect.flags is None else replace(self, file_flag=self.dialect.flag_of(name))

    @property
    def required(self) -> tuple[str, ...]:
        """Return the columns that a file of this source must have, each once, without those that only formulas name."""
        optional = {column.name for column in self.columns if not column.is_required}
        return tuple(name for name in self.named if name not in optional or name in (*self.match.values(), self.newest))

    @property
    def named(self) -> tuple[str, ...]:
        """Return every column that the mapping names in a place of its own, each once."""
        names = [*self.match.values(), *([self.newest] if self.newest else []), *(column.name for column in self.columns)]
        names += [self.consent.source, self.consent.at, self.consent.wording] if self.consent is not None else []
        return tuple(dict.fromkeys(names))

    @property
    def writing(self) -> tuple[Column, ...]:
        """Return what may write a field: the columns, and the computed fields after them."""
        return (*self.columns, *self.computed)


def reference(name: str) -> str:
    """Return how a formula names a column, whatever case it is written in: _ stands for blanks and signs."""
    plain = _SIGNS.sub("_", name).casefold()
    return f"_{plain}" if plain[:1].isdigit() or plain in ("true", "false", "null") else plain


@lru_cache(maxsize=64)
def referred(references: tuple[str, ...], header: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Return the columns of a file that each of a mapping's `references` may mean: one of them, or something is wrong."""
    return {name: tuple(one for one in header if reference(one) == name) for name in references}


def columns_read(mapping: SourceMapping, header: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a file that count for its rows, in the order of the file."""
    of_formulas = {name for columns in referred(mapping.references, tuple(header)).values() for name in columns}
    return tuple(name for name in header if name in of_formulas or name in mapping.named)


def header_faults(mapping: SourceMapping, header: Sequence[str]) -> tuple[list[str], list[tuple[str, tuple[str, ...]]]]:
    """Return the columns that a file lacks, and the names in formulas that may mean several of its columns, with those."""
    meant = referred(mapping.references, tuple(header))
    missing = [name for name in mapping.required if name not in header] + [name for name, found in meant.items() if not found]
    return missing, [(name, found) for name, found in meant.items() if len(found) > 1]


def fields_needed(mappings: Iterable[SourceMapping]) -> dict[str, tuple[str, ...]]:
    """Return by object which fields must be mirrored for these mappings, in name order."""
    needed: dict[str, set[str]] = {"Lead": {"Email", "IsConverted", "ConvertedContactId", OPT_OUT}, "Contact": {"Email", OPT_OUT}}
    for mapping in mappings:
        for name in PEOPLE:
            writing = [column for column in mapping.writing if name in column.fields]
            needed[name] |= {column.fields[name] for column in writing}
            needed[name] |= {field for column in writing for formula in column.formulas for field in formula.fields}
            needed[name] |= {mapping.external_field} if mapping.external_field else set()
    return {name: tuple(sorted(fields)) for name, fields in needed.items()}


def keys_needed(mappings: Iterable[SourceMapping]) -> dict[str, tuple[str, ...]]:
    """Return by object which fields people are looked up by, for `Store.index`."""
    external = {mapping.external_field for mapping in mappings if mapping.external_field}
    return {name: tuple(sorted({"Email", *external})) for name in PEOPLE}


def clashes(mappings: Iterable[SourceMapping]) -> list[Problem]:
    """Report each field that two sources write: the org would follow whichever file came last."""
    seen: dict[tuple[str, str], Column] = {}
    problems = []
    for mapping in mappings:
        for column in mapping.writing:
            for name, api_name in column.fields.items() if column.side == "marketing" and column.flag is None else ():
                first = seen.setdefault((name, api_name.casefold()), column)
                if first is not column:
                    text = f"{name}.{api_name} is written by {first.rule.file}:{first.rule.line} too."
                    remedy = 'Keep one of the two, or write side = "sales" in one.'
                    problems.append(Problem(mapping.file, column.rule.line, 1, "MAP-132", text, remedy))
    return problems
