"""How does a checked formula become a Python function?

A tree of Python's own syntax is built and compiled: no text of a user is ever read as Python. Names in it are ours alone,
and what a user wrote stands in it as constants.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from syncd.formula import logic
from syncd.formula.dates import time_of
from syncd.formula.typed import Applied, FieldValue, Literal, Part, Slot, Special, parts_of
from syncd.formula.values import FormulaError, Kind, Moment

_ORDERS: Mapping[str, ast.cmpop] = {"<": ast.Lt(), ">": ast.Gt(), "<=": ast.LtE(), ">=": ast.GtE()}
_TEXTUAL = (Kind.TEXT, Kind.PICKLIST)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A formula as a function. `slots` says what each row given to it holds, in order.

    `one(moment, *row)` gives one value; `each(moment, rows)` one for each row, as fast as Python goes.
    Errors: FormulaError from either when a record has no value.
    """

    slots: tuple[Slot, ...]
    kind: Kind
    one: Callable[..., Any]
    each: Callable[[Moment, Iterable[Sequence[Any]]], list[Any]]


def generate(part: Part, *, blank_as_zero: bool = False, is_exact: bool = False) -> Compiled:
    """Compile a checked formula.

    Shapes: rows hold JSON values as Salesforce sends them, dates as text; `is_exact` says that numbers come as Decimal or
    text, not as float.
    """
    writer = _Writer(blank_as_zero, is_exact)
    body = writer.expression(part)
    slots = tuple(writer.slots)
    names = [f"p{index}" for index in range(len(slots))]
    one = _function("one", ["moment", *names], body)
    target = ast.Tuple([ast.Name(name, ast.Store()) for name in names], ast.Store())
    rows = ast.comprehension(target if names else ast.Name("_", ast.Store()), ast.Name("rows", ast.Load()), [], 0)
    each = _function("each", ["moment", "rows"], ast.ListComp(body, [rows]))
    module = ast.fix_missing_locations(ast.Module([one, each], []))
    space: dict[str, Any] = {"__builtins__": {}, **writer.names}
    exec(compile(module, "<formula>", "exec"), space)
    return Compiled(slots, part.kind, space["one"], space["each"])


def _function(name: str, parameters: list[str], body: ast.expr) -> ast.FunctionDef:
    arguments = ast.arguments([], [ast.arg(each) for each in parameters], None, [], [], None, [])
    return ast.FunctionDef(name, arguments, [ast.Return(body)], [])


