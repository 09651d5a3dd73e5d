"""What do scoped opt-outs and columns of evidence in an export come to?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.core.mapping_file.consent import ConsentColumns
from syncd.core.values import Flag
from syncd.ports import LedgerQuery
from tests.engine.test_intake import HEADER, NOW, Scene, lead_id, line

COLUMNS = ("consentSource", "consentAt", "consentText")


class ConsentScene(Scene):
    """A source whose exports bring evidence of consent, and whose opt-outs are about a topic."""

    def __init__(self, tmp_path: Path, *, scope: str = "global") -> None:
        super().__init__(tmp_path, "observe")
        columns = [replace(one, scope=scope) if one.flag is Flag.OPTED_OUT else one for one in self.mapping.columns]
        self.mapping = replace(self.mapping, columns=tuple(columns), consent=ConsentColumns(*COLUMNS), opt_out_rule=None)

    def drop(self, name: str, *lines: str) -> None:
        width = len(HEADER.split(",")) + len(COLUMNS)
        padded = [one + "," * (width - 1 - one.count(",")) for one in lines]
        super().drop(name, *padded)
        path = self.folder.root / "marketo" / name
        text = path.read_text(encoding="utf-8").replace(HEADER, ",".join((HEADER, *COLUMNS)), 1)
        path.write_text(text, encoding="utf-8", newline="")
        os.utime(path, (NOW.timestamp() - 60,) * 2)


def agreed(number: int, at: str, **given: str) -> str:
    return f"{line(number, **given)},web form,{at},Yes please"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[ConsentScene]:
    made = ConsentScene(tmp_path)
    yield made
    made.store.dispose()


def test_evidence_in_a_row_is_stored_once_with_its_place_and_stands_in_the_ledger(scene: ConsentScene) -> None:
    for name, score in (("a.csv", "1"), ("b.csv", "2")):
        scene.drop(name, agreed(1, "2026-10-30T10:00:00Z", leadScore=score, updatedAt=f"2026-11-01T10:0{score}:00Z"))
        scene.run()
    [kept] = scene.store.consents([lead_id(1)], ())
    assert (kept.source, kept.wording, kept.by, kept.scope) == ("marketo: web form", "Yes please", "a.csv:2", "global")
    [entry] = [row.entry for row in scene.store.ledger(LedgerQuery(kind="consent"))]
    assert (entry.record_id, entry.after) == (lead_id(1), "Yes please")
    assert scene.store.verify().problems == ()


def test_a_yes_without_evidence_is_listed_and_one_with_it_is_not(scene: ConsentScene) -> None:
    scene.drop("a.csv", line(1, unsubscribed="true"), line(2, unsubscribed="true"))
    scene.run()
    later = {"updatedAt": "2026-11-02T11:00:00Z"}
    scene.drop("b.csv", line(1, **later), agreed(2, "2026-11-02T13:00:00Z", **later))
    scene.run(now_at=NOW + timedelta(hours=2))
    [item] = [item for _, item, _ in scene.store.inbox() if item.kind == "export-consent"]
    assert item.detail == "lines 2"
    again = {"updatedAt": "2026-11-02T12:00:00Z"}
    scene.drop("c.csv", line(2, **again), line(1, **again))  # one's consent is not the other's
    scene.run(now_at=NOW + timedelta(hours=3))
    [detail] = [item.detail for _, item, _ in scene.store.inbox() if item.subject == "c.csv"]
    assert detail == "lines 3"


def test_an_opt_out_of_a_topic_is_one_fact_with_its_scope_and_writes_nothing(tmp_path: Path) -> None:
    scene = ConsentScene(tmp_path, scope="topic:news")
    scene.mapping = replace(scene.mapping, mode="write")
    for name, score in (("a.csv", "10"), ("b.csv", "11")):
        scene.drop(name, line(1, unsubscribed="true", leadScore=score, updatedAt=f"2026-11-01T10:{score}:00Z"))
        scene.run()
    [fact] = scene.store.flags([lead_id(1)], ())
    assert (fact.flag, fact.scope, fact.evidence) == (Flag.OPTED_OUT, "topic:news", "a.csv:2")
    assert {field for _, field, _ in scene.written()} <= {"Lead_Score__c"}
    assert scene.store.verify().problems == ()
    scene.store.dispose()


def test_a_consent_that_nobody_stored_by_syncd_is_found(scene: ConsentScene) -> None:
    scene.drop("a.csv", agreed(1, "2026-10-30T10:00:00Z"))
    scene.run()
    [kept] = scene.store.consents([lead_id(1)], ())
    with scene.store.begin() as tx:
        tx.add_consents([replace(kept, given_at=NOW + timedelta(days=9))])
    assert scene.store.verify().problems[0].startswith("1 of 2 consents are in no row of the ledger")
