"""How is a mutant put into code that is already imported?

The functions stay the same objects, whoever imported them by name; only what they run is another code.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Iterator
from functools import cached_property

from tests.mutation.mutants import Mutant, mutated


def put_in_place(module: types.ModuleType, source: str, mutant: Mutant) -> bool:
    """Let the functions of a module run a mutant's code; False when it sits outside any plain function.

    Errors: none; what cannot be swapped is to be imported anew.
    """
    function = _function(module, mutant.function) if mutant.function else None
    if function is None:
        return False
    assert module.__file__ is not None
    code = _code_of(compile(mutated(source, mutant), module.__file__, "exec"), mutant.function)
    if code is None or code.co_freevars != function.__code__.co_freevars:
        return False
    function.__code__ = code
    return True


def _function(module: types.ModuleType, name: str) -> types.FunctionType | None:
    found: object = module
    for part in name.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    if isinstance(found, property):
        found = found.fget
    elif isinstance(found, cached_property):
        found = found.func
    elif isinstance(found, staticmethod | classmethod):
        found = found.__func__
    return found if isinstance(found, types.FunctionType) and not hasattr(found, "__wrapped__") else None


def _code_of(code: types.CodeType, name: str) -> types.CodeType | None:
    return next((inner for inner in _codes(code) if inner.co_qualname == name), None)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield inner
            yield from _codes(inner)


def source_of(mutant: Mutant, source: str) -> str:
    """Return the text of a mutated file, for an import."""
    return ast.unparse(mutated(source, mutant))