@dataclass
class _Writer:
    blank_as_zero: bool
    is_exact: bool
    slots: dict[Slot, int] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)

    def expression(self, part: Part) -> ast.expr:
        if isinstance(part, Literal):
            return self._constant(part.value)
        if isinstance(part, FieldValue):
            return self._field(part)
        if isinstance(part, Applied):
            moment = [ast.Name("moment", ast.Load())] if part.needs_moment else []
            return self._called(part.run, [*moment, *(self.expression(each) for each in part.parts)])
        return self._special(part)

    def _constant(self, value: Any) -> ast.expr:
        return self._named(value) if isinstance(value, Decimal) else ast.Constant(value)

    def _named(self, value: Any) -> ast.expr:
        """Give a value a name of ours: only constants and functions of syncd stand in the compiled code."""
        name = f"v{len(self.names)}"
        self.names[name] = value
        return ast.Name(name, ast.Load())

    def _called(self, run: Callable[..., Any], parts: list[ast.expr]) -> ast.expr:
        return ast.Call(self._named(run), parts, [])

    def _slot(self, part: FieldValue) -> ast.expr:
        return ast.Name(f"p{self.slots.setdefault(part.slot, len(self.slots))}", ast.Load())

    def _field(self, part: FieldValue) -> ast.expr:
        given = self._slot(part)
        if part.kind is Kind.NUMBER:
            return self._called(_NUMBERS[part.is_percent, self.blank_as_zero], [given])
        if part.kind is Kind.BOOLEAN:
            return ast.Compare(given, [ast.Is()], [ast.Constant(True)])
        read = _READ.get(part.kind)
        return given if read is None else self._called(read, [given])

    def _special(self, part: Special) -> ast.expr:
        if part.name in {"and", "or"}:
            sign = ast.And() if part.name == "and" else ast.Or()
            conditions = [self._condition(each) for each in part.parts]
            return conditions[0] if len(conditions) == 1 else ast.BoolOp(sign, conditions)
        if part.name == "not":
            return self._negated(part.parts[0])
        if part.name == "if":
            condition, yes, no = part.parts
            return ast.IfExp(self._condition(condition), self.expression(yes), self.expression(no))
        if part.name in {"blank", "null"}:
            return self._called(logic.is_blank if part.name == "blank" else logic.is_null, [self.expression(part.parts[0])])
        if part.name in {"blankvalue", "nullvalue", "try"}:
            return self._either(part)
        return self._case(part) if part.name == "case" else self._comparison(part)

    def _condition(self, part: Part) -> ast.expr:
        """Write a condition; one that may be blank counts as false."""
        written = self.expression(part)
        is_sure = isinstance(part, Special | FieldValue) and part.kind is Kind.BOOLEAN
        return written if is_sure else ast.Compare(written, [ast.Is()], [ast.Constant(True)])

    def _negated(self, part: Part) -> ast.expr:
        """Write NOT; of a blank it is blank, and so no more true than the blank."""
        if isinstance(part, Special | FieldValue):
            return ast.UnaryOp(ast.Not(), self._condition(part))
        return ast.Compare(self.expression(part), [ast.Is()], [ast.Constant(False)])

    def _either(self, part: Special) -> ast.expr:
        first, second = (_lambda(self.expression(each)) for each in part.parts)
        return self._called({"blankvalue": _if_blank, "nullvalue": _if_null, "try": _tried}[part.name], [first, second])

    def _case(self, part: Special) -> ast.expr:
        """Write CASE as a chain of conditions over its subject, which is worked out once."""
        subject, *rest = part.parts
        name = f"s{part.place.start}"
        written = self.expression(rest[-1])
        pairs = list(zip(rest[0:-1:2], rest[1:-1:2], strict=True))
        for number, (value, result) in reversed(list(enumerate(pairs))):
            held: ast.expr = ast.Name(name, ast.Load())
            if number == 0:
                held = ast.NamedExpr(ast.Name(name, ast.Store()), self.expression(subject))
            written = ast.IfExp(self._called(logic.is_case, [held, self.expression(value)]), self.expression(result), written)
        return written

    def _comparison(self, part: Special) -> ast.expr:
        left, right = part.parts
        fast = self._fast(part.name, left, right)
        if fast is not None:
            return fast
        values = [self.expression(left), self.expression(right)]
        if part.name in {"=", "<>"}:
            same = self._called(logic.equal, values)
            return same if part.name == "=" else ast.UnaryOp(ast.Not(), same)
        return self._called(logic.compare, [ast.Constant(part.name), *values])

    def _fast(self, sign: str, left: Part, right: Part) -> ast.expr | None:
        """Write a field against a constant in Python's own comparison, the commonest condition of all."""
        if isinstance(left, Literal) and isinstance(right, FieldValue):
            mirrored = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
            return self._fast(mirrored.get(sign, sign), right, left)
        if not (isinstance(left, FieldValue) and isinstance(right, Literal)) or right.value in (None, ""):
            return None
        if left.kind in _TEXTUAL and sign in {"=", "<>"}:
            return ast.Compare(self._slot(left), [ast.Eq() if sign == "=" else ast.NotEq()], [ast.Constant(str(right.value))])
        if left.kind is not Kind.NUMBER or left.is_percent or self.is_exact or not isinstance(right.value, Decimal):
            return None
        return self._fast_number(sign, self._slot(left), right.value)

    def _fast_number(self, sign: str, given: ast.expr, number: Decimal) -> ast.expr:
        constant = ast.Constant(int(number) if number == number.to_integral_value() else float(number))
        is_there = ast.Compare(given, [ast.IsNot()], [ast.Constant(None)])
        value = ast.IfExp(is_there, given, ast.Constant(0)) if self.blank_as_zero else given
        if sign in {"=", "<>"}:
            return ast.Compare(value, [ast.Eq() if sign == "=" else ast.NotEq()], [constant])
        compared = ast.Compare(value, [_ORDERS[sign]], [constant])
        return compared if self.blank_as_zero else ast.BoolOp(ast.And(), [is_there, compared])


def _lambda(body: ast.expr) -> ast.expr:
    return ast.Lambda(ast.arguments([], [], None, [], [], None, []), body)


def _tried(first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    try:
        return first()
    except FormulaError:
        return second()


def _if_blank(first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    value = first()
    return second() if logic.is_blank(value) else value


def _if_null(first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    value = first()
    return second() if logic.is_null(value) else value


def _number(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    if isinstance(value, Decimal):
        return value
    if isinstance(value, float):
        return Decimal(repr(value))
    try:
        return Decimal(value)
    except ArithmeticError as fault:
        raise FormulaError(f"{str(value)[:40]!r} is no number") from fault


def _number_or_zero(value: Any) -> Decimal:
    return _number(value) or Decimal(0)


def _percent(value: Any) -> Decimal | None:
    number = _number(value)
    return None if number is None else number.scaleb(-2)


def _percent_or_zero(value: Any) -> Decimal:
    return _percent(value) or Decimal(0)


def _date(value: Any) -> date | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


def _datetime(value: Any) -> datetime | None:
    if value is None or value == "":
        return None
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _time(value: Any) -> time | None:
    if value is None or value == "":
        return None
    if isinstance(value, int):
        return time_of(value)
    return value if isinstance(value, time) else time.fromisoformat(str(value).rstrip("Z"))


_NUMBERS = {
    (False, False): _number,
    (False, True): _number_or_zero,
    (True, False): _percent,
    (True, True): _percent_or_zero,
}
_READ: Mapping[Kind, Callable[[Any], Any]] = {Kind.DATE: _date, Kind.DATETIME: _datetime, Kind.TIME: _time}


def pieces(part: Part) -> list[Part]:
    """Return a formula's parts that have values worth showing, the inner ones first."""
    inner = [each for one in parts_of(part) for each in pieces(one)]
    return inner if isinstance(part, Literal) else [*inner, part]
