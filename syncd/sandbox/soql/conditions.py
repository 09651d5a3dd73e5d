"""How does a WHERE clause read in SQL?

Two-valued logic, as in SOQL: a null is simply not equal, so ``!=`` and ``NOT`` also find rows without a value.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from syncd.sandbox.clock import parse_date, parse_datetime
from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.ids import parse_id
from syncd.sandbox.soql.dates import relative_span
from syncd.sandbox.soql.resolve import Column
from syncd.sandbox.soql.tokens import located
from syncd.sandbox.soql.tree import Aggregate, Comparison, Condition, Junction, Literal, Negation, Path, Query

STRING_MAX = 4_000
_NUMBERS = frozenset({"int", "double", "currency", "percent"})
_UNORDERED = frozenset({"boolean"})
_TEXTLESS = _NUMBERS | {"boolean", "date", "datetime", "id", "reference"}
_TYPE_NAMES = {"datetime": "dateTime", "reference": "ID", "id": "ID"}
_FLOOR = {"<": ("<", 0), ">=": (">=", 0), "<=": ("<", 1), ">": (">=", 1)}
Resolver = Callable[[Path | Aggregate], Column]
SubQuery = Callable[[Query, Column, list[Any]], str]


class ConditionWriter:
    """Writes conditions as SQL and gathers their parameters, in order."""

    def __init__(self, statement: str, today: date, resolve: Resolver, subquery: SubQuery, parameters: list[Any]) -> None:
        self.statement = statement
        self.today = today
        self.resolve = resolve
        self.subquery = subquery
        self.parameters = parameters

    def write(self, condition: Condition) -> str:
        """Return the SQL of a condition."""
        if isinstance(condition, Junction):
            return "(" + f" {condition.word.upper()} ".join(self.write(part) for part in condition.parts) + ")"
        if isinstance(condition, Negation):
            return f"(({self.write(condition.part)}) IS NOT 1)"
        return self._comparison(condition)

    def _comparison(self, condition: Comparison) -> str:
        column = self.resolve(condition.left)
        if not column.field.filterable or column.field.type == "address":
            raise self._refused(
                "INVALID_FIELD", condition.column, f"field '{column.field.name}' can not be filtered in a query call"
            )
        if isinstance(condition.value, Query):
            words = "IN" if condition.operator == "in" else "NOT IN"
            inner = self.subquery(condition.value, column, self.parameters)
            return f"(COALESCE({column.sql}, '') {words} ({inner}))"
        if isinstance(condition.value, tuple):
            return self._membership(column, condition.operator, condition.value)
        if condition.operator == "like":
            return self._like(column, condition.value, condition.column)
        if condition.value.kind == "relative":
            return self._relative(column, condition.operator, condition.value)
        return self._plain(column, condition)

    def _plain(self, column: Column, condition: Comparison) -> str:
        literal, operator = condition.value, condition.operator
        assert isinstance(literal, Literal)
        if operator not in ("=", "!=") and column.field.type in _UNORDERED:
            raise self._refused(
                "INVALID_QUERY_FILTER_OPERATOR", condition.column, f"invalid operator on {column.field.type} field"
            )
        value = self.value(column, literal)
        if value is None:
            if operator in ("=", "!="):
                return f"({column.sql} IS {'NOT ' if operator == '!=' else ''}NULL)"
            return "(0)"
        self.parameters.append(value)
        return f"({column.sql} {'IS NOT' if operator == '!=' else operator} ?)"

    def _membership(self, column: Column, operator: str, literals: tuple[Literal, ...]) -> str:
        values = [self.value(column, literal) for literal in literals]
        present = [value for value in values if value is not None]
        self.parameters.extend(present)
        found = f"({column.sql} IN ({', '.join('?' * len(present))}))"
        if None in values:
            found = f"({found} OR {column.sql} IS NULL)"
        return found if operator == "in" else f"({found} IS NOT 1)"

    def _like(self, column: Column, literal: Literal, at: int) -> str:
        if column.field.type in _TEXTLESS or literal.kind != "string":
            raise self._refused("INVALID_QUERY_FILTER_OPERATOR", at, f"invalid operator on {column.field.type} field")
        self.parameters.append(literal.value)
        return f"({column.sql} LIKE ? ESCAPE '\\')"

    def _relative(self, column: Column, operator: str, literal: Literal) -> str:
        span = relative_span(literal.value, self.today)
        if span is None:
            raise self._refused("MALFORMED_QUERY", literal.column, f"unexpected token: '{literal.value}'")
        if column.field.type not in ("date", "datetime"):
            raise self._wrong_type(column, literal)
        suffix = "T00:00:00.000+0000" if column.field.type == "datetime" else ""
        edges = [day.isoformat() + suffix for day in span]
        if operator in ("=", "!="):
            self.parameters.extend(edges)
            inside = f"({column.sql} >= ? AND {column.sql} < ?)"
            return inside if operator == "=" else f"({inside} IS NOT 1)"
        sign, edge = _FLOOR[operator]
        self.parameters.append(edges[edge])
        return f"({column.sql} {sign} ?)"

    def value(self, column: Column, literal: Literal) -> Any:
        """Turn a literal into a stored value for this column; null and the empty string are None.

        Errors: INVALID_FIELD when the literal has the wrong type, INVALID_QUERY_FILTER_OPERATOR for text that is no id.
        """
        kind, type_ = literal.kind, column.field.type
        if kind == "null" or (kind == "string" and literal.value == "" and type_ not in _NUMBERS):
            return None
        if type_ in ("id", "reference") and kind == "string":
            full = parse_id(literal.value)
            if full is None:
                raise self._refused("INVALID_QUERY_FILTER_OPERATOR", literal.column, f"invalid ID field: {literal.value}")
            return full
        if type_ in _NUMBERS and kind == "number":
            return float(literal.value) if "." in literal.value or type_ != "int" else int(literal.value)
        if type_ == "boolean" and kind == "boolean":
            return int(literal.value == "true")
        if type_ == "date" and kind == "date" and parse_date(literal.value):
            return literal.value
        if type_ == "datetime" and kind == "datetime":
            return self._moment(literal)
        if type_ not in _TEXTLESS and kind == "string":
            return self._text(literal)
        raise self._wrong_type(column, literal)

    def _moment(self, literal: Literal) -> str:
        if parse_datetime(literal.value.upper()) is None:
            raise self._refused("INVALID_FIELD", literal.column, f"invalid dateTime '{literal.value}'")
        moment = datetime.fromisoformat(literal.value.upper()).astimezone(UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"

    def _text(self, literal: Literal) -> str:
        if len(literal.value) > STRING_MAX:
            raise self._refused(
                "MALFORMED_QUERY", literal.column, f"a quoted string in WHERE has at most {STRING_MAX} characters"
            )
        return literal.value

    def _wrong_type(self, column: Column, literal: Literal) -> SalesforceError:
        type_ = column.field.type
        quoted = type_ not in _TEXTLESS or type_ in ("id", "reference")
        name = _TYPE_NAMES.get(type_, type_ if type_ in _TEXTLESS else "string")
        return self._refused(
            "INVALID_FIELD",
            literal.column,
            f"value of filter criterion for field '{column.field.name}' must be of type {name} and "
            f"should {'' if quoted else 'not '}be enclosed in quotes",
        )

    def _refused(self, code: str, column: int, problem: str) -> SalesforceError:
        return SalesforceError(code, located(self.statement, column, problem))
