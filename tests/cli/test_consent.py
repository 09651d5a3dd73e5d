"""What does a person see of stored consent, and of arguments that make no sense?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import typer

from syncd.cli.consent import read_at
from syncd.core.consent import Consent
from syncd.core.values import Flag, FlagFact
from syncd.store.sql import SqlStore
from tests.cli.conftest import AT, LEAD, Syncd

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_time_without_a_zone_is_the_configured_one_and_a_day_counts_from_its_start() -> None:
    assert read_at("2026-11-20T14:05", BERLIN) == datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
    assert read_at("2026-11-20", BERLIN) == datetime(2026, 11, 19, 23, tzinfo=UTC)
    assert read_at("2026-11-20T14:05Z", BERLIN) == datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
    with pytest.raises(typer.BadParameter, match="is no time"):
        read_at("last week", BERLIN)


def test_stored_consent_is_listed_counted_and_told_with_its_evidence(syncd: Syncd, told: SqlStore) -> None:
    assert syncd("consent", "list").out == "no consent is stored\n"
    given = Consent(LEAD, "ada@acme.example", "topic:news", AT, "form", "Yes, send it.", "dana@host", AT)
    brand = FlagFact(Flag.OPTED_OUT, LEAD, None, "marketo", "b.csv:3", AT, "brand:acme", AT + timedelta(days=1))
    with told.begin() as tx:
        tx.add_consents([given])
        tx.add_flags([brand])
    listed = syncd("consent", "list").out
    assert all(word in listed for word in (LEAD, "topic:news", "form", "Yes, send it.", "dana@host"))
    [one] = syncd("consent", "list", "--json").json["consents"]
    assert (one["person_id"], one["scope"], one["wording"]) == (LEAD, "topic:news", "Yes, send it.")
    story = syncd("explain", LEAD).out
    assert "flag   opted_out of brand:acme, from marketo: b.csv:3" in story
    assert ", said again 2026-03-03" in story
    assert "yes    topic:news, given" in story
    assert "1 opted out of a brand or topic; 1 person has consented again" in syncd("status").out
