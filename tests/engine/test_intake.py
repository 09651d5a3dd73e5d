"""Does every row of an export end where it belongs, once, whatever crashes on the way?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from syncd.core.cells import long_id
from syncd.core.flags import reasons_against
from syncd.core.mapping import SourceMapping, keys_needed
from syncd.core.mapping_file.parsing import parse_mapping
from syncd.core.values import Flag, Intent, OrgRecord, Outcome, OutcomeKind, Scalar
from syncd.engine import intake, intake_staging
from syncd.engine.consent import persons
from syncd.engine.intake import take_in
from syncd.engine.intake_context import IntakeContext
from syncd.exports.folder import DropFolder
from syncd.exports.sieve import sifted, sifting
from syncd.policies.documents import read_table
from syncd.ports import FieldSchema, LedgerQuery, ObjectSchema, Store, StoreWriter
from syncd.store.sql import open_store

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
ORG = "00DSX0000000001EAA"
STARTER = Path(__file__).parents[2] / "mappings" / "fields" / "marketo.toml"
HEADER = "id,email,firstName,lastName,company,leadScore,unsubscribed,emailInvalid,leadSource,updatedAt"
TYPES = {
    "Email": "email", "MA_Person_Id__c": "string", "HasOptedOutOfEmail": "boolean", "Lead_Score__c": "double",
    "Company": "string", "LeadSource": "picklist",
}  # fmt: skip


def schema(name: str, *, without: tuple[str, ...] = ()) -> ObjectSchema:
    kept = {key: kind for key, kind in TYPES.items() if key not in without}
    picklist = {"LeadSource": ("Web", "Other")}
    fields = {key: FieldSchema(key, kind, 255, True, True, False, picklist.get(key, ())) for key, kind in kept.items()}
    return ObjectSchema(name, fields, True, True)


SCHEMA = {"Lead": schema("Lead"), "Contact": schema("Contact", without=("Lead_Score__c", "Company"))}


def lead_id(number: int) -> str:
    return long_id(f"00QSX0000{number:06d}")


def lead(number: int, **fields: Scalar) -> OrgRecord:
    base: dict[str, Scalar] = {
        "Email": f"p{number}@example.com", "MA_Person_Id__c": str(number), "HasOptedOutOfEmail": False, "IsConverted": False,
        "Lead_Score__c": 10.0, "Company": "Acme", "LeadSource": "Web", "ConvertedContactId": None,
    }  # fmt: skip
    return OrgRecord("Lead", lead_id(number), NOW, {**base, **fields})


def line(number: int, **given: str) -> str:
    cells = {
        "id": str(number), "email": f"p{number}@example.com", "firstName": "P", "lastName": "Null", "company": "Acme",
        "leadScore": "10", "unsubscribed": "false", "emailInvalid": "false", "leadSource": "Web",
        "updatedAt": "2026-11-01T10:00:00Z", **given,
    }  # fmt: skip
    return ",".join(cells.values())


class Standing:
    def now(self) -> datetime:
        return NOW

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing sleeps here")


class Scene:
    """One store, one drop folder, one mapping."""

    def __init__(self, tmp_path: Path, mode: str = "write") -> None:
        table, _ = read_table(STARTER)
        assert table is not None
        mapping, _ = parse_mapping("marketo", table)
        assert mapping is not None
        self.mapping: SourceMapping = replace(mapping, mode=mode)
        (tmp_path / "drop" / "marketo").mkdir(parents=True)
        self.folder = DropFolder(tmp_path / "drop", Standing())
        self.store: Store = open_store(f"sqlite:///{tmp_path / 'syncd.db'}", ORG)
        self.store.index(keys_needed([self.mapping]))
        self.schema: Mapping[str, ObjectSchema] = SCHEMA
        self.mirror(*(lead(number) for number in range(1, 8)))

    def mirror(self, *records: OrgRecord) -> None:
        with self.store.begin() as tx:
            tx.mirror(records)

    def drop(self, name: str, *lines: str) -> None:
        path = self.folder.root / "marketo" / name
        path.write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8", newline="")
        os.utime(path, (NOW.timestamp() - 60,) * 2)

    def run(self, store: Store | None = None, mapping: SourceMapping | None = None, now_at: datetime = NOW) -> Mapping[str, int]:
        context = IntakeContext(ORG, "c1", now_at, self.schema, store or self.store)
        return take_in(self.folder, [mapping or self.mapping], context)

    def intents(self) -> list[Intent]:
        return [one.intent for one in self.store.open_intents()]

    def written(self) -> set[tuple[str, str, Scalar]]:
        return {(one.record_id, one.field, one.after) for one in self.intents()}

    def inbox(self) -> set[tuple[str, str]]:
        return {(item.kind, item.subject) for _, item, _ in self.store.inbox()}

    def flags(self) -> set[tuple[Flag, str | None, str | None]]:
        people = [lead_id(number) for number in range(1, 1000)]
        addresses = [f"p{number}@example.com" for number in range(1, 1000)] + ["both@example.com"]
        return {(fact.flag, fact.person_id, fact.address) for fact in self.store.flags(people, addresses)}

    def places(self) -> set[str]:
        root = self.folder.root / "marketo"
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.store.dispose()


def settled(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of rows, after checking that they add up."""
    ends = ("applied", "unchanged", "quarantined", "unmatched", "superseded")
    assert counts.get("rows", 0) == sum(counts.get(name, 0) for name in ends)
    return {name: count for name, count in counts.items() if count and name in ends}


