"""Whom is a row of an export about, what does it say, and what in it cannot be read?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as default
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from syncd.core.cell_times import read_moment
from syncd.core.cells import CONTROL, external_id, long_id, normal_address, read_cell, seen
from syncd.core.mapping import Column, SourceMapping, referred
from syncd.core.mapping_file.consent import Given, given_from, given_payload
from syncd.core.spoilt import is_declared, is_error, spoilt
from syncd.core.unreadable import Unreadable
from syncd.core.values import GLOBAL, Flag, Problem, Rule, Scalar

FUTURE_MAX = timedelta(days=1)
_ADDRESS_COLUMN = Column("", "email", Rule("", "", 0), null=frozenset())


@dataclass(frozen=True, slots=True)
class ParsedRow:
    """One row that can be tied to a key.

    `key` is the strongest match key ("id:…", "ext:…" or "email:…"); `values` holds the cells by column, `flags` the column
    that raised each flag, `clear` the flags that the row says do not hold. A row with `problems` only counts for its opt-out.
    `cells` holds what only formulas read, by the name that they give the column. `scoped` holds the column that raised an
    opt-out which is not written to the org, by what it covers; `consent` is the evidence of new consent that the row brings.
    """

    file: str
    line: int
    key: str
    person_id: str | None = None
    external: str | None = None
    address: str | None = None
    newest_at: datetime | None = None
    values: Mapping[str, Scalar] = default(default_factory=dict)
    flags: Mapping[Flag, str] = default(default_factory=dict)
    clear: tuple[Flag, ...] = ()
    problems: tuple[Problem, ...] = ()
    cells: Mapping[str, str | None] = default(default_factory=dict)
    scoped: Mapping[str, str] = default(default_factory=dict)
    consent: Given | None = None

    @property
    def where(self) -> str:
        """Return file:line, where the record begins."""
        return f"{self.file}:{self.line}"


def read_row(
    mapping: SourceMapping,
    header: Sequence[str],
    cells: Sequence[str],
    line: int,
    *,
    file: str = "",
    now_at: datetime | None = None,
) -> ParsedRow | Problem:
    """Read one row of a file whose header was found complete.

    Shapes: a row, perhaps with problems of its own; or one problem when it cannot be tied to any key or has another shape.
    Units:  `line` is the physical line on which the record begins; a problem's column counts cells from 1.
    """
    if len(cells) != len(header):
        text = f"The row has {len(cells)} {'cell' if len(cells) == 1 else 'cells'}, the header {len(header)}."
        remedy = "Export the file again; a cell with the delimiter in it must stand in quotes."
        return Problem(file, line, min(len(cells), len(header)) + 1, "ROW-001", text, remedy)
    return _Row(mapping, dict(zip(header, cells, strict=True)), list(header), line, file, now_at).parsed()


class _Row:
    """One row while it is read: every unreadable cell leaves a problem, and reading goes on."""

    def __init__(
        self, mapping: SourceMapping, cells: dict[str, str], header: list[str], line: int, file: str, now_at: datetime | None
    ) -> None:
        self.mapping, self.cells, self.header, self.line, self.file, self.now_at = mapping, cells, header, line, file, now_at
        self.zone = ZoneInfo(mapping.zone)
        self.problems: list[Problem] = []
        self.values: dict[str, Scalar] = {}
        self.flags: dict[Flag, str] = {}
        self.scoped: dict[str, str] = {}
        self.cleared: set[Flag] = set()
        if mapping.file_flag is not None:
            self.flags[mapping.file_flag] = "[file] flag"

    def parsed(self) -> ParsedRow | Problem:
        damaged = self._damaged_cells()
        keys = {kind: self._key(kind, name) for kind, name in self.mapping.match.items() if name not in damaged}
        for column in self.mapping.columns:
            if not column.is_required and column.name not in self.cells:
                continue
            if column.name in damaged:
                self._unreadable(column)
            else:
                self._cell(column)
        newest_at = self._newest(damaged)
        consent, more = self._consent(damaged), self._more()
        person_id, external, address = (keys.get(kind) for kind in ("id", "external", "email"))
        found = (("id", person_id), ("ext", external), ("email", address))
        key = next((f"{kind}:{value}" for kind, value in found if value), None)
        if key is None:
            return self._by_another_address() or self._untied()
        raised = {Flag.OPTED_OUT, Flag.OPT_OUT_UNREADABLE} if Flag.OPTED_OUT in self.flags else set(self.flags)
        clear = tuple(sorted(self.cleared - raised)) if not self.problems else ()
        return ParsedRow(
            self.file, self.line, key, person_id, external, address, newest_at,
            self.values, self.flags, clear, tuple(self.problems), more, self.scoped, consent,
        )  # fmt: skip

    def _damaged_cells(self) -> set[str]:
        if not CONTROL.search("".join(self.cells.values())):
            return set()
        damaged = {name for name, cell in self.cells.items() if CONTROL.search(cell)}
        for name in sorted(damaged, key=self.header.index):
            found = CONTROL.search(self.cells[name])
            point = f"U+{ord(found[0]):04X}" if found else ""
            text = f"Column {name!r} holds the control character {point}."
            self._say(name, "ROW-002", text, "Correct the value in the source.")
        return damaged

    def _key(self, kind: str, name: str) -> str | None:
        cell = self.cells[name]
        if cell in self.mapping.null or not seen(cell):
            return None
        if is_error(cell):
            self._spoilt(name, cell)
            return None
        try:
            if kind == "id":
                return long_id(cell)
            if kind == "external":
                return external_id(cell)
            return normal_address(str(read_cell(_ADDRESS_COLUMN, cell, self.zone)))
        except Unreadable as error:
            self._say(name, "ROW-003", f"Column {name!r}: {error.text}", error.remedy)
            return None

    def _cell(self, column: Column) -> None:
        cell = self.cells[column.name]
        if is_error(cell) and not is_declared(column, cell):
            self._spoilt(column.name, cell)
            self._unreadable(column)
            return
        try:
            value = read_cell(column, cell, self.zone)
        except Unreadable as error:
            self._say(column.name, "ROW-004", f"Column {column.name!r}: {error.text}", error.remedy)
            self._unreadable(column)
            return
        self.values[column.name] = value
        if column.scopes:
            self._listed(column, value)
        elif column.flag is not None:
            self._flag(column.flag, value, column)
        for flag, spellings in ((Flag.OPTED_OUT, column.opted_out_when), (Flag.UNREACHABLE, column.unreachable_when)):
            if spellings:
                self._flag(flag, cell in spellings or value in spellings, column)

    def _spoilt(self, name: str, cell: str) -> None:
        error = spoilt(cell)
        self._say(name, "ROW-009", f"Column {name!r}: {error.text}", error.remedy)

    def _more(self) -> dict[str, str | None]:
        """Read what only formulas name, as text."""
        if not self.mapping.references:
            return {}
        named = {name: columns[0] for name, columns in referred(self.mapping.references, tuple(self.header)).items() if columns}
        own = {column.name for column in self.mapping.columns}
        for column in sorted({*named.values()} - own, key=self.header.index):
            if is_error(self.cells[column]) and self.cells[column] not in self.mapping.null:
                self._spoilt(column, self.cells[column])
        cells = {name: self.cells[column] for name, column in named.items()}
        return {name: cell if cell.strip() and cell not in self.mapping.null else None for name, cell in cells.items()}

    def _listed(self, column: Column, value: Scalar) -> None:
        """Take each value of a list of what somebody left for an opt-out of that; one that is not named, for one of all."""
        left = [one for part in str(value or "").split(column.split) if (one := part.strip())]
        for one in left:
            self.scoped.setdefault(column.scopes.get(one, GLOBAL), column.name)
        if not left:
            self.cleared.add(Flag.OPT_OUT_UNREADABLE)

    def _flag(self, flag: Flag, value: Scalar, column: Column) -> None:
        if value is True and flag is Flag.OPTED_OUT and column.scope != GLOBAL:
            self.scoped.setdefault(column.scope, column.name)
        elif value is True:
            self.flags.setdefault(flag, column.name)
        elif value is False:
            # An opt-out never opens again by a file; only what could not be read becomes readable.
            self.cleared.add(Flag.OPT_OUT_UNREADABLE if flag is Flag.OPTED_OUT else flag)

    def _unreadable(self, column: Column) -> None:
        if column.flag is Flag.OPTED_OUT or column.opted_out_when:
            self.flags.setdefault(Flag.OPT_OUT_UNREADABLE, column.name)

    def _newest(self, damaged: set[str]) -> datetime | None:
        name = self.mapping.newest
        if name is None or name in damaged or self.cells[name] in self.mapping.null:
            return None
        try:
            formats = next((column.formats for column in self.mapping.columns if column.name == name), ())
            moment = read_moment(self.cells[name], self.zone, formats)
        except Unreadable as error:
            self._say(name, "ROW-005", f"Column {name!r}: {error.text}", error.remedy)
            return None
        if self.now_at is not None and moment > self.now_at + FUTURE_MAX:
            text = f"Column {name!r}: {self.cells[name]!r} lies in the future."
            self._say(name, "ROW-005", text, "Check zone under [file] and the clock of the source.")
            return None
        return moment

    def _consent(self, damaged: set[str]) -> Given | None:
        """Read the evidence of new consent; with a part of it empty or unreadable it is none."""
        columns = self.mapping.consent
        if columns is None or damaged.intersection((columns.source, columns.at, columns.wording)):
            return None
        source, at, wording = (self.cells[name].strip() for name in (columns.source, columns.at, columns.wording))
        if not (source and at and wording) or not self.mapping.null.isdisjoint((source, at, wording)):
            return None
        for name in (columns.source, columns.wording):
            if is_error(self.cells[name]):
                self._spoilt(name, self.cells[name])
                return None
        try:
            given_at = read_moment(at, self.zone)
        except Unreadable as error:
            self._say(columns.at, "ROW-007", f"Column {columns.at!r}: {error.text}", error.remedy)
            return None
        if self.now_at is not None and given_at > self.now_at:
            self._say(columns.at, "ROW-007", f"Column {columns.at!r}: {at!r} lies in the future.", "Correct it in the source.")
            return None
        return Given(source, given_at, wording, columns.scope)

    def _by_another_address(self) -> ParsedRow | None:
        """Keep the opt-out of a row without a key for the one address in it, where rows are not tied by address.

        It counts for nothing else, and is written nowhere: nobody is found by it.
        """
        is_out = bool(self.scoped) or not {Flag.OPTED_OUT, Flag.OPT_OUT_UNREADABLE}.isdisjoint(self.flags)
        cells = (self.values.get(column.name) for column in self.mapping.columns if column.type == "email")
        addresses = {normal_address(cell) for cell in cells if isinstance(cell, str)}
        if not is_out or len(addresses) != 1 or "email" in self.mapping.match:
            return None
        [address] = addresses
        untied = self._untied()
        told = replace(untied, text=f"{untied.text} Its opt-out is kept for {address}.")
        return ParsedRow(
            self.file, self.line, f"email:{address}", address=address, flags=self.flags, problems=(told,), scoped=self.scoped
        )

    def _untied(self) -> Problem:
        """Say why the row is about nobody: its own problems, or no key at all."""
        names = ", ".join(repr(name) for name in self.mapping.match.values())
        words = " ".join(problem.text for problem in self.problems)
        remedy = self.problems[0].remedy if self.problems else "Fill one of these columns in the source."
        text = f"No key to tie the row to a person ({names})." + (f" {words}" if words else "")
        return Problem(self.file, self.line, 1, "ROW-006", text, remedy)

    def _say(self, name: str, code: str, text: str, remedy: str) -> None:
        self.problems.append(Problem(self.file, self.line, self.header.index(name) + 1, code, text, remedy))


def to_payload(row: ParsedRow) -> dict[str, object]:
    """Return a row as JSON values, for `ExportRow.payload`."""
    return {
        "file": row.file,
        "key": row.key,
        "id": row.person_id,
        "external": row.external,
        "email": row.address,
        "newest": row.newest_at.isoformat() if row.newest_at else None,
        "values": dict(row.values),
        "flags": {flag.value: name for flag, name in row.flags.items()},
        "clear": [flag.value for flag in row.clear],
        "problems": [problem_payload(problem) for problem in row.problems],
        **({"cells": dict(row.cells)} if row.cells else {}),
        **({"scoped": dict(row.scoped)} if row.scoped else {}),
        **({"consent": given_payload(row.consent)} if row.consent else {}),
    }


def from_payload(line: int, payload: Mapping[str, Any]) -> ParsedRow:
    """Make the row again that `to_payload` wrote."""
    return ParsedRow(
        payload["file"], line, payload["key"], payload["id"], payload["external"], payload["email"],
        datetime.fromisoformat(payload["newest"]) if payload["newest"] else None,
        payload["values"], {Flag(flag): name for flag, name in payload["flags"].items()},
        tuple(Flag(flag) for flag in payload["clear"]), tuple(problem_from(one) for one in payload["problems"]),
        payload.get("cells", {}), payload.get("scoped", {}), given_from(payload["consent"]) if "consent" in payload else None,
    )  # fmt: skip


def problem_payload(problem: Problem) -> dict[str, object]:
    """Return a problem as JSON values."""
    return {name: getattr(problem, name) for name in ("file", "line", "column", "code", "text", "remedy")}


def problem_from(payload: Mapping[str, Any]) -> Problem:
    """Make the problem again that `problem_payload` wrote."""
    return Problem(**payload)
