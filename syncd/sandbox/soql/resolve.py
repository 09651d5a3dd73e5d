"""Which column does a field path mean, and which tables must be joined to reach it?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

from syncd.sandbox.database import expression, quoted
from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.schema import Field, Schema, SObject
from syncd.sandbox.settings import Settings
from syncd.sandbox.soql.tokens import located
from syncd.sandbox.soql.tree import Path

LEVELS_MAX, RELATIONSHIPS_MAX = 5, 55
# What a lookup to several objects offers: the pseudo-entity "Name".
_NAME_FIELDS = frozenset(
    {
        "id",
        "name",
        "firstname",
        "lastname",
        "username",
        "email",
        "type",
        "isactive",
        "alias",
        "title",
        "phone",
        "userroleid",
        "profileid",
    }
)
_NAME_RELATIONSHIPS = frozenset({"profile", "userrole"})
_TYPE = Field(name="Type", type="picklist", label="Type", length=40)
_HINT = (
    "If you are attempting to use a custom {0}, be sure to append the '{1}' after the {2} name. Please reference "
    "your WSDL or the describe call for the appropriate names."
)


@dataclass(frozen=True, slots=True)
class Table:
    """One joined table."""

    sobject: SObject
    alias: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a relationship path leads: one table, or several for a lookup to several objects."""

    tables: tuple[Table, ...]

    @property
    def entity(self) -> str:
        """Name the entity as error messages and `attributes` do."""
        return self.tables[0].sobject.name if len(self.tables) == 1 else "Name"

    @property
    def id_sql(self) -> str:
        """Write the SQL of the record's id."""
        return _coalesce([f'{table.alias}."Id"' for table in self.tables])


@dataclass(frozen=True, slots=True)
class Column:
    """A field with the SQL that reads it."""

    field: Field
    sql: str
    entity: str


