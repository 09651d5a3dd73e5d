"""What is the value of a field that the org works out whenever it is read?

A formula is a small part of Salesforce's: fields of the record or of a parent (``Amount``, ``Account.Name``), numbers, "text",
``+ - * /``, ``&`` to join text, brackets, ``TODAY()`` and ``DATEVALUE(a datetime)``; a date minus a date is a number of days.
Its value moves without any save: no stamp tells of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from syncd.sandbox.database import quoted
from syncd.sandbox.errors import ControlRefused
from syncd.sandbox.schema import Field, Schema, SObject, label_of

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

NUMBER, TEXT, DATE, DATETIME = "number", "text", "date", "datetime"
_KINDS = {
    "int": NUMBER,
    "double": NUMBER,
    "currency": NUMBER,
    "percent": NUMBER,
    "date": DATE,
    "datetime": DATETIME,
    "boolean": "a checkbox",
    "reference": TEXT,
    "id": TEXT,
}
_TOKEN = re.compile(r'\s*(?:(\d+(?:\.\d+)?)|"([^"{}]*)"|([A-Za-z]\w*(?:\.[A-Za-z]\w*)?)|([-+*/&()]))')


class FormulaRefused(Exception):
    """A formula cannot be read. The message says where, and what is expected."""


@dataclass(frozen=True, slots=True)
class _Term:
    """A part of a formula as SQL, and what it yields."""

    sql: str
    kind: str


def formula_field(schema: Schema, sobject: SObject, name: str, text: str) -> Field:
    """Make the field that a formula defines.

    Errors: FormulaRefused.
    """
    if not re.fullmatch(r"[A-Za-z]\w*__c", name):
        raise FormulaRefused(f"{name!r} is no name of a custom field; end it in __c")
    taken = sobject.find(name)
    if taken is not None and taken.formula is None:
        raise FormulaRefused(f"{sobject.name} has a field {taken.name} already")
    term = _Parser(schema, sobject, text).whole()
    known = Field(name, "string", label_of(name), nillable=True, custom=True, groupable=False, formula=text)
    if term.kind == NUMBER:
        return replace(known, type="double", precision=18, scale=2, virtual=f"=ROUND({term.sql}, 2)")
    if term.kind == DATE:
        return replace(known, type="date", virtual="=" + term.sql)
    if term.kind == TEXT:
        return replace(known, length=1_300, virtual=f"=NULLIF({term.sql}, '')")
    raise FormulaRefused(f"{text!r} yields {term.kind}; a formula yields a number, text or a date")


class _Parser:
    """Reads one formula, left to right."""

    def __init__(self, schema: Schema, sobject: SObject, text: str) -> None:
        self._schema, self._sobject, self._text = schema, sobject, text
        self._at = 0

    def whole(self) -> _Term:
        term = self._sum()
        if self._text[self._at :].strip():
            raise self._unread("an operator")
        return term

    def _next(self) -> re.Match[str] | None:
        return _TOKEN.match(self._text, self._at)

    def _take(self, operators: str) -> str | None:
        found = self._next()
        if found is None or not found.group(4) or found.group(4) not in operators:
            return None
        self._at = found.end()
        return found.group(4)

    def _sum(self) -> _Term:
        left = self._product()
        while operator := self._take("+-&"):
            left = self._joined(left, operator, self._product())
        return left

    def _product(self) -> _Term:
        left = self._single()
        while operator := self._take("*/"):
            right = self._single()
            if (left.kind, right.kind) != (NUMBER, NUMBER):
                raise FormulaRefused(f"{operator} takes two numbers, not {left.kind} and {right.kind}, in {self._text!r}")
            left = _Term(f"({left.sql} * 1.0 {operator} {right.sql})", NUMBER)
        return left

    def _joined(self, left: _Term, operator: str, right: _Term) -> _Term:
        kinds = (left.kind, right.kind)
        if operator == "&" and kinds == (TEXT, TEXT):
            return _Term(f"(COALESCE({left.sql}, '') || COALESCE({right.sql}, ''))", TEXT)
        if operator != "&" and kinds == (NUMBER, NUMBER):
            return _Term(f"({left.sql} {operator} {right.sql})", NUMBER)
        if operator == "-" and kinds == (DATE, DATE):
            return _Term(f"(julianday({left.sql}) - julianday({right.sql}))", NUMBER)
        if operator != "&" and kinds == (DATE, NUMBER):
            return _Term(f"date({left.sql}, ({operator}1 * CAST({right.sql} AS INTEGER)) || ' days')", DATE)
        hint = " DATEVALUE(...) makes a date of a datetime." if DATETIME in kinds else ""
        raise FormulaRefused(f"{operator} does not go between {left.kind} and {right.kind} in {self._text!r}.{hint}")

    def _single(self) -> _Term:
        found = self._next()
        if found is None:
            raise self._unread('a field, a number, "text", TODAY(), DATEVALUE( or a bracket')
        number, text, name, operator = found.groups()
        self._at = found.end()
        if number:
            return _Term(repr(float(number)), NUMBER)
        if text is not None:
            return _Term("'" + text.replace("'", "''") + "'", TEXT)
        if name:
            return self._named(name)
        if operator != "(":
            self._at = found.start()
            raise self._unread("a value")
        term = self._sum()
        self._close()
        return term

    def _close(self) -> None:
        if self._take(")") is None:
            raise self._unread("a closing bracket")

    def _named(self, name: str) -> _Term:
        if name.upper() in ("TODAY", "DATEVALUE") and self._take("("):
            if name.upper() == "TODAY":
                self._close()
                return _Term("org_today()", DATE)
            term = self._sum()
            self._close()
            if term.kind not in (DATE, DATETIME):
                raise FormulaRefused(f"DATEVALUE takes a datetime, not {term.kind}, in {self._text!r}")
            return _Term(f"substr({term.sql}, 1, 10)", DATE)
        return self._field(name)

    def _field(self, name: str) -> _Term:
        relationship, _, last = name.rpartition(".")
        owner, sql = self._sobject, '{t}."%s"'
        if relationship:
            pointer = owner.relationships.get(relationship.lower())
            parent = self._schema.find(pointer.reference_to[0]) if pointer and len(pointer.reference_to) == 1 else None
            if pointer is None or parent is None or not pointer.stored:
                raise FormulaRefused(f"{owner.name} has no relationship {relationship!r} to one object, in {self._text!r}")
            key = f'{{t}}."{pointer.name}"'
            owner, sql = parent, f'(SELECT f."%s" FROM {quoted(parent.name)} f WHERE f."Id" = {key})'  # noqa: S608
        field = owner.find(last)
        if field is None or not field.stored:
            raise FormulaRefused(f"{owner.name} has no field {last!r} with a value of its own, in {self._text!r}")
        return _Term(sql % field.name, _KINDS.get(field.type, TEXT))

    def _unread(self, expected: str) -> FormulaRefused:
        return FormulaRefused(f"{self._text!r}, character {self._at + 1}: expected {expected}")


Formulas = Mapping[str, Mapping[str, str]]


def check_formulas(org: Org, wanted: Formulas) -> None:
    """Look at the setting `formula_fields` before anything changes.

    Errors: ControlRefused.
    """
    for name, formulas in wanted.items():
        sobject = org.schema.find(str(name))
        if sobject is None or not isinstance(formulas, dict):
            raise ControlRefused(
                f'formula_fields takes {{"Opportunity": {{"Share__c": "Amount * 0.1"}}}}, not {name!r}: {formulas!r}.'
            )
        for field, text in formulas.items():
            try:
                formula_field(org.schema, sobject, str(field), str(text))
            except FormulaRefused as refusal:
                raise ControlRefused(f"formula_fields: {refusal}.") from refusal


def put_formulas(org: Org, before: Formulas, after: Formulas) -> None:
    """Put the formula fields of the setting in the place of those it named before."""
    for name, formulas in before.items():
        sobject = org.schema.get(name)
        gone = {field.lower() for field in formulas}
        kept = {lower: field for lower, field in sobject.fields.items() if lower not in gone}
        org.schema.replace(replace(sobject, fields=kept))
    for name, formulas in after.items():
        for field, text in formulas.items():
            add_formula(org, org.schema.get(name), field, text)


def add_formula(org: Org, sobject: SObject, name: str, text: str) -> Field:
    """Add a formula field to an object.

    Errors: FormulaRefused.
    """
    field = formula_field(org.schema, sobject, name, text)
    org.schema.replace(sobject.with_fields([field]))
    org.schema_changed_at = org.clock.now()
    return field
