"""What do the functions and operators on numbers do? Numbers are decimals, never floats.

Source: Salesforce Help, "Formula Operators and Functions", Math Functions; corner cases as in salesforce/formula-engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
    DecimalException,
    InvalidOperation,
)

from syncd.formula.catalogue import function
from syncd.formula.values import FormulaError, Kind

N = Kind.NUMBER
CONTEXT = Context(prec=80, Emax=400, Emin=-400)
_DIVISION = Decimal(1).scaleb(-32)
_ZERO, _ONE = Decimal(0), Decimal(1)
EXPONENT_MAX = 200
EARTH_RADIUS = {"mi": 3958.761, "km": 6371.009}


def exact(work: Callable[[], Decimal]) -> Decimal:
    """Calculate, and say what went wrong in the user's words."""
    try:
        return work()
    except DecimalException as fault:
        raise FormulaError("the number is too large") from fault


def add(left: Decimal, right: Decimal) -> Decimal:
    """Add two numbers."""
    return exact(lambda: CONTEXT.add(left, right))


def subtract(left: Decimal, right: Decimal) -> Decimal:
    """Subtract a number."""
    return exact(lambda: CONTEXT.subtract(left, right))


def multiply(left: Decimal, right: Decimal) -> Decimal:
    """Multiply two numbers."""
    return exact(lambda: CONTEXT.multiply(left, right))


def divide(left: Decimal, right: Decimal) -> Decimal:
    """Divide, to 32 decimal places."""
    if not right:
        raise FormulaError("division by zero")
    return exact(lambda: CONTEXT.divide(left, right).quantize(_DIVISION, ROUND_HALF_UP, CONTEXT))


def raise_to(base: Decimal, exponent: Decimal) -> Decimal:
    """Raise to a whole power."""
    if exponent != exponent.to_integral_value():
        raise FormulaError(f"{exponent} is no whole number, and only whole powers have a value")
    if abs(exponent) > EXPONENT_MAX:
        raise FormulaError(f"the power {exponent} is too large")
    power = exact(lambda: CONTEXT.power(base, abs(exponent)) if exponent else _ONE)
    return divide(_ONE, power) if exponent < 0 else power


def _float(work: Callable[[float], float], number: Decimal, name: str) -> Decimal:
    try:
        found = work(float(number))
    except (ValueError, OverflowError) as fault:
        raise FormulaError(f"{name} of {number} has no value") from fault
    return Decimal(repr(found))


def _entered(name: str, work: Callable[[float], float]) -> None:
    @function(name, N, gives=N)
    def _(number: Decimal) -> Decimal:
        return _float(work, number, name)


for _name, _work in (
    ("ACOS", math.acos),
    ("ASIN", math.asin),
    ("ATAN", math.atan),
    ("COS", math.cos),
    ("EXP", math.exp),
    ("LN", math.log),
    ("LOG", math.log10),
    ("SIN", math.sin),
    ("SQRT", math.sqrt),
    ("TAN", math.tan),
):
    _entered(_name, _work)


@function("ATAN2", N, N, gives=N, sees_blanks=True)
def _atan2(y: Decimal | None, x: Decimal | None) -> Decimal:
    if y is None or x is None:
        raise FormulaError("ATAN2 of a blank has no value")
    return Decimal(repr(math.atan2(float(y), float(x))))


@function("ABS", N, gives=N)
def _abs(number: Decimal) -> Decimal:
    return abs(number)


@function("PI", gives=N)
def _pi() -> Decimal:
    return Decimal("3.141592653589793238462643383279502884")


def _whole(number: Decimal, rounding: str) -> Decimal:
    """Round to a whole number; what division left behind the 18th place doesn't count, so that 5 / 9 * 9 is 5."""
    return _to_places(number, Decimal(18), ROUND_HALF_UP).to_integral_value(rounding)


@function("CEILING", N, gives=N)
def _ceiling(number: Decimal) -> Decimal:
    """Round away from zero."""
    return _whole(number, ROUND_UP)


@function("FLOOR", N, gives=N)
def _floor(number: Decimal) -> Decimal:
    """Round towards zero."""
    return _whole(number, ROUND_DOWN)


@function("MCEILING", N, gives=N)
def _mceiling(number: Decimal) -> Decimal:
    return _whole(number, ROUND_CEILING)


@function("MFLOOR", N, gives=N)
def _mfloor(number: Decimal) -> Decimal:
    return _whole(number, ROUND_FLOOR)


@function("MAX", N, gives=N, is_open=True)
def _max(*numbers: Decimal) -> Decimal:
    return max(numbers)


@function("MIN", N, gives=N, is_open=True)
def _min(*numbers: Decimal) -> Decimal:
    return min(numbers)


@function("MOD", N, N, gives=N)
def _mod(number: Decimal, divisor: Decimal) -> Decimal:
    """The rest has the sign of the number."""
    if not divisor:
        raise FormulaError("division by zero")
    return exact(lambda: CONTEXT.remainder(number, divisor))


def _to_places(number: Decimal, places: Decimal, rounding: str) -> Decimal:
    digits = int(places)
    if digits >= -int(number.as_tuple().exponent):
        return number
    if digits < -60:
        return _ZERO
    try:
        return number.quantize(_ONE.scaleb(-digits), rounding, CONTEXT)
    except InvalidOperation as fault:
        raise FormulaError(f"{number} can't be rounded to {digits} places") from fault


@function("ROUND", N, N, gives=N, says="ROUND(number, places)")
def _round(number: Decimal, places: Decimal) -> Decimal:
    """Round halves away from zero."""
    return _to_places(number, places, ROUND_HALF_UP)


@function("TRUNC", N, N, gives=N, optional=1, says="TRUNC(number, places)")
def _trunc(number: Decimal, places: Decimal = _ZERO) -> Decimal:
    return _to_places(number, places, ROUND_DOWN)


@function("GEOLOCATION", N, N, gives=Kind.LOCATION, sees_blanks=True, says="GEOLOCATION(latitude, longitude)")
def _geolocation(latitude: Decimal | None, longitude: Decimal | None) -> tuple[float, float] | None:
    if latitude is None and longitude is None:
        return None
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        raise FormulaError(f"{latitude}, {longitude} is no place on earth")
    return float(latitude), float(longitude)


@function("DISTANCE", Kind.LOCATION, Kind.LOCATION, Kind.TEXT, gives=N, says='DISTANCE(location, location, "mi" or "km")')
def _distance(here: tuple[float, float], there: tuple[float, float], unit: str) -> Decimal:
    """Great-circle distance by the haversine formula."""
    radius = EARTH_RADIUS.get(unit)
    if radius is None:
        raise FormulaError(f'{unit!r} is no unit of distance: write "mi" or "km"')
    (a, b), (c, d) = (tuple(map(math.radians, place)) for place in (here, there))
    part = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return Decimal(repr(2 * radius * math.asin(math.sqrt(part))))
