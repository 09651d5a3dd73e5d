"""What do the formulas of nurture.toml say of a deal, a person or a task?

`scope` says which deals are looked at, `[never.opportunity]` and `[never.contact]` name what keeps a deal or a person out,
`ignore` under [activity] which tasks count for nothing. What can't be worked out for a record keeps it out, and is counted apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from syncd.core.fence_file.conditions import Conditions
from syncd.core.fence_model import Condition
from syncd.core.reading import Reader
from syncd.core.tables import Path
from syncd.core.values import Fields, Problem, Rule

DEAL, CONTACT, TASK = "Opportunity", "Contact", "Task"
NEVER_OBJECTS: Mapping[str, str] = {"opportunity": DEAL, "contact": CONTACT}
SCOPE = "scope"
OPEN = " can't be worked out"


class Says(Enum):
    """What a condition says of a record."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Never:
    """One named exclusion: no deal, or no person, of which `when` holds."""

    name: str
    object: str
    when: Condition

    def why(self, says: Says) -> str:
        """Return the reason in words, with the line that gives it."""
        where = f"{self.when.rule.file}:{self.when.rule.line}"
        if says is Says.UNKNOWN:
            return f"never {self.name!r} can't be worked out ({where})"
        return f"never {self.name!r} ({where})"


@dataclass(frozen=True, slots=True)
class Screen:
    """Every formula of nurture.toml. `scope` None: every deal; `ignore` None: no task is left out by a formula."""

    scope: Condition | None = None
    never: Sequence[Never] = ()
    ignore: Condition | None = None

    def conditions(self) -> Iterator[tuple[str, Condition]]:
        """Give each condition with the object that it is asked of."""
        if self.scope is not None:
            yield DEAL, self.scope
        for one in self.never:
            yield one.object, one.when
        if self.ignore is not None:
            yield TASK, self.ignore

    def fields_of(self, object: str) -> tuple[str, ...]:
        """Name the fields of an object that a condition looks at."""
        named = [name for asked, condition in self.conditions() if asked == object for name in sorted(condition.fields)]
        return tuple(dict.fromkeys(named))

    def against(self, object: str, fields: Fields) -> list[tuple[Never, Says]]:
        """Return which exclusions keep a record out, and which of them can't be worked out for it."""
        said = [(one, asked(one.when, fields)) for one in self.never if one.object == object]
        return [(one, says) for one, says in said if says is not Says.NO]

    def is_ignored(self, task: Fields) -> bool:
        """Tell whether a task counts for nothing. One of which that can't be worked out counts: its deal is alive."""
        return self.ignore is not None and asked(self.ignore, task) is Says.YES


EVERYTHING = Screen()


@dataclass(frozen=True, slots=True)
class KeptOut:
    """Why a stalled deal is nobody's: the reason in words, the rule that says so, and the exclusions that were met by name."""

    reason: str
    rule: Rule
    never: Sequence[str] = ()


def deal_kept_out(screen: Screen, fields: Fields) -> KeptOut | None:
    """Say why nobody of a stalled deal is enrolled that is in scope, or whose scope can't be worked out."""
    if screen.scope is not None and asked(screen.scope, fields) is Says.UNKNOWN:
        where = f"{screen.scope.rule.file}:{screen.scope.rule.line}"
        return KeptOut(f"scope can't be worked out ({where})", screen.scope.rule)
    met = screen.against(DEAL, fields)
    if not met:
        return None
    return KeptOut("; ".join(one.why(says) for one, says in met), met[0][0].when.rule, tuple(counted(met)))


def is_out_of_scope(screen: Screen, fields: Fields) -> bool:
    """Tell whether a deal is none that nurture is about."""
    return screen.scope is not None and asked(screen.scope, fields) is Says.NO


def asked(condition: Condition, fields: Fields) -> Says:
    """Ask a condition of a record."""
    holds = condition.holds(fields)
    return Says.UNKNOWN if holds is None else Says.YES if holds else Says.NO


@dataclass(frozen=True, slots=True)
class ScreenReader:
    """Reads the formulas out of nurture.toml."""

    read: Reader
    conditions: Conditions

    def screen(self) -> Screen:
        """Return every formula of the file."""
        self.read.known_keys(("never",), NEVER_OBJECTS)
        never = [one for key, object in NEVER_OBJECTS.items() for one in self._never(("never", key), object)]
        ignore = ("activity", "ignore")
        has_formula = isinstance(self.read.value(ignore), str)
        return Screen(
            self.conditions.at((SCOPE,), SCOPE),
            tuple(never),
            self.conditions.at(ignore, "ignore under [activity]") if has_formula else None,
        )

    def _never(self, path: Path, object: str) -> Iterator[Never]:
        for name in self.read.table(path):
            self.read.plain_text((*path, name), name)
            when = self.conditions.at((*path, name), f"never {name}")
            if when is not None:
                yield Never(name, object, when)


@dataclass(slots=True)
class _Typing:
    types: Mapping[str, Mapping[str, str]]
    problems: list[Problem] = field(default_factory=list)

    def of(self, condition: Condition, object: str) -> Condition:
        if condition.typed is None or object not in self.types:
            return condition
        found = condition.typed(self.types[object])
        if isinstance(found, Condition):
            return found
        rule = condition.rule
        text = f"{rule.name}, on {object}: {found.text}"
        self.problems.append(replace(found, file=rule.file, line=rule.line, text=text))
        return replace(condition, holds=_unknown)


def _unknown(_fields: Fields) -> bool | None:
    """Say nothing of any record: a condition that does not fit its object."""
    return None


def with_types(screen: Screen, types: Mapping[str, Mapping[str, str]]) -> tuple[Screen, list[Problem]]:
    """Compile every formula again with what describe says its fields hold (field -> type, by object).

    Shapes: the formulas, and what is wrong with one. A formula that does not fit says "unknown" of every record.
    """
    typing = _Typing(types)
    never = tuple(replace(one, when=typing.of(one.when, one.object)) for one in screen.never)
    scope = None if screen.scope is None else typing.of(screen.scope, DEAL)
    ignore = None if screen.ignore is None else typing.of(screen.ignore, TASK)
    return Screen(scope, never, ignore), typing.problems


def counted(found: Iterable[tuple[Never, Says]]) -> Iterator[str]:
    """Name the counts that a record adds to: one for each exclusion, apart where it can't be worked out."""
    for one, says in found:
        apart = OPEN if says is Says.UNKNOWN else ""
        yield f"never {one.object.lower()} {one.name}{apart}"
