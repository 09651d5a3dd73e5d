"""Does a deal stall on the right day, and is a wrong nurture.toml refused with place and remedy?"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.holds import Hold
from syncd.core.nurture import (
    Activity,
    Deal,
    Person,
    activity_on,
    kept_out_because,
    local_day,
    parse_nurture,
    stage_entered_on,
    stalled_because,
)
from syncd.core.values import OrgRecord, Scalar
from syncd.policies.documents import read_table
from tests.core.samples import NURTURE, nurture, row

TODAY = date(2026, 11, 2)
AUCKLAND, NEW_YORK = ZoneInfo("Pacific/Auckland"), ZoneInfo("America/New_York")


def ago(days: int) -> date:
    """Return the day so many days before today."""
    return TODAY - timedelta(days=days)


# What is replaced in the right file, by what, and every problem that must be named then.
WRONG_NURTURE: list[tuple[str, str, list[str]]] = [
    (
        'version = "v1"\n',
        "",
        ["1:1 [MAP-003] 'version' is missing. Add: version = \"…\""],
    ),
    (
        'version = "v1"',
        'version = "v1"\nmode = "enrol"',
        ["3:9 [MAP-007] mode = 'enrol' is not possible. Did you mean 'enroll'?"],
    ),
    (
        'version = "v1"',
        'version = "v1"\nmodus = "ask"',
        ["3:1 [MAP-001] unknown key 'modus'. Did you mean 'mode'?"],
    ),
    (
        'by = ["sales"]',
        'by = "sales"',
        ['4:7 [MAP-005] by = \'sales\' is no list of texts. Write it as by = ["…", "…"].'],
    ),
    (
        'by = ["sales"]',
        "by = []",
        ['4:6 [MAP-005] by = [] names nobody. Write it as by = ["…", "…"].'],
    ),
    (
        'by = ["sales"]',
        'bye = ["sales"]',
        ["4:1 [MAP-001] unknown key 'bye'. Did you mean 'by'?"],
    ),
    (
        '["Marketo:"]',
        '["Marketo:\u200b"]',
        ["5:10 [MAP-008] 'Marketo:\\u200b' holds characters that nobody sees: U+200B. Type the text again."],
    ),
    (
        'by = ["sales"]',
        "booked_days_max = -1",
        ["4:19 [MAP-006] booked_days_max = -1 is no whole number of at least 0. Write a whole number, such as 30."],
    ),
    (
        'by = ["sales"]',
        "booked_days_max = true",
        ["4:19 [MAP-006] booked_days_max = true is no whole number of at least 0. Write a whole number, such as 30."],
    ),
    (
        'Contact = "Hold_Until__c"',
        'Contacts = "Hold_Until__c"',
        ["7:1 [MAP-001] unknown key 'Contacts'. Did you mean 'Contact'?"],
    ),
    (
        'Contact = "Hold_Until__c"',
        "Contact = 4",
        ["7:11 [MAP-004] Contact = 4 is no text. Write a text in quotes."],
    ),
    (
        "in_stage_days = 60",
        "in_stage_days = 60.5",
        ["10:32 [MAP-006] in_stage_days = 60.5 is no whole number of at least 0. Write a whole number, such as 30."],
    ),
    (
        "in_stage_days = 60",
        'in_stage_days = "60"',
        ["10:33 [MAP-006] in_stage_days = '60' is no whole number of at least 0. Write it without quotes."],
    ),
    (
        "in_stage_days = 60",
        "quiet_days = 60",
        ["10:14 [MAP-003] 'in_stage_days' is missing. Add: in_stage_days = 30"],
    ),
    (
        "in_stage_days = 60",
        "in_stage_days = 60, quiet = 3",
        ["10:36 [MAP-001] unknown key 'quiet'. Did you mean 'quiet_days'?"],
    ),
    (
        "{ in_stage_days = 60 }",
        "60",
        ["10:2 [MAP-002] 'Proposal' must be a table. Write it as { key = value } with: in_stage_days, quiet_days"],
    ),
    (
        '"Proposal" = {',
        '"Propos\u00adal" = {',
        [
            "10:15 [MAP-008] 'Propos\\xadal' holds characters that nobody sees: U+00AD. Type the text again.",
            (
                "10:15 [MAP-061] stage 'Propos\\xadal' may stall, but is named by no track. Name it in the stages of exactly "
                "one [track]."
            ),
        ],
    ),
    (
        'stages = ["Proposal"]',
        'stages = ["Discovery", "Proposal"]',
        [
            (
                "9:2 [MAP-061] stage 'Discovery' may stall, but is named by early and late. Name it in the stages of exactly "
                "one [track]."
            ),
        ],
    ),
    (
        'stages = ["Proposal"]',
        'stages = ["Propsal"]',
        [
            (
                "10:2 [MAP-061] stage 'Proposal' may stall, but is named by no track. Name it in the stages of exactly one "
                "[track]."
            ),
        ],
    ),
    (
        'stages = ["Proposal"]',
        "stages = []",
        [
            '13:21 [MAP-005] stages = [] names nothing. Write it as stages = ["…", "…"].',
            (
                "10:2 [MAP-061] stage 'Proposal' may stall, but is named by no track. Name it in the stages of exactly one "
                "[track]."
            ),
        ],
    ),
    (
        'stages = ["Proposal"], ',
        "",
        [
            "13:10 [MAP-003] 'stages' is missing. Add: stages = [\"…\"]",
            (
                "10:2 [MAP-061] stage 'Proposal' may stall, but is named by no track. Name it in the stages of exactly one "
                "[track]."
            ),
        ],
    ),
    (
        'campaign = "Stalled Late", ',
        "",
        ["13:10 [MAP-003] 'campaign' is missing. Add: campaign = \"…\""],
    ),
    (
        'member_status = "Sent"',
        'member_status = ""',
        ["13:78 [MAP-004] member_status = '' is no text. Write a text in quotes."],
    ),
    (
        'member_status = "Sent"',
        'memberstatus = "Sent"',
        ["13:62 [MAP-001] unknown key 'memberstatus'. Did you mean 'member_status'?"],
    ),
    (
        '"Discovery" = { in_stage_days = 45, quiet_days = 21 }\n"Proposal" = { in_stage_days = 60 }\n',
        "",
        ['8:2 [MAP-060] no stage may stall. Name one, such as: "Proposal" = { in_stage_days = 60 }'],
    ),
    (
        '[stall]\n"Discovery" = { in_stage_days = 45, quiet_days = 21 }\n"Proposal" = { in_stage_days = 60 }\n',
        "",
        ["1:1 [MAP-003] [stall] is missing. Add the table."],
    ),
    (
        "[hold]\n",
        "[[hold]]\n",
        ["6:3 [MAP-002] 'hold' must be a table. Write it as { key = value } with: Opportunity, Contact, Lead"],
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), WRONG_NURTURE)
def test_a_wrong_nurture_file_is_refused_with_place_and_remedy(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    assert old in NURTURE
    file = tmp_path / "nurture.toml"
    file.write_text(NURTURE.replace(old, new, 1), encoding="utf-8")
    found, _ = read_table(file)
    assert found is not None
    policy, problems = parse_nurture(found)
    assert policy is None
    assert [str(problem).removeprefix(f"{file}:") for problem in problems] == expected


def test_a_right_file_is_read_as_it_says() -> None:
    policy = nurture()
    assert (policy.version, policy.policy_hash, policy.mode) == ("v1", "hash", "observe")
    assert policy.activity == Activity(frozenset({"sales"}), ("Marketo:",), 30)
    assert policy.hold_field == {"Contact": "Hold_Until__c"}
    assert (policy.stall["Discovery"].in_stage_days, policy.stall["Discovery"].quiet_days) == (45, 21)
    assert (policy.stall["Proposal"].in_stage_days, policy.stall["Proposal"].quiet_days) == (60, None)
    assert [(track.name, track.campaign, track.member_status) for track in policy.tracks] == [
        ("early", "Stalled Early", None),
        ("late", "Stalled Late", "Sent"),
    ]
    assert policy.track_of("Proposal").name == "late"


def test_activity_and_holds_may_be_left_out() -> None:
    start, _, rest = NURTURE.partition("[activity]")
    policy = nurture(start + "[stall]" + rest.partition("[stall]")[2])
    assert (policy.activity, policy.hold_field) == (Activity(), {})


def deal(stage: str = "Discovery", entered: int = 100, active: int | None = None, hold: date | None = None) -> Deal:
    """Return a deal by how many days ago it entered its stage and saw activity."""
    return Deal("006", stage, ago(entered), None if active is None else ago(active), hold)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (deal(entered=45), None),
        (deal(entered=46), "46 days in Discovery, limit 45; 46 days without activity, limit 21"),
        (deal(entered=46, active=21), None),
        (deal(entered=46, active=22), "46 days in Discovery, limit 45; 22 days without activity, limit 21"),
        (deal(entered=46, active=0), None),
        (deal(entered=46, active=-5), None),
        (deal(entered=46, active=300), "46 days in Discovery, limit 45; 46 days without activity, limit 21"),
        (deal(entered=-3), None),
        (deal("Proposal", entered=60), None),
        (deal("Proposal", entered=61, active=0), "61 days in Proposal, limit 60"),
        (deal("Closed Won", entered=900), None),
        (deal("discovery", entered=900), None),
        (deal(hold=TODAY), None),
        (deal(hold=ago(-1)), None),
        (deal(hold=ago(1)), "100 days in Discovery, limit 45; 100 days without activity, limit 21"),
    ],
)
def test_a_deal_has_stalled_the_day_after_its_limits_unless_on_hold(case: Deal, reason: str | None) -> None:
    assert stalled_because(case, nurture().stall, TODAY) == reason


def test_a_limit_of_no_days_is_passed_on_the_next_day() -> None:
    rules = nurture(NURTURE.replace("in_stage_days = 60", "in_stage_days = 0, quiet_days = 0")).stall
    assert stalled_because(deal("Proposal", entered=0), rules, TODAY) is None
    assert stalled_because(deal("Proposal", entered=1), rules, TODAY) is not None


@pytest.mark.parametrize(
    ("moment", "zone", "day"),
    [
        (datetime(2026, 11, 1, 10, 59, 59, tzinfo=UTC), AUCKLAND, date(2026, 11, 1)),
        (datetime(2026, 11, 1, 11, 0, tzinfo=UTC), AUCKLAND, date(2026, 11, 2)),
        (datetime(2026, 6, 30, 11, 59, 59, tzinfo=UTC), AUCKLAND, date(2026, 6, 30)),
        (datetime(2026, 6, 30, 12, 0, tzinfo=UTC), AUCKLAND, date(2026, 7, 1)),
        (datetime(2026, 11, 1, 3, 59, 59, tzinfo=UTC), NEW_YORK, date(2026, 10, 31)),
        (datetime(2026, 11, 1, 4, 0, tzinfo=UTC), NEW_YORK, date(2026, 11, 1)),
        (datetime(2026, 11, 2, 4, 59, 59, tzinfo=UTC), NEW_YORK, date(2026, 11, 1)),
        (datetime(2026, 11, 2, 5, 0, tzinfo=UTC), NEW_YORK, date(2026, 11, 2)),
        (datetime(2026, 11, 2, 23, 59, 59, tzinfo=UTC), UTC, date(2026, 11, 2)),
    ],
)
def test_a_day_is_that_of_the_configured_zone_also_when_clocks_change(moment: datetime, zone: ZoneInfo, day: date) -> None:
    assert local_day(moment, zone) == day


def opportunity(**fields: Scalar) -> OrgRecord:
    """Return the opportunity, now in Proposal."""
    return row("Opportunity", "006", {"StageName": "Proposal", "CreatedDate": "2026-01-05T12:00:00.000+0000", **fields})


def stage(number: int, name: str, moment: str) -> OrgRecord:
    """Return one OpportunityHistory row."""
    return row("OpportunityHistory", f"008{number:015}", {"StageName": name, "CreatedDate": moment})


@pytest.mark.parametrize(
    ("changed", "rows", "entered"),
    [
        pytest.param("2026-03-01T11:00:00.000+0000", [("Proposal", "2026-09-09T00:00:00Z")], "2026-03-02", id="as told"),
        pytest.param(None, [], "2026-01-06", id="created"),
        pytest.param("", [("Discovery", "2026-02-01T00:00:00Z")], "2026-01-06", id="never seen in this stage"),
        pytest.param(
            None, [("Discovery", "2026-02-01T00:00:00Z"), ("Proposal", "2026-03-01T00:00:00Z")], "2026-03-01", id="entered"
        ),
        pytest.param(
            None,
            [("Proposal", "2026-02-01T00:00:00Z"), ("Proposal", "2026-04-01T00:00:00Z"), ("Proposal", "2026-05-01T00:00:00Z")],
            "2026-02-01",
            id="a new amount is no new stage",
        ),
        pytest.param(
            None,
            [("Proposal", "2026-02-01T00:00:00Z"), ("Discovery", "2026-04-01T00:00:00Z"), ("Proposal", "2026-05-01T00:00:00Z")],
            "2026-05-01",
            id="left and came back",
        ),
    ],
)
def test_a_stage_begins_as_salesforce_says_or_else_as_its_history_does(
    changed: str | None, rows: list[tuple[str, str]], entered: str
) -> None:
    told = [stage(number, name, moment) for number, (name, moment) in enumerate(rows)]
    for history in (told, told[::-1]):
        assert stage_entered_on(opportunity(LastStageChangeDate=changed), history, AUCKLAND) == date.fromisoformat(entered)


def test_rows_of_one_second_are_told_apart_by_their_ids() -> None:
    moment = "2026-05-01T00:00:00Z"
    rows = [stage(2, "Proposal", moment), stage(1, "Discovery", moment), stage(0, "Proposal", "2026-02-01T00:00:00Z")]
    assert stage_entered_on(opportunity(), rows, UTC) == date(2026, 5, 1)


def test_without_any_date_the_last_save_counts() -> None:
    assert stage_entered_on(opportunity(CreatedDate=None), [], UTC) == TODAY


DONE: dict[str, Scalar] = {"IsClosed": True}
EARLY: dict[str, Scalar] = {**DONE, "ActivityDate": "2027-11-01"}
SPOKE = Activity(frozenset({"sales"}), ("Marketo:", "Auto: "), 30)


@pytest.mark.parametrize(
    ("fields", "day"),
    [
        ({**DONE, "ActivityDate": "2026-10-01"}, date(2026, 10, 1)),
        ({**DONE, "ActivityDate": "2026-11-02", "CreatedDate": "2026-01-05T00:00:00Z"}, TODAY),
        ({**DONE, "CreatedDate": "2026-10-01T12:00:00Z"}, date(2026, 10, 2)),
        ({**EARLY, "CreatedDate": "2026-01-05T00:00:00Z"}, date(2026, 1, 5)),
        ({**EARLY, "CreatedDate": "2026-01-05T00:00:00Z", "CompletedDateTime": "2026-02-05T11:00:00Z"}, date(2026, 2, 6)),
        ({**DONE, "ActivityDate": "2026-10-01", "Subject": "Marketo: mail sent"}, None),
        ({**DONE, "ActivityDate": "2026-10-01", "Subject": "Re: Marketo: mail sent"}, date(2026, 10, 1)),
        ({**DONE, "ActivityDate": "2026-10-01", "Subject": "Automatic"}, date(2026, 10, 1)),
        ({"IsClosed": False, "ActivityDate": "2026-11-02"}, TODAY),
        ({"IsClosed": False, "ActivityDate": "2026-12-02"}, TODAY),
        ({"IsClosed": False, "ActivityDate": "2026-12-03"}, None),
        ({"IsClosed": False, "ActivityDate": "2026-11-01"}, None),
        ({"IsClosed": False}, None),
        ({"IsClosed": False, "ActivityDate": "2026-11-05", "Subject": "Auto: call"}, None),
        ({}, None),
    ],
)
def test_only_work_done_or_booked_soon_shows_that_somebody_is_on_it(fields: dict[str, Scalar], day: date | None) -> None:
    assert activity_on(row("Task", "00T", fields), True, SPOKE, TODAY, AUCKLAND) == day


def test_a_task_of_others_counts_only_when_anybody_counts() -> None:
    task = row("Task", "00T", {**DONE, "ActivityDate": "2026-10-01"})
    assert activity_on(task, False, SPOKE, TODAY, UTC) is None
    assert activity_on(task, False, Activity(), TODAY, UTC) == date(2026, 10, 1)


def test_a_next_step_may_be_booked_as_far_ahead_as_the_file_says() -> None:
    task = row("Task", "00T", {"ActivityDate": "9999-12-31"})
    assert activity_on(task, True, Activity(booked_days_max=10**18), TODAY, UTC) == TODAY
    assert activity_on(row("Task", "00T", {"ActivityDate": "2026-11-03"}), True, Activity(booked_days_max=0), TODAY, UTC) is None


@pytest.mark.parametrize(
    ("person", "reasons"),
    [
        (Person("003", (), None, (), False), []),
        (Person("003", (), Hold(ago(1)), (), True), []),
        (Person("003", (), Hold(TODAY), (), False), ["on hold by sales until 2026-11-02"]),
        (Person("003", ("opted out (salesforce)",), None, (), False), ["opted out (salesforce)"]),
        (Person("003", (), None, ("Zeta", "Alpha"), False), ["on an active opportunity: Alpha, Zeta"]),
        (
            Person("003", ("a", "b"), Hold(ago(-9)), ("Deal",), False, is_deleted=True),
            ["contact is deleted", "a", "b", "on hold by sales until 2026-11-11", "on an active opportunity: Deal"],
        ),
    ],
)
def test_every_reason_that_keeps_a_person_out_is_named(person: Person, reasons: list[str]) -> None:
    assert kept_out_because(person, TODAY) == reasons


DAYS = st.integers(-400, 400)


@given(st.sampled_from(["Discovery", "Proposal"]), DAYS, st.none() | DAYS, st.none() | DAYS, st.integers(0, 50))
def test_a_stalled_deal_stays_stalled_until_somebody_acts(
    stage: str, entered: int, active: int | None, hold: int | None, later: int
) -> None:
    rules = nurture().stall
    case = Deal("006", stage, ago(entered), None if active is None else ago(active), None if hold is None else ago(hold))
    if stalled_because(case, rules, TODAY) is not None:
        assert stalled_because(case, rules, TODAY + timedelta(days=later)) is not None
        assert entered > rules[stage].in_stage_days
        assert hold is None or hold > 0


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.booleans())
def test_no_activity_lies_in_the_future(today: date, due: date | None, is_closed: bool) -> None:
    task = row("Task", "00T", {"IsClosed": is_closed, "ActivityDate": due.isoformat() if due else None})
    day = activity_on(task, True, SPOKE, today, UTC)
    assert day is None or day <= today
