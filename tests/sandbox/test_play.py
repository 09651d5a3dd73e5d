"""Is the play's ground truth what its edits really do, and does each day hold its scenes?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from syncd.sandbox.company import write_company
from syncd.sandbox.company_people import MARKETO, ROUTING, demo_cast
from syncd.sandbox.company_tables import read_table
from syncd.sandbox.play import Moment, Player, PlayStopped, Truth, days
from syncd.sandbox.play_sights import interesting

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
JSON_TEXT: dict[object, str] = {True: "true", False: "false", None: ""}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("company")
    write_company(path, seed=7, now=START)
    return path


@pytest.fixture(scope="module")
def moments(folder: Path) -> list[Moment]:
    return days(folder, seed=7, start=START)


def edits_of(moment: Moment) -> Iterator[tuple[str, dict[str, Any]]]:
    for body in moment.edits:
        for edit in body["edits"]:
            yield body["user"], edit


def truths(moments: list[Moment], *, is_lawful: bool | None = None) -> list[Truth]:
    return [fact for moment in moments for fact in moment.truth if is_lawful in (None, fact.is_lawful)]


def test_the_same_folder_seed_and_start_give_the_same_play(folder: Path, moments: list[Moment]) -> None:
    assert days(folder, seed=7, start=START) == moments
    assert days(folder, seed=8, start=START) != moments


def test_moments_come_in_order_of_time_on_five_working_days(folder: Path, moments: list[Moment]) -> None:
    times = [moment.at for moment in moments]
    assert times == sorted(times)
    assert times[0] > START
    assert sorted({at.date() for at in times}) == [START.date() + timedelta(days=n) for n in range(5)]
    from_thursday = days(folder, seed=7, start=START + timedelta(days=3), count=3)
    assert [at.weekday() for at in sorted({moment.at.date() for moment in from_thursday})] == [3, 4, 0]
    assert [moment.export.day for moment in moments if moment.export] == [1, 2, 3, 4, 5]


def test_the_truth_names_every_field_that_the_edits_change_with_its_value_before(folder: Path, moments: list[Moment]) -> None:
    records = {row["Id"]: row for name in ("Lead", "Contact", "Opportunity") for row in read_table(folder, name)}
    for moment in moments:
        changed = []
        for user, edit in edits_of(moment):
            if edit["op"] == "create":
                continue
            fields = {"delete": {"IsDeleted": True}, "convert": {"IsConverted": True}}.get(edit["op"]) or edit["fields"]
            record = records[edit["id"]]
            for name, value in fields.items():
                before, after = record.get(name, "false"), JSON_TEXT.get(value, str(value))
                if before != after:
                    changed.append((edit["id"], name, before, after, user))
                record[name] = after
        told = [(fact.record_id, fact.field, fact.before, fact.after, fact.username) for fact in moment.truth]
        assert told == changed, moment.title


def test_no_lead_is_edited_after_it_is_deleted_or_converted(moments: list[Moment]) -> None:
    gone: set[str] = set()
    for moment in moments:
        for _, edit in edits_of(moment):
            assert edit.get("id") not in gone, moment.title
            if edit["op"] in ("delete", "convert"):
                gone.add(edit["id"])


def test_a_crossing_is_followed_only_by_the_fight_between_tool_and_sdr(moments: list[Moment]) -> None:
    crossed: set[str] = set()
    for fact in truths(moments):
        if fact.field in ("Status", "OwnerId"):
            assert not (fact.is_lawful and fact.record_id in crossed), fact
            if not fact.is_lawful:
                crossed.add(fact.record_id)


@pytest.mark.parametrize(
    ("team", "field", "before", "after", "a_day"),
    [
        ("marketing", "Status", "Working", "Nurture", 3),
        ("sales", "Status", "Inquiry", "Qualified", 1),
        ("sdr", "Status", "Inquiry", "Working", 1),
        ("sales", "OwnerId", "marketing", "sales", 1),
        ("sdr", "OwnerId", "sales", "sdr", 1),
    ],
)
def test_each_day_people_cross_the_fences_in_known_ways(
    moments: list[Moment], team: str, field: str, before: str, after: str, a_day: int
) -> None:
    cast = demo_cast()
    owners = cast.owner_team()
    found = [
        fact
        for fact in truths(moments, is_lawful=False)
        if cast.login(fact.username).team == team
        and fact.field == field
        and owners.get(fact.before, fact.before) == before
        and owners.get(fact.after, fact.after) == after
    ]
    assert len(found) == 5 * a_day


def test_the_tool_pushes_twenty_old_statuses_a_day_and_some_of_them_three_times(moments: list[Moment]) -> None:
    for day in range(5):
        today = [moment for moment in moments if moment.at.date() == START.date() + timedelta(days=day)]
        pushes = [edit["id"] for moment in today for user, edit in edits_of(moment) if user == MARKETO and edit["op"] == "update"]
        assert sorted(Counter(pushes).values()) == [1] * 15 + [3] * 5
        crossings = [fact for fact in truths(today, is_lawful=False) if fact.username == MARKETO]
        assert len(crossings) == len({fact.record_id for fact in crossings}) == 20


def test_routing_hands_leads_from_marketing_to_sdrs_lawfully(moments: list[Moment]) -> None:
    owners = demo_cast().owner_team()
    moves = [fact for fact in truths(moments) if fact.username == ROUTING]
    assert len(moves) >= 5 * 15
    assert {(owners[fact.before], owners[fact.after]) for fact in moves} == {("marketing", "sdr")}
    assert all(fact.is_lawful for fact in moves)


def test_a_lead_is_changed_lawfully_then_unlawfully_within_one_moment_each_day(moments: list[Moment]) -> None:
    twice = [
        moment
        for moment in moments
        if len(moment.truth) == 2
        and len({f.record_id for f in moment.truth}) == 1
        and moment.truth[0].field == moment.truth[1].field == "Status"
    ]
    assert [[fact.is_lawful for fact in moment.truth] for moment in twice] == [[True, False]] * 5


def test_the_admin_loads_a_thousand_records_on_day_two_alone(moments: list[Moment]) -> None:
    loads = [moment for moment in moments if len(moment.truth) >= 1000]
    assert [moment.at.date() for moment in loads] == [START.date() + timedelta(days=1)]
    assert {fact.field for fact in loads[0].truth} == {"LeadSource"}


def test_a_day_without_the_bulk_load_stays_below_what_counts_as_a_mass_edit(moments: list[Moment]) -> None:
    for moment in moments:
        changes = Counter((fact.username, fact.field) for fact in moment.truth if fact.field in ("Status", "OwnerId"))
        assert max(changes.values(), default=0) < 50, moment.title


def test_two_weeks_can_be_played_and_every_day_keeps_its_crossings(folder: Path) -> None:
    long = days(folder, seed=7, start=START, count=10)
    crossings = Counter(moment.at.date() for moment in long for fact in moment.truth if not fact.is_lawful)
    assert list(crossings.values()) == [27, *[30] * 9]


def test_the_interesting_records_exist(folder: Path) -> None:
    found = interesting(folder, seed=7, start=START)
    assert len(found) == 21
    known = {row["Id"] for name in ("Lead", "Contact", "Opportunity") for row in read_table(folder, name)}
    assert {value for value in found.values() if "@" not in value} <= known


def test_an_org_that_does_not_answer_is_named_with_the_remedy() -> None:
    with pytest.raises(PlayStopped, match=r"127\.0\.0\.1:9/_sandbox/clock.*python -m syncd\.sandbox"):
        Player("http://127.0.0.1:9").now()


def test_an_export_without_a_folder_to_drop_it_in_is_refused(moments: list[Moment]) -> None:
    with pytest.raises(PlayStopped, match="exports=FOLDER"):
        Player("http://127.0.0.1:9").play(moments[0])
