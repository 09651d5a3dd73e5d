"""Which functions may a formula call, with what, and what do they give?

Only what stands here can be called: a formula has no other way to anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from syncd.formula.values import Kind

Run = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Function:
    """One function. `takes` has the kinds that each part may be, the last of them again for more parts when `is_open`.

    `optional` counts how many of the parts may be left out. `run` gets values, and the moment first where it needs one.
    """

    name: str
    takes: tuple[frozenset[Kind], ...]
    gives: Kind
    run: Run
    optional: int = 0
    is_open: bool = False
    needs_moment: bool = False
    says: str = ""

    @property
    def usage(self) -> str:
        """Show how it is written."""
        return self.says or f"{self.name}({', '.join(_words(kinds) for kinds in self.takes)}{', …' if self.is_open else ''})"


def _words(kinds: frozenset[Kind]) -> str:
    return "value" if len(kinds) > 3 else " or ".join(sorted(kinds))


FUNCTIONS: dict[str, Function] = {}


def function(
    name: str,
    *takes: Kind | frozenset[Kind],
    gives: Kind,
    optional: int = 0,
    is_open: bool = False,
    sees_blanks: bool = False,
    needs_moment: bool = False,
    says: str = "",
) -> Callable[[Run], Run]:
    """Enter a function into the catalogue.

    Shapes: a blank part makes the result blank, except that blank text is empty text; one that `sees_blanks` is called anyway.
    """
    kinds = tuple(each if isinstance(each, frozenset) else frozenset((each,)) for each in takes)

    def enter(run: Run) -> Run:
        called = run if sees_blanks else _blank_in_blank_out(run, kinds, needs_moment)
        FUNCTIONS[name] = Function(name, kinds, gives, called, optional, is_open, needs_moment, says)
        return run

    return enter


def _blank_in_blank_out(run: Run, takes: tuple[frozenset[Kind], ...], needs_moment: bool) -> Run:
    skip = 1 if needs_moment else 0
    texts = [Kind.TEXT in kinds for kinds in takes]

    def called(*parts: Any) -> Any:
        if None not in parts:
            return run(*parts)
        filled = list(parts)
        for index in range(skip, len(parts)):
            if parts[index] is None:
                if not texts[min(index - skip, len(texts) - 1)]:
                    return None
                filled[index] = ""
        return run(*filled)

    return called
