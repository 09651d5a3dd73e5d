"""Which column of an export becomes which field or flag?

One file `mappings/fields/<source>.toml` per source, read by `syncd.core.mapping_parsing`; how a cell is read stands in
`syncd.core.cells`, how a row is in `syncd.core.rows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as default

from syncd.core.dialect import Dialect
from syncd.core.mapping_checks import OPT_OUT
from syncd.core.mapping_keys import NULLS, PEOPLE
from syncd.core.values import Flag, Problem, Rule


@dataclass(frozen=True, slots=True)
class Column:
    """What one column of the file means. `fields` holds the field to write by object, empty when none is written;
    `exclusive` says that nobody but syncd writes it; `decimal` and `thousands` are the signs in its numbers."""

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


@dataclass(frozen=True, slots=True)
class SourceMapping:
    """One file of `mappings/fields/`. `match` names the key columns in the order in which they are tried.

    `external_field` is the org's field that the external column is looked up in. `opt_out_rule` is set when an opt-out
    is also written to the org (HasOptedOutOfEmail = true, never false). `file_flag` holds for everybody in a file: some tools
    say a status only in the file's name.
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

    def of_file(self, name: str) -> SourceMapping:
        """Return what holds for one file of the source: its name may say a flag of everybody in it."""
        return self if self.dialect.flags is None else replace(self, file_flag=self.dialect.flag_of(name))

    @property
    def required(self) -> tuple[str, ...]:
        """Return the columns that a file of this source must have, each once."""
        names = [*self.match.values(), *([self.newest] if self.newest else []), *(column.name for column in self.columns)]
        return tuple(dict.fromkeys(names))


def fields_needed(mappings: Iterable[SourceMapping]) -> dict[str, tuple[str, ...]]:
    """Return by object which fields must be mirrored for these mappings, in name order."""
    needed: dict[str, set[str]] = {"Lead": {"Email", "IsConverted", "ConvertedContactId", OPT_OUT}, "Contact": {"Email", OPT_OUT}}
    for mapping in mappings:
        for name in PEOPLE:
            needed[name] |= {column.fields[name] for column in mapping.columns if name in column.fields}
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
        for column in mapping.columns:
            for name, api_name in column.fields.items() if column.side == "marketing" and column.flag is None else ():
                first = seen.setdefault((name, api_name.casefold()), column)
                if first is not column:
                    text = f"{name}.{api_name} is written by {first.rule.file}:{first.rule.line} too."
                    remedy = 'Keep one of the two, or write side = "sales" in one.'
                    problems.append(Problem(mapping.file, column.rule.line, 1, "MAP-132", text, remedy))
    return problems
