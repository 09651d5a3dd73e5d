"""Does syncd step out of a fight over a field in time, and step back in when it is over?"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.fights import FOUGHT_OVER, REVERTS_A_DAY, Fight, parking
from syncd.core.judging import Bench, Ruling, Subject, rule_on
from syncd.core.sparing import Surroundings
from syncd.core.values import Scalar, Verdict
from tests.core.samples import LEAD, NOON, STRICT, change, fences, history, lead, people, user_id

DAY = timedelta(days=1)


def ruled(
    before: Scalar,
    after: Scalar,
    by: str = "mia",
    *,
    fight: Fight | None = None,
    is_parked: bool = False,
    now: datetime = NOON,
) -> Ruling:
    """Judge one proved status change of the lead under a policy that reverts people as well."""
    subject = Subject(
        "Lead",
        LEAD,
        lead(5, Status=after),
        lead(0, Status=before),
        [history(1, before, after, by=by, minutes=5)],
        fought={} if fight is None else {"Status": fight.text()},
    )
    parked = frozenset({parking(LEAD, "Status")} if is_parked else ())
    return rule_on(subject, Bench(fences(STRICT), people(), "cycle", now, Surroundings(parked=parked)))


def fight(*hours_ago: float, by: str = "mia", value: str = "Nurture") -> Fight:
    """Return a fight with reverts so many hours before noon."""
    return Fight(user_id(by), value, tuple(NOON - timedelta(hours=each) for each in hours_ago))


@pytest.mark.parametrize(
    ("before", "verdict"),
    [
        ((), Verdict.REVERT),
        ((3,), Verdict.REVERT),
        ((3, 2), Verdict.WARN),
        ((23.9, 2), Verdict.WARN),
        ((24, 2), Verdict.REVERT),
        ((40, 30, 2), Verdict.REVERT),
        ((9, 3, 2), Verdict.WARN),
    ],
)
def test_the_third_revert_of_a_field_in_a_day_is_not_made(before: tuple[float, ...], verdict: Verdict) -> None:
    ruling = ruled("Working", "Nurture", fight=fight(*before))
    assert [judgement.verdict for judgement in ruling.judgements] == [verdict]
    assert len(ruling.intents) == (verdict is Verdict.REVERT)
    assert [item.kind for item in ruling.inbox] == ([FOUGHT_OVER] if verdict is Verdict.WARN else [])


def test_the_inbox_names_both_sides_the_value_and_the_rule() -> None:
    (item,) = ruled("Working", "Nurture", fight=fight(3, 2)).inbox
    assert item.subject == parking(LEAD, "Status")
    assert item.where == f"Lead {LEAD}"
    assert (
        "Mia Market (marketing) set Status from 'Working' to 'Nurture' again after 2 reverts since 2026-11-02 09:00 UTC"
        in item.text
    )
    assert "'Working' belongs to sdr" in item.text
    assert "fences.toml:1" in item.text
    assert "syncd inbox resolve" in item.remedy


@pytest.mark.parametrize(("before", "after", "by"), [("Working", "Nurture", "mia"), ("Nurture", "Working", "sam")])
def test_while_it_waits_in_the_inbox_neither_side_is_reverted(before: str, after: str, by: str) -> None:
    ruling = ruled(before, after, by, is_parked=True)
    assert ruling.intents == []
    assert [item.kind for item in ruling.inbox] == [FOUGHT_OVER]
    assert ruling.made_up == []


def test_a_machine_is_not_reverted_either_while_it_waits() -> None:
    assert ruled("Working", "Nurture", "marketo", is_parked=True).intents == []


def test_a_lawful_move_ends_the_fight() -> None:
    ruling = ruled("Working", "MQL", "sam", is_parked=True)
    assert ruling.made_up == [parking(LEAD, "Status")]
    assert ruling.inbox == []


def test_a_lawful_move_without_a_fight_ends_nothing() -> None:
    assert ruled("Working", "MQL", "sam").made_up == []


def test_each_revert_is_remembered_and_old_ones_are_forgotten() -> None:
    first = ruled("Working", "Nurture", fight=fight(30, 2))
    kept = Fight.read(first.fought["Status"])
    assert kept == Fight(user_id("mia"), "Nurture", (NOON - timedelta(hours=2), NOON))


def test_what_an_older_version_kept_is_understood() -> None:
    known = Fight.read(f"{user_id('marketo')}:Nurture: later")
    assert known.is_about(change("Working", "Nurture: later", "marketo"))
    assert not known.is_about(change("Working", "Nurture", "marketo"))
    assert known.lately(NOON) == ()
    assert Fight.read(None) == Fight.read("") == Fight()


@given(st.text(), st.text(), st.lists(st.datetimes(timezones=st.just(NOON.tzinfo)), max_size=4))
def test_a_fight_is_read_as_it_was_kept(by: str, value: str, at: list[datetime]) -> None:
    kept = Fight(by, value, tuple(at))
    assert Fight.read(kept.text()) == kept


def test_a_fight_that_never_was_is_about_nobody_and_no_value() -> None:
    assert Fight().text() == '{"by":"","value":"","reverted_at":[]}'


@given(st.lists(st.floats(0.1, 30), max_size=40))
def test_no_field_is_reverted_more_than_twice_in_any_24_hours(pauses_h: list[float]) -> None:
    now, known, reverts = NOON, Fight(), []
    for pause in pauses_h:
        now += timedelta(hours=pause)
        ruling = ruled("Working", "Nurture", fight=known, now=now)
        if ruling.intents:
            reverts.append(now)
            known = Fight.read(ruling.fought["Status"])
    for at in reverts:
        assert sum(at <= other < at + DAY for other in reverts) <= REVERTS_A_DAY
