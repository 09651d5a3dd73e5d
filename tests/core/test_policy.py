"""Is every mistake in fences.toml named with its place and the way out, and is a right file read as it says?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.fence_model import Holding
from syncd.core.policy import parse_fences
from syncd.core.values import ActorKind, Problem, Rule, Verdict
from syncd.policies.documents import read_table
from tests.core.samples import CROSSING, GATES, POLICY, STATUS, TEAMS, fences, table

MEMBERS = "Name a user, profile, role, permission_set, queue, group, territory, user_type or where."
# What is replaced in the right file, by what, and every problem that must be named then.
WRONG_FENCES: list[tuple[str, str, list[str]]] = [
    (
        'version = "v1"\n',
        "",
        ["1:1 [MAP-003] 'version' is missing. Add: version = \"…\""],
    ),
    (
        'version = "v1"',
        "version = 2026",
        ["1:11 [MAP-004] version = 2026 is no text. Write a text in quotes."],
    ),
    (
        'version = "v1"',
        'version = " "',
        ["1:12 [MAP-004] version = ' ' is no text. Write a text in quotes."],
    ),
    (
        'version = "v1"',
        'version = "v1 "',
        ["1:12 [MAP-008] 'v1 ' holds characters that nobody sees: space at its begin or end. Type the text again."],
    ),
    (
        'version = "v1"',
        'version = "v1"\nowners = 1',
        ["2:1 [MAP-001] unknown key 'owners'. Did you mean 'owner'?"],
    ),
    (
        'version = "v1"',
        'version = "v1"\ngates = {}',
        ["2:1 [MAP-001] unknown key 'gates'. Did you mean 'gate'?"],
    ),
    (
        '"SDR"',
        '"SDR\u200b"',
        ["9:22 [MAP-008] 'SDR\\u200b' holds characters that nobody sees: U+200B. Type the text again."],
    ),
    (
        '"SDR"',
        '"\u00a0SDR\u2060"',
        ["9:22 [MAP-008] '\\xa0SDR\\u2060' holds characters that nobody sees: U+00A0, U+2060. Type the text again."],
    ),
    (
        'role = ["SDR"], queue',
        'roles = ["SDR"], queue',
        ["9:15 [MAP-001] unknown key 'roles'. Did you mean 'role'?"],
    ),
    (
        'role = ["SDR"], queue = ["MQL_EMEA"]',
        'role = "SDR"',
        [
            '9:23 [MAP-005] role = \'SDR\' is no list of texts. Write it as role = ["…", "…"].',
            "9:1 [MAP-011] team 'sdr' has no members. " + MEMBERS,
        ],
    ),
    (
        'role = ["SDR"], queue = ["MQL_EMEA"]',
        "role = []",
        [
            '9:22 [MAP-005] role = [] names nobody. Write it as role = ["…", "…"].',
            "9:1 [MAP-011] team 'sdr' has no members. " + MEMBERS,
        ],
    ),
    (
        'role = ["SDR"], queue = ["MQL_EMEA"]',
        'role = ["SDR", 3]',
        [
            '9:24 [MAP-005] role = [\'SDR\', 3] is no list of texts. Write it as role = ["…", "…"].',
            "9:1 [MAP-011] team 'sdr' has no members. " + MEMBERS,
        ],
    ),
    (
        'role = ["SDR"], queue = ["MQL_EMEA"]',
        "",
        ["9:1 [MAP-011] team 'sdr' has no members. " + MEMBERS],
    ),
    (
        '{ role = ["SDR"], queue = ["MQL_EMEA"] }',
        '"SDR"',
        [
            "9:1 [MAP-002] 'sdr' must be a table. Write it as { key = value } with: kind, user, profile, role, permission_set, "
            "queue, group, territory, user_type, where, acts_for",
        ],
    ),
    (
        'kind = "automation"',
        'kind = "automaton"',
        ["7:23 [MAP-007] kind = 'automaton' is not possible. Did you mean 'automation'?"],
    ),
    (
        'kind = "automation"',
        "kind = 7",
        ["7:22 [MAP-007] kind = 7 is not possible. Known: admin, automation, partner, person, shared, tool"],
    ),
    (
        'acts_for = "marketing"',
        'acts_for = "marketng"',
        [
            (
                "5:75 [MAP-012] acts_for = 'marketng' names no team under [teams], or 'marketo' is no tool or automation. Only "
                'a tool or an automation acts for a team, or for the "record owner"; name one of: '
                "admin, marketo, routing, flows, marketing, sdr, sales"
            ),
        ],
    ),
    (
        'kind = "admin", profile',
        'kind = "admin", acts_for = "sales", profile',
        [
            (
                "4:43 [MAP-012] acts_for = 'sales' names no team under [teams], or 'admin' is no tool or automation. Only a "
                'tool or an automation acts for a team, or for the "record owner"; name one of: '
                "admin, marketo, routing, flows, marketing, sdr, sales"
            ),
        ],
    ),
    (
        "routing   = {",
        "syncd = {",
        [
            "6:1 [MAP-013] 'syncd' is the name of syncd itself. Give the team another name.",
            ("24:44 [MAP-031] gate 'marketing -> sdr' may be passed by 'routing', which is no team. Did you mean 'marketing'?"),
        ],
    ),
    (
        "routing   = {",
        '"" = {',
        [
            "6:6 [MAP-004] an empty name is no text. Write a name in quotes.",
            ("24:44 [MAP-031] gate 'marketing -> sdr' may be passed by 'routing', which is no team. Did you mean 'marketing'?"),
        ],
    ),
    (
        "flows     =",
        '"flows " =',
        ["7:2 [MAP-008] 'flows ' holds characters that nobody sees: space at its begin or end. Type the text again."],
    ),
    (
        '"Working" = { team = "sdr" }',
        '"Working" = { team = "sdrs" }',
        ["16:23 [MAP-022] status 'Working' is given to 'sdrs', which is no team of people. Did you mean 'sdr'?"],
    ),
    (
        '"Working" = { team = "sdr" }',
        '"Working" = { team = "routing" }',
        ["16:23 [MAP-022] status 'Working' is given to 'routing', which is no team of people. Did you mean 'marketing'?"],
    ),
    (
        '"Working" = { team = "sdr" }',
        '"Working" = {}',
        ["16:13 [MAP-003] 'team' is missing. Add: team = \"…\""],
    ),
    (
        '"Working" = { team = "sdr" }',
        '"Working" = "sdr"',
        [
            "16:2 [MAP-002] 'Working' must be a table. Write it as { key = value } with: team, shared, "
            "by_record_type, queue, end, legacy, set_by"
        ],
    ),
    (
        '"Working" = { team = "sdr" }',
        '"Working" = { team = ["sdr", "sales"] }',
        ["16:24 [MAP-004] team = ['sdr', 'sales'] is no text. Write a text in quotes."],
    ),
    (
        '"Working" = { team = "sdr" }',
        '"Working" = { team = "sdr", tem = "x" }',
        ["16:29 [MAP-001] unknown key 'tem'. Did you mean 'team'?"],
    ),
    (
        '"MQL" = { team',
        '"\u041cQL" = { team',
        [
            "15:2 [MAP-009] '\u041cQL' mixes look-alike letters of two alphabets: U+041C. Type the word again.",
            (
                "20:22 [MAP-032] gate 'Inquiry, Nurture -> MQL' names 'MQL', which no team owns. "
                "Did you mean '\u041cQL'? Or give 'MQL' a team under [status]."
            ),
            (
                "21:2 [MAP-032] gate 'MQL, Working -> Nurture' names 'MQL', which no team owns. "
                "Did you mean '\u041cQL'? Or give 'MQL' a team under [status]."
            ),
        ],
    ),
    (
        '"MQL" = { team',
        '"MQL\\t" = { team',
        [
            "15:2 [MAP-008] 'MQL\\t' holds characters that nobody sees: U+0009. Type the text again.",
            (
                "20:22 [MAP-032] gate 'Inquiry, Nurture -> MQL' names 'MQL', which no team owns. "
                "Did you mean 'MQL\\t'? Or give 'MQL' a team under [status]."
            ),
            (
                "21:2 [MAP-032] gate 'MQL, Working -> Nurture' names 'MQL', which no team owns. "
                "Did you mean 'MQL\\t'? Or give 'MQL' a team under [status]."
            ),
        ],
    ),
    (
        '"Inquiry, Nurture -> MQL"',
        '"Inquiry, Nurtur -> MQL"',
        [
            (
                "20:11 [MAP-032] gate 'Inquiry, Nurtur -> MQL' names 'Nurtur', which no team owns. "
                "Did you mean 'Nurture'? Or give 'Nurtur' a team under [status]."
            ),
        ],
    ),
    (
        '"Inquiry, Nurture -> MQL"',
        '"Inquiry, Nurture => MQL"',
        ["20:2 [MAP-030] 'Inquiry, Nurture => MQL' is no gate. Write it as \"Inquiry, Nurture -> MQL\"."],
    ),
    (
        '"Inquiry, Nurture -> MQL"',
        '"-> MQL"',
        ["20:2 [MAP-030] '-> MQL' is no gate. Write it as \"Inquiry, Nurture -> MQL\"."],
    ),
    (
        '"Inquiry, Nurture -> MQL"',
        '"Inquiry ->"',
        ["20:2 [MAP-030] 'Inquiry ->' is no gate. Write it as \"Inquiry, Nurture -> MQL\"."],
    ),
    (
        '"Inquiry, Nurture -> MQL"',
        '"Inquiry, MQL -> MQL"',
        [
            (
                "20:11 [MAP-033] gate 'Inquiry, MQL -> MQL' leads from 'MQL' to itself: nothing can pass it. Take 'MQL' out on "
                "the left."
            ),
        ],
    ),
    (
        '"Inquiry, Nurture -> MQL"',
        '"Inquiry,, Nurture -> MQL"',
        [
            (
                "20:2 [MAP-032] gate 'Inquiry,, Nurture -> MQL' names '', which no team owns. Known: Inquiry, MQL, Nurture, "
                "Qualified, Working"
            ),
        ],
    ),
    (
        '"Inquiry, Nurture -> MQL"',
        '"Inquiry -> Nurture"',
        [
            (
                "20:2 [MAP-034] gate 'Inquiry -> Nurture' lets marketing move 'Inquiry' to 'Nurture', which are both its own. "
                "A team moves among its own values without a gate: delete it."
            ),
        ],
    ),
    (
        '"MQL, Working -> Nurture" =',
        '"Nurture -> MQL" =',
        ["21:2 [MAP-035] 'Nurture' -> 'MQL' already has a gate at line 20. Put both teams into one line."],
    ),
    (
        '"MQL, Working -> Nurture" = { by = ["sdr"] }',
        '"MQL, Working -> Nurture" = { by = ["sdx"] }',
        ["21:38 [MAP-031] gate 'MQL, Working -> Nurture' may be passed by 'sdx', which is no team. Did you mean 'sdr'?"],
    ),
    (
        '"MQL, Working -> Nurture" = { by = ["sdr"] }',
        '"MQL, Working -> Nurture" = { by = "sdr" }',
        ['21:37 [MAP-005] by = \'sdr\' is no list of texts. Write it as by = ["…", "…"].'],
    ),
    (
        '"MQL, Working -> Nurture" = { by = ["sdr"] }',
        '"MQL, Working -> Nurture" = {}',
        ["21:29 [MAP-003] 'by' is missing. Add: by = [\"…\"]"],
    ),
    (
        '"MQL, Working -> Nurture" = { by = ["sdr"] }',
        '"MQL, Working -> Nurture" = { for = ["sdr"] }',
        [
            "21:31 [MAP-001] unknown key 'for'. Known: by, needs, owner, reasons, when",
            "21:29 [MAP-003] 'by' is missing. Add: by = [\"…\"]",
        ],
    ),
    (
        '"sdr -> sales"',
        '"sdr -> sale"',
        ["25:9 [MAP-032] gate 'sdr -> sale' names 'sale', which is no team. Did you mean 'sales'?"],
    ),
    (
        "[crossing.owner]",
        "[crossing.owners]",
        ["29:11 [MAP-001] unknown key 'owners'. Did you mean 'owner'?"],
    ),
    (
        "[crossing.owner]\nmode = {",
        '[crossing.owner]\nmode = { admin = "revert",',
        ["30:19 [MAP-041] admin = 'revert' is not possible: an admin is noted and never reverted. Write \"observe\"."],
    ),
    (
        "[crossing.owner]\nmode = {",
        '[crossing.owner]\nmode = { unknown = "warn",',
        ["30:21 [MAP-041] unknown = 'warn' is not possible: an actor that is not sure is only noted. Write \"observe\"."],
    ),
    (
        "[crossing.owner]\nmode = {",
        '[crossing.owner]\nmode = { robot = "warn",',
        ["30:10 [MAP-040] 'robot' is no kind of actor. Known: admin, automation, partner, person, shared, tool"],
    ),
    (
        "[crossing.owner]\nmode = {",
        '[crossing.owner]\nmode = { admin = "reverse",',
        ["30:19 [MAP-041] admin = 'reverse' is not possible: an admin is noted and never reverted. Write \"observe\"."],
    ),
    (
        "[crossing.owner]\nmode = {",
        "[crossing.owner]\nmodes = {",
        ["30:1 [MAP-001] unknown key 'modes'. Did you mean 'mode'?"],
    ),
    (
        '[crossing.owner]\nmode = { tool = "revert", automation = "revert", person = "warn" }',
        '[crossing.owner]\nmode = "observe"',
        ["30:1 [MAP-002] 'mode' must be a table. Write [crossing.owner.mode]."],
    ),
    (
        "[crossing.owner]",
        '[crossing.owner]\nsince = "2026-11-01"',
        ["30:10 [MAP-042] since = '2026-11-01' is no date. Write it without quotes, such as: since = 2026-11-01"],
    ),
    (
        "[crossing.owner]",
        "[crossing.owner]\nsince = 2026-11-01T08:00:00",
        ["30:9 [MAP-042] since = 2026-11-01 08:00:00 has no time zone. Write a date, or a time that ends in Z."],
    ),
    (
        "[crossing.owner]",
        "[crossing.owner]\nsince = 08:00:00",
        ["30:9 [MAP-042] since = 08:00:00 is no date. Write it without quotes, such as: since = 2026-11-01"],
    ),
    (
        "[crossing.owner]",
        "[crossing.owner]\nsince = 0001-01-01T00:00:00+14:00",
        ["30:9 [MAP-042] since = 0001-01-01 00:00:00+14:00 is out of range. Write a date of this century."],
    ),
]


def problems_of(folder: Path, text: str) -> list[Problem]:
    """Write a fences.toml and return what is wrong with it."""
    file = folder / "fences.toml"
    file.write_text(text, encoding="utf-8")
    found, problems = read_table(file)
    if found is None:
        return problems
    policy, problems = parse_fences(found)
    assert (policy is None) == bool(problems)
    return problems


def said(problems: list[Problem], folder: Path) -> list[str]:
    """Return the messages without the file's name, which each of them begins with."""
    prefix = f"{folder / 'fences.toml'}:"
    assert all(str(problem).startswith(prefix) for problem in problems)
    return [str(problem).removeprefix(prefix) for problem in problems]


