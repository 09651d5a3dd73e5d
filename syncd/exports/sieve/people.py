"""Who are the rows about that were not seen before, and do their records hold all that the rows say?"""

# ruff: noqa: S608  every text that comes from a file goes through sieve.columns.literal
from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.core.mapping import Column, SourceMapping, referred
from syncd.core.mapping_file.checks import OPT_OUT
from syncd.exports.sieve import columns as sql
from syncd.exports.sieve.beside import LaidOut
from syncd.exports.sieve.reach import is_compared, writes
from syncd.exports.sieve.rows import Cells
from syncd.exports.sieve.unsettled import WORDS, said_of_ids
from syncd.ports.sifting import CUT, Background, PeopleBlock

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PEOPLE = ("Lead", "Contact")
_KEYS = {"id": "id", "external": "ext", "email": "mail"}


class PeopleTable:
    """Holds the rows of `h` that are not in `hit` against the people of the org; what is certain goes into `equal` and `nobody`.

    Of what is unusual about a person nothing is known here, but that it is: a lead that was converted, a field that is missing or
    of another kind, an address that somebody said something about.
    """

    def __init__(
        self,
        database: DuckDBPyConnection,
        mapping: SourceMapping,
        cells: Cells,
        background: Background,
        latest: datetime,
        people: Callable[[], LaidOut],
    ) -> None:
        self.database, self.mapping, self.cell_of, self.background = database, mapping, cells.of, background
        self.people, self.header = people, cells.header
        self.latest = latest.strftime("%Y-%m-%dT%H:%M:%S")
        self.read = [column for column in mapping.columns if column.name in cells.header]
        self.is_compared = is_compared(mapping, cells.header)
        self.columns = [column for column in self.read if writes(column)] if self.is_compared else []

    def hold(self) -> None:
        """Tell what is certain: nothing is, where an object hides a field that a column writes or people are found by.

        Where a mapping writes what only a look can compare, the rows about nobody are told all the same.
        """
        if not self._fits() or (not self.is_compared and self.mapping.create is not None):
            return
        self._read_rows()
        self._read_people()
        self.database.execute(
            "UPDATE p SET spoken = TRUE WHERE id IN (SELECT person FROM flagged WHERE person IS NOT NULL)"
            " OR mail IN (SELECT address FROM flagged WHERE address IS NOT NULL)"
        )
        self._find()
        if self.is_compared:
            self._compare()

    def _fits(self) -> bool:
        external, types = self.mapping.external_field, self.background.types
        is_text = all(types[object].get(external or "", "string") in sql.TEXTS for object in types)
        return is_text and all(
            sql.fits(column, kind) for column in self.columns for kind in sql.field_types(column, types).values()
        )

    # --- rows ------------------------------------------------------------------------------------------------------

    def _read_rows(self) -> None:
        """Make the keys and times of the rows that are to be told apart, without those of which anything is uncertain."""
        mapping, of = self.mapping, self.cell_of
        keys = {kind: sql.key_of(kind, of(name), mapping.null) for kind, name in mapping.match.items()}
        listed = ", ".join(f"{keys.get(kind, 'NULL')} AS {name}" for kind, name in _KEYS.items())
        stamp = sql.stamp_of(of(mapping.newest), mapping, self.latest) if mapping.newest else "''"
        readable = [sql.is_readable(column, of(column.name), mapping.zone) for column in self.read]
        of_formulas = {name for names in referred(mapping.references, self.header).values() for name in names}
        readable += [sql.is_no_error(of(name)) for name in sorted(of_formulas)]
        if mapping.consent is not None:  # what is no evidence brings nothing
            parts = (mapping.consent.source, mapping.consent.at, mapping.consent.wording)
            nothing = {"", *(one for one in mapping.null if one == one.strip())}  # they are compared without blanks around them
            readable.append(f"({' OR '.join(sql.among(of(name), nothing) for name in parts)})")
        self.database.execute(
            f"CREATE TABLE m AS SELECT r.rowid AS n, r.h AS h, {stamp} AS stamp, {listed}"
            f" FROM r ANTI JOIN hit ON hit.n = r.rowid ANTI JOIN odd ON odd.n = r.rowid WHERE {' AND '.join(readable) or 'TRUE'}"
        )
        # Afterwards: as a condition of the reading, each key would be made twice.
        uncertain = " OR ".join(f"{name} = '?'" for name in (*_KEYS.values(), "stamp"))
        self.database.execute(f"DELETE FROM m WHERE {uncertain} OR coalesce(id, ext, mail) IS NULL")
        # What stands in the inbox about somebody is settled by a look at the next row about them.
        for kind, name in _KEYS.items():
            self.database.execute(f"DELETE FROM m WHERE '{WORDS[kind]}' || {name} IN (SELECT name FROM told)")

    # --- people ----------------------------------------------------------------------------------------------------

    def _read_people(self) -> None:
        fields = "".join(f", v{place} {_kept_as(column)}" for place, column in enumerate(self.columns))
        self.database.execute(
            "CREATE TABLE p (id VARCHAR, is_lead BOOLEAN, odd BOOLEAN, spoken BOOLEAN, ext VARCHAR, mail VARCHAR" + fields + ")"
        )
        for shape, path in self.people():
            self._take(shape, path)
            path.unlink()

    def _take(self, shape: PeopleBlock, path: Path) -> None:
        """Take people whose fields stand in one order."""
        types = self.background.types.get(shape.object, {})
        if not types:
            return
        used = [OPT_OUT, "IsConverted", *(name for column in self.columns if (name := column.fields.get(shape.object)))]
        paths = ", ".join(f"'$[{shape.names.index(name)}]'" for name in used if name in shape.names) or "'$'"
        listed = {name: f"f[{number}]" for number, name in enumerate((one for one in used if one in shape.names), 1)}
        odd = ["f IS NULL", f"coalesce({listed.get('IsConverted', 'NULL')}::VARCHAR, '') = 'true'"]
        values = []
        for column in self.columns:
            name = column.fields.get(shape.object)
            if name is None:
                values.append("NULL")
            elif name not in listed:
                values.append("NULL")
                odd.append("TRUE")
            else:
                values.append(_held(column, listed[name]))
                odd.append(_is_strange(column, listed[name]))
        spoken = f"coalesce({listed.get(OPT_OUT, 'NULL')}::VARCHAR, '') <> 'false'" if sql.may_clear(self.mapping) else "FALSE"
        ext, mail = (self._key_place(shape, types, name) for name in (self.mapping.external_field, "Email"))
        places = ", ".join(f"'$[{place}]'" for place in range(len(shape.keyed))) or "'$'"
        # What was said about an address is kept under one spelling of it; only these have no other.
        odd.append(f"coalesce(strlen({mail}) <> length({mail}) OR contains({mail}, 'xn--'), FALSE)")
        self.database.execute(
            f"INSERT INTO p SELECT {', '.join(('id', str(shape.object == 'Lead'), ' OR '.join(odd), spoken, ext, mail, *values))}"
            f" FROM (SELECT id, TRY(json_extract_string(keys, [{places}])) AS k,"
            f" TRY(json_extract(fields, [{paths}])) AS f FROM read_csv({sql.literal(str(path))}, auto_detect = false,"
            f" header = false, columns = {{'id': 'VARCHAR', 'keys': 'VARCHAR', 'fields': 'VARCHAR'}}, delim = '{CUT}',"
            " quote = '', escape = '', new_line = '\\n', nullstr = ''))"
        )

    def _key_place(self, shape: PeopleBlock, types: dict[str, str], name: str | None) -> str:
        """Write where the keys of a person hold a field; it has to be visible, or nobody is found by it."""
        if name is None or name not in shape.keyed or name not in types:
            return "NULL"
        return f"k[{shape.keyed.index(name) + 1}]"

    # --- holding one against the other -----------------------------------------------------------------------------

    def _find(self) -> None:
        """Find the one person of each row, key by key in the order of [match]; what is unusual on the way is left to a look."""
        self.database.execute("CREATE TABLE found (n BIGINT, p BIGINT, is_first BOOLEAN)")
        before: list[str] = []
        for kind in self.mapping.match:
            key = _KEYS[kind]
            is_first = " AND ".join(f"any_value(m.{one}) IS NULL" for one in before) or "TRUE"
            one = "CASE WHEN count(*) = 1 AND NOT any_value(p.odd) THEN any_value(p.rowid) END"
            self.database.execute(
                f"INSERT INTO found SELECT m.n, {one}, {is_first} FROM m JOIN p ON p.{key} = m.{key}"
                " ANTI JOIN found ON found.n = m.n GROUP BY m.n"
            )
            if kind == "id":
                self.database.execute(
                    "INSERT INTO found SELECT n, NULL, FALSE FROM m ANTI JOIN found ON found.n = m.n WHERE id IS NOT NULL"
                )
            before.append(key)
        self.database.execute(
            "INSERT INTO nobody SELECT m.n, CASE WHEN ext IS NOT NULL THEN 'ext:' || ext ELSE 'email:' || mail END"
            " FROM m ANTI JOIN found ON found.n = m.n"
        )

    def _compare(self) -> None:
        """Let through whose record holds all that the row says; the row must not be older than what was read before."""
        held = [
            self._of_object(object, [(place, column) for place, column in enumerate(self.columns) if object in column.fields])
            for object in PEOPLE
        ]
        # An address in the row that is not the person's own may be spoken about without anything of the person changing.
        known = "CASE WHEN found.is_first AND coalesce(m.mail, p.mail, '') = coalesce(p.mail, '') THEN m.h END"
        self.database.execute(
            f"INSERT INTO equal SELECT m.n, p.id, m.stamp, {known}"
            f" FROM found JOIN m ON m.n = found.n JOIN p ON p.rowid = found.p JOIN r ON r.rowid = found.n"
            f" LEFT JOIN k ON k.person = p.id WHERE NOT p.spoken AND ({' OR '.join(held)})"
            f" AND (m.stamp = '' OR coalesce(k.newest, '') <= m.stamp)"
            f" AND (m.mail IS NULL OR m.mail NOT IN (SELECT address FROM flagged WHERE address IS NOT NULL))"
            f" AND (m.ext IS NULL OR m.ext NOT IN ({said_of_ids(self.mapping)}))"
            f" AND 'id:' || p.id NOT IN (SELECT name FROM told)"
        )

    def _of_object(self, object: str, columns: Sequence[tuple[int, Column]]) -> str:
        types = self.background.types.get(object, {})
        same = [
            sql.is_held(column, types.get(column.fields[object], ""), f"r.{self.cell_of(column.name)}", f"p.v{place}")
            for place, column in columns
        ]
        return " AND ".join([f"({'' if object == 'Lead' else 'NOT '}p.is_lead", *same]) + ")"


