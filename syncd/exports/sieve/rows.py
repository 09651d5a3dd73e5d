"""How do the rows of a plain file come into a table, and what proves that none got lost on the way?"""

# ruff: noqa: S608  every text that comes from a file goes through sieve.columns.literal
from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from syncd.core.mapping import SourceMapping, columns_read, referred
from syncd.exports.sieve import columns as sql
from syncd.exports.sieve.combing import PLACE, SIGN, Laid
from syncd.ports.sifting import CUT

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LINE_BYTES_MAX = 131_072  # no longer than a cell may be, so that every cell that the fast reader takes is short enough
_SEPARATOR = f"chr({ord(CUT)})"
_LIBRARIES = ("email-validator", "phonenumbers", "tzdata")
"""What addresses, numbers and times mean may change with these: then all rows are looked at once more."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Which columns of the table of rows hold which columns of the file, by their places."""

    header: tuple[str, ...]
    kept: tuple[int, ...]

    def of(self, name: str) -> str:
        """Return the column that holds a named column of the file."""
        return f"c{self.header.index(name)}"

    @property
    def is_whole(self) -> bool:
        """Tell whether all columns of the file are held."""
        return len(self.kept) == len(self.header)

    @property
    def listed(self) -> str:
        """Return all columns, for a SELECT."""
        return ", ".join(f"c{place}" for place in self.kept)


