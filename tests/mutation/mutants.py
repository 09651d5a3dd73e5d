"""In which small ways can a piece of code be wrong, that a test should notice?

Each mutant is the source with one thing changed: a comparison, a condition, a constant, a keyword, an element, a statement.
Words of messages, annotations, docstrings and decorators stay as they are.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

Path = tuple[tuple[str, int | None], ...]

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
TWINS = {"any": "all", "all": "any", "min": "max", "max": "min"}
PLAIN_METHODS = frozenset({"casefold", "lower", "upper", "strip"})
DECLARATIONS = frozenset({"field", "default", "dataclass"})
SKIPPED = frozenset({"annotation", "returns", "decorator_list", "type_params"})


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed place. `function` is the outermost function or method around it, "" for what runs at import."""

    file: str
    function: str
    line: int
    before: str
    after: str
    path: Path
    replacement: ast.AST

    def __str__(self) -> str:
        return f"{self.function or 'module'}: {self.before} → {self.after}"


def mutants_of(file: str, source: str) -> list[Mutant]:
    """List all mutants of a source file, in its order. Equal ones of one function are told apart by a number."""
    found: list[Mutant] = []
    seen: Counter[tuple[str, str, str]] = Counter()
    for function, line, path, node, shown, replacement in _places(ast.parse(source)):
        before, after = _before_and_after(shown, node, replacement)
        seen[function, before, after] += 1
        number = seen[function, before, after]
        after += f" ({number})" if number > 1 else ""
        found.append(Mutant(file, function, line, before, after, path, replacement))
    return found


def mutated(source: str, mutant: Mutant) -> ast.Module:
    """Return the tree of a source file with one mutant in place."""
    tree = ast.parse(source)
    node: ast.AST = tree
    for name, index in mutant.path[:-1]:
        node = _at(node, name, index)
    name, index = mutant.path[-1]
    if index is None:
        setattr(node, name, copy.deepcopy(mutant.replacement))
    else:
        getattr(node, name)[index] = copy.deepcopy(mutant.replacement)
    return ast.fix_missing_locations(tree)


def _at(node: ast.AST, name: str, index: int | None) -> ast.AST:
    value = getattr(node, name)
    found = value if index is None else value[index]
    assert isinstance(found, ast.AST)
    return found


def _words(node: ast.AST) -> str:
    text = " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split())
    return text if len(text) <= 110 else f"{text[:70]} … {text[-35:]}"


def _before_and_after(shown: ast.AST, node: ast.AST, replacement: ast.AST) -> tuple[str, str]:
    if isinstance(node, ast.Call) and isinstance(replacement, ast.Call) and len(node.keywords) > len(replacement.keywords):
        dropped = next(keyword for keyword in node.keywords if keyword not in replacement.keywords)
        return f"{ast.unparse(node.func)}({_words(dropped)})", "left out"
    return _words(shown), _words(_put(shown, node, replacement))


def _put(shown: ast.AST, node: ast.AST, replacement: ast.AST) -> ast.AST:
    """Return `shown` with `node`, which is itself or a child of it, replaced."""
    if shown is node:
        return replacement

    class Swap(ast.NodeTransformer):
        def visit(self, at: ast.AST) -> ast.AST:
            if getattr(at, "_is_changed", False):
                return copy.deepcopy(replacement)
            self.generic_visit(at)
            return at

    node._is_changed = True  # type: ignore[attr-defined]
    copied = copy.deepcopy(shown)
    del node._is_changed  # type: ignore[attr-defined]
    result: ast.AST = Swap().visit(copied)
    return result


Place = tuple[str, int, Path, ast.AST, ast.AST, ast.AST]


def _places(tree: ast.Module) -> Iterator[Place]:
    yield from _within(tree, (), "", (), tree)


def _within(node: ast.AST, path: Path, function: str, classes: tuple[str, ...], parent: ast.AST) -> Iterator[Place]:
    for name, index, child in _children(node):
        if name in SKIPPED or _is_left_alone(node, child):
            continue
        here: Path = (*path, (name, index))
        inside, around = function, classes
        if not function and isinstance(child, ast.FunctionDef):
            inside = ".".join((*classes, child.name))
        if not function and isinstance(child, ast.ClassDef):
            around = (*classes, child.name)
        shown = node if isinstance(child, ast.Constant) and _fits_a_line(node) else child
        for replacement in replacements(child, node, name):
            yield function, getattr(child, "lineno", 0), here, child, shown, replacement
        # Defaults of arguments are worked out at import, outside the function.
        if isinstance(child, ast.FunctionDef) and not function:
            yield from _within(child.args, (*here, ("args", None)), "", around, child)
        yield from _within(child, here, inside, around, node)


