"""Which rows of a large export need a look, and which certainly lead to nothing?

All rows are held against what is known in a few statements of DuckDB. A row is let through without a look only where it is
certain that looking would find it unchanged, or about nobody; whatever is unusual in it, in its person, or between the rows of
one person is looked at one by one.
"""

# ruff: noqa: S608  every text that comes from a file goes through sieve.columns.literal
from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from syncd.core.mapping import SourceMapping, columns_read
from syncd.core.rows import FUTURE_MAX
from syncd.core.values import Problem
from syncd.exports.reading import Reading
from syncd.exports.records import Record
from syncd.exports.sieve import columns as sql
from syncd.exports.sieve.beside import Beside
from syncd.exports.sieve.combing import Laid
from syncd.exports.sieve.people import PeopleTable
from syncd.exports.sieve.reach import is_told
from syncd.exports.sieve.rows import RowTable
from syncd.exports.sieve.unsettled import look_again
from syncd.ports.exports import ExportFile, LinesCounted
from syncd.ports.sifting import CUT, Background, Sifted, SiftedItem, UnchangedLine

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FEW = 2000
"""So few rows are looked at one by one: that takes less than to read the people of the org."""
ITEMS_AT_ONCE = 1000
UNMATCHED_LINES = 20
PLAIN = "export.csv"


def tell_not_sifted(file: ExportFile, error: Exception) -> None:
    """Say in the log that there was no room, and every row is looked at."""
    structlog.get_logger("syncd").warning("export-not-sifted", file=file.name, why=str(error).partition("\n")[0])


