"""Each wrong fence file is refused with its place and the way out, whatever is wrong with it; a right one means what it says.

wrong_fences/ has a file for each mistake, and beside it what must be said of it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncd.cli.fence_drawing import matrix, svg
from syncd.cli.fence_findings import lifecycle_sound
from syncd.cli.output import pointed
from syncd.core.fence_map import map_of
from syncd.core.fence_model import Approver, Bound, BulkEvent, Fences, Quiet, Sharing
from syncd.core.policy import parse_fences
from syncd.core.values import ActorKind, Problem, Rule, Verdict
from syncd.policies.conditions import compile_condition
from syncd.policies.documents import read_table

FOLDER = Path(__file__).parent
WRONG = sorted((FOLDER / "wrong_fences").glob("*.toml"))
LARGE = FOLDER / "large_company.toml"
STARTER = FOLDER.parents[1] / "mappings" / "fences.toml"
ALPHABET = "abcdef \"'[]{}=,.->#\\\n\t0159_é\u200b\u0430"


def read(path: Path) -> tuple[Fences | None, list[Problem]]:
    table, problems = read_table(path)
    if table is None:
        return None, [replace(problem, file="fences.toml") for problem in problems]
    return parse_fences(replace(table, file="fences.toml"), compile_condition)


@pytest.fixture(scope="module")
def large() -> Fences:
    policy, problems = read(LARGE)
    assert policy is not None, [str(problem) for problem in problems]
    return policy


@pytest.mark.parametrize("path", WRONG, ids=[path.stem for path in WRONG])
def test_a_wrong_file_is_refused_with_its_place_and_the_way_out(path: Path) -> None:
    policy, problems = read(path)
    assert policy is None
    assert [line for problem in problems for line in (str(problem), *pointed(problem))] == path.with_suffix(".txt").read_text(
        encoding="utf-8"
    ).splitlines()
    assert all(problem.remedy for problem in problems)


def test_every_wrong_file_differs_from_the_right_one_by_its_mistake() -> None:
    assert len({path.read_text(encoding="utf-8") for path in [*WRONG, LARGE]}) == len(WRONG) + 1 > 100


def test_the_lifecycle_stands_on_several_objects(large: Fences) -> None:
    bound = (Bound("Lead", "Status"), Bound("Contact", "Contact_Status__c", frozenset({"Prospect"})))
    assert (large.status.bound, large.status.reason_field) == (bound, "Status_Reason__c")
    assert large.owner.bound == (Bound("Lead", "OwnerId"),)
    stage = large.fence("stage")
    assert (stage.bound, stage.reason_field) == ((Bound("Opportunity", "StageName"),), "Loss_Reason__c")
    assert [fence.name for fence in large.fences] == ["status", "owner", "stage"]


def test_a_value_has_a_team_or_a_split_or_is_legacy(large: Fences) -> None:
    values = large.status.holdings
    assert [(team, when and when.text) for team, when in values["MQL"].shared] == [
        ("sdr", 'ISPICKVAL(LeadSource, "Event")'),
        ("marketing", None),
    ]
    assert (values["Working"].team, values["Working"].by_record_type) == ("sdr", {"Partner_Lead": "sales"})
    assert (values["Open"].team, values["Open"].is_legacy) == (None, True)
    assert (values["Qualified"].set_by, values["Disqualified"].is_end, values["Nurture"].queue) == ("conversion", True, "Nurture")
    assert values["Nurture"].rule == Rule("status Nurture", "fences.toml", 16)


def test_a_gate_carries_what_it_asks_for(large: Fences) -> None:
    gate = large.status.gates["Working", "Nurture"]
    assert (set(gate.by), set(gate.reasons)) == ({"sdr"}, {"No budget", "Bad timing"})
    assert (gate.needs, gate.owner) == (("Next_Step__c",), "queue")
    over = large.status.gates["Inquiry", "Disqualified"]
    assert over.when is not None
    assert (set(over.when.fields), set(over.reasons)) == ({"Is_Key_Account__c"}, {"Student", "Competitor"})
    assert over.when.rule == Rule("when of any -> Disqualified", "fences.toml", 26)


def test_any_opens_no_move_inside_the_team_that_may_pass(tmp_path: Path) -> None:
    path = tmp_path / "fences.toml"
    text = LARGE.read_text(encoding="utf-8").replace(
        '{ by = ["sdr", "sales"], reasons = ["Student"', '{ by = ["sdr"], reasons = ["Student"'
    )
    path.write_text(text.replace('by_record_type = { Partner_Lead = "sales" } ', 'queue = "Working" '), encoding="utf-8")
    policy, problems = read(path)
    assert policy is not None, problems
    assert ("Working", "Disqualified") not in policy.status.gates
    assert ("Qualified", "Disqualified") in policy.status.gates


def test_any_gives_way_where_a_line_names_the_value_and_asks_for_the_same(tmp_path: Path) -> None:
    path = tmp_path / "fences.toml"
    demands = """reasons = ["Competitor", "Student"], when = 'NOT(Is_Key_Account__c)'"""
    again = f'"Inquiry -> Disqualified" = {{ by = ["marketing"], {demands} }}'
    path.write_text(LARGE.read_text(encoding="utf-8").replace("[reasons]", f"{again}\n[reasons]"), encoding="utf-8")
    policy, problems = read(path)
    assert policy is not None, problems
    gate = policy.status.gates["Inquiry", "Disqualified"]
    assert (set(gate.by), gate.rule.line) == ({"marketing", "sdr", "sales"}, 28)


def test_owners_move_by_assignment_rules_and_never_to_some(large: Fences) -> None:
    assert large.owner.gates["marketing", "sdr"].by == {"marketo", "assignment rule"}
    assert (set(large.owner.never_to), set(large.status.never_to)) == ({"inactive user", "marketo"}, set())


def test_other_fields_follow_a_fence_or_are_shared(large: Fences) -> None:
    assert [(rule.object, rule.field, rule.team, rule.follows, rule.shared) for rule in large.sides] == [
        ("Lead", "Rating", None, "status", None),
        ("Lead", "Phone", None, None, Sharing.FILL_BLANKS),
    ]


def test_what_one_fence_says_of_crossings_goes_before_what_is_said_of_all(large: Fences) -> None:
    ladder = large.status.ladder
    assert ladder.mode == {ActorKind.TOOL: Verdict.WARN, ActorKind.PERSON: Verdict.NOTE}
    assert (ladder.grace, ladder.tell, ladder.since) == (timedelta(minutes=30), "field Syncd_Note__c", None)
    assert large.owner.ladder == replace(ladder, since=datetime(2026, 11, 1, tzinfo=UTC))
    assert (large.quiet, large.bulk) == (Quiet(5, "quarter"), BulkEvent(50, timedelta(minutes=10)))


def test_rules_of_fields_have_a_ladder_of_their_own(tmp_path: Path, large: Fences) -> None:
    assert [rule.ladder for rule in large.sides] == [large.status.ladder] * 2
    path = tmp_path / "fences.toml"
    path.write_text(LARGE.read_text(encoding="utf-8") + '[crossing.fields]\nmode = { tool = "revert" }\n', encoding="utf-8")
    policy, problems = read(path)
    assert policy is not None, problems
    assert [rule.ladder.mode[ActorKind.TOOL] for rule in policy.sides] == [Verdict.REVERT] * 2
    assert policy.status.ladder.mode[ActorKind.TOOL] is Verdict.WARN


def test_nothing_is_told_on_opportunities(large: Fences) -> None:
    assert (large.fence("stage").ladder.tell, large.status.ladder.tell) == (None, "field Syncd_Note__c")


def test_a_mode_is_overridden_kind_by_kind(tmp_path: Path) -> None:
    path = tmp_path / "fences.toml"
    path.write_text(LARGE.read_text(encoding="utf-8") + '[crossing.status]\nmode = { tool = "revert" }\n', encoding="utf-8")
    policy, problems = read(path)
    assert policy is not None, problems
    assert policy.status.ladder.mode == {ActorKind.TOOL: Verdict.REVERT, ActorKind.PERSON: Verdict.NOTE}
    assert policy.owner.ladder.mode[ActorKind.TOOL] is Verdict.WARN


@pytest.mark.parametrize("mode", ["ask", "revert"])
def test_people_are_asked_or_reverted_once_each_team_agreed(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "fences.toml"
    approvers = 'approvers = { marketing = "dana@acme.example", sdr = "sid@acme.example", sales = "tom@acme.example" }\n'
    text = approvers + LARGE.read_text(encoding="utf-8") + f'[crossing.status]\nmode.person = "{mode}"\n'
    path.write_text(text, encoding="utf-8")
    policy, problems = read(path)
    assert policy is not None, problems
    assert policy.status.ladder.mode[ActorKind.PERSON].value == mode
    assert policy.approvers[1] == Approver("sdr", "sid@acme.example", Rule("approver of sdr", "fences.toml", 1))


def test_two_teams_are_enough_where_a_fence_stands_between_two(tmp_path: Path) -> None:
    path = tmp_path / "fences.toml"
    text = 'approvers = { marketing = "dana@acme.example", sdr = "sid@acme.example" }\n' + LARGE.read_text(encoding="utf-8")
    path.write_text(text.replace("since = 2026-11-01", 'mode.person = "revert"'), encoding="utf-8")
    policy, problems = read(path)
    assert policy is not None, problems
    assert policy.owner.ladder.mode[ActorKind.PERSON] is Verdict.REVERT


def test_what_the_documentation_shows_is_one_valid_file(tmp_path: Path) -> None:
    text = (FOLDER.parents[1] / "docs" / "fences.md").read_text(encoding="utf-8")
    teams = "[teams]\n" + "".join(f'{name} = {{ role = ["{name}"] }}\n' for name in ("marketing", "sdr", "sales"))
    teams += 'partners = { kind = "partner", user_type = ["PowerPartner"] }\n'
    teams += "".join(f'{name} = {{ kind = "tool", user = ["{name}"] }}\n' for name in ("marketo", "routing"))
    shown = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    whole = "\n".join([*shown, teams]).replace(
        "[status]\n", '[status]\n"Nurture" = { team = "marketing", queue = "Nurture" }\n', 1
    )
    (tmp_path / "fences.toml").write_text(whole, encoding="utf-8")
    policy, problems = read(tmp_path / "fences.toml")
    assert policy is not None, [str(problem) for problem in problems]
    assert len(shown) >= 6


def spoilt(rng: random.Random, text: str) -> str:
    """Make one to three small mistakes in a file, as people and merges make them."""
    for _ in range(rng.randint(1, 3)):
        lines = text.split("\n")
        place, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        at, end = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
        words = text.split(" ")
        match rng.randrange(6):
            case 0:
                text = "\n".join([*lines[:place], *lines[place + 1 :]])
            case 1:
                lines[place], lines[other] = lines[other], lines[place]
                text = "\n".join(lines)
            case 2:
                text = text[:at] + rng.choice(ALPHABET) + text[at + rng.randrange(2) :]
            case 3:
                words[rng.randrange(len(words))] = rng.choice(words)
                text = " ".join(words)
            case 4:
                text = text[:at] + text[min(end, at + 40) :]
            case _:
                lines.insert(place, lines[other])
                text = "\n".join(lines)
    return text


def spoilt_files(seed: int, count: int) -> Iterator[str]:
    rng = random.Random(seed)
    rights = [path.read_text(encoding="utf-8") for path in (LARGE, STARTER)]
    for _ in range(count):
        yield spoilt(rng, rng.choice(rights))


def refuse_or_read(path: Path, text: str) -> bool:
    """Read a file and say whether it is right; what is wrong with it must have a place in it, a code and a remedy."""
    path.write_text(text, encoding="utf-8", newline="")
    policy, problems = read(path)
    assert (policy is None) == bool(problems), text
    lines = text.split("\n")
    for problem in problems:
        assert 1 <= problem.line <= len(lines), text
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1, text
        assert problem.code, text
        assert problem.text, text
        assert problem.remedy, text
    if policy is not None:
        for fence in policy.fences:
            drawn = map_of(policy, fence.name)
            assert len(matrix(drawn)[1]) == len(drawn.values)
            assert svg(drawn, "Any").endswith("</svg>\n")
        assert all(found.remedy for found in lifecycle_sound(policy))
    return policy is not None


def test_no_spoilt_file_is_met_with_a_traceback(tmp_path: Path) -> None:
    right = [refuse_or_read(tmp_path / "fences.toml", text) for text in spoilt_files(6, 120)]
    assert 0 < sum(right) < len(right)


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(4))
def test_no_spoilt_file_of_thousands_is_met_with_a_traceback(tmp_path: Path, seed: int) -> None:
    for text in spoilt_files(seed, 2_000):
        refuse_or_read(tmp_path / "fences.toml", text)
