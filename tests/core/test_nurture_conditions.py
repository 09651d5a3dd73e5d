"""Do the formulas of nurture.toml keep out whom they name, and whoever they can't be worked out for?"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from syncd.core.nurture import Nurture, activity_on, parse_nurture
from syncd.core.nurture_conditions import Says, asked, deal_kept_out, is_out_of_scope, with_types
from syncd.core.values import Problem
from syncd.policies.conditions import compile_condition
from syncd.policies.documents import read_table
from tests.core.samples import NURTURE, row

FORMULAS = """
[never.opportunity]
"renewal" = 'ISPICKVAL(Type, "Renewal")'
[never.contact]
"competitor" = 'Is_Competitor__c'
"student"    = 'CONTAINS(Title, "Student")'
"""
SCOPED = NURTURE.replace('version = "v1"', "version = \"v1\"\nscope = 'NOT(IsWon)'") + FORMULAS
TYPES = {
    "Opportunity": {"Type": "picklist", "IsWon": "boolean"},
    "Contact": {"Is_Competitor__c": "boolean", "Title": "string"},
    "Task": {"Subject": "string"},
}
TODAY, UTC = date(2026, 11, 2), ZoneInfo("UTC")


def read(text: str, folder: Path) -> tuple[Nurture | None, list[Problem]]:
    path = folder / "nurture.toml"
    path.write_text(text, encoding="utf-8")
    table, problems = read_table(path)
    assert table is not None, problems
    return parse_nurture(table, compile_condition)


def good(text: str, folder: Path) -> Nurture:
    policy, problems = read(text, folder)
    assert policy is not None, problems
    return policy


def test_each_exclusion_is_asked_of_its_own_object_and_named_with_its_line(tmp_path: Path) -> None:
    screen, problems = with_types(good(SCOPED, tmp_path).screen, TYPES)
    assert not problems
    deal = deal_kept_out(screen, {"IsWon": False, "Type": "Renewal"})
    assert deal is not None
    assert deal.reason.startswith("never 'renewal' (")
    assert deal.reason.endswith("nurture.toml:17)")
    assert deal.never == ("never opportunity renewal",)
    assert deal_kept_out(screen, {"IsWon": False, "Type": "New"}) is None
    [(never, says)] = screen.against("Contact", {"Is_Competitor__c": False, "Title": "PhD Student"})
    assert (never.name, says) == ("student", Says.YES)


def test_a_deal_out_of_scope_is_told_from_one_whose_scope_cannot_be_worked_out(tmp_path: Path) -> None:
    screen = good(SCOPED, tmp_path).screen
    assert is_out_of_scope(screen, {"IsWon": True, "Type": None})
    assert not is_out_of_scope(screen, {"Type": None})
    unknown = deal_kept_out(screen, {"Type": None})
    assert unknown is not None
    assert unknown.reason.startswith("scope can't be worked out (")


def test_an_exclusion_that_cannot_be_worked_out_keeps_out_and_is_counted_apart(tmp_path: Path) -> None:
    screen, _ = with_types(good(SCOPED, tmp_path).screen, TYPES)
    found = screen.against("Contact", {"Title": None})
    assert [(one.name, says) for one, says in found] == [("competitor", Says.UNKNOWN)]
    deal = deal_kept_out(screen, {"IsWon": False})
    assert deal is not None
    assert deal.never == ("never opportunity renewal can't be worked out",)


def test_a_formula_that_does_not_fit_the_org_says_nothing_of_anybody(tmp_path: Path) -> None:
    types = {**TYPES, "Contact": {"Is_Competitor__c": "double", "Title": "string"}}
    screen, problems = with_types(good(SCOPED, tmp_path).screen, types)
    [problem] = problems
    assert (problem.line, problem.text.startswith("never competitor, on Contact: ")) == (19, True)
    [competitor, _] = [one for one in screen.never if one.object == "Contact"]
    assert asked(competitor.when, {"Is_Competitor__c": True, "Title": None}) is Says.UNKNOWN


def test_a_task_that_the_formula_ignores_shows_no_activity_and_an_unclear_one_does(tmp_path: Path) -> None:
    text = NURTURE.replace('ignore = ["Marketo:"]', "ignore = 'BEGINS(Subject, \"Marketo:\")'")
    policy = good(text, tmp_path)
    assert policy.activity.ignore == ()

    def day(**fields: str | bool) -> date | None:
        values = {"IsClosed": True, "ActivityDate": "2026-11-01", **fields}
        task = row("Task", "00T1", values)
        return activity_on(task, True, policy.activity, TODAY, UTC, policy.screen)

    assert day(Subject="Marketo: opened a mail") is None
    assert day(Subject="Called") == date(2026, 11, 1)
    assert day() == date(2026, 11, 1)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("'NOT(IsWon)'", "'NOT(IsWon'", "3:19 [FML-003] scope, character 10: The formula ends too soon."),
        ("'NOT(IsWon)'", "'Account.Name = \"X\"'", "3:10 [FML-023] scope, character 1: Account.Name stands on another record."),
        ("'NOT(IsWon)'", "'CloseDate < TODAY()'", "3:22 [FML-022] scope, character 13: TODAY gives another answer each day."),
        ("'NOT(IsWon)'", "'\"abc\"'", "3:10 [FML-020] scope, character 1: This gives a text, not true or false."),
        ("'NOT(IsWon)'", "7", "3:9 [MAP-004] scope = 7 is no text. Write a formula in quotes."),
        ("[never.contact]", "[never.lead]", "18:8 [MAP-001] unknown key 'lead'."),
        ("'Is_Competitor__c'", "true", "19:16 [MAP-004] competitor = True is no text. Write a formula in quotes."),
    ],
)
def test_a_wrong_formula_is_refused_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in SCOPED
    policy, problems = read(SCOPED.replace(old, new), tmp_path)
    assert policy is None
    assert len(problems) == 1
    assert said in str(problems[0])


def test_without_a_compiler_a_formula_is_refused_not_skipped(tmp_path: Path) -> None:
    path = tmp_path / "nurture.toml"
    path.write_text(SCOPED, encoding="utf-8")
    table, _ = read_table(path)
    assert table is not None
    policy, problems = parse_nurture(table)
    assert (policy, {problem.code for problem in problems}) == (None, {"MAP-050"})


def test_the_example_of_the_manual_is_a_valid_file(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "nurture.md").read_text(encoding="utf-8")
    policy = good(text.partition("```toml nurture\n")[2].partition("```")[0], tmp_path)
    assert [one.name for one in policy.screen.never] == ["partner deal", "competitor", "left us"]
    assert policy.screen.scope is not None
    assert policy.screen.ignore is not None