def test_a_changed_value_becomes_one_intent_with_rule_cause_and_evidence(scene: Scene) -> None:
    scene.drop("a.csv", line(1), line(2, leadScore="75"))
    assert settled(scene.run()) == {"applied": 1, "unchanged": 1}
    [intent] = scene.intents()
    assert (intent.record_id, intent.field, intent.before, intent.after) == (lead_id(2), "Lead_Score__c", 10.0, 75.0)
    assert (intent.part, intent.rule.name, intent.policy_hash) == ("map", "leadScore", scene.mapping.sha256)
    assert intent.cause.endswith(":3")
    assert [place.split("/")[0] for place in scene.places()] == ["done"]


def test_observing_writes_nothing_and_still_latches(tmp_path: Path) -> None:
    scene = Scene(tmp_path, mode="observe")
    scene.drop("a.csv", line(1, leadScore="75"), line(2, unsubscribed="true"))
    counts = scene.run()
    assert counts["would_write"] == 2
    assert scene.intents() == []
    assert scene.flags() == {(Flag.OPTED_OUT, lead_id(2), "p2@example.com")}
    scene.store.dispose()


def test_an_opt_out_is_a_flag_a_ledger_row_and_a_write_of_true(scene: Scene) -> None:
    scene.drop("a.csv", line(1, unsubscribed="true"))
    scene.run()
    [entry] = [row.entry for row in scene.store.ledger(LedgerQuery(kind="flag"))]
    [intent] = [row.entry for row in scene.store.ledger(LedgerQuery(kind="intent"))]
    assert (entry.record_id, entry.after, entry.evidence["line"]) == (lead_id(1), "opted_out", 2)
    assert (intent.field, intent.after, intent.rule.name if intent.rule else "") == ("HasOptedOutOfEmail", True, "opt-out")
    assert intent.cause_seq is not None
    assert scene.intents()[0].part == "flag"


@pytest.mark.parametrize("cell", ["TRUE", "Y", "", "null", "0"])
def test_an_opt_out_nobody_can_read_counts_and_is_not_written_to_the_org(scene: Scene, cell: str) -> None:
    scene.drop("a.csv", line(1, unsubscribed=cell, leadScore="75"))
    assert settled(scene.run()) == {"quarantined": 1}
    assert scene.flags() == {(Flag.OPT_OUT_UNREADABLE, lead_id(1), "p1@example.com")}
    assert scene.intents() == []
    assert scene.inbox() == {("export-row", "a.csv:2")}