class RowTable:
    """The rows of one file, with what each says as a hash, in the table `r`; the hashes alone are the view `h`.

    `line` and `breaks` are SQL for the line on which a row begins, and for how many more it stands on.
    """

    def __init__(self, database: DuckDBPyConnection, mapping: SourceMapping, laid: Laid, policy: str) -> None:
        self.database, self.mapping, self.seen, self.policy = database, mapping, laid.seen, policy
        header, seen, self.place = laid.header, laid.seen, PLACE if laid.combed else ()
        self.delimiter = SIGN if laid.combed else mapping.delimiter
        # A delimiter less than cells, in each line.
        self.between = len(header) + len(self.place) - 1
        self.expected = laid.combed.rows if laid.combed else None
        needed = (place for place, name in enumerate(header) if name in columns_read(mapping, header))
        self.cells = Cells(header, tuple(range(len(header))) if seen.has_controls else tuple(needed))
        of_formulas = (name for names in referred(mapping.references, header).values() for name in names)
        self.hashed = tuple(name for name in dict.fromkeys((*mapping.named, *of_formulas)) if name in header)
        self.line, self.breaks = ("r.line", "r.breaks") if self.place else ("r.rowid + 2", "0")
        self.rows = 0

    def is_proven(self, path: str) -> bool:
        """Read the file; tell whether every physical line is in exactly one row of the right length."""
        import duckdb

        columns = ", ".join(f"coalesce(c{place}, '') AS c{place}" for place in self.cells.kept)
        columns += "".join(f", {name}::BIGINT AS {name}" for name in self.place)
        try:
            rows = f"SELECT {columns} FROM {self._source(path)}"
            self.database.execute(f"CREATE TABLE r AS SELECT *, {self._hash()} AS h FROM ({rows})")
            self.database.execute("CREATE VIEW h AS SELECT rowid AS n, h FROM r")
            self.rows = int(self.database.execute("SELECT count(*) FROM r").fetchall()[0][0])
            if (self.expected is None and self._has_header_again()) or self.expected not in (None, self.rows):
                return False
            # A row has a delimiter less than cells, and more only inside of them; DuckDB would take one too many at its end.
            if self.rows + 1 == self.seen.lines and self.seen.delimiters == self.between * self.seen.lines:
                return self.rows > 0
            return self.rows > 0 and self.seen.has_quotes and self._with_breaks(path)
        except duckdb.Error:
            return False

    def _has_header_again(self) -> bool:
        """Tell whether two files were joined: below the second header columns may stand in another order."""
        is_header = " AND ".join(sql.among(f"c{place}", self.cells.header) for place in self.cells.kept[-2:])
        return bool(self.database.execute(f"SELECT 1 FROM r WHERE {is_header} LIMIT 1").fetchall())

    def read_whole(self, path: str, table: str) -> None:
        """Read all cells of the rows of a table once more, for `whole`; without room for it that finds none."""
        import duckdb

        everything = range(len(self.cells.header))
        columns = ", ".join(f"coalesce(c{place}, '') AS c{place}" for place in everything)
        self.database.execute(f"CREATE TABLE whole_{table} (n BIGINT, {', '.join(f'c{place} VARCHAR' for place in everything)})")
        with suppress(duckdb.Error):
            self.database.execute(
                f"INSERT INTO whole_{table} SELECT n, {columns}"
                f" FROM (SELECT row_number() OVER () - 1 AS n, * FROM {self._source(path)})"
                f" WHERE n IN (SELECT n FROM {table})"
            )

    def whole(self, table: str, numbers: str) -> list[tuple[Any, ...]]:
        """Return number and all cells of rows that were read whole."""
        return self.database.execute(f"SELECT * FROM whole_{table} WHERE n IN ({numbers})").fetchall()

    def _hash(self) -> str:
        """Write the hash of a row: of what it says, in the mapping's order of columns, not in the file's."""
        flag = self.mapping.file_flag
        policy = sql.literal("\n".join((self.policy, _libraries(), flag.value if flag else "", *self.hashed)))
        return f"md5(concat_ws({_SEPARATOR}, {policy}, {', '.join(map(self.cells.of, self.hashed))}))::UUID"

    def _source(self, path: str) -> str:
        named = (*self.place, *(f"c{place}" for place in range(len(self.cells.header))))
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in named)
        # DuckDB 2.0 finds no row at all when it is told both to be strict and that lines end with CRLF, which it sees by itself.
        ends = " new_line = '\\n'," if self.seen.new_line == "\n" else ""
        return (
            f"read_csv({sql.literal(path)}, auto_detect = false, header = false, skip = 1, columns = {{{columns}}},"
            f" delim = {sql.literal(self.delimiter)}, quote = '\"', escape = '\"',{ends} nullstr = '',"
            f" strict_mode = true, null_padding = false, ignore_errors = false, encoding = 'utf-8', compression = 'none',"
            f" max_line_size = {LINE_BYTES_MAX}, buffer_size = {32 * LINE_BYTES_MAX})"
        )

    def _with_breaks(self, path: str) -> bool:
        """Count the lines and the delimiters that stand inside cells, of all columns; each row then knows its own line."""
        width, sign = len(self.cells.header), sql.literal(self.delimiter)
        breaks, signs = (
            " + ".join(f"coalesce(length(c{place}) - length(replace(c{place}, {one}, '')), 0)" for place in range(width))
            for one in ("chr(10)", sign)
        )
        self.database.execute(f"CREATE TABLE inside AS SELECT {breaks} AS b, {signs} AS d FROM {self._source(path)}")
        counted, lines, delimiters = (
            int(one) for one in self.database.execute("SELECT count(*), sum(b), sum(d) FROM inside").fetchall()[0]
        )
        in_header = 0 if self.place else sum(name.count(self.delimiter) for name in self.cells.header)
        is_all = counted == self.rows and 1 + self.rows + lines == self.seen.lines
        if not is_all or self.between * (self.rows + 1) + delimiters + in_header != self.seen.delimiters:
            return False
        if lines and not self.place:
            self.database.execute(
                "CREATE TABLE l AS SELECT rowid AS n, b, rowid + 2 + coalesce(sum(b) OVER (ORDER BY rowid ROWS BETWEEN UNBOUNDED"
                " PRECEDING AND 1 PRECEDING), 0) AS line FROM inside"
            )
            self.line, self.breaks = (f"(SELECT {name} FROM l WHERE l.n = r.rowid)" for name in ("line", "b"))
        return True


@cache
def _libraries() -> str:
    return " ".join(map(version, _LIBRARIES))