def _coalesce(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"COALESCE({', '.join(parts)})"


class Joins:
    """Collects the joins of one statement (semi-joins have their own)."""

    def __init__(self, schema: Schema, settings: Settings, statement: str, aliases: Iterator[int] | None = None) -> None:
        self.schema = schema
        self.settings = settings
        self.statement = statement
        self.aliases = aliases if aliases is not None else count()
        self.clauses: list[str] = []
        self._scopes: dict[tuple[str, ...], Scope] = {}
        self._names: set[str] = set()

    def start(self, source: str, column: int, alias: str | None) -> SObject:
        """Set the statement's object.

        Errors: INVALID_TYPE for one that does not exist.
        """
        sobject = self.schema.find(source)
        if sobject is None or self.settings.hides_object(sobject.name):
            hint = _HINT.format("object", "__c", "entity")
            raise SalesforceError(
                "INVALID_TYPE", located(self.statement, column, f"sObject type '{source}' is not supported. {hint}")
            )
        table = Table(sobject, self._alias())
        self._names = {sobject.name.lower()} | ({alias.lower()} if alias else set())
        self.clauses.append(f"FROM {quoted(sobject.name)} AS {table.alias}")
        self._scopes[()] = Scope((table,))
        return sobject

    @property
    def root(self) -> Table:
        """Return the statement's own table."""
        return self._scopes[()].tables[0]

    def _alias(self) -> str:
        return f"t{next(self.aliases)}"

    def local(self, path: Path) -> tuple[str, ...]:
        """Return the path's parts without a leading object name or alias."""
        parts = path.parts
        if len(parts) > 1 and parts[0].lower() in self._names:
            scope = self._scopes[()].tables[0].sobject
            if parts[0].lower() not in scope.relationships:
                return parts[1:]
        return parts

    def column(self, path: Path) -> Column:
        """Resolve a field path.

        Errors: INVALID_FIELD for an unknown or hidden field, an unknown relationship, or a date function on what is no datetime.
        """
        parts = self.local(path)
        scope = self.scope(parts[:-1], path)
        found = self._field(scope, parts[-1], path)
        return self._day_of(found, path) if path.function else found

    def _day_of(self, column: Column, path: Path) -> Column:
        if column.field.type != "datetime":
            raise self._bad_field(path, f"field '{column.field.name}' does not support the function {path.function}")
        day = replace(column.field, type="date", groupable=True)
        return Column(day, f"substr({column.sql}, 1, 10)", column.entity)

    def scope(self, relationships: tuple[str, ...], path: Path) -> Scope:
        """Walk relationships, joining what is not joined yet."""
        if len(relationships) > LEVELS_MAX:
            raise self._bad_field(path, "SOQL relationship paths can go up at most 5 levels")
        key = tuple(part.lower() for part in relationships)
        if key not in self._scopes:
            parent = self.scope(relationships[:-1], path)
            self._scopes[key] = self._join(parent, relationships[-1], path)
            if len(self._scopes) > RELATIONSHIPS_MAX + 1:
                raise self._bad_field(path, f"maximum number of child-to-parent relationships is {RELATIONSHIPS_MAX}")
        return self._scopes[key]

    def _join(self, parent: Scope, name: str, path: Path) -> Scope:
        named = len(parent.tables) == 1 or name.lower() in _NAME_RELATIONSHIPS
        pointers = (
            [
                (table, table.sobject.relationships[name.lower()])
                for table in parent.tables
                if name.lower() in table.sobject.relationships
            ]
            if named
            else []
        )
        pointers = [(table, pointer) for table, pointer in pointers if not self.settings.hides(table.sobject.name, pointer.name)]
        if not pointers:
            hint = _HINT.format("relationship", "__r", "custom relationship")
            raise self._bad_field(path, f"Didn't understand relationship '{name}' in field path. {hint}")
        table, pointer = pointers[0]
        joined = []
        for target in pointer.reference_to:
            sobject = self.schema.find(target)
            if sobject is not None:
                alias = self._alias()
                self.clauses.append(
                    f'LEFT JOIN {quoted(sobject.name)} AS {alias} ON {alias}."Id" = {expression(pointer, table.alias)}'
                )
                joined.append(Table(sobject, alias))
        return Scope(tuple(joined))

    def _field(self, scope: Scope, name: str, path: Path) -> Column:
        lower = name.lower()
        if len(scope.tables) > 1:
            if lower == "type":
                return Column(_TYPE, f"({_type_sql(scope)} COLLATE NOCASE)", scope.entity)
            found = [
                (table, table.sobject.fields[lower])
                for table in scope.tables
                if lower in table.sobject.fields and lower in _NAME_FIELDS
            ]
        else:
            found = [(table, table.sobject.fields[lower]) for table in scope.tables if lower in table.sobject.fields]
        found = [(table, field) for table, field in found if not self.settings.hides(table.sobject.name, field.name)]
        if not found:
            hint = _HINT.format("field", "__c", "custom field")
            raise self._bad_field(path, f"No such column '{name}' on entity '{scope.entity}'. {hint}")
        field = found[0][1]
        if len(scope.tables) > 1:
            field = replace(field, nillable=True)
        sql = _coalesce([expression(each, table.alias) for table, each in found])
        if field.column_type.endswith("NOCASE") and (len(found) > 1 or field.virtual is not None):
            sql = f"({sql} COLLATE NOCASE)"  # an expression does not inherit its column's collation
        return Column(field, sql, scope.entity)

    def _bad_field(self, path: Path, problem: str) -> SalesforceError:
        return SalesforceError("INVALID_FIELD", located(self.statement, path.column, problem))


def _type_sql(scope: Scope) -> str:
    cases = []
    for table in scope.tables:
        kind = f'{table.alias}."Type"' if table.sobject.name == "Group" else f"'{table.sobject.name}'"
        cases.append(f'WHEN {table.alias}."Id" IS NOT NULL THEN {kind}')
    return f"CASE {' '.join(cases)} END"
