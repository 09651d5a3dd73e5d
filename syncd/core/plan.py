"""What exactly would be written? A plan as a value, to JSON and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from syncd.core.routes import USUAL, Terms, costs_of, ways
from syncd.core.values import Intent, Rule

SCHEMA = 1
_FIELDS = tuple(field.name for field in fields(Intent))


@dataclass(frozen=True, slots=True)
class Plan:
    """All writes of one cycle, with the org and the policies that they were decided under.

    `policies` maps a policy file's name to the hash of its bytes; `reason` says why the plan was not carried out at once.
    """

    org_id: str
    made_at: datetime
    policies: Mapping[str, str]
    intents: Sequence[Intent]
    reason: str = ""

    @property
    def hash(self) -> str:
        """Return the hash that names this plan: equal contents, equal hash."""
        return hash_with(self, self.intents)


def hash_with(plan: Plan, intents: Iterable[Intent]) -> str:
    """Return the hash of a plan that has these intents: the digest of its parts, worked out one intent after the other."""
    sha = hashlib.sha256()
    before = _canonical([plan.org_id, plan.made_at.isoformat(), dict(plan.policies)])
    sha.update(f"{before[:-1]}, [".encode())
    for number, intent in enumerate(intents):
        sha.update(f"{', ' if number else ''}{_canonical(intent_to_dict(intent))}".encode())
    sha.update(f"], {_canonical(plan.reason)}]".encode())
    return sha.hexdigest()


def _canonical(part: object) -> str:
    return json.dumps(part, sort_keys=True, default=str)


def plan_to_json(plan: Plan, terms: Terms = USUAL) -> str:
    """Write a plan as JSON text, one that `plan_from_json` reads back to an equal plan."""
    return "".join(plan_parts(plan, plan.intents, plan.hash, terms))


def plan_parts(plan: Plan, intents: Iterable[Intent], sha256: str, terms: Terms = USUAL) -> Iterator[str]:
    """Give the text of a plan that has these intents and this hash bit by bit. They are gone through four times, none is kept.

    Shapes: `cost` and `ways` (one for each intent) tell how the writes would leave under these terms and what that costs. They
    are no part of the plan: until it is applied they may change.
    """
    chosen = ways(intents, terms)
    body = {
        "schema": SCHEMA,
        "org_id": plan.org_id,
        "made_at": plan.made_at.isoformat(),
        "reason": plan.reason,
        "policies": dict(plan.policies),
        "hash": sha256,
        "cost": [asdict(cost) for cost in costs_of(intents, chosen)],
    }
    yield _written(body).removesuffix("\n}") + ',\n "ways": '
    yield from _listed(_written(way) for way in chosen)
    yield ',\n "intents": '
    yield from _listed(_written(intent_to_dict(intent)) for intent in intents)
    yield "\n}\n"


def _written(part: object) -> str:
    return json.dumps(part, indent=1, ensure_ascii=False)


def _listed(texts: Iterable[str]) -> Iterator[str]:
    """Give a list inside of an object as `_written` would, text by text."""
    opening = "[\n  "
    for text in texts:
        yield opening + text.replace("\n", "\n  ")  # a line break within a value is written as \\n
        opening = ",\n  "
    yield "[]" if opening.startswith("[") else "\n ]"


def intent_to_dict(intent: Intent) -> dict[str, Any]:
    """Return an intent as JSON values."""
    # A plan may hold tens of thousands: dataclasses.asdict copies every value, these are scalars.
    named = {name: getattr(intent, name) for name in _FIELDS}
    values = None if intent.values is None else dict(intent.values)
    if intent.is_contested:
        del named["is_contested"]  # told only where it differs, so that plans of earlier versions keep their hash
    return named | {"rule": asdict(intent.rule), "values": values}


def intent_from_dict(body: Mapping[str, Any]) -> Intent:
    """Read an intent back. Raises KeyError or TypeError when a part is missing or unknown."""
    return Intent(**{**body, "rule": Rule(**body["rule"])})


def plan_from_json(text: str) -> Plan:
    """Read a plan. Raises ValueError that says what is wrong when the text is not a whole, unaltered plan."""
    try:
        body = json.loads(text)
    except RecursionError as problem:
        raise ValueError("the file is no syncd plan: it is nested too deeply") from problem
    except ValueError as problem:
        raise ValueError(f"the file is no JSON: {problem}") from problem
    if not isinstance(body, dict) or "schema" not in body:
        raise ValueError("the file is no syncd plan: 'schema' is missing")
    if body["schema"] != SCHEMA:
        raise ValueError(f"the plan has schema {body['schema']!r}, this syncd reads schema {SCHEMA}")
    try:
        plan = Plan(
            body["org_id"],
            datetime.fromisoformat(body["made_at"]),
            dict(body["policies"]),
            tuple(intent_from_dict(intent) for intent in body["intents"]),
            body["reason"],
        )
        is_whole = plan.hash == body["hash"]
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        raise ValueError(f"the file is no syncd plan: {problem} is missing or wrong") from problem
    if not is_whole:
        raise ValueError("the plan was edited after it was made: its hash does not fit its contents")
    return plan
