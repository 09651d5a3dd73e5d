"""Where are plans kept, and how does one come back?"""

from __future__ import annotations

from pathlib import Path

from syncd.core.plan import Plan, plan_from_json, plan_to_json
from syncd.engine.world import World
from syncd.errors import PlanRefused, PlanUnreadable


def plan_name(plan: Plan) -> str:
    """Return the file name of a plan: the org's time and the begin of its hash."""
    return f"plan-{plan.made_at:%Y%m%dT%H%M%SZ}-{plan.hash[:8]}.json"


def save_plan(plan: Plan, path: Path) -> Path:
    """Write a plan to a file, whole or not at all. Raises PlanRefused when the folder cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        part.write_text(plan_to_json(plan), encoding="utf-8")
        part.replace(path)
    except OSError as problem:
        raise PlanRefused(
            f"The plan cannot be written to {path}: {problem.strerror}.", hint="Check the folder and its space."
        ) from problem
    return path


def write_plan(world: World, plan: Plan) -> Path:
    """Keep a plan in the plans folder."""
    return save_plan(plan, world.plans / plan_name(plan))


def read_plan(path: Path) -> Plan:
    """Read a plan file. Raises PlanUnreadable when it is missing, damaged or edited."""
    try:
        return plan_from_json(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise PlanUnreadable(f"The plan {path} cannot be read: {problem.strerror}.") from problem
    except ValueError as problem:
        raise PlanUnreadable(f"{path} cannot be applied: {problem}.") from problem
