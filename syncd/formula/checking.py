"""Does every part of a formula get the kind of value that it works on, and does the record have its fields?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches

from syncd.core.values import Problem
from syncd.formula import dates, logic, numbers, texts
from syncd.formula.catalogue import FUNCTIONS, Function, Run
from syncd.formula.syntax import Call, Constant, Node, Place, Reference, problem
from syncd.formula.typed import Applied, FieldValue, Literal, Part, Slot, Special
from syncd.formula.values import FieldKind, FieldKinds, Kind

LOGICAL = ("AND", "OR", "NOT", "IF", "CASE", "ISBLANK", "ISNULL", "BLANKVALUE", "NULLVALUE", "IFERROR", "ISPICKVAL", "TEXT", "IN")
HISTORICAL = ("ISCHANGED", "PRIORVALUE", "ISNEW")
NAMES = tuple(sorted({*FUNCTIONS, *LOGICAL, *HISTORICAL}))
_COMPARED = frozenset(("=", "<>", "<", ">", "<=", ">="))
_N, _T, _B, _D, _DT, _TM = Kind.NUMBER, Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.DATETIME, Kind.TIME
_ARITHMETIC: dict[tuple[str, Kind, Kind], tuple[Run, Kind]] = {
    ("+", _N, _N): (numbers.add, _N),
    ("-", _N, _N): (numbers.subtract, _N),
    ("*", _N, _N): (numbers.multiply, _N),
    ("/", _N, _N): (numbers.divide, _N),
    ("^", _N, _N): (numbers.raise_to, _N),
    ("+", _D, _N): (dates.shifted, _D),
    ("+", _N, _D): (lambda days, day: dates.shifted(day, days), _D),
    ("-", _D, _N): (lambda day, days: dates.shifted(day, -days), _D),
    ("-", _D, _D): (dates.days_between, _N),
    ("+", _DT, _N): (dates.moved, _DT),
    ("+", _N, _DT): (lambda days, at: dates.moved(at, days), _DT),
    ("-", _DT, _N): (lambda at, days: dates.moved(at, -days), _DT),
    ("-", _DT, _DT): (dates.days_between, _N),
    ("+", _TM, _N): (dates.later, _TM),
    ("+", _N, _TM): (lambda number, at: dates.later(at, number), _TM),
    ("-", _TM, _N): (lambda at, number: dates.later(at, -number), _TM),
    ("-", _TM, _TM): (dates.time_between, _N),
}
# What a formula may give where something of another kind is wanted: picklists answer through functions alone.
_PICKED = frozenset((Kind.PICKLIST, Kind.MULTIPICKLIST))


class _Refused(Exception):
    def __init__(self, place: Place, code: str, what: str, remedy: str) -> None:
        super().__init__(what)
        self.place, self.code, self.what, self.remedy = place, code, what, remedy


def check(text: str, tree: Node, fields: FieldKinds, file: str = "formula") -> tuple[Part | None, list[Problem]]:
    """Hold a formula against the fields of a record.

    Shapes: the checked formula and no problem, or None and every problem that was found.
    Source: Salesforce Help, "Formula Operators and Functions"; what a field holds comes from the org's describe.
    """
    checker = _Checker({name.lower(): (name, kind) for name, kind in fields.items()})
    part = checker.part(tree)
    problems = [problem(text, one.place, one.code, one.what, one.remedy, file) for one in checker.refused]
    return (None if problems else part), problems


_UNKNOWN = Literal(None, Kind.NULL, Place(0, 0))


@dataclass
class _Checker:
    fields: dict[str, tuple[str, FieldKind]]
    refused: list[_Refused] = field(default_factory=list)

    def part(self, node: Node) -> Part:
        """Check one part; what is wrong is kept, and a blank stands in for it, so that the rest is checked too."""
        try:
            if isinstance(node, Constant):
                return _literal(node)
            return self._field(node, is_prior=False) if isinstance(node, Reference) else self._call(node)
        except _Refused as refused:
            self.refused.append(refused)
            return _UNKNOWN

    def _field(self, node: Reference, *, is_prior: bool) -> FieldValue:
        found = self.fields.get(node.path.lower())
        if found is None:
            near = get_close_matches(node.path.lower(), self.fields, n=1)
            remedy = f"Did you mean {self.fields[near[0]][0]}?" if near else "Run: syncd check, which lists the fields it sees."
            raise _Refused(node.place, "FML-010", f"There is no field {node.path}.", remedy)
        name, kind = found
        return FieldValue(Slot(name, is_prior), kind.kind, kind.is_percent, node.place)

    def _call(self, node: Call) -> Part:
        if node.name in _COMPARED:
            return self._comparison(node)
        if node.name in {"+", "-", "*", "/", "^"}:
            return self._arithmetic(node)
        special = _SPECIAL.get(node.name)
        if special is not None:
            return special(self, node)
        known = FUNCTIONS.get(node.name)
        if known is None:
            near = get_close_matches(node.name, NAMES, n=1)
            remedy = f"Did you mean {near[0]}?" if near else "docs/formulas.md lists the functions."
            raise _Refused(node.place, "FML-011", f"{node.name} is no function that syncd knows.", remedy)
        return self._function(node, known)

    def _function(self, node: Call, known: Function) -> Part:
        least, most = len(known.takes) - known.optional, None if known.is_open else len(known.takes)
        self._counted(node, least, most, known.usage)
        parts = []
        for index, given in enumerate(node.parts):
            wanted = known.takes[min(index, len(known.takes) - 1)]
            parts.append(self._fitting(self.part(given), wanted, f"{node.name} takes {_words(wanted)} here", known.usage))
        return Applied(node.name, known.run, tuple(parts), known_kind(known, parts), node.place, known.needs_moment)

    def _counted(self, node: Call, least: int, most: int | None, usage: str) -> None:
        given = len(node.parts)
        if given < least or (most is not None and given > most):
            wanted = f"{least}" if least == most else f"{least} or more" if most is None else f"{least} to {most}"
            raise _Refused(node.place, "FML-012", f"{node.name} takes {wanted} parts, not {given}.", f"Write {usage}.")

    def _fitting(self, part: Part, wanted: Iterable[Kind], why: str, usage: str) -> Part:
        kinds = frozenset(wanted)
        if part.kind in kinds or part.kind is Kind.NULL:
            return part
        if part.kind in _PICKED and Kind.TEXT in kinds:
            remedy = "Write TEXT(…) around it, or compare it with ISPICKVAL(field, value) or CASE."
            raise _Refused(part.place, "FML-014", f"{why}, and this is a {part.kind.value}.", remedy)
        raise _Refused(part.place, "FML-013", f"{why}, and this is a {part.kind.value}.", f"Write {usage}.")

    def _comparison(self, node: Call) -> Part:
        left, right = (self.part(each) for each in node.parts)
        for part in (left, right):
            if part.kind in _PICKED:
                remedy = "Write ISPICKVAL(field, value) or TEXT(field)."
                raise _Refused(part.place, "FML-014", f"A {part.kind.value} can't be compared with {node.name}.", remedy)
        self._one_kind((left, right), node, f"{node.name} compares two values of one kind")
        return Special(node.name, (left, right), _B, node.place)

    def _arithmetic(self, node: Call) -> Part:
        left, right = (self.part(each) for each in node.parts)
        if node.name == "+" and _T in (left.kind, right.kind) and {left.kind, right.kind} <= {_T, Kind.NULL}:
            return Applied("&", texts.join, (left, right), _T, node.place)
        pair = (_other(left, right), _other(right, left))
        found = _ARITHMETIC.get((node.name, *pair))
        if found is None:
            what = f"{node.name} doesn't work on a {left.kind.value} and a {right.kind.value}."
            raise _Refused(node.place, "FML-013", what, "Turn one of them into the other kind: VALUE, TEXT, DATEVALUE …")
        run, kind = found
        return Applied(node.name, logic.blank_if_blank(run), (left, right), kind, node.place)

    def _one_kind(self, parts: Sequence[Part], node: Call, why: str) -> Kind:
        kinds = {part.kind for part in parts} - {Kind.NULL}
        if len(kinds) > 1:
            words = " and ".join(sorted(f"a {kind.value}" for kind in kinds))
            raise _Refused(node.place, "FML-013", f"{why}; these are {words}.", "Turn one into the other's kind: VALUE, TEXT …")
        return kinds.pop() if kinds else Kind.NULL

    def conditions(self, node: Call) -> Part:
        """Check AND, OR and NOT."""
        self._counted(node, 1, 1 if node.name == "NOT" else None, f"{node.name}(condition, …)")
        why = f"{node.name} takes conditions"
        parts = [self._fitting(self.part(each), (_B,), why, f"{node.name}(condition, …)") for each in node.parts]
        return Special(node.name.lower(), tuple(parts), _B, node.place)

    def choice(self, node: Call) -> Part:
        """Check IF."""
        usage = "IF(condition, value_if_true, value_if_false)"
        self._counted(node, 3, 3, usage)
        condition = self._fitting(self.part(node.parts[0]), (_B,), "IF takes a condition first", usage)
        yes, no = (self.part(each) for each in node.parts[1:])
        return Special(
            "if", (condition, yes, no), self._one_kind((yes, no), node, "Both values of IF are of one kind"), node.place
        )

    def case(self, node: Call) -> Part:
        """Check CASE."""
        usage = "CASE(value, value1, result1, value2, result2, …, else_result)"
        self._counted(node, 4, None, usage)
        if len(node.parts) % 2:
            raise _Refused(node.place, "FML-012", "CASE lacks the result for everything else.", f"Write {usage}.")
        parts = [self.part(each) for each in node.parts]
        subject, values = parts[0], parts[1:-1:2]
        compared = [each for each in (subject, *values) if each.kind is not Kind.PICKLIST and each.kind is not _T]
        if compared:
            self._one_kind((subject, *values), node, "CASE compares values of one kind")
        kind = self._one_kind((*parts[2:-1:2], parts[-1]), node, "All results of CASE are of one kind")
        return Special("case", tuple(parts), kind, node.place)

    def blank(self, node: Call) -> Part:
        """Check ISBLANK and ISNULL: text is never null, blank text is empty text."""
        self._counted(node, 1, 1, f"{node.name}(value)")
        part = self.part(node.parts[0])
        if node.name == "ISNULL" and part.kind is _T:
            return Literal(False, _B, node.place)
        return Special("null" if node.name == "ISNULL" else "blank", (part,), _B, node.place)

    def either(self, node: Call) -> Part:
        """Check BLANKVALUE, NULLVALUE and IFERROR."""
        self._counted(node, 2, 2, f"{node.name}(value, value_instead)")
        parts = tuple(self.part(each) for each in node.parts)
        kind = self._one_kind(parts, node, f"Both values of {node.name} are of one kind")
        if node.name == "NULLVALUE" and parts[0].kind is _T:
            return parts[0]
        return Special("try" if node.name == "IFERROR" else node.name.lower(), parts, kind, node.place)

    def picked(self, node: Call) -> Part:
        """Check ISPICKVAL."""
        usage = 'ISPICKVAL(picklist_field, "value")'
        self._counted(node, 2, 2, usage)
        subject = self._fitting(self.part(node.parts[0]), (Kind.PICKLIST,), "ISPICKVAL takes a picklist first", usage)
        value = self._fitting(self.part(node.parts[1]), (_T,), "ISPICKVAL takes a text", usage)
        return Special("=", (subject, value), _B, node.place)

    def text(self, node: Call) -> Part:
        """Check TEXT."""
        self._counted(node, 1, 1, "TEXT(value)")
        part = self.part(node.parts[0])
        if part.kind in (_B, Kind.LOCATION, Kind.MULTIPICKLIST):
            raise _Refused(
                part.place, "FML-013", f"TEXT doesn't work on a {part.kind.value}.", 'Write IF(condition, "yes", "no").'
            )
        return Applied("TEXT", logic.to_text, (part,), _T, node.place)

    def among(self, node: Call) -> Part:
        """Check IN."""
        self._counted(node, 2, None, "IN(value, value1, value2, …)")
        parts = tuple(self.part(each) for each in node.parts)
        self._one_kind(parts, node, "IN compares values of one kind")
        return Applied("IN", logic.is_among, parts, _B, node.place)

    def joined(self, node: Call) -> Part:
        """Check &."""
        parts = [self._fitting(self.part(each), (_T,), "& joins texts", "TEXT(value) & TEXT(value)") for each in node.parts]
        return Applied("&", texts.join, tuple(parts), _T, node.place)

    def minus(self, node: Call) -> Part:
        """Check the sign of one part."""
        part = self._fitting(self.part(node.parts[0]), (_N,), "A minus sign stands before a number", "-number")
        if isinstance(part, Literal) and isinstance(part.value, Decimal):
            return Literal(-part.value, _N, node.place)
        return Applied("neg", logic.blank_if_blank(lambda number: -number), (part,), _N, node.place)

    def history(self, node: Call) -> Part:
        """Check ISCHANGED and PRIORVALUE."""
        self._counted(node, 1, 1, f"{node.name}(field)")
        given = node.parts[0]
        if not isinstance(given, Reference):
            raise _Refused(given.place, "FML-013", f"{node.name} takes a field.", f"Write {node.name}(field).")
        before, after = self._field(given, is_prior=True), self._field(given, is_prior=False)
        if node.name == "PRIORVALUE":
            return before
        return Applied("ISCHANGED", lambda now, then: now != then, (after, before), _B, node.place)

    def is_new(self, node: Call) -> Part:
        """Check ISNEW: a record is new when it had no Id before."""
        self._counted(node, 0, 0, "ISNEW()")
        return Special("blank", (FieldValue(Slot("Id", is_prior=True), _T, False, node.place),), _B, node.place)


_SPECIAL: dict[str, Callable[[_Checker, Call], Part]] = {
    **dict.fromkeys(("AND", "OR", "NOT"), _Checker.conditions),
    **dict.fromkeys(("ISBLANK", "ISNULL"), _Checker.blank),
    **dict.fromkeys(("BLANKVALUE", "NULLVALUE", "IFERROR"), _Checker.either),
    **dict.fromkeys(("ISCHANGED", "PRIORVALUE"), _Checker.history),
    "IF": _Checker.choice,
    "CASE": _Checker.case,
    "ISPICKVAL": _Checker.picked,
    "TEXT": _Checker.text,
    "IN": _Checker.among,
    "ISNEW": _Checker.is_new,
    "&": _Checker.joined,
    "neg": _Checker.minus,
}


def known_kind(known: Function, parts: Sequence[Part]) -> Kind:
    """Return what a function gives: ADDMONTHS gives what it got."""
    return parts[0].kind if known.name == "ADDMONTHS" and parts[0].kind is _DT else known.gives


def _literal(node: Constant) -> Literal:
    if node.value is None:
        return Literal(None, Kind.NULL, node.place)
    kind = _B if isinstance(node.value, bool) else _T if isinstance(node.value, str) else _N
    return Literal(node.value, kind, node.place)


def _other(part: Part, beside: Part) -> Kind:
    """Return a part's kind; a bare NULL counts as a number, the only thing that everything can be moved by."""
    return _N if part.kind is Kind.NULL else part.kind


def _words(kinds: Iterable[Kind]) -> str:
    return "a " + " or a ".join(sorted(kind.value for kind in kinds))