def test_what_could_not_be_read_clears_itself_and_an_opt_out_never_does(scene: Scene) -> None:
    scene.drop("a.csv", line(1, unsubscribed="Y"), line(2, unsubscribed="true"), line(3, emailInvalid="true"))
    scene.run(mapping=replace(scene.mapping, opt_out_rule=None))
    assert len(scene.flags()) == 3
    scene.drop("b.csv", *(line(number, updatedAt="2026-11-02T10:00:00Z") for number in (1, 2, 3)))
    scene.run()
    assert scene.flags() == {(Flag.OPTED_OUT, lead_id(2), "p2@example.com")}
    assert ("export-consent", "b.csv") in scene.inbox()


@pytest.mark.parametrize("unseen", ["\u200b", "\ufeff", "\u200f", "\u2060", "\u00ad"])
def test_an_opt_out_finds_its_person_whatever_nobody_sees_in_the_address(scene: Scene, unseen: str) -> None:
    scene.drop(
        "a.csv",
        line(901, email=f"{unseen}p1@example{unseen}.com", unsubscribed="true"),
        line(902, email=f"p2@example.com{unseen}"),
    )
    assert settled(scene.run()) == {"applied": 1, "unchanged": 1}
    assert scene.flags() == {(Flag.OPTED_OUT, lead_id(1), "p1@example.com")}
    assert scene.written() == {(lead_id(1), "HasOptedOutOfEmail", True)}


def test_an_external_id_is_found_whatever_nobody_sees_in_it(scene: Scene) -> None:
    scene.drop("a.csv", line(1, id="\u200e1", email="", unsubscribed="true"))
    scene.run()
    assert {flag[:2] for flag in scene.flags()} == {(Flag.OPTED_OUT, lead_id(1))}


def test_an_unmatched_row_is_counted_and_still_opts_its_address_out(scene: Scene) -> None:
    scene.drop("a.csv", line(901, unsubscribed="true"), line(902), line(1))
    assert settled(scene.run()) == {"unmatched": 2, "unchanged": 1}
    assert scene.flags() == {(Flag.OPTED_OUT, None, "p901@example.com")}
    [item] = [item for _, item, _ in scene.store.inbox()]
    assert (item.kind, item.subject, item.detail) == ("export-unmatched", "a.csv", "lines 2, 3")


def test_an_opt_out_of_somebody_without_an_address_waits_for_them_by_their_external_id(scene: Scene) -> None:
    scene.drop("a.csv", line(99, email="null", unsubscribed="true"))
    scene.run()
    newcomer = OrgRecord("Contact", "003000000000099AAA", NOW, {"MA_Person_Id__c": "99", "HasOptedOutOfEmail": False})
    scene.mirror(newcomer)
    person = persons(scene.store, keys_needed([scene.mapping]), ["MA_Person_Id__c"], [newcomer.id])[newcomer.id]
    facts = scene.store.flags([newcomer.id], person.handles)
    assert [reason.text for reason in reasons_against(newcomer, person, facts)] == ["opted out (marketo, a.csv:2)"]


def test_an_ambiguous_row_writes_nothing_and_opts_all_candidates_out(scene: Scene) -> None:
    scene.mirror(*(lead(number, Email="both@example.com", MA_Person_Id__c=None) for number in (8, 9)))
    scene.drop("a.csv", line(77, email="Both@Example.com", unsubscribed="true", leadScore="99"))
    assert settled(scene.run()) == {"quarantined": 1}
    assert {person for _, person, _ in scene.flags()} == {lead_id(8), lead_id(9)}
    assert scene.intents() == []


def test_one_person_under_two_keys_is_one_person(scene: Scene) -> None:
    first = line(1, leadScore="20")
    second = line(999, email="P1@example.com", leadScore="40", updatedAt="2026-11-01T11:00:00Z")
    scene.drop("a.csv", second, first)
    assert settled(scene.run()) == {"applied": 1, "superseded": 1}
    assert scene.written() == {(lead_id(1), "Lead_Score__c", 40.0)}