@pytest.mark.parametrize(("old", "new", "expected"), WRONG_FENCES)
def test_a_wrong_fences_file_is_refused_with_place_and_remedy(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    assert old in POLICY
    assert said(problems_of(tmp_path, POLICY.replace(old, new, 1)), tmp_path) == expected


def test_all_problems_of_a_file_are_named_in_one_run(tmp_path: Path) -> None:
    text = (
        POLICY.replace('version = "v1"', "version = 1")
        .replace('kind = "tool"', 'kind = "tol"', 1)
        .replace('"Working" = { team = "sdr" }', '"Working" = { team = "sdrs" }')
        .replace('"Inquiry, Nurture -> MQL"', '"Inquiry, Nurtur -> MQLs"')
        .replace('"sdr -> sales"', '"sdr > sales"')
        .replace("[crossing.owner]", "[crossing.owner]\nsince = 1")
    )
    codes = [problem.code for problem in problems_of(tmp_path, text)]
    assert codes == ["MAP-004", "MAP-007", "MAP-012", "MAP-022", "MAP-032", "MAP-032", "MAP-030", "MAP-042"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'version = "v1"\n' + TEAMS + "[status]",
            ["11:2 [MAP-020] no Lead Status value has an owner. Empty fences are refused: name every value."],
        ),
        ('version = "v1"\n' + TEAMS, ["1:1 [MAP-003] [status] is missing. Add the table."]),
        (
            'version = "v1"\n[teams]\n[status]',
            [
                '2:2 [MAP-010] no team is named. Write one line a team, such as: sales = { role = ["Sales Rep"] }',
                "3:2 [MAP-020] no Lead Status value has an owner. Empty fences are refused: name every value.",
            ],
        ),
        (
            "teams = 1\nversion = 'v'\nstatus = 2",
            ["1:1 [MAP-002] 'teams' must be a table. Write [teams].", "3:1 [MAP-002] 'status' must be a table. Write [status]."],
        ),
        ("", ["1:1 [FILE-003] The file is empty: nothing in it is in force. Fill it, or restore it: syncd init"]),
        (
            POLICY.replace('"MQL" = { team = "sdr" }', '"MQL" = { team = "sdr" }\n"MQL" = { team = "sales" }'),
            ["16:1 [FILE-006] status.MQL is defined twice: here and on line 15. Keep one of the two lines."],
        ),
    ],
)
def test_empty_fences_and_a_value_of_two_teams_are_refused(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert said(problems_of(tmp_path, text), tmp_path) == expected


def test_rules_point_at_the_lines_that_they_stand_on(tmp_path: Path) -> None:
    file = tmp_path / "fences.toml"
    file.write_text(POLICY)
    found, _ = read_table(file)
    assert found is not None
    policy, _ = parse_fences(found)
    assert policy is not None
    assert policy.status.holdings["MQL"] == Holding("MQL", Rule("status MQL", str(file), 15), "sdr")
    assert policy.status.gates["Working", "Nurture"].rule == Rule("MQL, Working -> Nurture", str(file), 21)
    assert policy.teams[1].rule == Rule("team marketo", str(file), 5)
    assert policy.owner.rule == Rule("owner fence", str(file), 29)


def test_the_policy_carries_its_label_and_the_hash_of_its_bytes() -> None:
    assert (fences().version, fences().policy_hash) == ("v1", "hash")


def test_a_gate_opens_each_move_that_it_names_and_no_other() -> None:
    assert set(fences().status.gates) == {
        ("Inquiry", "MQL"),
        ("Nurture", "MQL"),
        ("MQL", "Nurture"),
        ("Working", "Nurture"),
        ("Working", "Qualified"),
    }
    assert set(fences().owner.gates) == {("marketing", "sdr"), ("sdr", "sales")}


@pytest.mark.parametrize(
    ("gate", "moves"),
    [
        ('"any -> Qualified" = { by = ["sales"] }', {(v, "Qualified") for v in ("Inquiry", "Nurture", "MQL", "Working")}),
        ('" Inquiry ,MQL->Working " = { by = ["sales"] }', {("Inquiry", "Working"), ("MQL", "Working")}),
        ('"MQL -> Working" = { by = ["sales"] }', {("MQL", "Working")}),
        ('"MQL -> Working" = { by = ["sdr", "sales"] }', {("MQL", "Working")}),
        ('"MQL -> Inquiry" = { by = ["syncd"] }', {("MQL", "Inquiry")}),
    ],
)
def test_gates_may_be_written_in_short(gate: str, moves: set[tuple[str, str]]) -> None:
    policy = fences('version = "v1"' + TEAMS + STATUS + "[gate]\n" + gate)
    assert set(policy.status.gates) == moves


def test_a_status_value_may_hold_commas() -> None:
    text = 'version = "v1"' + TEAMS + STATUS + '"Closed, Lost" = { team = "sales" }\n'
    gates = '"Inquiry, Closed, Lost, MQL -> Qualified" = { by = ["sales", "sdr"] }\n"MQL -> Closed, Lost" = { by = ["sdr"] }'
    assert set(fences(text + "[gate]\n" + gates).status.gates) == {
        ("Inquiry", "Qualified"),
        ("Closed, Lost", "Qualified"),
        ("MQL", "Qualified"),
        ("MQL", "Closed, Lost"),
    }


@pytest.mark.parametrize(
    ("move", "befores"),
    [
        ("routing -> sdr", {"routing"}),
        ("admin, flows -> sales", {"admin", "flows"}),
        ("any -> sdr", {"admin", "flows", "marketing", "routing", "sales"}),
        ("sdr -> sdr", {"sdr"}),
    ],
)
def test_owner_gates_may_name_every_team_that_can_own(move: str, befores: set[str]) -> None:
    policy = fences('version = "v1"' + TEAMS + STATUS + f'[owner]\n"{move}" = {{ by = ["routing"] }}')
    assert {before for before, _ in policy.owner.gates} == befores


def test_without_gates_and_crossings_everything_is_observed() -> None:
    policy = fences('version = "v1"' + TEAMS + STATUS)
    assert (policy.status.gates, policy.status.ladder.mode, policy.status.ladder.since) == ({}, {}, None)
    assert (policy.owner.gates, policy.owner.ladder.mode, policy.owner.ladder.since) == ({}, {}, None)


def test_modes_are_read_for_each_kind_of_actor() -> None:
    assert fences().status.ladder.mode == {
        ActorKind.TOOL: Verdict.REVERT,
        ActorKind.AUTOMATION: Verdict.REVERT,
        ActorKind.PERSON: Verdict.WARN,
    }


@pytest.mark.parametrize("kind", ["admin", "unknown"])
def test_to_observe_an_admin_or_the_unknown_may_be_written_down(kind: str) -> None:
    policy = fences(POLICY.replace('person = "warn"', f'{kind} = "observe"'))
    assert Verdict.NOTE not in policy.status.ladder.mode.values()


@pytest.mark.parametrize(
    ("since", "moment"),
    [
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T08:00:00Z", datetime(2026, 11, 1, 8, tzinfo=UTC)),
        ("2026-11-01T08:00:00+13:00", datetime(2026, 10, 31, 19, tzinfo=UTC)),
    ],
)
def test_a_fence_stands_since_a_day_or_a_moment_in_utc(since: str, moment: datetime) -> None:
    policy = fences(POLICY.replace("[crossing.status]", f"[crossing.status]\nsince = {since}"))
    assert (policy.status.ladder.since, policy.owner.ladder.since) == (moment, None)


KEYS = st.sampled_from(["kind", "by", "team", "mode", "role", "since", "a -> b", "any -> a", "a", ""])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["version", "teams", "status", "gate", "owner", "crossing", "x"]), JUNK))
def test_no_file_is_so_wrong_that_reading_it_fails(values: dict[str, object]) -> None:
    found = table("")
    policy, problems = parse_fences(type(found)(found.file, values, {}, "hash"))
    assert (policy is None) == bool(problems)


@given(st.sets(st.sampled_from([TEAMS, STATUS, GATES, CROSSING])))
def test_a_file_without_its_teams_or_values_is_never_in_force(parts: set[str]) -> None:
    policy, _ = parse_fences(table('version = "v1"\n' + "".join(sorted(parts))))
    assert policy is None or {TEAMS, STATUS} <= parts
