"""How does a condition of a policy file become a function of a record?

Salesforce's own formula syntax, compiled once when the file is read, and again with what each field holds once an org has
described them. A condition looks at one record as it stood after a change, at nothing else: judged again in a year, from the
ledger alone, it must say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial

from syncd.core.fence_model import Condition
from syncd.core.values import Fields, Problem, Rule
from syncd.formula.catalogue import FUNCTIONS
from syncd.formula.checking import HISTORICAL, check
from syncd.formula.generating import Compiled, generate
from syncd.formula.inferring import inferred
from syncd.formula.showing import fields_of
from syncd.formula.syntax import Call, Node, Place, Reference, parse, problem, walk
from syncd.formula.values import FieldKind, Kind, Moment, kind_of

RECORD_TYPE = "RecordType.DeveloperName"
_NEVER = Moment(datetime(1970, 1, 1, tzinfo=UTC))


def compile_condition(text: str, rule: Rule) -> Condition | Problem:
    """Compile a condition without an org: what its fields hold is told from what it does with them.

    Shapes: the condition, or the first thing that is wrong, with line and character within the text.
    """
    tree, problems = parse(text, rule.file)
    if tree is None:
        return problems[0]
    refused = next(_refusals(text, tree, rule.file), None)
    if refused is not None:
        return refused
    return _checked(text, rule, tree, inferred(text, tree, Kind.BOOLEAN))


def typed(text: str, rule: Rule, types: Mapping[str, str]) -> Condition | Problem:
    """Compile a condition with what describe says its fields hold. `types` maps every field of the object to its type.

    What was compiled once with the same types is not compiled again: a cycle asks each time.
    """
    names = _fields_in(text)
    of_type = {RECORD_TYPE: "string"}
    known = tuple((name, of_type.get(name) or types[name]) for name in names if name in types or name in of_type)
    if len(known) == len(names):
        return _typed(text, rule, known)
    return _with_kinds(text, rule, types)


@lru_cache(maxsize=4096)
def _fields_in(text: str) -> tuple[str, ...]:
    return fields_of(text)


@lru_cache(maxsize=4096)
def _typed(text: str, rule: Rule, types: tuple[tuple[str, str], ...]) -> Condition | Problem:
    return _with_kinds(text, rule, dict(types))


def _with_kinds(text: str, rule: Rule, types: Mapping[str, str]) -> Condition | Problem:
    tree, problems = parse(text, rule.file)
    if tree is None:
        return problems[0]
    kinds = {name: kind_of(described) for name, described in types.items()}
    kinds.setdefault(RECORD_TYPE, FieldKind(Kind.TEXT))
    return _checked(text, rule, tree, kinds)


def _checked(text: str, rule: Rule, tree: Node, kinds: Mapping[str, FieldKind]) -> Condition | Problem:
    part, problems = check(text, tree, kinds, rule.file)
    if part is None:
        return problems[0]
    if part.kind is not Kind.BOOLEAN:
        what = f"This gives a {part.kind.value}, not true or false."
        return problem(
            text, Place(0, 0), "FML-020", what, 'Compare it with something, such as ISPICKVAL(Rating, "Hot").', rule.file
        )
    compiled = generate(part)
    names = tuple(slot.path for slot in compiled.slots)
    again = partial(typed, text, rule)
    return Condition(text, rule, frozenset(names), _asking(compiled, names), again)


def _asking(compiled: Compiled, names: tuple[str, ...]) -> Callable[[Fields], bool | None]:
    def holds(fields: Fields) -> bool | None:
        """Ask a record; a field that is not there, or that holds what the formula can't work on, leaves it open."""
        try:
            return compiled.one(_NEVER, *[fields[name] for name in names]) is True
        except (KeyError, ValueError, TypeError, ArithmeticError):
            return None

    return holds


def _refusals(text: str, tree: Node, file: str) -> Iterator[Problem]:
    for node in walk(tree):
        if isinstance(node, Reference) and "." in node.path and node.path.lower() != RECORD_TYPE.lower():
            remedy = "Bring the value onto the record by a formula field, and name that."
            yield problem(text, node.place, "FML-023", f"{node.path} stands on another record.", remedy, file)
        elif isinstance(node, Call) and node.name in HISTORICAL:
            remedy = "The gate itself says from which value to which; ask for what the record holds afterwards."
            yield problem(text, node.place, "FML-021", f"{node.name} asks how the record was before.", remedy, file)
        elif isinstance(node, Call) and node.name in FUNCTIONS and FUNCTIONS[node.name].needs_moment:
            remedy = "Compare with a date that stands in the file, or with a field."
            yield problem(text, node.place, "FML-022", f"{node.name} gives another answer each day.", remedy, file)
