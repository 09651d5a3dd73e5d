"""What every store promises the engine; those on SQLite and on PostgreSQL are held to it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncd.core.consent import Consent
from syncd.core.ladder import Wait
from syncd.core.past import Former
from syncd.core.values import (
    ActorKind,
    Entry,
    Flag,
    FlagFact,
    InboxItem,
    Intent,
    OrgRecord,
    Outcome,
    OutcomeKind,
    Rule,
    Scalar,
    Verdict,
)
from syncd.errors import LeaseHeld
from syncd.ports import Case, Chunk, CycleRecord, ExportFile, ExportRow, Job, Keyset, LedgerQuery, Mark, Store, TakenFile
from syncd.ports.census import Span
from syncd.ports.tally import StagedEdit
from syncd.store import mirror
from syncd.store.sql import Surroundings, open_store

ORG = "00D5e00000SYNCDAAA"
T = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FAMILY = ("Lead", "LeadHistory")
RULE = Rule("sales-only", "mappings/fences.toml", 14)


def after(seconds: float) -> datetime:
    return T + timedelta(seconds=seconds)


def lead(id: str, at: float = 0, *, is_deleted: bool = False, **fields: Scalar) -> OrgRecord:
    return OrgRecord("Lead", id, after(at), fields, is_deleted)


def moved(id: str, lead_id: str | None, at: float = 0) -> OrgRecord:
    return OrgRecord("LeadHistory", id, after(at), {"LeadId": lead_id, "Field": "Status", "OldValue": "Open", "NewValue": "MQL"})


def intent(key: str, record_id: str = "00Q1", **changed: object) -> Intent:
    parts: dict[str, object] = {
        "key": key,
        "object": "Lead",
        "record_id": record_id,
        "field": "Status",
        "before": "MQL",
        "after": "Working",
        "part": "revert",
        "rule": RULE,
        "reason": "Marketing may not set 'MQL'",
        "policy_hash": "ab" * 32,
        "cause": "crossing",
    }
    return Intent(**{**parts, **changed})  # type: ignore[arg-type]


def chunk(*rows: tuple[str, str | None, str | None]) -> Chunk:
    """Give rows of a Bulk job: id, Email, Key__c."""
    ids, emails, keys = zip(*rows, strict=True) if rows else ((), (), ())
    stamps = ["2026-03-01T12:00:00.000Z"] * len(rows)
    return Chunk("Lead", ("Email", "Key__c"), ids, stamps, (emails, keys), None, is_page_end=True, is_last=True)


class StoreContract:
    """Held against any store that the fixture `store` gives."""

    # --- settings, marks

    @pytest.mark.parametrize("value", [None, True, 12, 1.5, "ä€😀", [1, "b"], {"a": {"b": None}}, 2**70, "half \ud83d"])
    def test_a_setting_comes_back_as_it_was(self, store: Store, value: object) -> None:
        with store.begin() as tx:
            tx.put_setting("a key", "before")
            tx.put_setting("a key", value)
        assert store.setting("a key") == value
        assert store.setting("another") is None

    def test_marks_move_each_on_their_own(self, store: Store) -> None:
        assert store.marks() == {}
        with store.begin() as tx:
            tx.stage("Lead", [], None, Keyset(after(5), "00Q5"))
            tx.stage_deleted("Lead", [], after(9))
            tx.stage("Opportunity", [], None, None)
        assert store.marks() == {"Lead": Mark(None, Keyset(after(5), "00Q5"), after(9))}
        with store.begin() as tx:
            tx.advance("Lead", after(4))
        assert store.marks() == {"Lead": Mark(after(4), Keyset(after(4), ""), after(9))}

    def test_forgotten_marks_start_an_object_again(self, store: Store) -> None:
        with store.begin() as tx:
            tx.advance("Lead", T)
            tx.advance("Opportunity", T)
            tx.forget_marks("Lead")
            tx.forget_marks("Contact")
        assert list(store.marks()) == ["Opportunity"]

    def test_a_time_without_zone_is_refused(self, store: Store) -> None:
        with pytest.raises(ValueError, match="without zone"), store.begin() as tx:
            tx.advance("Lead", datetime(2026, 3, 1))  # noqa: DTZ001

    # --- sums

    def test_live_rows_are_counted_by_a_value_whatever_else_they_hold(self, store: Store) -> None:
        rows = [lead("00Q1", OwnerId="005A", IsConverted=False), lead("00Q2", OwnerId="005A"), lead("00Q3", OwnerId=None)]
        rows += [lead("00Q4", OwnerId="00GB", IsConverted=True), lead("00Q5", OwnerId="005A", is_deleted=True)]
        rows += [lead("00Q6", Email="a@b.example"), OrgRecord("Contact", "0031", T, {"OwnerId": "005A"})]
        with store.begin() as tx:
            tx.mirror(rows)
        assert store.tally("Lead", "OwnerId") == {"005A": 2, "00GB": 1}
        assert store.tally("Lead", "OwnerId", unless=("IsConverted", "Missing")) == {"005A": 2}
        assert store.tally("Lead", "Missing") == store.tally("Account", "OwnerId") == {}

    def test_staged_history_tells_who_changed_which_field_of_which_record_and_when(self, store: Store) -> None:
        rows = [
            OrgRecord("LeadHistory", "0171", after(1), {"LeadId": "00Q1", "Field": "Status", "CreatedById": "005A"}),
            OrgRecord("LeadHistory", "0172", after(2), {"LeadId": "00Q2", "Field": "Owner", "CreatedById": "005B"}),
            OrgRecord("LeadHistory", "0173", after(3), {"LeadId": "00Q3", "Field": "Email", "CreatedById": "005B"}),
            OrgRecord("LeadHistory", "0174", after(4), {"LeadId": "00Q4", "Field": "Status", "CreatedById": None}),
        ]
        with store.begin() as tx:
            tx.stage("LeadHistory", rows, "LeadId", None)
        one, two = StagedEdit("005A", "Status", "00Q1", after(1)), StagedEdit("005B", "Owner", "00Q2", after(2))
        assert sorted(store.staged_edits("LeadHistory", {"Status", "Owner"}), key=lambda edit: edit.at) == [one, two]
        assert store.staged_edits("LeadHistory", {"Status", "Owner"}, after(2)) == [two]
        assert store.staged_edits("ContactHistory", {"Status"}) == []

    # --- transactions

    def test_a_transaction_that_raises_leaves_nothing(self, store: Store) -> None:
        with pytest.raises(AssertionError, match="latch"), store.begin() as tx:  # noqa: PT012 (what came before is the point)
            tx.put_setting("a", 1)
            tx.mirror([lead("00Q1")])
            tx.append([Entry(kind="change", at=T, cycle="c1")])
            tx.open([(intent("k1"), None)], T, "c1")
            tx.clear_flags([FlagFact(Flag.OPTED_OUT, "00Q1", None, "a", "", T)])
        assert (store.setting("a"), store.count("Lead"), store.ledger_size(), store.count_open()) == (None, 0, 0, 0)
        assert store.verify().problems == ()

    def test_readers_see_a_transaction_only_when_it_is_committed(self, store: Store) -> None:
        with store.begin() as tx:
            tx.mirror([lead("00Q1")])
            assert store.count("Lead") == 0
        assert store.count("Lead") == 1

    # --- mirror

    def test_rows_come_back_as_they_were_mirrored_last(self, store: Store) -> None:
        fields: dict[str, Scalar] = {
            "Email": "ann@example.com",
            "N": 1,
            "F": 2.5,
            "B": True,
            "Nothing": None,
            "Account.Name": "Ä\n",
        }
        first, second = lead("00Q1", 0, Status="Open"), OrgRecord("Lead", "00Q1", after(1), fields)
        with store.begin() as tx:
            tx.mirror([first, lead("00Q2", is_deleted=True)])
            tx.mirror([second])
        assert store.get("Lead", ["00Q1", "00Q2", "00Q3"]) == {"00Q1": second, "00Q2": lead("00Q2", is_deleted=True)}
        assert store.get("Contact", ["00Q1"]) == {}
        assert store.get("Lead", []) == {}
        assert store.count("Lead") == 1

    def test_more_ids_than_a_statement_takes_are_found(self, store: Store) -> None:
        ids = [f"00Q{number:05}" for number in range(2_500)]
        with store.begin() as tx:
            tx.mirror([lead(id, Email=f"{id}@example.com") for id in ids])
        store.index({"Lead": ["Email"]})
        assert sorted(store.get("Lead", ids)) == ids
        assert [row.id for row in store.by_key("Lead", "Email", [f"{id}@example.com" for id in reversed(ids)])] == ids

    def test_a_row_is_found_by_its_present_key_only(self, store: Store) -> None:
        store.index({"Lead": ["Email", "OwnerId"]})
        with store.begin() as tx:
            tx.mirror([lead("00Q2", Email="ann@example.com"), lead("00Q1", Email=" Ann@Example.COM "), lead("00Q3", Email=None)])
        assert [row.id for row in store.by_key("Lead", "Email", ["ANN@example.com", "nobody@example.com", ""])] == [
            "00Q1",
            "00Q2",
        ]
        with store.begin() as tx:
            tx.mirror([lead("00Q1", 1, Email="bob@example.com"), lead("00Q2", 1, Email="ann@example.com", is_deleted=True)])
        assert store.by_key("Lead", "Email", ["ann@example.com"]) == []
        assert [row.id for row in store.by_key("Lead", "Email", ["bob@example.com"])] == ["00Q1"]
        assert store.by_key("Lead", "Email", []) == []

    def test_of_two_rows_with_one_id_the_later_one_keeps_the_key(self, store: Store) -> None:
        store.index({"Lead": ["Email"]})
        with store.begin() as tx:
            tx.mirror([lead("00Q1", Email="old@example.com"), lead("00Q1", Email="new@example.com")])
        assert store.by_key("Lead", "Email", ["old@example.com"]) == []
        assert len(store.by_key("Lead", "Email", ["new@example.com"])) == 1

    @pytest.mark.parametrize(("value", "asked"), [(True, "true"), (12, "12"), ("A-1", "A-1")])
    def test_keys_need_not_be_text(self, store: Store, value: Scalar, asked: str) -> None:
        store.index({"Lead": ["Key__c"]})
        with store.begin() as tx:
            tx.mirror([lead("00Q1", Key__c=value)])
        assert [row.id for row in store.by_key("Lead", "Key__c", [asked])] == ["00Q1"]

    def test_case_counts_except_in_addresses(self, store: Store) -> None:
        store.index({"Lead": ["Key__c"]})
        with store.begin() as tx:
            tx.mirror([lead("00Q1", Key__c="abC")])
        assert store.by_key("Lead", "Key__c", ["abc"]) == []

    def test_rows_mirrored_before_get_keys_when_a_field_is_named(self, store: Store) -> None:
        with store.begin() as tx:
            tx.mirror([lead(f"00Q{n:04}", Email=f"p{n}@example.com", City="Rome") for n in range(2_100)])
        store.index({"Lead": ["Email"]})
        assert len(store.by_key("Lead", "Email", ["p2099@example.com"])) == 1
        store.index({"Lead": ["City"]})
        assert len(store.by_key("Lead", "City", ["Rome"])) == 2_100
        with pytest.raises(AssertionError, match=r"Lead\.Email"):
            store.by_key("Lead", "Email", ["p1@example.com"])
        with pytest.raises(AssertionError, match=r"Lead\.Nope"):
            store.scan("Lead", field="Nope", values=["x"])

    def test_a_scan_goes_through_live_rows_in_id_order(self, store: Store) -> None:
        store.index({"Lead": ["Status"]})
        with store.begin() as tx:
            tx.mirror([lead(f"00Q{n}", Status="Open" if n % 3 else "MQL", is_deleted=n == 4) for n in (5, 1, 4, 3, 2, 6)])
        assert [row.id for row in store.scan("Lead")] == ["00Q1", "00Q2", "00Q3", "00Q5", "00Q6"]
        assert [row.id for row in store.scan("Lead", after_id="00Q2", limit=2)] == ["00Q3", "00Q5"]
        assert [row.id for row in store.scan("Lead", field="Status", values=["Open"], limit=2)] == ["00Q1", "00Q2"]
        assert [row.id for row in store.scan("Lead", field="Status", values=["Open"], after_id="00Q2")] == ["00Q5"]
        assert [row.id for row in store.scan("Lead", field="Status", values=["MQL", "Open", "MQL"], limit=3)] == [
            "00Q1",
            "00Q2",
            "00Q3",
        ]
        assert store.scan("Lead", field="Status") == []

    @pytest.mark.parametrize("ending", [".000+0000", ".000Z"])
    def test_rows_are_found_by_a_time_after_one_moment_and_up_to_another(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, ending: str
    ) -> None:
        store.index({"Lead": ["Ends__c"]})
        times = {"00Q1": 0, "00Q2": 1, "00Q3": 60, "00Q4": 61}
        rows = [lead(id, Ends__c=f"{after(seconds):%Y-%m-%dT%H:%M:%S}{ending}") for id, seconds in times.items()]
        with store.begin() as tx:
            tx.mirror([*rows, lead("00Q5", Ends__c=None), lead("00Q6", Ends__c=rows[1].fields["Ends__c"], is_deleted=True)])
        assert [[row.id for row in rows] for rows in store.within("Lead", "Ends__c", after(0), after(60))] == [["00Q2", "00Q3"]]
        assert [*store.within("Lead", "Ends__c", after(60.5), after(60.9))] == []
        monkeypatch.setattr(mirror, "_BACKFILL_ROWS", 2)
        pages = [[row.id for row in rows] for rows in store.within("Lead", "Ends__c", after(-1), after(61))]
        assert pages == [["00Q1", "00Q2"], ["00Q3", "00Q4"]]
        with pytest.raises(AssertionError, match=r"Lead\.Nope"):
            store.within("Lead", "Nope", after(0), after(1))

    # --- staging

    def test_a_case_brings_all_that_is_new_about_a_subject(self, store: Store) -> None:
        old = lead("00Q1", 0, Status="Open")
        with store.begin() as tx:
            tx.mirror([old, moved("017a", "00Q1", 0), lead("00Q3", 0, Status="Open")])
            tx.stage("Lead", [lead("00Q2", 3), lead("00Q1", 2, Status="MQL")], None, Keyset(after(3), "00Q2"))
            tx.stage("LeadHistory", [moved("017c", "00Q1", 2), moved("017b", "00Q1", 2), moved("017a", "00Q1")], "LeadId", None)
            tx.stage("LeadHistory", [moved("017d", "00Q3", 1), moved("017e", "00Q4", 1)], "LeadId", None)
        assert store.cases(FAMILY, 10) == [
            Case("00Q1", lead("00Q1", 2, Status="MQL"), old, (moved("017b", "00Q1", 2), moved("017c", "00Q1", 2))),
            Case("00Q2", lead("00Q2", 3), None),
            Case("00Q3", None, lead("00Q3", 0, Status="Open"), (moved("017d", "00Q3", 1),)),
            Case("00Q4", None, None, (moved("017e", "00Q4", 1),)),
        ]
        assert [case.subject_id for case in store.cases(FAMILY, 2)] == ["00Q1", "00Q2"]

    def test_a_family_may_have_no_history(self, store: Store) -> None:
        user = OrgRecord("User", "005a", T, {"Name": "Ann"})
        with store.begin() as tx:
            tx.stage("User", [user], None, None)
            tx.stage("Lead", [lead("00Q1")], None, None)
        assert store.cases(("User",), 10) == [Case("005a", user, None)]

    def test_unstaged_subjects_are_done(self, store: Store) -> None:
        with store.begin() as tx:
            tx.stage("Lead", [lead("00Q1"), lead("00Q2")], None, None)
            tx.stage("LeadHistory", [moved("017a", "00Q1"), moved("017b", "00Q2")], "LeadId", None)
            tx.stage("Opportunity", [OrgRecord("Opportunity", "00Q1", T, {})], None, None)
            tx.unstage(FAMILY, ["00Q1"])
        assert [case.subject_id for case in store.cases(FAMILY, 10)] == ["00Q2"]
        assert len(store.cases(("Opportunity",), 10)) == 1

    def test_what_is_mirrored_after_it_was_staged_still_comes_back_to_be_unstaged(self, store: Store) -> None:
        with store.begin() as tx:
            tx.stage("Lead", [lead("00Q1", Status="Open")], None, None)
            tx.stage("LeadHistory", [moved("017a", "00Q2")], "LeadId", None)
            tx.mirror([lead("00Q1", Status="Open"), moved("017a", "00Q2")])
        same = lead("00Q1", Status="Open")
        assert store.cases(FAMILY, 10) == [Case("00Q1", same, same), Case("00Q2", None, None)]

    def test_rows_that_the_mirror_has_as_they_are_or_newer_are_not_staged(self, store: Store) -> None:
        with store.begin() as tx:
            tx.mirror([lead("00Q1", 1, Status="Open"), lead("00Q2", 1, Status="Open"), lead("00Q3", 1, Status="Open")])
            tx.mirror([moved("017a", "00Q1"), replace(lead("00Q4", 1, Status="Open"), is_deleted=True)])
            same, older, other, revived = (
                lead(f"00Q{n}", at, Status=s) for n, at, s in ((1, 1, "Open"), (2, 0, "Old"), (3, 1, "New"), (4, 1, "Open"))
            )
            assert tx.stage("Lead", [same, older, other, revived], None, None) == 2
            assert tx.stage("LeadHistory", [moved("017a", "00Q1"), moved("017b", "00Q1")], "LeadId", None) == 1
        found = store.cases(FAMILY, 10)
        assert [(case.subject_id, case.staged, len(case.history)) for case in found] == [
            ("00Q1", None, 1),
            ("00Q3", other, 0),
            ("00Q4", revived, 0),
        ]

    def test_older_history_waits_until_it_is_asked_for_as_first_sight(self, store: Store) -> None:
        known = lead("00Q1", 5, Status="Open")
        with store.begin() as tx:
            tx.mirror([known])
            tx.stage(
                "LeadHistory", [moved("017a", "00Q1", 1), moved("017b", "00Q1", 9), moved("017c", "00Q2", 1)], "LeadId", None
            )
        hot = store.cases(FAMILY, 10, history_since=after(5))
        assert hot == [Case("00Q1", None, known, (moved("017b", "00Q1", 9),))]
        assert store.cases(FAMILY, 10, first_sight_until=after(5)) == [
            Case("00Q1", known, None, (moved("017a", "00Q1", 1),)),
            Case("00Q2", None, None, (moved("017c", "00Q2", 1),)),
        ]
        with store.begin() as tx:
            tx.unstage(FAMILY, ["00Q1"], history_since=after(5))
        assert store.cases(FAMILY, 10, history_since=after(5)) == []
        with store.begin() as tx:
            tx.unstage(FAMILY, ["00Q1"], first_sight_until=after(5))
        assert [case.subject_id for case in store.cases(FAMILY, 10)] == ["00Q2"]

    @pytest.mark.parametrize(("first_at", "second_at", "kept"), [(0, 1, "second"), (1, 1, "second"), (2, 1, "first")])
    def test_of_two_readings_the_newer_one_stays(self, store: Store, first_at: int, second_at: int, kept: str) -> None:
        with store.begin() as tx:
            tx.stage("Lead", [lead("00Q1", first_at, Status="first")], None, None)
            tx.stage("Lead", [lead("00Q1", second_at, Status="second")], None, None)
        [case] = store.cases(FAMILY, 10)
        assert case.staged is not None
        assert case.staged.fields == {"Status": kept}

    def test_a_deletion_comes_as_the_mirrored_row(self, store: Store) -> None:
        with store.begin() as tx:
            tx.mirror([lead("00Q1", 0, Status="Open")])
            tx.stage_deleted("Lead", ["00Q1", "00Q2"], after(60))
        known = lead("00Q1", 0, Status="Open")
        assert store.cases(FAMILY, 10) == [
            Case("00Q1", lead("00Q1", 0, Status="Open", is_deleted=True), known),
            Case("00Q2", lead("00Q2", 60, is_deleted=True), None),
        ]

    def test_a_row_read_and_then_deleted_keeps_its_last_fields(self, store: Store) -> None:
        with store.begin() as tx:
            tx.stage("Lead", [lead("00Q1", 5, Status="MQL")], None, None)
            tx.stage_deleted("Lead", ["00Q1"], after(60))
        assert store.cases(FAMILY, 10) == [Case("00Q1", lead("00Q1", 5, Status="MQL", is_deleted=True), None)]

    def test_a_late_page_of_an_older_snapshot_does_not_bring_a_deleted_row_back(self, store: Store) -> None:
        with store.begin() as tx:
            tx.stage_deleted("Lead", ["00Q1", "00Q2"], after(60))
            tx.stage("Lead", [lead("00Q1", 60, Status="MQL"), lead("00Q2", 61, Status="restored")], None, None)
        assert [case.staged.is_deleted for case in store.cases(FAMILY, 10) if case.staged] == [True, False]

    def test_a_history_row_without_parent_does_not_stop_the_others(self, store: Store) -> None:
        with store.begin() as tx:
            tx.stage("LeadHistory", [moved("017a", None), moved("017b", "00Q1")], "LeadId", None)
        assert [case.subject_id for case in store.cases(FAMILY, 10)] == ["00Q1", "017a"]

    # --- flags, debts, verdicts

    def test_a_flag_fact_is_stored_once_and_found_by_person_or_address(self, store: Store) -> None:
        facts = [
            FlagFact(Flag.OPTED_OUT, "00Q1", "ann@example.com", "newsletter", "a.csv:2", T),
            FlagFact(Flag.OPTED_OUT, None, "bob@example.com", "newsletter", "a.csv:3", T),
            FlagFact(Flag.UNREACHABLE, "00Q1", None, "salesforce", "EmailBouncedDate", T),
        ]
        with store.begin() as tx:
            assert tx.add_flags(facts) == 3
            later = FlagFact(Flag.OPTED_OUT, "00Q1", "ann@example.com", "newsletter", "b.csv:9", after(99))
            assert tx.add_flags([later, *facts]) == 0
            assert tx.add_flags([]) == 0
        assert sorted(store.flags(["00Q1"], ["Bob@Example.com"]), key=str) == sorted(facts, key=str)
        assert store.flags([], ["ann@example.com"]) == [facts[0]]
        assert store.flags(["003x"], []) == store.flags([], [""]) == []

    def test_flagged_people_are_counted_once(self, store: Store) -> None:
        with store.begin() as tx:
            tx.add_flags(
                [
                    FlagFact(Flag.OPTED_OUT, "00Q1", "ann@example.com", "a", "", T),
                    FlagFact(Flag.OPTED_OUT, "00Q1", None, "b", "", T),
                    FlagFact(Flag.UNREACHABLE, "00Q1", None, "b", "", T),
                    FlagFact(Flag.OPT_OUT_UNREADABLE, "00Q2", None, "b", "", T),
                    FlagFact(Flag.OPTED_OUT, None, "bob@example.com", "a", "", T),
                    FlagFact(Flag.OPTED_OUT, None, "bob@example.com", "b", "", T),
                ]
            )
        assert store.flag_counts() == {
            "opted_out": 2, "opt_out_unreadable": 1, "unreachable": 1, "any": 3, "scoped": 0, "consents": 0,
        }  # fmt: skip

    def test_an_opt_out_of_two_brands_is_two_facts_and_one_person(self, store: Store) -> None:
        facts = [FlagFact(Flag.OPTED_OUT, "00Q1", None, "a", "f:1", T, f"brand:{name}") for name in ("x", "y")]
        with store.begin() as tx:
            assert tx.add_flags([*facts, facts[0]]) == 2
        assert store.flags(["00Q1"], []) == facts
        assert (store.flag_counts()["scoped"], store.flag_counts()["opted_out"], store.flag_counts()["any"]) == (1, 0, 1)

    def test_what_is_said_again_keeps_its_first_evidence_and_its_last_time(self, store: Store) -> None:
        first = FlagFact(Flag.OPTED_OUT, "00Q1", None, "a", "f:1", T)
        again = replace(first, evidence="g:9", seen_at=T + timedelta(days=1))
        with store.begin() as tx:
            tx.renew_flags([first])
            tx.renew_flags([again])
        [kept] = store.flags(["00Q1"], [])
        assert (kept.evidence, kept.seen_at, kept.last_said) == ("f:1", T, T + timedelta(days=1))

    def test_a_consent_is_stored_once_and_found_by_person_or_address(self, store: Store) -> None:
        given = Consent("0031", "Ann@Example.com", "global", T, "form", "Yes", "dana", T)
        bare = Consent(None, "bob@example.com", "topic:x", T, "form", "Yes", "dana", T)
        with store.begin() as tx:
            assert tx.add_consents([given, bare]) == 2
            assert tx.add_consents([given]) == tx.add_consents([]) == 0
        [kept] = store.consents(["0031"], [])
        assert (kept.scope, kept.given_at, kept.wording, kept.address) == ("global", T, "Yes", "ann@example.com")
        assert store.consents([], ["BOB@example.com"]) == [bare]
        assert store.consents(["0039"], [""]) == []
        assert store.all_consents() == [bare, kept]
        assert store.flag_counts()["consents"] == 2

    def test_what_people_were_known_by_is_found_from_both_ends(self, store: Store) -> None:
        with store.begin() as tx:
            tx.add_former_handles([("0031", "Old@Example.com"), ("0031", "MA__c=7"), ("0031", "old@example.com")])
        assert store.former_handles(["0031"], []) == [("0031", "MA__c=7"), ("0031", "old@example.com")]
        assert store.former_handles([], ["OLD@example.com", "x"]) == [("0031", "old@example.com")]
        assert store.handles_of_merged() == []
        with store.begin() as tx:
            tx.add_former_handles([("0031", "id=0032"), ("0039", "own@example.com")])
        assert sorted(store.handles_of_merged()) == ["MA__c=7", "old@example.com"]

    def test_flags_may_clear_but_an_opt_out_never(self, store: Store) -> None:
        fact = FlagFact(Flag.UNREACHABLE, "00Q1", None, "a", "", T)
        with store.begin() as tx:
            others = [
                replace(fact, source="b"),
                replace(fact, address="a@b.cd"),
                FlagFact(Flag.UNREACHABLE, None, "a@b.cd", "a", "", T),
            ]
            tx.add_flags([fact, *others])
            tx.clear_flags([*others[:2], replace(others[2], address="A@b.cd"), replace(fact, person_id="00Q2")])
            tx.clear_flags([])
        assert store.flags(["00Q1"], ["a@b.cd"]) == [fact]
        with pytest.raises(AssertionError, match="latch"), store.begin() as tx:
            tx.clear_flags([fact, replace(fact, flag=Flag.OPTED_OUT)])

    def test_bulk_jobs_are_kept_until_they_are_dropped(self, store: Store) -> None:
        begun = Job("a", "ingest", "Lead", None, "asked", {"seqs": [[1, 5]]}, T, T)
        named = replace(begun, job_id="750000000000001AAA", state="filled", updated_at=after(1))
        query = Job("b", "query", "Lead", None, "asked", {}, after(-1), T)
        with store.begin() as tx:
            tx.put_job(begun)
            tx.put_job(query)
        assert store.jobs("ingest") == [begun]
        with store.begin() as tx:
            tx.put_job(named)
        assert store.jobs("ingest") == [named]
        with store.begin() as tx:
            tx.drop_job("a")
        assert store.jobs("ingest") == []
        assert store.jobs("query") == [query]

    def test_a_debt_is_owed_until_it_is_settled(self, store: Store) -> None:
        with store.begin() as tx:
            tx.owe("Lead", {("00Q1", "Status"): "Open", ("00Q1", "OwnerId"): None})
            tx.owe("Lead", {("00Q1", "Status"): "MQL", ("00Q2", "Status"): "Open"})
            tx.owe("Lead", {})
        assert store.lawful("Lead", ["00Q1"]) == {("00Q1", "Status"): "MQL", ("00Q1", "OwnerId"): None}
        with store.begin() as tx:
            tx.settle_debts("Lead", [("00Q1", "Status"), ("00Q9", "Status")])
            tx.settle_debts("Lead", [])
        assert store.lawful("Lead", ["00Q1", "00Q2"]) == {("00Q1", "OwnerId"): None, ("00Q2", "Status"): "Open"}
        assert store.lawful("Contact", ["00Q1"]) == {}

    def test_a_revert_waits_with_its_debt_until_it_is_due_or_answered(self, store: Store) -> None:
        soon = Wait(intent("k1"), "status", ActorKind.TOOL, T, due_at=after(1800), cause=7)
        asked = Wait(intent("k2", "00Q2"), "owner", ActorKind.PERSON, T, "005A", is_asked=True)
        late = Wait(intent("k3", "00Q3"), "status", ActorKind.TOOL, T, is_asked=True, due_at=after(3600))
        with store.begin() as tx:
            owed = {("00Q1", "Status"): "MQL", ("00Q2", "Status"): "Open", ("00Q3", "Status"): "Open", ("00Q4", "Status"): "Open"}
            tx.owe("Lead", owed, {("00Q3", "Status"): late, ("00Q1", "Status"): soon, ("00Q2", "Status"): asked})
        assert store.lawful("Lead", owed_ids := ["00Q1", "00Q2", "00Q3", "00Q4"]) == owed
        assert store.waits("Lead", owed_ids) == {("00Q1", "Status"): soon, ("00Q2", "Status"): asked, ("00Q3", "Status"): late}
        assert store.waits("Lead", ["00Q2", "00Q4"]) == {("00Q2", "Status"): asked}
        assert store.waits("Contact", owed_ids) == {}
        assert store.due_waits(after(1799)) == []
        assert store.due_waits(after(1800)) == [soon]
        assert store.due_waits(after(9999)) == [soon, late]
        assert store.due_waits(after(9999), limit=1) == [soon]
        with store.begin() as tx:
            tx.owe("Lead", {("00Q1", "Status"): "Nurture"})
            tx.settle_debts("Lead", [("00Q3", "Status")])
        assert store.due_waits(after(9999)) == []
        assert store.waits("Lead", owed_ids) == {("00Q2", "Status"): asked}

    def test_the_last_verdict_is_remembered(self, store: Store) -> None:
        with store.begin() as tx:
            tx.put_verdicts("nurture", {"006a": "stalled", "006b": "held"})
            tx.put_verdicts("nurture", {"006a": "moving"})
            tx.put_verdicts("handoff", {})
        assert store.verdicts("nurture", ["006a", "006b", "006c"]) == {"006a": "moving", "006b": "held"}
        assert store.verdicts("handoff", ["006a"]) == {}

    # --- exports

    def test_what_people_were_is_kept_row_by_row_in_the_order_of_their_changes(self, store: Store) -> None:
        promoted = Former("User", "0051", after(20), after(10), {"UserRole.Name": "SDR", "IsActive": True})
        joined = Former("GroupMember", "0111", after(5), after(5), None)
        with store.begin() as tx:
            tx.put_former([promoted, joined])
        assert store.former() == [joined, promoted]
        again = replace(promoted, unsure_from=after(15))
        with store.begin() as tx:
            tx.put_former([again])
            tx.put_former([])
        assert store.former() == [joined, again]

    def test_a_file_is_staged_in_groups_and_finished_once(self, store: Store) -> None:
        file = ExportFile("newsletter", "/drop/a.csv", "a.csv", "f" * 64, 120)
        rows = [ExportRow(n, f"k{n % 3}", "v1", {"Email": "ann@example.com", "n": n}) for n in range(2, 9)]
        with store.begin() as tx:
            tx.begin_file(file)
            tx.stage_rows(file.sha256, rows)
        groups = store.export_groups(file.sha256, "", 2)
        assert [(key, [row.line for row in found]) for key, found in groups] == [("k0", [3, 6]), ("k1", [4, 7])]
        assert groups[0][1][0] == rows[1]
        assert [key for key, _ in store.export_groups(file.sha256, "k1", 2)] == ["k2"]
        assert store.export_groups(file.sha256, "k2", 2) == []
        assert not store.has_file(file.sha256)
        with store.begin() as tx:
            tx.finish_file(file.sha256, {"rows": 7}, T)
        assert store.has_file(file.sha256)
        assert store.export_groups(file.sha256, "", 9) == []
        assert store.taken_files(3) == [TakenFile("newsletter", "a.csv", T, {"rows": 7}, file.sha256)]
        assert store.taken_files(0) == []
        assert [len(store.taken_files(3, source)) for source in ("newsletter", "marketo")] == [1, 0]
        with pytest.raises(AssertionError, match="finished before"), store.begin() as tx:
            tx.begin_file(file)

    def test_a_finished_file_that_is_opened_again_is_taken_as_one_that_was_never_finished(self, store: Store) -> None:
        file = ExportFile("newsletter", "/drop/a.csv", "a.csv", "f" * 64, 120)
        for _ in range(2):
            with store.begin() as tx:
                tx.begin_file(file)
                tx.stage_rows(file.sha256, [ExportRow(2, "a", "", {})])
            assert len(store.export_groups(file.sha256, "", 2)) == 1
            with store.begin() as tx:
                tx.finish_file(file.sha256, {"rows": 1}, T)
            with store.begin() as tx:
                tx.reopen_file(file.sha256)
                tx.reopen_file("0" * 64)
            assert (store.has_file(file.sha256), store.taken_files(3)) == (False, [])

    def test_an_unfinished_file_is_staged_anew(self, store: Store) -> None:
        file = ExportFile("newsletter", "/drop/a.csv", "a.csv", "f" * 64, 120)
        with store.begin() as tx:
            tx.begin_file(file)
            tx.stage_rows(file.sha256, [ExportRow(2, "a", "", {}), ExportRow(3, "b", "", {})])
        with store.begin() as tx:
            tx.begin_file(file)
            tx.stage_rows(file.sha256, [ExportRow(2, "a", "", {})])
        assert [key for key, _ in store.export_groups(file.sha256, "", 9)] == ["a"]
        with pytest.raises(AssertionError, match="never begun"), store.begin() as tx:
            tx.finish_file("0" * 64, {}, T)

    # --- loads

    def test_a_first_load_leaves_what_is_there_and_is_found_by_key_once_it_was_keyed(self, store: Store) -> None:
        store.index({"Lead": ["Email", "Key__c"]})
        with store.begin() as tx:
            tx.mirror([lead("00Q2", 9, Email="new@example.com", Key__c="k2")])
        rows = [
            ("00Q1", " Ann@Example.com ", "Kä"),
            ("00Q2", "old@example.com", "k"),
            ("00Q3", None, None),
            ("00Qä", "z@example.com", "k"),
        ]
        packed = store.pack(chunk(*rows))
        with store.begin() as tx:
            assert tx.load(packed) == 3
        with store.begin() as tx:
            assert tx.load(packed) == 0
            assert tx.load(store.pack(chunk())) == 0
        with store.begin() as tx:
            assert tx.key_loaded("Lead") is None
        with store.begin() as tx:
            assert tx.key_loaded("Lead") is None
        assert store.get("Lead", ["00Q1"])["00Q1"] == lead("00Q1", Email=" Ann@Example.com ", Key__c="Kä")
        assert store.get("Lead", ["00Q2"])["00Q2"].fields["Email"] == "new@example.com"
        found = {
            value: [row.id for row in store.by_key("Lead", "Email", [value])] for value in ("ann@example.com", "old@example.com")
        }
        assert found == {"ann@example.com": ["00Q1"], "old@example.com": []}
        assert [row.id for row in store.by_key("Lead", "Key__c", ["Kä", "k", "k2"])] == ["00Q1", "00Q2", "00Qä"]

    def test_an_object_that_is_read_again_refreshes_what_stands_and_stages_what_moved(self, store: Store) -> None:
        with store.begin() as tx:
            tx.mirror(
                [
                    lead("00Q1", 0, Email="a"),
                    lead("00Q2", -5, Email="b"),
                    lead("00Q3", 5, Email="c"),
                    lead("00Q5", is_deleted=True),
                ]
            )
        packed = store.pack(chunk(*((f"00Q{n}", "new", "k") for n in range(1, 6))))
        with store.begin() as tx:
            assert tx.reload(packed, None) == 2
        assert store.get("Lead", ["00Q1"])["00Q1"] == lead("00Q1", Email="new", Key__c="k")
        assert store.get("Lead", ["00Q3"])["00Q3"].fields == {"Email": "c"}
        cases = store.cases(("Lead",), 9)
        assert [(case.subject_id, case.known is None) for case in cases] == [("00Q2", False), ("00Q4", True)]
        assert all(case.staged == lead(case.subject_id, Email="new", Key__c="k") for case in cases)

    # --- counts

    def test_mirrored_rows_are_counted_by_day_and_cut_into_pieces(self, store: Store) -> None:
        day = 86_400
        with store.begin() as tx:
            tx.mirror([lead(f"00Q{n}", (n - 3) * day / 2) for n in range(8)])
            tx.mirror([lead("00Q9", is_deleted=True), OrgRecord("Contact", "0031", T, {})])
        whole = Span("Lead", "SystemModstamp", None, after(9 * day))
        assert store.days(whole) == {"2026-02-28": 2, "2026-03-01": 2, "2026-03-02": 2, "2026-03-03": 2}
        assert store.count_span(whole) == 8
        part = replace(whole, since_at=T, until_at=after(day), low="00Q3", high="00Q5")
        assert store.stamps(part) == {"00Q3": T, "00Q4": after(day / 2)}
        assert store.id_cuts(whole, 4) == ["00Q2", "00Q4", "00Q6"]
        assert store.id_cuts(replace(whole, until_at=after(-9 * day)), 4) == []
        assert store.deleted_ids("Lead") == ["00Q9"]

    # --- ledger

    def test_entries_come_back_whole_in_the_order_they_were_written(self, store: Store) -> None:
        full = Entry(
            kind="change",
            at=T,
            cycle="c1",
            object="Lead",
            record_id="00Q1",
            related_id="006a",
            field="Status",
            before="Öffen",
            after=2.5,
            changed_at=after(-3),
            actor_id="005a",
            actor="Ann Rep",
            actor_kind="person",
            proof="history",
            team="sales",
            verdict="note",
            fence="f",
            rule=RULE,
            policy_hash="ab" * 32,
            reason="because",
            evidence={"history": "017a", "line": 3, "exact": True, "none": None},
            cause_seq=1,
            key="k",
            outcome="x",
            request_id="r",
        )
        bare = Entry(kind="note", at=after(1), cycle="c1")
        with store.begin() as tx:
            assert tx.append([bare, full]) == [1, 2]
            assert tx.append([]) == []
        with store.begin() as tx:
            assert tx.append([bare]) == [3]
        rows = list(store.ledger(LedgerQuery()))
        assert [(row.seq, row.entry) for row in rows] == [(1, bare), (2, full), (3, bare)]
        assert all(len(row.leaf) == 64 for row in rows)
        assert store.ledger_size() == store.verify().rows == 3

    @pytest.mark.parametrize(
        ("query", "seqs"),
        [
            (LedgerQuery(), [1, 2, 3, 4]),
            (LedgerQuery(newest_first=True, limit=3), [4, 3, 2]),
            (LedgerQuery(limit=0), []),
            (LedgerQuery(record_id="00Q1"), [1, 3]),
            (LedgerQuery(record_id="006a"), [3]),
            (LedgerQuery(field="Status", record_id="00Q1"), [1]),
            (LedgerQuery(actor="005a"), [1, 2]),
            (LedgerQuery(actor="Ann Rep"), [1, 2]),
            (LedgerQuery(kind="note"), [4]),
            (LedgerQuery(verdict="warn"), [2]),
            (LedgerQuery(outcome="confirmed"), []),
            (LedgerQuery(since_at=after(1), until_at=after(3)), [2, 3]),
            (LedgerQuery(since_at=after(2), newest_first=True), [4, 3]),
            (LedgerQuery(until_at=after(2)), [1, 2]),
        ],
    )
    def test_ledger_rows_are_found_by_each_of_their_parts(self, store: Store, query: LedgerQuery, seqs: list[int]) -> None:
        ann = {"actor_id": "005a", "actor": "Ann Rep"}
        with store.begin() as tx:
            tx.append(
                [
                    Entry(kind="change", at=T, cycle="c", record_id="00Q1", field="Status", **ann),  # type: ignore[arg-type]
                    Entry(kind="change", at=after(1), cycle="c", record_id="00Q2", verdict="warn", **ann),  # type: ignore[arg-type]
                    Entry(kind="change", at=after(2), cycle="c", record_id="00Q1", related_id="006a", field="OwnerId"),
                    Entry(kind="note", at=after(3), cycle="c"),
                ]
            )
        assert [row.seq for row in store.ledger(query)] == seqs

    def test_words_of_a_fixed_list_are_stored_as_plain_text(self, store: Store) -> None:
        with store.begin() as tx:
            tx.append(
                [Entry(kind="change", at=T, cycle="c", verdict=Verdict.NOTE, before=Verdict.WARN, actor_kind=ActorKind.TOOL)]
            )
        [row] = store.ledger(LedgerQuery(verdict="note"))
        assert (type(row.entry.verdict), row.entry.before, row.entry.actor_kind) == (str, "warn", "tool")
        assert store.verify().problems == ()

    @pytest.mark.parametrize("newest_first", [False, True])
    def test_a_long_answer_comes_in_pages_without_gap(self, store: Store, newest_first: bool) -> None:
        with store.begin() as tx:
            tx.append([Entry(kind="note", at=T, cycle="c", before=n) for n in range(1_234)])
        found = [(row.seq, row.entry.before) for row in store.ledger(LedgerQuery(limit=1_100, newest_first=newest_first))]
        assert found == ([(n, n - 1) for n in range(1, 1_235)][:: -1 if newest_first else 1])[:1_100]

    def test_intents_are_recorded_before_they_are_sent_and_once_for_ever(self, store: Store) -> None:
        first, second = intent("k1"), intent("k2", "00Q2", related_id="006a")
        with store.begin() as tx:
            cause = tx.append([Entry(kind="change", at=T, cycle="c1", record_id="00Q1")])[0]
            assert tx.open([(first, cause), (first, cause), (second, None)], T, "c1") == [2, 3]
        with store.begin() as tx:
            assert tx.open([(first, cause), (intent("k3"), None)], after(9), "c2") == [4]
        assert [(opened.seq, opened.cycle, opened.intent) for opened in store.open_intents()] == [
            (2, "c1", first),
            (3, "c1", second),
            (4, "c2", intent("k3")),
        ]
        assert [opened.seq for opened in store.open_intents(after_seq=2)] == [3, 4]
        assert store.count_open() == store.verify().open_intents == 3
        row = next(iter(store.ledger(LedgerQuery(kind="intent"))))
        assert (row.entry.cause_seq, row.entry.key, row.entry.after, row.entry.rule) == (cause, "k1", "Working", RULE)

    def test_all_that_is_open_is_given_while_it_is_ended(self, store: Store) -> None:
        with store.begin() as tx:
            tx.open([(intent(f"k{number}"), None) for number in range(2_500)], T, "c1")
        seen = []
        for number, opened in enumerate(store.open_intents()):
            seen.append(opened.intent.key)
            if number in (0, 1_500):
                with store.begin() as tx:
                    tx.close([(opened, Outcome(OutcomeKind.CONFIRMED))], T, "c1")
        assert seen == [f"k{number}" for number in range(2_500)]
        assert store.count_open() == 2_498

    def test_a_create_keeps_the_row_to_create(self, store: Store) -> None:
        wanted = intent("k1", object="CampaignMember", values={"CampaignId": "701a", "LeadId": "00Q1", "Status": "Sent"})
        with store.begin() as tx:
            tx.open([(wanted, None)], T, "c1")
        assert next(store.open_intents()).intent == wanted
        assert next(iter(store.ledger(LedgerQuery()))).entry.evidence["values.Status"] == "Sent"

    def test_an_outcome_closes_its_intent_and_is_found_by_record(self, store: Store) -> None:
        with store.begin() as tx:
            tx.open([(intent("k1"), None), (intent("k2"), None)], T, "c1")
        first, second = store.open_intents()
        refused = Outcome(OutcomeKind.REJECTED, "Field is not editable", "FIELD_FILTER", "req-1", "00v1")
        with store.begin() as tx:
            tx.close([(first, refused)], after(5), "c2")
        assert list(store.open_intents()) == [second]
        outcome = list(store.ledger(LedgerQuery(record_id="00Q1")))[-1].entry
        assert (outcome.kind, outcome.cause_seq, outcome.key, outcome.outcome) == ("outcome", 1, "k1", "rejected")
        assert (outcome.object, outcome.field, outcome.before, outcome.after) == ("Lead", "Status", "MQL", "Working")
        assert (outcome.rule, outcome.reason, outcome.request_id) == (RULE, "Field is not editable", "req-1")
        assert outcome.evidence == {"code": "FIELD_FILTER", "created_id": "00v1"}
        assert [row.seq for row in store.ledger(LedgerQuery(outcome="rejected"))] == [3]
        assert store.verify().problems == ()

    def test_an_intent_ends_only_once(self, store: Store) -> None:
        with store.begin() as tx:
            tx.open([(intent("k1"), None)], T, "c1")
        [opened] = store.open_intents()
        done = Outcome(OutcomeKind.CONFIRMED)
        with store.begin() as tx:
            tx.close([(opened, done)], T, "c1")
            tx.close([], T, "c1")
        with pytest.raises(AssertionError, match="exactly once"), store.begin() as tx:
            tx.close([(opened, done)], T, "c1")
        with store.begin() as tx:
            assert tx.open([(opened.intent, None)], T, "c3") == []
        assert store.ledger_size() == 2

    def test_what_waits_for_a_person_is_kept_once_in_order(self, store: Store) -> None:
        first, second, newer = intent("k1"), intent("k2", after="Open"), intent("k3", reason="still", decided_on="2026-03-01")
        create = intent("k4", object="CampaignMember", values={"LeadId": "00Q1"}, after=None)
        with store.begin() as tx:
            tx.defer([first, second])
            tx.defer([newer, create])
            tx.defer([])
        assert store.deferred() == [newer, second, create]
        with store.begin() as tx:
            tx.undefer([first, create, intent("k9", after="never deferred")])
            tx.undefer([])
        assert store.deferred() == [second]
        assert store.ledger_size() == store.count_open() == 0

    @pytest.mark.parametrize("kind", ["intent", "outcome"])
    def test_intents_and_outcomes_have_their_own_door(self, store: Store, kind: str) -> None:
        with pytest.raises(AssertionError, match="outbox"), store.begin() as tx:
            tx.append([Entry(kind=kind, at=T, cycle="c")])

    def test_the_root_depends_on_every_row(self, store: Store) -> None:
        roots = [store.verify().root]
        for _ in range(5):
            with store.begin() as tx:
                tx.append([Entry(kind="note", at=T, cycle="c")])
            roots.append(store.verify().root)
        assert len(set(roots)) == 6

    # --- inbox, cycles

    def test_the_same_trouble_is_one_item_seen_again(self, store: Store) -> None:
        item = InboxItem("refused", "00Q1", "Lead 00Q1", "locked", "unlock it", "LOCKED")
        newer = InboxItem("refused", "00Q1", "Lead 00Q1", "not editable", "grant it")
        with store.begin() as tx:
            tx.put_inbox([item, InboxItem("refused", "00Q2", "", "", ""), item], T)
            tx.put_inbox([newer], after(5))
            tx.put_inbox([], T)
        assert [(number, found.subject, times) for number, found, times in store.inbox()] == [(1, "00Q1", 3), (2, "00Q2", 1)]
        assert store.inbox()[0][1] == newer

    def test_an_item_clears_when_its_cause_is_gone_and_opens_when_it_is_back(self, store: Store) -> None:
        item = InboxItem("refused", "00Q1", "", "text", "remedy")
        with store.begin() as tx:
            tx.put_inbox([item, InboxItem("other", "00Q1", "", "", "")], T)
            tx.resolve_inbox("refused", ["00Q1", "00Q9"], after(1))
        assert [found.kind for _, found, _ in store.inbox()] == ["other"]
        assert len(store.inbox(open_only=False)) == 2
        with store.begin() as tx:
            tx.put_inbox([item], after(2))
        assert [(number, found.kind, times) for number, found, times in store.inbox()] == [(1, "refused", 2), (2, "other", 1)]

    def test_the_latest_cycles_come_first(self, store: Store) -> None:
        cycles = [CycleRecord(f"c{n}", after(n), after(n + 1), {"pulled": n}, "stopped" if n == 2 else None) for n in range(4)]
        with store.begin() as tx:
            for cycle in cycles:
                tx.put_cycle(cycle)
        assert store.cycles(3) == [cycles[3], cycles[2], cycles[1]]

    # --- scratch

    def test_what_is_written_to_a_scratch_layer_vanishes(self, store: Store) -> None:
        store.index({"Lead": ["Email"]})
        with store.begin() as tx:
            tx.mirror([lead("00Q1", Email="ann@example.com")])
            tx.append([Entry(kind="note", at=T, cycle="c1")])
        with store.scratch() as copy:
            copy.index({"Lead": ["Email", "Status"]})
            with copy.begin() as tx:
                tx.mirror([lead("00Q2", Email="ann@example.com", Status="Open")])
                tx.open([(intent("k1"), 1)], T, "plan")
                tx.advance("Lead", T)
            assert [row.id for row in copy.by_key("Lead", "Email", ["ann@example.com"])] == ["00Q1", "00Q2"]
            assert copy.verify().rows == 2
            assert copy.scan("Lead", field="Status", values=["Open"])[0].id == "00Q2"
        assert (store.count("Lead"), store.ledger_size(), store.count_open(), store.marks()) == (1, 1, 0, {})

    # --- lease

    def test_one_writer_at_a_time(self, store: Store) -> None:
        store.acquire_lease("host-b", 7, T)
        with pytest.raises(LeaseHeld, match=r"process 7 on host-b, since 2026-03-01T12:00:00"):
            store.acquire_lease("host-c", 8, after(23))
        store.renew_lease("host-b", 7, after(20))
        with pytest.raises(LeaseHeld):
            store.acquire_lease("host-c", 8, after(43))
        store.acquire_lease("host-c", 8, after(44))
        with pytest.raises(LeaseHeld, match="process 8 on host-c"):
            store.renew_lease("host-b", 7, after(45))
        with pytest.raises(LeaseHeld, match="process 8 on host-c"):
            store.renew_lease("host-b", 7, after(500))

    def test_a_lease_given_back_is_free_and_only_its_holder_gives_it_back(self, store: Store) -> None:
        store.acquire_lease("host-b", 7, T)
        store.release_lease("host-b", 8)
        with pytest.raises(LeaseHeld):
            store.acquire_lease("host-c", 8, after(1))
        store.release_lease("host-b", 7)
        store.acquire_lease("host-c", 8, after(1))

    def test_the_same_process_may_take_its_lease_again(self, store: Store) -> None:
        store.acquire_lease("host-b", 7, T)
        store.acquire_lease("host-b", 7, after(1))

    # --- rows of exports that are known

    def test_how_new_a_row_was_stays_when_a_later_one_says_no_time(self, store: Store) -> None:
        with store.begin() as tx:
            tx.put_known("tool", [("00Q1", "ab" * 16, "2026-03-01T10:00:00+00:00", 2), ("00Q2", None, "", 0)])
            tx.put_known("tool", [("00Q1", "cd" * 16, "", 0)])
        assert store.newest_stamps("tool", ["00Q1", "00Q2", "00Q3"]) == {"00Q1": "2026-03-01T10:00:00+00:00"}
        assert store.newest_stamps("other", ["00Q1"]) == {}
        assert sorted(hashes(store).items()) == [("00Q1", "cd" * 16), ("00Q2", "")]

    def test_rows_that_lead_to_nothing_are_remembered_many_at_once(self, store: Store) -> None:
        ana, bo, cy = (f"00Q00000000000{number}AAA" for number in (1, 2, 3))
        at = "2026-03-01T10:00:00+00:00"
        with store.begin() as tx:
            tx.put_known("tool", [(ana, "ab" * 16, at, 2), (bo, "ab" * 16, at, 0)])
            tx.put_unchanged("tool", [ana + "cd" * 16, bo + " " * 32 + "2026-03-02T10:00:00+00:00", cy + "ef" * 16 + at])
        assert hashes(store) == {ana: "cd" * 16, bo: "", cy: "ef" * 16}
        assert store.newest_stamps("tool", [ana, bo, cy]) == {ana: at, bo: "2026-03-02T10:00:00+00:00", cy: at}
        assert {line.rpartition("\x1f")[2] for block in store.known_rows("tool") for line in block.splitlines()} == {"0"}

    @pytest.mark.parametrize(
        ("changed", "left"),
        [
            ([lead("00Q1", 5, Email="ana@x.example", Key__c="1")], {"00Q2", "003A"}),
            ([lead("00Q1", 5, Email="ana@x.example", is_deleted=True)], {"00Q2", "003A"}),
            ([lead("00Q9", Email="BO@x.example")], {"00Q1", "003A"}),
            ([lead("00Q9", Key__c="1")], {"00Q2", "003A"}),
            ([OrgRecord("Contact", "003B", T, {"Email": "ana@x.example"})], {"00Q2", "003A"}),
            ([OrgRecord("Opportunity", "006A", T, {"Email": "ana@x.example"})], {"00Q1", "00Q2", "003A"}),
        ],
        ids=["changed", "deleted", "shares an address", "shares a key", "as a contact", "no person"],
    )
    def test_a_row_is_known_until_its_person_or_who_shares_a_key_changes(
        self, store: Store, changed: list[OrgRecord], left: set[str]
    ) -> None:
        known(store)
        with store.begin() as tx:
            tx.mirror(changed)
        assert {id for id, row_hash in hashes(store).items() if row_hash} == left
        assert len(store.newest_stamps("tool", ["00Q1", "00Q2", "003A"])) == 3

    def test_a_row_is_known_until_its_person_is_read_again_and_differs(self, store: Store) -> None:
        known(store)
        for row, left in (
            (("00Q1", "ana@x.example", "1"), {"00Q1", "00Q2", "003A"}),
            (("00Q1", "ana@x.example", None), {"00Q2"}),
        ):
            with store.begin() as tx:
                tx.reload(store.pack(chunk(row)), None)
            assert {id for id, row_hash in hashes(store).items() if row_hash} >= left

    def test_no_row_is_known_any_more_when_many_records_get_their_keys(self, store: Store) -> None:
        known(store)
        with store.begin() as tx:
            tx.load(store.pack(chunk(("00Q8", "ana@x.example", None))))
        with store.begin() as tx:
            tx.key_loaded("Lead")
        assert set(hashes(store).values()) == {""}

    def test_a_row_is_known_until_somebody_says_something_about_its_person(self, store: Store) -> None:
        known(store)
        with store.begin() as tx:
            tx.add_flags([FlagFact(Flag.OPTED_OUT, None, "BO@x.example", "other", "b.csv:3", T)])
        assert {id for id, row_hash in hashes(store).items() if row_hash} == {"00Q1", "003A"}
        with store.begin() as tx:
            tx.add_flags([FlagFact(Flag.UNREACHABLE, "00Q1", None, "other", "b.csv:4", T)])
        assert {id for id, row_hash in hashes(store).items() if row_hash} == {"003A"}

    def test_people_come_as_lines_with_their_keys_and_fields(self, store: Store) -> None:
        known(store)
        with store.begin() as tx:
            tx.mirror([lead("00Q3", is_deleted=True), lead("00Q4", Email=None, Key__c=None, Text="two\nlines \x1f")])
        lines = [line.split("\x1f") for block in store.people_blocks() for line in block.lines.splitlines()]
        assert sorted((id, bool(keys)) for id, keys, _ in lines) == [
            ("003A", True),
            ("00Q1", True),
            ("00Q2", True),
            ("00Q4", False),
        ]

    def test_no_line_gets_lost_between_two_blocks(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        known(store)
        with store.begin() as tx:
            tx.mirror([lead(f"00Q{number}") for number in range(10, 17)])
        for size in (1, 2, 3):
            monkeypatch.setattr("syncd.store.export_known._ROWS_AT_ONCE", size)
            ids = [line.partition("\x1f")[0] for block in store.people_blocks() for line in block.lines.splitlines()]
            assert sorted(ids) == ["003A", "00Q1", *(f"00Q{number}" for number in range(10, 17)), "00Q2"]


def known(store: Store) -> None:
    """Mirror three people and know a row of each."""
    store.index({"Lead": ["Email", "Key__c"], "Contact": ["Email", "Key__c"]})
    people = [
        lead("00Q1", Email="ana@x.example", Key__c="1"),
        lead("00Q2", Email="bo@x.example", Key__c="2"),
        OrgRecord("Contact", "003A", T, {"Email": "cy@x.example", "Key__c": "3"}),
    ]
    with store.begin() as tx:
        tx.mirror(people)
        tx.put_known("tool", [(one.id, "ab" * 16, "2026-03-01T10:00:00+00:00", 0) for one in people])


def hashes(store: Store) -> dict[str, str]:
    """Return by person the hash of the row that is known of them."""
    lines = [line.split("\x1f") for block in store.known_rows("tool") for line in block.splitlines()]
    return {person_id: row_hash for person_id, row_hash, _, _ in lines}


class TestStoreOnSqlite(StoreContract):
    """SQLAlchemy Core over a SQLite file."""

    @pytest.fixture(scope="class")
    @classmethod
    def migrated(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        path = tmp_path_factory.mktemp("migrated") / "syncd.db"
        open_store(f"sqlite:///{path}", ORG).dispose()
        return path

    @pytest.fixture
    def store(self, migrated: Path, tmp_path: Path) -> Iterator[Store]:
        path = shutil.copy(migrated, tmp_path / "syncd.db")
        store = open_store(f"sqlite:///{path}", ORG, around=Surroundings(host="host-a"))
        yield store
        store.dispose()


class TestStoreOnPostgresql(StoreContract):
    """The same code over a PostgreSQL server whose language sorts letters otherwise than by code point."""

    @pytest.fixture
    def store(self, postgres_url: str) -> Iterator[Store]:
        store = open_store(postgres_url, ORG, around=Surroundings(host="host-a"))
        yield store
        store.dispose()
