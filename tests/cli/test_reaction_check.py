"""Does `syncd check` say who cannot approve, and when it is quiet next?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from syncd.cli.finding import Level
from syncd.cli.reaction_check import approvers_known, quiet_known
from syncd.core.directory import Directory
from syncd.core.fence_model import Approver, Quiet
from syncd.core.values import Rule
from tests.core.samples import fences, people, user_id

RULE = Rule("approvers", "fences.toml", 2)
LAW = fences()


@pytest.mark.parametrize(
    ("team", "who", "level", "says"),
    [
        ("marketing", "mia@acme.example", Level.OK, "mia@acme.example approves for marketing"),
        ("marketing", "MIA@ACME.example", Level.OK, "MIA@ACME.example approves for marketing"),
        ("sdr", "Sam Dialer", Level.OK, "Sam Dialer approves for sdr"),
        ("sdr", "mia@acme.example", Level.FINDING, "fences.toml:2 mia@acme.example approves for sdr and belongs to marketing."),
        ("sdr", "nemo@acme.example", Level.FINDING, "fences.toml:2 nemo@acme.example approves for sdr and belongs to no team."),
        ("sdr", "sid@acme.example", Level.WARNING, "fences.toml:2 no user has the username 'sid@acme.example'"),
    ],
)
def test_an_approver_has_to_be_somebody_of_the_team(team: str, who: str, level: Level, says: str) -> None:
    law = replace(LAW, approvers=(Approver(team, who, RULE),))
    [finding] = approvers_known(law, people())
    assert finding.level is level
    assert finding.text.startswith(says)
    assert bool(finding.remedy) == (level is not Level.OK)


def test_who_has_left_approves_nothing() -> None:
    company = people()
    users = {**company.users, user_id("mia"): replace(company.users[user_id("mia")], is_active=False)}
    law = replace(LAW, approvers=(Approver("marketing", "mia@acme.example", RULE),))
    [finding] = approvers_known(law, Directory(users, company.queues, company.own_user_id))
    assert (finding.level, finding.text) == (
        Level.FINDING,
        "fences.toml:2 mia@acme.example, who approves for marketing, is inactive.",
    )


@pytest.mark.parametrize(
    ("month", "level", "says"),
    [
        (1, Level.OK, "the fiscal year begins in month 1; next quiet: 2026-03-25 to 2026-03-31"),
        (2, Level.OK, "the fiscal year begins in month 2; next quiet: 2026-04-24 to 2026-04-30"),
        (
            None,
            Level.WARNING,
            "the org does not show FiscalYearStartMonth: the last days of every month are quiet, next 2026-03-25",
        ),
    ],
)
def test_the_next_quiet_days_are_told(month: int | None, level: Level, says: str) -> None:
    finding = quiet_known(replace(LAW, quiet=Quiet(days=5)), month, date(2026, 3, 2))
    assert finding.level is level
    assert finding.text.startswith(says)