def test_a_tie_goes_to_a_human_with_all_its_rows(scene: Scene) -> None:
    scene.drop("a.csv", line(1, leadScore="20"), line(1, leadScore="30", unsubscribed="true"))
    assert settled(scene.run()) == {"quarantined": 2}
    assert scene.inbox() == {("export-choice", "marketo tie ext:1 email:p1@example.com")}
    assert scene.written() == {(lead_id(1), "HasOptedOutOfEmail", True)}


def test_an_older_file_changes_no_value_and_its_opt_outs_count(scene: Scene) -> None:
    scene.drop("a.csv", line(1), line(2))
    scene.run()
    old = {"updatedAt": "2026-10-01T10:00:00Z", "leadScore": "99"}
    scene.drop("b.csv", line(1, **old, unsubscribed="true"), line(2, **old))
    assert settled(scene.run()) == {"superseded": 2}
    assert scene.written() == {(lead_id(1), "HasOptedOutOfEmail", True)}
    assert ("export-older", "b.csv") in scene.inbox()


def test_the_same_file_twice_is_a_no_op(scene: Scene) -> None:
    told = []
    for name in ("a.csv", "again.csv"):
        scene.drop(name, line(1, leadScore="75"))
        told.append(scene.run().get("files taken before", 0))
    assert told == [0, 1]
    assert len(scene.intents()) == 1
    assert len(scene.places()) == 2
    assert all(place.startswith("done/") for place in scene.places())


def test_a_refused_file_leaves_nothing_behind(scene: Scene) -> None:
    path = scene.folder.root / "marketo" / "a.csv"
    scene.drop("a.csv", *(line(1, leadScore="75") for _ in range(2500)))
    path.write_bytes(path.read_bytes() + b"\xff")
    os.utime(path, (NOW.timestamp() - 60,) * 2)
    assert settled(scene.run()) == {}
    assert (scene.intents(), scene.flags()) == ([], set())
    assert scene.inbox() == {("export-file", "marketo/a.csv")}
    [place] = scene.places()
    assert place.startswith("refused/")


def test_an_empty_export_pauses_and_clears_itself_when_it_is_replaced(scene: Scene) -> None:
    scene.drop("a.csv")
    scene.run()
    assert scene.inbox() == {("export-paused", "marketo/a.csv")}
    assert scene.places() == {"a.csv"}
    (scene.folder.root / "marketo" / "a.csv").unlink()
    scene.drop("b.csv", line(1))
    scene.run()
    assert scene.inbox() == set()


def test_a_mapping_that_does_not_fit_the_org_waits_but_its_opt_outs_do_not(scene: Scene) -> None:
    scene.drop("a.csv", line(1, leadScore="75", unsubscribed="true"))
    scene.schema = {**SCHEMA, "Lead": schema("Lead", without=("Lead_Score__c",))}
    for _ in range(2):
        scene.run()
    assert scene.flags() == {(Flag.OPTED_OUT, lead_id(1), "p1@example.com")}
    assert scene.intents() == []
    assert scene.inbox() == {("export-mapping", "marketo")}
    assert scene.places() == {"a.csv"}
    scene.schema = SCHEMA
    assert settled(scene.run()) == {"applied": 1}
    assert scene.inbox() == set()
    assert len(scene.intents()) == 2


def test_a_file_waits_for_open_writes_of_the_one_before_but_its_opt_outs_do_not(scene: Scene) -> None:
    scene.drop("a.csv", line(1, leadScore="20"))
    scene.drop("b.csv", line(1, leadScore="30", updatedAt="2026-11-02T10:00:00Z"), line(2, unsubscribed="true"))
    counts = scene.run()
    assert (counts["files"], counts["waiting"]) == (1, 1)
    assert scene.written() == {(lead_id(1), "Lead_Score__c", 20.0)}
    assert scene.flags() == {(Flag.OPTED_OUT, lead_id(2), "p2@example.com")}
    with scene.store.begin() as tx:
        tx.close([(one, Outcome(OutcomeKind.CONFIRMED)) for one in scene.store.open_intents()], NOW, "c1")
    scene.mirror(lead(1, Lead_Score__c=20.0))
    scene.run()
    assert scene.written() == {(lead_id(1), "Lead_Score__c", 30.0), (lead_id(2), "HasOptedOutOfEmail", True)}


