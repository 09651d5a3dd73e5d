"""Do plan, apply and run say what they would do, to whom, and where?"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.sandbox.local import RunningOrg, running
from tests.cli.conftest import CONFIG, Syncd
from tests.cli.test_check import FENCES, MAPPING, NURTURE, TABLES

LEADS = (
    "Id,LastName,Company,Status,Email,Lead_Score__c:number\n"
    "00Q000000000001EAA,Abel,Acme,New,abel@acme.example,1\n"
    "00Q000000000002EAA,=Costa,Acme,New,costa@acme.example,2\n"
)
EXPORT = "email,score\nabel@acme.example,7\ncosta@acme.example,8\n"


@pytest.fixture
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOrg]:
    """Serve a small org with two leads."""
    folder = tmp_path_factory.mktemp("load")
    for name, text in {**TABLES, "Lead": LEADS}.items():
        (folder / f"{name}.csv").write_text(text, "utf-8")
    with running(load=folder) as served:
        yield served


@pytest.fixture
def acme(org: RunningOrg, tmp_path: Path) -> Path:
    """Give the folder of a config that reads that org, with one export waiting."""
    folder = tmp_path / "acme"
    for name in ("mappings/fields", "exports/marketo"):
        (folder / name).mkdir(parents=True)
    (folder / "config.toml").write_text(CONFIG.format(url=org.url), "utf-8")
    (folder / "mappings" / "fences.toml").write_text(FENCES, "utf-8")
    (folder / "mappings" / "nurture.toml").write_text(NURTURE.replace('"ask"', '"observe"'), "utf-8")
    (folder / "mappings" / "fields" / "marketo.toml").write_text('mode = "write"\n' + MAPPING, "utf-8")
    return folder


def drop(acme: Path) -> None:
    """Put an export into the drop folder, as one that nobody writes to any more."""
    path = acme / "exports" / "marketo" / "people.csv"
    path.write_text(EXPORT, "utf-8")
    os.utime(path, (1_700_000_000, 1_700_000_000))


def test_a_new_database_is_told_once_with_its_path(syncd: Syncd, acme: Path) -> None:
    first = syncd("--config", acme, "run", "--once")
    assert first.code == 0, first.err
    assert f"A new, empty database was made at {acme / 'syncd.db'}" in first.err
    assert "stop and restore the old database" in first.err
    assert "empty database" not in syncd("--config", acme, "run", "--once").err


def test_a_plan_shows_names_the_mode_of_nurture_and_how_to_carry_it_out(syncd: Syncd, acme: Path) -> None:
    assert syncd("--config", acme, "run", "--once").code == 0
    drop(acme)
    said = syncd("--config", acme, "plan", "--out", "plan.json")
    assert said.code == 0, said.err
    assert ": 2 writes\nnurture.toml observes: nobody is enrolled\n" in said.out
    assert re.search(r"^Lead 00Q000000000001EAA Abel +Lead_Score__c +1\.0 +7 ", said.out, re.MULTILINE)
    assert f"Carry it out with: syncd --config {acme} apply plan.json" in said.err
    assert "observes" not in syncd("--config", acme, "plan", "--only", "exports").out
    done = syncd("--config", acme, "apply", "plan.json")
    assert (done.code, done.out[:5], ": 2 writes" in done.out) == (0, "plan ", True)
    assert f"2 writes still open; the next cycle settles them: syncd --config {acme} run --once" in done.err
    again = syncd("--config", acme, "apply", "plan.json")
    assert (again.code, again.out) == (1, "")
    assert f"syncd --config {acme} plan --out plan.json" in again.err


def test_an_edited_plan_is_an_unusable_file(syncd: Syncd, acme: Path, tmp_path: Path) -> None:
    drop(acme)
    assert syncd("--config", acme, "plan", "--out", "plan.json").code == 0
    plan = tmp_path / "plan.json"
    plan.write_text(plan.read_text("utf-8").replace('"org_id": "', '"org_id": "x'), "utf-8")
    said = syncd("--config", acme, "apply", "plan.json")
    assert (said.code, said.out) == (2, "")
    assert "edited after it was made" in said.err


@pytest.mark.parametrize(
    ("key", "way", "calls"),
    [("", "composite", 2), ("exclusive = true\n", "collections", 2)],
    ids=["a field that people change too", "a field that nobody else writes"],
)
def test_a_plan_says_how_its_writes_would_leave_and_what_that_costs(
    syncd: Syncd, acme: Path, key: str, way: str, calls: int
) -> None:
    path = acme / "mappings" / "fields" / "marketo.toml"
    path.write_text(path.read_text("utf-8").replace('conflict = "overwrite"\n', 'conflict = "overwrite"\n' + key), "utf-8")
    assert syncd("--config", acme, "run", "--once").code == 0
    drop(acme)
    told = syncd("--config", acme, "plan").out
    assert f"How they would leave: about {calls} API calls" in told
    assert re.search(rf"^{way} +Lead +2 +2 +{calls}$", told, re.MULTILINE)
    body = json.loads(syncd("--config", acme, "plan", "--json").out)
    assert body["cost"] == [{"way": way, "object": "Lead", "writes": 2, "records": 2, "calls": calls}]
    assert body["ways"] == [way, way]
