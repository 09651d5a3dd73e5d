"""How does `syncd check` say what it found?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from syncd.core.values import Rule
from syncd.policies.documents import nearest

FIELD_ACCESS = "Setup > Permission Sets > the integration user's set > Object Settings > {object}: tick {right} for {field}."


class Level(StrEnum):
    """How a check ended. Only a `FINDING` makes `syncd check` fail."""

    OK = "ok"
    WARNING = "warning"
    FINDING = "finding"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `syncd check`: what was looked at, what was found, and the way out."""

    level: Level
    check: str
    text: str
    remedy: str = ""


def ok(check: str, text: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(Level.OK, check, text)


def bad(check: str, text: str, remedy: str) -> Finding:
    """Say what makes the check fail."""
    return Finding(Level.FINDING, check, text, remedy)


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
