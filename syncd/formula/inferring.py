"""What must the fields of a formula hold for it to make sense, when no org is there to ask?

A policy file is read without an org. What a formula does with a field says nearly always what the field holds; what is left
open is tried out. Whoever has the org's description checks the formula again with that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from syncd.formula.catalogue import FUNCTIONS
from syncd.formula.checking import check
from syncd.formula.syntax import Call, Constant, Node, Reference, walk
from syncd.formula.values import FieldKind, FieldKinds, Kind

TRIED = (
    Kind.PICKLIST,
    Kind.TEXT,
    Kind.NUMBER,
    Kind.BOOLEAN,
    Kind.DATETIME,
    Kind.DATE,
    Kind.MULTIPICKLIST,
    Kind.TIME,
    Kind.LOCATION,
)
OPEN_MAX = 3
_COMPARISONS = frozenset(("=", "<>", "<", ">", "<=", ">="))
_CONDITIONS = frozenset(("AND", "OR", "NOT"))
_EITHER = frozenset(("BLANKVALUE", "NULLVALUE", "IFERROR"))
_TELLS_NOTHING = frozenset(("ISBLANK", "ISNULL", "TEXT"))


def inferred(text: str, tree: Node, wanted: Kind | None = None, known: FieldKinds | None = None) -> FieldKinds:
    """Say what each field of a formula holds, by its name as it is written; `wanted` is what the whole formula gives, `known`
    what some fields hold for sure."""
    found: dict[str, Kind] = {path.lower(): kind.kind for path, kind in (known or {}).items()}
    names = {node.path.lower(): node.path for node in walk(tree) if isinstance(node, Reference)}
    for node, kind in _wishes(tree, wanted):
        if kind is not None:
            found.setdefault(node.path.lower(), kind)
    kinds = {path: FieldKind(found.get(path, TRIED[0])) for path in names}
    unsure = [path for path in names if path not in found]
    if 0 < len(unsure) <= OPEN_MAX:
        for guess in product(TRIED, repeat=len(unsure)):
            tried = kinds | {path: FieldKind(kind) for path, kind in zip(unsure, guess, strict=True)}
            if not check(text, tree, tried)[1]:
                kinds = tried
                break
    return {names[path]: kind for path, kind in kinds.items()}


def _wishes(node: Node, wanted: Kind | None) -> Iterator[tuple[Reference, Kind | None]]:
    if isinstance(node, Reference):
        yield node, wanted
    elif isinstance(node, Call):
        for part, kind in zip(node.parts, _wanted(node, wanted), strict=False):
            yield from _wishes(part, kind)


def _wanted(node: Call, wanted: Kind | None) -> Sequence[Kind | None]:
    """Return what a call wants of each of its parts, None where it takes anything."""
    count = len(node.parts)
    if node.name in _CONDITIONS:
        return [Kind.BOOLEAN] * count
    if node.name == "IF":
        return [Kind.BOOLEAN, *_alike(node.parts[1:], wanted)]
    if node.name == "ISPICKVAL":
        return [Kind.PICKLIST, Kind.TEXT]
    if node.name in _COMPARISONS or node.name == "IN":
        return _alike(node.parts, None)
    if node.name in _EITHER:
        return _alike(node.parts, wanted)
    if node.name == "CASE":
        return [None] * (count - 1) + [wanted]
    if node.name in _TELLS_NOTHING:
        return [None] * count
    return _of_operator(node) or _of_function(node)


def _of_operator(node: Call) -> Sequence[Kind | None]:
    if node.name == "&":
        return [Kind.TEXT] * len(node.parts)
    if node.name in {"*", "/", "^", "neg"}:
        return [Kind.NUMBER] * len(node.parts)
    if node.name in {"+", "-"}:
        known = [_given(part) for part in node.parts]
        if any(kind in (Kind.DATE, Kind.DATETIME, Kind.TIME) for kind in known):
            return [None] * len(node.parts)
        return [Kind.TEXT if Kind.TEXT in known else Kind.NUMBER] * len(node.parts)
    return []


def _of_function(node: Call) -> Sequence[Kind | None]:
    known = FUNCTIONS.get(node.name)
    if known is None or not known.takes:
        return [None] * len(node.parts)
    takes = [known.takes[min(index, len(known.takes) - 1)] for index in range(len(node.parts))]
    return [next(iter(kinds)) if len(kinds) == 1 else None for kinds in takes]


def _alike(parts: Sequence[Node], wanted: Kind | None) -> list[Kind | None]:
    """Want of every part what another one gives: they are of one kind."""
    given = next((kind for kind in (_given(part) for part in parts) if kind is not None), wanted)
    return [given] * len(parts)


def _given(node: Node) -> Kind | None:
    """Return what a part gives whatever the fields hold, or None."""
    if isinstance(node, Constant):
        if node.value is None:
            return None
        return Kind.BOOLEAN if isinstance(node.value, bool) else Kind.TEXT if isinstance(node.value, str) else Kind.NUMBER
    if isinstance(node, Reference):
        return None
    if node.name in _COMPARISONS or node.name in _CONDITIONS or node.name in {"ISPICKVAL", "ISBLANK", "ISNULL", "IN"}:
        return Kind.BOOLEAN
    if node.name in {"&", "TEXT"}:
        return Kind.TEXT
    if node.name in {"*", "/", "^", "neg"}:
        return Kind.NUMBER
    known = FUNCTIONS.get(node.name)
    return None if known is None or node.name == "ADDMONTHS" else known.gives