class SiftedFile:
    """One file in the sieve: see `ports.sifting.Sieve`."""

    def __init__(
        self, database: DuckDBPyConnection, folder: Path, file: ExportFile, mapping: SourceMapping, laid: Laid,
        now_at: datetime, background: Background, beside: Beside,
    ) -> None:  # fmt: skip
        self.database, self.folder, self.file, self.mapping = database, folder, file, mapping
        self.laid, self.now_at, self.background, self.beside = laid, now_at, background, beside
        self.table = RowTable(database, mapping, laid, background.policy)
        self.cells = self.table.cells
        self._reading = Reading(file, mapping, now_at)

    @property
    def extra(self) -> tuple[str, ...]:
        """Name the columns that are in the file and not in the mapping."""
        read = columns_read(self.mapping, self.cells.header)
        return tuple(name for name in self.cells.header if name not in read)

    @property
    def lines(self) -> tuple[int, int, int, int]:
        """Count the physical lines: all, of the header, of rows, of what is no row."""
        counted = self.laid.combed.counted if self.laid.combed else LinesCounted(self.laid.seen.lines, 1, 0, 0)
        rejected = counted.rejected + self._reading.rejected
        return counted.lines, counted.header, counted.lines - counted.header - rejected, rejected

    # --- holding against what is known -----------------------------------------------------------------------------

    def is_held(self) -> bool:
        """Tell the rows apart, or that there is no room for it: then every row is looked at."""
        import duckdb  # loaded already

        try:
            self._hold()
        except (duckdb.Error, OSError) as error:
            tell_not_sifted(self.file, error)
            return False
        return True

    def _hold(self) -> None:
        self._mark_controls()
        self._load(
            "k", "known", ("person", "hash", "newest", "would"),
            "person, TRY_CAST(nullif(hash, '') AS UUID) AS h, newest, would::INT AS would",
        )  # fmt: skip
        self.database.execute(
            "CREATE TABLE hit AS SELECT h.n, any_value(k.person) AS person, any_value(k.would) AS would FROM h JOIN k USING (h)"
            " ANTI JOIN odd ON odd.n = h.n GROUP BY h.n HAVING count(*) = 1"
        )
        self.database.execute("CREATE TABLE equal (n BIGINT, person VARCHAR, stamp VARCHAR, h UUID)")
        self.database.execute("CREATE TABLE nobody (n BIGINT, key VARCHAR)")
        self._load("told", "told", ("name",))
        self._load("flagged", "flagged", ("person", "address"))
        look_again(self.database, self.mapping, self.cells)
        unknown = self._number("SELECT count(*) FROM r") - self._number("SELECT count(*) FROM hit")
        if unknown > FEW and is_told(self.mapping):
            latest = self.now_at + FUTURE_MAX
            PeopleTable(self.database, self.mapping, self.cells, self.background, latest, self.beside.people).hold()
        self._keep_apart()

    def _mark_controls(self) -> None:
        """Note the rows with control characters anywhere: there are none in most files."""
        if not self.laid.seen.has_controls:
            self.database.execute("CREATE TABLE odd (n BIGINT)")
            return
        every = " OR ".join(
            f"regexp_matches(c{place}, '[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x{{9f}}]')" for place in self.cells.kept
        )
        self.database.execute(f"CREATE TABLE odd AS SELECT rowid AS n FROM r WHERE {every}")

    def _keep_apart(self) -> None:
        """Look at all rows of people who have several, and list what has to be looked at."""
        self.database.execute(
            "CREATE TABLE several AS SELECT person FROM (SELECT person FROM hit UNION ALL SELECT person FROM equal)"
            " GROUP BY person HAVING count(*) > 1"
        )
        for table in ("hit", "equal"):
            self.database.execute(f"DELETE FROM {table} WHERE person IN (FROM several)")
        if self.mapping.create is not None:  # whoever is nobody yet may be created
            self.database.execute("DELETE FROM nobody")
        self.database.execute("DELETE FROM nobody WHERE key IN (SELECT key FROM nobody GROUP BY key HAVING count(*) > 1)")
        self.database.execute(
            "CREATE TABLE rest AS SELECT n FROM h ANTI JOIN hit USING (n) ANTI JOIN equal USING (n) ANTI JOIN nobody USING (n)"
        )

    # --- what comes of it ------------------------------------------------------------------------------------------

    def rest(self) -> Iterator[list[SiftedItem]]:
        """Give the rows that have to be looked at, some at a time."""
        aside = self.laid.combed.aside if self.laid.combed else ()
        for first in range(0, len(aside), ITEMS_AT_ONCE):
            yield [(item, "") for item in aside[first : first + ITEMS_AT_ONCE]]
        yield from self._items("rest")

    def related(self, person_ids: Collection[str], keys: Collection[str]) -> None:
        """Say whom the rows to be looked at are about: other rows about these have to be looked at too."""
        path = self.folder / "related"
        with path.open("a", encoding="utf-8", newline="\n") as out:
            out.writelines(f"{one}{CUT}\n" for one in person_ids)
            out.writelines(f"{CUT}{one}\n" for one in keys if one.isprintable())

    def others(self) -> Iterator[list[SiftedItem]]:
        """Give the rows that have to be looked at because others of their person are; to be asked last."""
        path = self.folder / "related"
        if path.exists():
            self._read_lines("relatives", ("person", "key"), path)
            self.database.execute("CREATE TABLE other (n BIGINT)")
            for table, name in (("hit", "person"), ("equal", "person"), ("nobody", "key")):
                mine = f"{name} IN (SELECT {name} FROM relatives WHERE {name} IS NOT NULL)"
                self.database.execute(f"INSERT INTO other SELECT n FROM {table} WHERE {mine}")
                self.database.execute(f"DELETE FROM {table} WHERE {mine}")
            yield from self._items("other")

    def unchanged(self) -> Iterator[Sequence[UnchangedLine]]:
        """Give what is to be remembered of people whose rows were compared and lead to nothing, after `others`."""
        row_hash = f"coalesce(replace(h::VARCHAR, '-', ''), '{' ' * 32}')"
        reading = self.database.execute(f"SELECT person || {row_hash} || stamp FROM equal ORDER BY person")
        while rows := reading.fetchmany(20_000):
            yield [row[0] for row in rows]

    def sifted(self) -> Sifted:
        """Count what needs no look, after `others`."""
        hits, would = self.database.execute("SELECT count(*), coalesce(sum(would), 0)::BIGINT FROM hit").fetchall()[0]
        equal, nobody = self._number("SELECT count(*) FROM equal"), self._number("SELECT count(*) FROM nobody")
        nobodies = "r.rowid IN (SELECT n FROM nobody) ORDER BY r.rowid"
        query = f"SELECT {self.table.line} AS line FROM r WHERE {nobodies} LIMIT {UNMATCHED_LINES}"
        first = self.database.execute(query).fetchall()
        return Sifted(int(hits) + equal, int(would), nobody, tuple(int(line) for (line,) in first))

    def _items(self, table: str) -> Iterator[list[SiftedItem]]:
        """Read rows as the careful reader would, each with its hash."""
        reading = self.database.cursor().execute(
            f"SELECT r.rowid, {self.table.line}, {self.table.breaks}, replace(r.h::VARCHAR, '-', ''),"
            f" (r.rowid IN (SELECT n FROM odd)), {self.cells.listed} FROM r"
            f" WHERE r.rowid IN (SELECT n FROM {table}) ORDER BY r.rowid"
        )
        blank = [""] * len(self.cells.header)
        is_read_whole = self.cells.is_whole
        while found := reading.fetchmany(ITEMS_AT_ONCE):
            items: list[SiftedItem] = []
            problems: dict[int, int] = {}
            for number, line, inside, row_hash, is_odd, *given in found:
                cells = blank.copy()
                for place, cell in zip(self.cells.kept, given, strict=True):
                    cells[place] = cell
                item = self._reading.item(self.cells.header, Record(line, line + inside, tuple(cells)))
                if isinstance(item, Problem):
                    problems[number] = len(items)
                items.append((item, "" if is_odd else row_hash))
            if problems and not self.cells.is_whole:
                if not is_read_whole:
                    self.table.read_whole(str(self.folder / PLAIN), table)
                    is_read_whole = True
                self._tell_whole(table, problems, items)
            yield items

    def _tell_whole(self, table: str, problems: Mapping[int, int], items: list[SiftedItem]) -> None:
        """Tell of rows about nobody with all that stands in them, also in columns that nothing else is read from."""
        reading = Reading(self.file, self.mapping, self.now_at)  # of these the lines are counted already
        numbers = ", ".join(map(str, problems))
        for number, *cells in self.table.whole(table, numbers):
            place = problems[number]
            item, row_hash = items[place]
            items[place] = (reading.item(self.cells.header, Record(item.line, item.line, tuple(cells))), row_hash)

    def _load(self, table: str, file: str, names: Sequence[str], taken: str = "*") -> None:
        """Take what was laid out beside into a table."""
        self._read_lines(table, names, self.beside.file(file), taken)

    def _read_lines(self, table: str, names: Sequence[str], path: Path, taken: str = "*") -> None:
        """Take lines of texts, with CUT between, into a table."""
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
        self.database.execute(
            f"CREATE TABLE {table} AS SELECT {taken} FROM read_csv({sql.literal(str(path))}, auto_detect = false, header = false,"
            f" columns = {{{columns}}}, delim = '{CUT}', quote = '', escape = '', new_line = '\\n', nullstr = '')"
        )
        path.unlink()

    def _number(self, query: str) -> int:
        return int(self.database.execute(query).fetchall()[0][0])
