"""What tree does the text of a formula stand for, and where is it wrong?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from syncd.core.values import Problem

LENGTH_MAX = 5_000
DEPTH_MAX = 60
CHAIN_MAX = 200
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part stands in the text: characters from `start` up to `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, a text, TRUE, FALSE or NULL."""

    value: Decimal | str | bool | None
    place: Place


@dataclass(frozen=True, slots=True)
class Reference:
    """A field, by the path that the text gives, such as `Account.Industry`."""

    path: str
    place: Place


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator with what it works on. Operators are named by their sign, the sign of one part `neg`."""

    name: str
    parts: tuple[Node, ...]
    place: Place


Node = Constant | Reference | Call


def walk(node: Node) -> Iterator[Node]:
    """Yield a tree's nodes, the parts before what they are part of."""
    if isinstance(node, Call):
        for part in node.parts:
            yield from walk(part)
    yield node


def problem(text: str, place: Place, code: str, what: str, remedy: str, file: str = "formula") -> Problem:
    """Say what is wrong at a place. Lines and columns count from 1."""
    before = text[: place.start]
    return Problem(file, before.count("\n") + 1, place.start - (before.rfind("\n") + 1) + 1, code, what, remedy)


def parse(text: str, file: str = "formula") -> tuple[Node | None, list[Problem]]:
    """Read a formula.

    Shapes: the tree and no problem, or None and one problem.
    Errors: none; text of any length and form is either read or refused.
    """
    if len(text) > LENGTH_MAX:
        what = f"The formula has {len(text)} characters; {LENGTH_MAX} are the limit."
        return None, [problem(text, Place(0, 0), "FML-001", what, "Split it into several rules.", file)]
    if (deep := _too_deep(text)) is not None:
        what = f"The formula is nested more than {DEPTH_MAX} levels deep."
        return None, [problem(text, Place(deep, deep), "FML-002", what, "Split it into several rules.", file)]
    try:
        tree: Node = _Builder().transform(_parser().parse(text))
    except UnexpectedInput as fault:
        return None, [_misread(text, fault, file)]
    if (long := _too_long(tree)) is not None:
        what = f"More than {CHAIN_MAX} operations hang on one another here."
        return None, [problem(text, long, "FML-002", what, "Group some of them in a field or a rule of their own.", file)]
    return tree, []


def _too_long(tree: Node) -> Place | None:
    """Return the first part that lies too deep in the tree; looked for without recursion, since it may be deep indeed."""
    level: list[Node] = [tree]
    for _ in range(CHAIN_MAX):
        level = [part for node in level if isinstance(node, Call) for part in node.parts]
        if not level:
            return None
    return level[0].place


def _too_deep(text: str) -> int | None:
    """Return where the nesting passes the limit: the parser and Python's compiler recurse, hostile text must not."""
    depth = signs = 0
    for found in re.finditer(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|/\*.*?\*/|[-+!(),]|\S', text, re.DOTALL):
        sign = found[0]
        depth += {"(": 1, ")": -1}.get(sign, 0)
        signs = signs + 1 if sign in "-+!" else 0
        if max(depth, signs) > DEPTH_MAX:
            return found.start()
    return None


@cache
def _parser() -> Lark:
    grammar = (Path(__file__).parent / "grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", propagate_positions=True, maybe_placeholders=False)


def _misread(text: str, fault: UnexpectedInput, file: str) -> Problem:
    if isinstance(fault, UnexpectedToken) and fault.token.type == "$END":
        place = Place(len(text), len(text))
        return problem(text, place, "FML-003", "The formula ends too soon.", "Close the bracket or finish the comparison.", file)
    at = fault.pos_in_stream or 0
    if isinstance(fault, UnexpectedCharacters) and text[at] in "\"'":
        return problem(text, Place(at, at), "FML-003", "This text is not closed.", f"Add the second {text[at]} mark.", file)
    word = str(fault.token) if isinstance(fault, UnexpectedToken) else text[at]
    what = f"{word!r} can't stand here."
    return problem(text, Place(at, at), "FML-003", what, "Look for a missing comma, operator or bracket before it.", file)


@v_args(inline=False, meta=True)
class _Builder(Transformer[Token, Node]):
    """Turns lark's tree into ours."""

    def any_of(self, meta: Any, parts: list[Node]) -> Node:
        return parts[0] if len(parts) == 1 else Call("OR", tuple(parts), _place(parts))

    def all_of(self, meta: Any, parts: list[Node]) -> Node:
        return parts[0] if len(parts) == 1 else Call("AND", tuple(parts), _place(parts))

    def binary(self, meta: Any, items: list[Any]) -> Node:
        return _grouped(items)

    def signed(self, meta: Any, items: list[Any]) -> Node:
        place = Place(meta.start_pos, meta.end_pos)
        return Call("neg", (items[1],), place) if items[0] == "-" else items[1]

    def negated(self, meta: Any, items: list[Any]) -> Node:
        return Call("NOT", (items[1],), Place(meta.start_pos, meta.end_pos))

    def number(self, meta: Any, items: list[Token]) -> Node:
        return Constant(Decimal(items[0]), Place(meta.start_pos, meta.end_pos))

    def text(self, meta: Any, items: list[Token]) -> Node:
        inner = re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), items[0][1:-1], flags=re.DOTALL)
        return Constant(inner, Place(meta.start_pos, meta.end_pos))

    def name(self, meta: Any, items: list[Token]) -> Node:
        place = Place(meta.start_pos, meta.end_pos)
        word = str(items[0]).upper()
        if word in {"TRUE", "FALSE", "NULL"}:
            return Constant({"TRUE": True, "FALSE": False, "NULL": None}[word], place)
        return Reference(str(items[0]), place)

    def call(self, meta: Any, items: list[Any]) -> Node:
        return Call(str(items[0]).upper(), tuple(items[1:]), Place(meta.start_pos, meta.end_pos))


def _place(parts: Sequence[Node]) -> Place:
    return Place(parts[0].place.start, parts[-1].place.end)


_SAME = {"==": "=", "!=": "<>"}


def _grouped(items: list[Any]) -> Node:
    """Group `a op b op c` from the left; a long chain of one joining operator becomes one call, so that it stays flat."""
    first: Node = items[0]
    for sign, right in zip(items[1::2], items[2::2], strict=True):
        name = _SAME.get(str(sign), str(sign))
        place = Place(first.place.start, right.place.end)
        if isinstance(first, Call) and first.name == name == "&":
            first = Call(name, (*first.parts, right), place)
        else:
            first = Call(name, (first, right), place)
    return first