def test_a_converted_lead_is_left_and_its_contact_written(scene: Scene) -> None:
    contact_id = long_id("003SX0000000001")
    fields: dict[str, Scalar] = {"HasOptedOutOfEmail": False, "Email": "p8@example.com", "LeadSource": None}
    scene.mirror(lead(8, IsConverted=True, ConvertedContactId=contact_id), OrgRecord("Contact", contact_id, NOW, fields))
    scene.drop("a.csv", line(8, leadScore="99", leadSource="Other", unsubscribed="true"))
    scene.run()
    assert scene.written() == {(contact_id, "LeadSource", "Other"), (contact_id, "HasOptedOutOfEmail", True)}


def test_a_flood_of_broken_rows_stays_a_readable_inbox(scene: Scene) -> None:
    scene.drop("a.csv", *(f"{number},broken" for number in range(250)))
    assert settled(scene.run()) == {"quarantined": 250}
    kinds = [item.kind for _, item, _ in scene.store.inbox()]
    assert (kinds.count("export-row"), kinds.count("export-rows")) == (100, 1)


def test_every_kind_of_row_of_a_mixed_file_adds_up(scene: Scene) -> None:
    scene.mirror(lead(4, LeadSource=None))
    lines = [line(1), line(2, leadScore="75"), line(3, leadScore="x"), line(4, leadSource="Mars"), "short", line(950)]
    scene.drop("a.csv", *lines, line(5, leadScore="1"), line(5, leadScore="2", updatedAt="2026-11-01T10:00:01Z"))
    assert settled(scene.run()) == {"applied": 2, "unchanged": 1, "quarantined": 3, "unmatched": 1, "superseded": 1}
    assert scene.inbox() == {("export-row", f"a.csv:{n}") for n in (4, 5, 6)} | {("export-unmatched", "a.csv")}


TIE = "marketo tie ext:2 email:p2@example.com"


@pytest.mark.parametrize("mode", ["observe", "write"])
def test_values_that_look_as_if_they_had_been_encoded_twice_are_written_and_told_with_count_and_examples(
    tmp_path: Path, mode: str
) -> None:
    scene = Scene(tmp_path, mode)
    scene.mirror(*(lead(number, Company=None) for number in range(1, 8)))
    told = [line(n, company=f"M\u00c3\u00bcller {n}") for n in (1, 2, 3, 4)]
    scene.drop("a.csv", line(5, company="M\u00fcller"), *told, line(6, company="Acme"))
    counts = scene.run()
    [item] = [one for _, one, _ in scene.store.inbox() if one.kind == "export-letters"]
    assert item.text == (
        "4 rows bring letters that look as if they had been encoded twice; they are taken as they are. Such as "
        "line 3, Company: 'M\u00c3\u00bcller 1' for 'M\u00fcller 1'; line 4, Company: 'M\u00c3\u00bcller 2' for 'M\u00fcller 2'; "
        "line 5, Company: 'M\u00c3\u00bcller 3' for 'M\u00fcller 3'."
    )
    assert (item.where, item.detail) == ("a.csv:3", "lines 3, 4, 5, 6")
    assert counts["rows"] == counts["applied" if mode == "write" else "unchanged"] == 6
    assert [one.after for one in scene.intents()] == (
        [f"M\u00c3\u00bcller {n}" for n in (1, 2, 3, 4)] + ["M\u00fcller", "Acme"]
    ) * (mode == "write")
    scene.store.dispose()


