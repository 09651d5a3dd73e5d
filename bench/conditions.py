"""How many records a second does a condition in the users' own formulas look at?"""

from __future__ import annotations

from datetime import UTC, datetime

from bench.child import spending
from bench.figures import Figure, Figures
from syncd.formula.checking import check
from syncd.formula.generating import generate
from syncd.formula.syntax import parse
from syncd.formula.values import Moment, kind_of

SECONDS_MAX = 0.33
"""For a million records: three million a second, and a little more."""
TEXT = 'AND(ISPICKVAL(Status, "Working"), Lead_Score__c >= 50, NOT(IsConverted), Country = "DE", NOT(ISBLANK(Email)))'
TYPES = {"Status": "picklist", "Lead_Score__c": "double", "IsConverted": "boolean", "Country": "string", "Email": "email"}
RECORD = {"Status": "Working", "Lead_Score__c": 77.0, "IsConverted": False, "Country": "DE", "Email": "ana@example.com"}


def measure(records: int) -> Figures:
    """Evaluate a condition of five terms over records of which each needs a look at all of them, on one core."""
    tree, _ = parse(TEXT, "bench")
    part = check(TEXT, tree, {name: kind_of(kind) for name, kind in TYPES.items()}, "bench")[0] if tree is not None else None
    if part is None:
        raise AssertionError(f"the condition does not compile: {TEXT}")
    compiled = generate(part)
    rows = [tuple(RECORD[slot.path] for slot in compiled.slots)] * records
    moment = Moment(datetime(2026, 3, 2, 9, tzinfo=UTC))
    with spending() as spent:
        held = compiled.each(moment, rows)
    if sum(held) != records:
        raise AssertionError("the condition holds for every record")
    seconds = spent.seconds * 1_000_000 / records
    note = f"{1 / seconds:.1f} million records a second"
    yield Figure("condition of five terms over 1,000,000 records", seconds, "s", SECONDS_MAX, note)
