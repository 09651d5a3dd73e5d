"""How does a tool write its files beyond encoding and delimiter, and what does a file's name say about everybody in it?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from syncd.core.mapping_file.checks import Reading
from syncd.core.mapping_file.keys import DECIMALS, ESCAPES, THOUSANDS
from syncd.core.tables import Path
from syncd.core.values import Flag

MEMBERS = "*.csv"

_FLAGS = (Flag.OPTED_OUT, Flag.UNREACHABLE)
_BLANKS = re.compile("[ \u00a0\u2009\u202f]")
_BASE: Path = ("file",)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is declared of a source's files.

    `sheet` names the sheet of a workbook; `members` is the pattern of the files within an archive. `escape` says that a quote
    after a backslash is data; `has_guard` that one blank was put before values that begin like a formula. `flags` holds for
    everybody in a file whose name fits a pattern.
    """

    sheet: str | None = None
    members: str = MEMBERS
    decimal: str = "."
    thousands: str = ""
    escape: str = ""
    has_guard: bool = False
    flags: Mapping[str, Flag] | None = None

    def flag_of(self, file_name: str) -> Flag | None:
        """Return what a file's name says of everybody in it, in whatever case; an opt-out before all else."""
        folded = file_name.rpartition("/")[2].casefold()
        said = {flag for pattern, flag in (self.flags or {}).items() if fnmatchcase(folded, pattern.casefold())}
        return next((flag for flag in _FLAGS if flag in said), None)

    def unguarded(self, cell: str) -> str:
        """Return a cell without the blank that its tool put before what a spreadsheet would take for a formula."""
        return cell[1:] if self.has_guard and cell[:1] == " " and cell[1:2] in ("+", "-", "=", "@") else cell


def plain_number(written: str, decimal: str, thousands: str) -> str | None:
    """Return a number as Python writes it; None when its signs are not the declared ones, or not where they belong."""
    whole, point, rest = written.partition(decimal)
    if thousands:
        whole = _BLANKS.sub(" ", whole) if thousands == " " else whole
        head, *groups = whole.split(thousands)
        if groups and (not 1 <= len(head.lstrip("+-")) <= 3 or any(len(one) != 3 or not one.isdigit() for one in groups)):
            return None
        whole = "".join((head, *groups))
    return None if decimal != "." and "." in whole + rest else whole + ("." if point else "") + rest


def read_dialect(reading: Reading, values: Mapping[str, object]) -> Dialect:
    """Read what [file] declares of the dialect; each mistake is left with `reading`."""
    members = reading.text(_BASE, values, "members") or MEMBERS
    if "/" in members or "\\" in members:
        reading.say((*_BASE, "members"), "MAP-119", f"{members!r} leaves the archive.", 'Give a file name such as "*.csv".')
    decimal = reading.choice(_BASE, values, "decimal", DECIMALS) or "."
    thousands = reading.choice(_BASE, values, "thousands", THOUSANDS) or ""
    if thousands == decimal:
        text = f"decimal and thousands are both {decimal!r}: no number could be told from another."
        reading.say((*_BASE, "thousands"), "MAP-123", text, "Remove thousands, or correct one of the two.")
    return Dialect(
        reading.text(_BASE, values, "sheet"), members, decimal, thousands,
        reading.choice(_BASE, values, "escape", ESCAPES) or "",
        reading.truth(_BASE, values, "formula_guard"),
    )  # fmt: skip


def read_flags(reading: Reading, values: Mapping[str, object]) -> Mapping[str, Flag] | None:
    """Read `flag` where it is a table by name pattern; None where it is anything else."""
    table = values.get("flag")
    if not isinstance(table, Mapping):
        return None
    path: Path = (*_BASE, "flag")
    if not table:
        reading.say(path, "MAP-123", "flag is an empty table.", 'Write flag = { "unsubscribed*" = "opted_out" }.')
    found = {}
    for pattern in table:
        flag = reading.choice(path, table, pattern, tuple(one.value for one in _FLAGS))
        if "/" in pattern or not pattern.strip():
            reading.say((*path, pattern), "MAP-119", f"{pattern!r} is no file name.", 'Write a pattern such as "unsubscribed*".')
        elif flag is not None:
            found[pattern] = Flag(flag)
    return found
