"""Where are plans kept, and how does one come back?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from syncd.core.plan import Plan, hash_with, plan_from_json, plan_parts
from syncd.core.values import Intent
from syncd.engine.world import World
from syncd.errors import PlanRefused, PlanUnreadable


def save_plan(plan: Plan, path: Path) -> Path:
    """Write a plan to a file, whole or not at all. Raises PlanRefused when the folder cannot be written."""
    return _saved(path, plan_parts(plan, plan.intents, plan.hash))


def _saved(path: Path, parts: Iterable[str]) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        with part.open("w", encoding="utf-8") as file:
            file.writelines(parts)
        part.replace(path)
    except OSError as problem:
        raise PlanRefused(
            f"The plan cannot be written to {path}: {problem.strerror}.", hint="Check the folder and its space."
        ) from problem
    return path


def write_plan(world: World, plan: Plan, intents: Iterable[Intent]) -> Path:
    """Keep a plan that has these intents in the plans folder; its name tells the org's time and the begin of its hash.

    Shapes: the intents are read where they lie, several times, and the plan itself holds none of them.
    """
    sha256 = hash_with(plan, intents)
    path = world.plans / f"plan-{plan.made_at:%Y%m%dT%H%M%SZ}-{sha256[:8]}.json"
    return _saved(path, plan_parts(plan, intents, sha256))


def read_plan(path: Path) -> Plan:
    """Read a plan file. Raises PlanUnreadable when it is missing, damaged or edited."""
    try:
        return plan_from_json(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise PlanUnreadable(f"The plan {path} cannot be read: {problem.strerror}.") from problem
    except ValueError as problem:
        raise PlanUnreadable(f"{path} cannot be applied: {problem}.") from problem