def test_a_row_set_aside_leaves_the_inbox_when_its_person_comes_again_without_fault(scene: Scene) -> None:
    scene.drop("a.csv", line(1, leadScore="x"), line(2, leadScore="1"), line(2, leadScore="2"), line(3, leadScore="y"))
    scene.run()
    assert scene.inbox() == {("export-row", f"a.csv:{n}") for n in (2, 5)} | {("export-choice", TIE)}
    later = {"updatedAt": "2026-11-02T10:00:00Z"}
    scene.drop("b.csv", line(1, **later), line(2, **later), line(3, **later, leadScore="z"))
    scene.run()
    assert scene.inbox() == {("export-row", "a.csv:5"), ("export-row", "b.csv:4")}


class Crash(Exception):
    """The process is gone."""


class Dying:
    """A store whose process dies at its n-th write, before or after the commit."""

    def __init__(self, store: Store, at: int, *, is_committed: bool) -> None:
        self._store, self._left, self._is_committed = store, at, is_committed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def begin(self, *, as_writer: bool = True) -> Iterator[StoreWriter]:
        self._left -= 1
        with self._store.begin(as_writer=as_writer) as tx:
            yield tx
            if self._left == 0 and not self._is_committed:
                raise Crash
        if self._left == 0:
            raise Crash


def fill(scene: Scene) -> None:
    lines = [line(n, leadScore=str(20 + n), unsubscribed="true" if n % 3 == 0 else "false") for n in range(1, 8)]
    scene.drop("a.csv", *lines, "short", line(960), line(961, unsubscribed="true"), line(2, unsubscribed="Y"))


def state(scene: Scene) -> object:
    ledger = [
        (row.entry.kind, row.entry.record_id, row.entry.field, row.entry.after, row.entry.evidence.get("line"))
        for row in scene.store.ledger(LedgerQuery())
    ]
    items = sorted((item.kind, item.subject, item.text, item.detail) for _, item, _ in scene.store.inbox())
    return sorted(map(repr, ledger)), scene.written(), items, scene.flags(), scene.places(), scene.store.setting("exports")


@pytest.mark.sweep
@pytest.mark.parametrize("is_sifted", [False, True])
@pytest.mark.parametrize("is_committed", [False, True])
def test_killed_at_any_write_the_next_cycle_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_committed: bool, is_sifted: bool
) -> None:
    monkeypatch.setattr(sifting, "SIFTED_FROM_BYTES", 0 if is_sifted else 10**9)
    monkeypatch.setattr(sifted, "ITEMS_AT_ONCE", 3)
    monkeypatch.setattr(sifted, "FEW", -1)
    monkeypatch.setattr(intake_staging, "CHUNK_ROWS", 3)
    monkeypatch.setattr(intake, "BATCH_GROUPS", 2)
    expected = None
    for at in range(100):
        folder = tmp_path / str(at)
        folder.mkdir()
        scene = Scene(folder)
        fill(scene)
        died = False
        try:
            scene.run(Dying(scene.store, at, is_committed=is_committed))
        except Crash:
            died = True
            scene.folder = DropFolder(scene.folder.root, Standing())
            scene.run(now_at=NOW + timedelta(minutes=1))
        found = state(scene)
        scene.store.dispose()
        expected = expected or found
        assert found == expected, f"killed at write {at}"
        if at and not died:
            break
    assert at > 8


def test_killed_before_the_move_the_file_is_only_moved(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(scene)
    with monkeypatch.context() as patch:
        patch.setattr(scene.folder, "done", lambda file: (_ for _ in ()).throw(Crash))
        with pytest.raises(Crash):
            scene.run()
    before = state(scene)
    assert scene.places() == {"a.csv"}
    assert settled(scene.run()) == {}
    assert scene.places() != {"a.csv"}
    assert state(scene)[:4] == before[:4]  # type: ignore[index]


def test_a_mapping_edited_in_between_starts_the_file_anew(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_GROUPS", 2)
    fill(scene)
    with pytest.raises(Crash):
        scene.run(Dying(scene.store, 5, is_committed=True))
    edited = replace(scene.mapping, sha256="cd" * 32)
    scene.run(mapping=edited)
    fields = [(one.record_id, one.field) for one in scene.intents()]
    assert len(fields) == len(set(fields))
    assert len([field for _, field in fields if field == "Lead_Score__c"]) == 6
