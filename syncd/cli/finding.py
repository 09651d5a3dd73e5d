"""How does `syncd check` say what it found?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from syncd.cli import output
from syncd.core.values import Problem, Rule
from syncd.policies.documents import nearest

FIELD_ACCESS = "Setup > Permission Sets > the integration user's set > Object Settings > {object}: tick {right} for {field}."


class Level(StrEnum):
    """How a check ended. Only a `FINDING` makes `syncd check` fail."""

    OK = "ok"
    WARNING = "warning"
    FINDING = "finding"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands; `length` counts the characters that are meant, from `column` on."""

    file: str
    line: int
    column: int
    length: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `syncd check`: what was looked at, what was found, and the way out. `source` shows the line of a file."""

    level: Level
    check: str
    text: str
    remedy: str = ""
    place: Place | None = None
    source: tuple[str, ...] = ()


def ok(check: str, text: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(Level.OK, check, text)


def bad(check: str, text: str, remedy: str) -> Finding:
    """Say what makes the check fail."""
    return Finding(Level.FINDING, check, text, remedy)


def wrong(check: str, problem: Problem) -> Finding:
    """Say what is wrong in a file that a person wrote, with its line and carets under the word."""
    text = f"{problem.file}:{problem.line}:{problem.column} [{problem.code}] {problem.text}"
    place = Place(problem.file, problem.line, problem.column, problem.length)
    return Finding(Level.FINDING, check, text, problem.remedy, place, tuple(output.pointed(problem)))


def warn(check: str, text: str, remedy: str) -> Finding:
    """Say what works and should be looked at."""
    return Finding(Level.WARNING, check, text, remedy)


def at(rule: Rule) -> str:
    """Return file and line of a rule."""
    return f"{rule.file}:{rule.line}"


def meant(word: str, known: Iterable[str]) -> str:
    """Return the way out for a name that the org does not have."""
    near = nearest(word, known)
    return f"Did you mean {near!r}?" if near else "Correct the name, or create it in Salesforce."
