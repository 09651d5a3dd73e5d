"""What is wrong with a formula is said with its place and the way out, and hostile text can only be refused."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.formula.checking import NAMES, check
from syncd.formula.generating import generate
from syncd.formula.syntax import parse
from syncd.formula.values import FieldKind, FormulaError, Kind, Moment

FIELDS = {"Status": FieldKind(Kind.PICKLIST), "Score__c": FieldKind(Kind.NUMBER), "Email": FieldKind(Kind.TEXT)}
MOMENT = Moment(datetime(2026, 3, 2, tzinfo=UTC))


def refusals(text: str) -> list[str]:
    tree, problems = parse(text, "fences.toml")
    if tree is not None:
        _, problems = check(text, tree, FIELDS, "fences.toml")
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "fences.toml:1:1 [FML-003] The formula ends too soon."),
        ("1 +", "fences.toml:1:4 [FML-003] The formula ends too soon."),
        ('"abc', 'fences.toml:1:1 [FML-003] This text is not closed. Add the second " mark.'),
        ("IF(TRUE,,1)", "fences.toml:1:9 [FML-003] ',' can't stand here."),
        ("Score__c @ 1", "fences.toml:1:10 [FML-003] '@' can't stand here."),
        ("Scor__c > 1", "fences.toml:1:1 [FML-010] There is no field Scor__c. Did you mean Score__c?"),
        ("TRUE &&\n  Scor__c > 1", "fences.toml:2:3 [FML-010] There is no field Scor__c."),
        ("ISPICVAL(Status, 'x')", "[FML-011] ISPICVAL is no function that syncd knows. Did you mean ISPICKVAL?"),
        ("ROUND(1)", "[FML-012] ROUND takes 2 parts, not 1. Write ROUND(number, places)."),
        ("CASE(Status, 'a', 1, 'b', 2)", "[FML-012] CASE lacks the result for everything else."),
        ("LEN(Score__c)", "fences.toml:1:5 [FML-013] LEN takes a text here, and this is a number."),
        ("Email > 1", "[FML-013] > compares two values of one kind; these are a number and a text."),
        ("IF(TRUE, 1, 'x')", "[FML-013] Both values of IF are of one kind; these are a number and a text."),
        ("Email - 1", "[FML-013] - doesn't work on a text and a number."),
        ("Status = 'New'", "[FML-014] A picklist can't be compared with =. Write ISPICKVAL(field, value) or TEXT(field)."),
        ("LEN(Status)", "[FML-014] LEN takes a text here, and this is a picklist. Write TEXT(…) around it"),
        ("PRIORVALUE(1)", "[FML-013] PRIORVALUE takes a field."),
        ("(" * 80 + "1" + ")" * 80, "fences.toml:1:61 [FML-002] The formula is nested more than 60 levels deep."),
        ("!" * 100 + "TRUE", "[FML-002] The formula is nested more than 60 levels deep."),
        ("+".join("1" * 300), "[FML-002] More than 200 operations hang on one another here."),
        ("x" * 5001, "[FML-001] The formula has 5001 characters; 5000 are the limit."),
    ],
)
def test_a_wrong_formula_is_refused_with_place_and_remedy(text: str, message: str) -> None:
    [found] = refusals(text)
    assert message in found


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert len(refusals("IF(Scor__c > 1, LEN(Score__c), ROUND(1))")) == 3


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('id')",
        "().__class__.__bases__",
        "lambda: 1",
        "open('/etc/passwd')",
        "exec('1')",
        "v0(1)",
        "Email.__class__",
        "$Api.Session_ID",
        "GETSESSIONID()",
        "VLOOKUP(Email, Email, Email)",
    ],
)
def test_a_formula_reaches_nothing_but_the_record(text: str) -> None:
    assert refusals(text)


WORDS = st.sampled_from(
    [*NAMES, *"+-*/^&=<>!(),.;'\"\\$%", "<>", "&&", "||", "Email", "Status", "Score__c", "TRUE", "NULL", "'a'", '"b"', "1",
     "9e99", ".5", " ", "/*", "*/", "\n", "é", "\U0001f600", "__class__", "p0", "v0", "moment"]
)  # fmt: skip


@settings(max_examples=1500, deadline=None)
@given(st.one_of(st.lists(WORDS, max_size=40).map("".join), st.text(max_size=80)))
def test_any_text_is_read_or_refused_and_never_breaks(text: str) -> None:
    tree, problems = parse(text)
    assert (tree is None) == bool(problems)
    if tree is None:
        return
    part, problems = check(text, tree, FIELDS)
    assert (part is None) == bool(problems)
    if part is None:
        return
    compiled = generate(part)
    with suppress(FormulaError):
        compiled.one(MOMENT, *({"Score__c": 1.5}.get(slot.path, "a") for slot in compiled.slots))