def _fits_a_line(node: ast.AST) -> bool:
    return isinstance(node, ast.expr | ast.AnnAssign | ast.Assign | ast.keyword | ast.Return)


def _children(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield name, None, value
        elif isinstance(value, list):
            yield from ((name, index, item) for index, item in enumerate(value) if isinstance(item, ast.AST))


def _is_left_alone(node: ast.AST, child: ast.AST) -> bool:
    is_docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
    is_text = isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)
    is_declaration = isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id in DECLARATIONS
    is_arguments = isinstance(node, ast.FunctionDef) and isinstance(child, ast.arguments)
    return (
        is_docstring
        or is_text
        or is_declaration
        or is_arguments
        or (isinstance(node, ast.BoolOp) and isinstance(child, ast.Constant) and child.value == "")
        or isinstance(child, ast.Import | ast.ImportFrom | ast.Assert | ast.Raise)
    )


def replacements(node: ast.AST, parent: ast.AST, name: str) -> Iterator[ast.AST]:
    """Give what may stand in a node's place."""
    match node:
        case ast.Compare():
            yield from _comparisons(node)
        case ast.BoolOp(op=ast.Or(), values=[*_, ast.Constant(value="")]):
            yield ast.Constant("")  # "or nothing" is there for the types: a blank is in no table
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
            for index in range(len(node.values)):
                rest = node.values[:index] + node.values[index + 1 :]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.BinOp() if type(node.op) in OPERATORS:
            yield ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right)
        case ast.IfExp():
            yield node.body
            yield node.orelse
        case ast.Constant():
            yield from _constants(node)
        case ast.Call():
            yield from _calls(node)
        case ast.Set() | ast.List() | ast.Tuple() if _is_choice(node, parent):
            for index in range(len(node.elts)):
                yield type(node)(elts=node.elts[:index] + node.elts[index + 1 :], ctx=ast.Load())  # type: ignore[call-arg]
        case ast.Dict():
            for index in range(len(node.keys)):
                yield ast.Dict(node.keys[:index] + node.keys[index + 1 :], node.values[:index] + node.values[index + 1 :])
        case ast.comprehension():
            for index in range(len(node.ifs)):
                yield ast.comprehension(node.target, node.iter, node.ifs[:index] + node.ifs[index + 1 :], node.is_async)
        case ast.stmt():
            yield from _statements(node)
    if name == "test" and isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.NamedExpr):
        yield ast.UnaryOp(ast.Not(), node)


def _comparisons(node: ast.Compare) -> Iterator[ast.AST]:
    for index, op in enumerate(node.ops):
        for other in COMPARISONS[type(op)]:
            yield ast.Compare(node.left, [*node.ops[:index], other(), *node.ops[index + 1 :]], node.comparators)


def _constants(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
    elif isinstance(node.value, str) and node.value.count(" ") < 2:  # the longer ones are words for people
        yield ast.Constant(f"XX{node.value}")


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    for index in range(len(node.keywords)):
        yield ast.Call(node.func, node.args, node.keywords[:index] + node.keywords[index + 1 :])
    if isinstance(node.func, ast.Name) and node.func.id in TWINS:
        yield ast.Call(ast.Name(TWINS[node.func.id], ast.Load()), node.args, node.keywords)
    if isinstance(node.func, ast.Name) and node.func.id == "sorted":
        yield ast.Call(ast.Name("list", ast.Load()), node.args, [])
    if isinstance(node.func, ast.Attribute):
        if node.func.attr in PLAIN_METHODS and not node.args:
            yield node.func.value
        if node.func.attr == "get" and len(node.args) == 2:
            yield ast.Call(node.func, node.args[:1], [])


def _is_choice(node: ast.Set | ast.List | ast.Tuple, parent: ast.AST) -> bool:
    """Tell whether elements of a literal can be missing: a set, a list, or a tuple that is looked into."""
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load) or len(node.elts) < 2:
        return False
    return not isinstance(node, ast.Tuple) or isinstance(parent, ast.Compare | ast.For | ast.comprehension | ast.Assign)


def _statements(node: ast.stmt) -> Iterator[ast.AST]:
    match node:
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            yield ast.Pass()
        case ast.Assign() if not all(isinstance(target, ast.Name | ast.Tuple) for target in node.targets):
            yield ast.Pass()
        case ast.Return(value=value) if value is not None and not (isinstance(value, ast.Constant) and value.value is None):
            yield ast.Return(ast.Constant(None))
        case ast.Continue():
            yield ast.Pass()
            yield ast.Break()
        case ast.Break():
            yield ast.Pass()
        case ast.If() if not isinstance(node.test, ast.BoolOp | ast.Compare):
            yield ast.If(ast.Constant(False), node.body, node.orelse)
