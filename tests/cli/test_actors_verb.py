"""What does `syncd actors discover` propose?"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from syncd.core.values import OrgRecord
from syncd.store.sql import SqlStore
from tests.cli.conftest import AT, LEAD, REP, Syncd, person

TOOL = "0055e00000B1b2cAAB"


def history(number: int, user: str, at: datetime, field: str = "Status", new: str = "Working") -> OrgRecord:
    fields = {"LeadId": f"00Q5e0000{number:07d}AAA"[:18], "Field": field, "OldValue": "MQL", "NewValue": new, "CreatedById": user}
    return OrgRecord("LeadHistory", f"0175e{number:010d}AAA", at, fields)


@pytest.fixture
def watched(store: SqlStore, home: Path, syncd: Syncd) -> SqlStore:
    """Give a store in which a tool rewrites leads by night and a rep works by day."""
    night, day = AT.replace(hour=2), AT.replace(hour=10)
    rows = [history(number, TOOL, night - timedelta(days=3, seconds=-number // 4)) for number in range(120)]
    rows += [history(500 + n, REP, day - timedelta(days=1 + n // 5 % 4, minutes=11 * (n % 5))) for n in range(20)]
    rows += [history(900, REP, day - timedelta(days=1), "Owner", "Ines Rossi")]
    with store.begin() as tx:
        tx.mirror(
            [person("User", REP, Name="Ines Rossi"), person("User", TOOL, Name="Sync Bot", Username="bot@acme.example"), *rows]
        )
    init = syncd("init", "starter")
    assert init.code == 0
    (home / "starter" / "mappings").rename(home / "mappings")
    return store


def test_machines_are_proposed_with_a_line_for_the_file(syncd: Syncd, watched: SqlStore) -> None:
    said = syncd("actors", "discover")
    assert said.code == 0, said.err
    tool, rep = said.out.splitlines()[1:3]
    assert tool.split()[:3] == ["Sync", "Bot", "120"]
    assert " tool " in tool
    assert " person " in rep
    assert 'sync_bot = { kind = "tool", user = ["bot@acme.example"] }' in said.out


def test_a_name_that_is_a_team_already_is_not_proposed_again(syncd: Syncd, watched: SqlStore) -> None:
    with watched.begin() as tx:
        tx.mirror([person("User", TOOL, Name="Marketing", Username="bot@acme.example")])
    out = syncd("actors", "discover").out
    assert 'marketing_1 = { kind = "tool", user = ["bot@acme.example"] }' in out


def test_who_only_changes_what_no_fence_stands_on_is_not_listed(syncd: Syncd, watched: SqlStore) -> None:
    rater = "0055e00000C1b2cAAB"
    with watched.begin() as tx:
        tx.mirror([history(2000 + n, rater, AT - timedelta(days=2, minutes=n), "Rating") for n in range(30)])
        tx.mirror([history(3000 + n, REP, AT - timedelta(days=2, minutes=n), "Rating") for n in range(3)])
    found = {row["user_id"]: row for row in syncd("actors", "discover", "--json").json["actors"]}
    assert rater not in found
    assert (found[REP]["rows"], found[REP]["fenced"], found[REP]["fields"]) == (23, 20, ["Status", "Rating"])


def test_json_has_every_figure_and_an_owner_s_second_row_counts_once(syncd: Syncd, watched: SqlStore) -> None:
    found = syncd("actors", "discover", "--since", "30d", "--json").json
    by_name = {row["name"]: row for row in found["actors"]}
    assert by_name["Sync Bot"]["peak"] == 120
    assert by_name["Ines Rossi"]["rows"] == 20
    assert by_name["Ines Rossi"]["in_file"] == "no team (unknown)"


def test_syncd_s_own_user_is_not_proposed_as_anything(syncd: Syncd, watched: SqlStore) -> None:
    with watched.begin() as tx:
        tx.put_setting("own user", TOOL)
    assert [row["name"] for row in syncd("actors", "discover", "--json").json["actors"]] == ["Ines Rossi"]


def test_a_span_that_is_none_is_refused(syncd: Syncd, watched: SqlStore) -> None:
    said = syncd("actors", "discover", "--since", "soon")
    assert said.code == 2
    assert "Write it as 90d." in said.err


def test_without_history_it_says_what_to_do(syncd: Syncd, watched: SqlStore) -> None:
    with watched.begin() as tx:
        tx.advance("LeadHistory", AT + timedelta(days=400))
    said = syncd("actors", "discover")
    assert said.code == 1
    assert "has no history of Lead Status or Owner in the last 90 days" in said.err


def test_the_lead_of_the_scene_is_untouched(syncd: Syncd, watched: SqlStore) -> None:
    size = watched.ledger_size()
    assert syncd("actors", "discover").code == 0
    assert (watched.ledger_size(), watched.get("Lead", [LEAD])) == (size, {})