def _kept_as(column: Column) -> str:
    return "DOUBLE" if column.type in ("number", "integer") else "VARCHAR"


def _held(column: Column, value: str) -> str:
    """Write what a record holds, from its JSON: NULL for an empty field."""
    text = f"{value}::VARCHAR"
    if column.type in ("number", "integer"):
        return f"TRY_CAST({text} AS DOUBLE)"
    if column.type == "boolean":
        return f"nullif({text}, 'null')"
    plain = f"CASE WHEN contains({text}, '\\') THEN {value} ->> '$' ELSE substr({text}, 2, length({text}) - 2) END"
    return f"(CASE WHEN {text} = 'null' THEN NULL ELSE nullif({plain}, '') END)"


def _is_strange(column: Column, value: str) -> str:
    """Write that a field holds another kind of value than its column: then every row about the person is looked at."""
    text = f"coalesce({value}::VARCHAR, '')"
    if column.type in ("number", "integer"):
        usual = f"TRY_CAST({text} AS DOUBLE) IS NOT NULL AND NOT starts_with({text}, '\"')"
    elif column.type == "boolean":
        usual = f"{text} IN ('true', 'false')"
    else:
        usual = f"starts_with({text}, '\"')"
    return f"NOT ({text} = 'null' OR ({usual}))"
