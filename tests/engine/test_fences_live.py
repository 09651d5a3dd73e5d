"""Does the fence hold in a real cycle: put back what is proved unlawful, and nothing else, ever?"""

from __future__ import annotations

from contextlib import suppress

import pytest

from syncd.core.values import Entry, Scalar
from syncd.engine.planning import apply, preview
from syncd.errors import FieldHidden
from syncd.ports import LedgerQuery
from tests.engine.scene import Scene, story
from tests.engine.small_org import CONVERTED, DELETED_LATER, lead, owner, user

WORKING = lead("Working")
REVERTED = [
    ("change", "Status", "revert"),
    ("intent", "Status", None),
    ("outcome", "Status", "confirmed"),
]


@pytest.fixture
def reverting(scene: Scene) -> Scene:
    """Give the scene with machines' crossings put back, people's warned about."""
    scene.fences({"tool": "revert", "automation": "revert", "person": "warn"}, {"tool": "revert", "person": "warn"})
    return scene


def changes(scene: Scene, id: str) -> list[Entry]:
    return scene.ledger(id, kind="change")


# --- observe is the default --------------------------------------------------------------------------------------------


def test_the_starter_files_only_observe(scene: Scene) -> None:
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.edit("max", lead("Qualified"), OwnerId=user("max"))
    scene.cycle()
    scene.cycle()
    assert scene.writes() == []
    [entry] = changes(scene, WORKING)
    assert (entry.verdict, entry.fence, entry.actor, entry.team) == ("note", "status", "Marketo Sync", "marketo")
    assert entry.reason == "'Working' belongs to sdr; marketo moved it to 'Inquiry'"
    assert scene.row(WORKING)["Status"] == "Inquiry"


# --- a tool's crossing is put back -------------------------------------------------------------------------------------


def test_a_tools_unlawful_status_is_put_back_without_running_assignment_rules(reverting: Scene) -> None:
    scene = reverting
    scene.settings(assignment_rule={"owner": "MQL_EMEA", "active": True})
    scene.edit("marketo", WORKING, Status="Inquiry")
    saved_at = scene.served.org.clock.now()
    scene.cycle()
    assert scene.row(WORKING)["Status"] == "Working"
    assert scene.row(WORKING)["OwnerId"] == user("sam")
    [write] = scene.writes()
    assert (write.path, write.values, write.status) == (f"Lead/{WORKING}", {"Status": "Working"}, 204)
    assert write.headers["Sforce-Auto-Assign"] == "FALSE"
    assert write.headers["If-Unmodified-Since"] == f"{saved_at:%a, %d %b %Y %H:%M:%S GMT}"


def test_a_revert_stands_in_the_ledger_as_change_intent_outcome_each_naming_the_one_before(reverting: Scene) -> None:
    scene = reverting
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle()
    with scene.store() as store:
        change, intent, outcome = list(store.ledger(LedgerQuery(record_id=WORKING)))
    assert story([change.entry, intent.entry, outcome.entry]) == REVERTED
    assert (change.entry.before, change.entry.after) == ("Working", "Inquiry")
    assert (change.entry.proof, change.entry.actor_kind, change.entry.actor) == ("history", "tool", "Marketo Sync")
    assert (intent.entry.before, intent.entry.after, intent.entry.cause_seq) == ("Inquiry", "Working", change.seq)
    assert (outcome.entry.cause_seq, outcome.entry.key) == (intent.seq, intent.entry.key)
    assert change.entry.rule == intent.entry.rule
    assert change.entry.rule is not None
    assert (change.entry.rule.file, change.entry.rule.name) == ("mappings/fences.toml", "status Working")


def test_it_settles_and_the_own_history_row_is_not_judged(reverting: Scene) -> None:
    scene = reverting
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle()
    sent = len(scene.writes())
    for _ in range(3):
        record = scene.cycle()
        assert set(record.counts) <= {"API calls", "rows read", "first writes looked at"}, record.counts
    assert len(scene.writes()) == sent == 1
    assert story(scene.ledger(WORKING)) == REVERTED
    assert scene.inbox() == []
    assert scene.is_at_rest()


def test_several_changes_between_two_cycles_are_replayed_to_the_last_lawful_value(reverting: Scene) -> None:
    scene = reverting
    for who, status in (("sam", "Meeting Set"), ("marketo", "Nurture"), ("marketo", "Inquiry")):
        scene.edit(who, WORKING, Status=status)
        scene.tick(5)
    scene.cycle()
    assert [entry.verdict for entry in changes(scene, WORKING)] == ["allow", "revert", "revert"]
    assert scene.row(WORKING)["Status"] == "Meeting Set"
    assert [write.values for write in scene.writes()] == [{"Status": "Meeting Set"}]


def test_a_lawful_change_after_an_unlawful_one_is_judged_from_the_last_lawful_value(reverting: Scene) -> None:
    scene = reverting
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.tick(5)
    scene.edit("sam", WORKING, Status="Meeting Set")
    scene.cycle()
    assert [entry.verdict for entry in changes(scene, WORKING)] == ["revert", "allow"]
    assert scene.writes() == []
    assert scene.row(WORKING)["Status"] == "Meeting Set"


def test_somebody_who_puts_the_value_back_first_spares_the_write(reverting: Scene) -> None:
    scene = reverting
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.tick(5)
    scene.edit("sam", WORKING, Status="Working")
    scene.cycle()
    assert scene.writes() == []
    assert scene.is_at_rest()


def test_a_machines_value_that_comes_back_is_left_alone_and_one_inbox_card_tells(reverting: Scene) -> None:
    scene = reverting
    for _ in range(4):
        scene.edit("marketo", WORKING, Status="Inquiry")
        scene.cycle()
    assert [write.values for write in scene.writes()] == [{"Status": "Working"}]
    assert [entry.verdict for entry in changes(scene, WORKING)] == ["revert", "warn"]
    [card] = scene.inbox()
    assert card.kind == "machine-wins"
    assert card.text.startswith("Marketo Sync brings values of Status back that were put back; the latest: 'Inquiry'")
    assert scene.row(WORKING)["Status"] == "Inquiry"


def test_another_value_of_the_same_machine_is_put_back_again(reverting: Scene) -> None:
    scene = reverting
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle()
    scene.edit("marketo", WORKING, Status="Nurture")
    scene.cycle()
    assert [write.values for write in scene.writes()] == [{"Status": "Working"}] * 2
    assert scene.inbox() == []


# --- who is never written over -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "verdict", "kind"),
    [
        ("max", "warn", "person"),
        ("nobody", "note", "unknown"),
        ("both", "warn", "person"),  # of marketing, whose line comes first
        ("admin", "note", "admin"),
        ("flow", "revert", "automation"),
        ("routing", "revert", "tool"),
    ],
)
def test_only_proved_machines_are_put_back(reverting: Scene, who: str, verdict: str, kind: str) -> None:
    scene = reverting
    scene.edit(who, WORKING, Status="Inquiry")
    scene.cycle()
    scene.cycle()
    [entry, *_] = changes(scene, WORKING)
    assert (entry.verdict, entry.actor_kind) == (verdict, kind)
    is_reverted = verdict == "revert"
    assert bool(scene.writes()) == is_reverted
    assert scene.row(WORKING)["Status"] == ("Working" if is_reverted else "Inquiry")


def test_a_person_is_put_back_only_where_the_file_says_so(scene: Scene) -> None:
    scene.fences({"person": "revert"})
    scene.edit("max", WORKING, Status="Inquiry")
    scene.cycle()
    assert scene.row(WORKING)["Status"] == "Working"


def test_without_history_a_change_is_noted_and_names_nobody(reverting: Scene) -> None:
    scene = reverting
    scene.settings(history_tracking={"Lead": []})
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle()
    scene.cycle()
    [entry] = changes(scene, WORKING)
    assert (entry.verdict, entry.proof, entry.actor_kind) == ("note", "last-modified", "unknown")
    assert (entry.actor, entry.actor_id, entry.team) == (None, None, None)
    assert scene.writes() == []


def test_a_change_before_the_fence_stood_is_noted(scene: Scene) -> None:
    scene.fences({"tool": "revert"}, since="2026-03-02T09:30:00Z")
    scene.tick(600)
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle()
    scene.tick(3600)
    scene.edit("marketo", lead("Working", 1), Status="Inquiry")
    scene.cycle()
    assert changes(scene, WORKING)[0].verdict == "note"
    assert "before the fence stood (2026-03-02 09:30 UTC)" in str(changes(scene, WORKING)[0].reason)
    assert (scene.row(WORKING)["Status"], scene.row(lead("Working", 1))["Status"]) == ("Inquiry", "Working")


# --- owners ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "status", "to", "verdict"),
    [
        ("routing", "Inquiry", "MQL_AMER", "allow"),  # the gate marketing -> sdr names routing
        ("routing", "MQL", "ada", "revert"),
        ("marketo", "Working", "mia", "revert"),
        ("sam", "Working", "ada", "allow"),
        ("sue", "Working", "sue", "allow"),  # inside sdr
        ("max", "Qualified", "max", "warn"),
    ],
)
def test_owners_move_between_teams_only_at_gates(reverting: Scene, who: str, status: str, to: str, verdict: str) -> None:
    scene, id = reverting, lead(status)
    before = scene.row(id)["OwnerId"]
    scene.edit(who, id, OwnerId=owner(to))
    scene.cycle()
    scene.cycle()
    [entry] = changes(scene, id)
    assert (entry.field, entry.verdict, entry.before, entry.after) == ("OwnerId", verdict, before, owner(to))
    assert scene.row(id)["OwnerId"] == (before if verdict == "revert" else owner(to))
    assert scene.is_at_rest()


def test_status_and_owner_of_one_save_go_back_in_one_request(reverting: Scene) -> None:
    scene = reverting
    scene.edit("marketo", WORKING, Status="Inquiry", OwnerId=owner("mia"))
    scene.cycle()
    scene.cycle()
    [write] = scene.writes()
    assert write.values == {"Status": "Working", "OwnerId": user("sam")}
    assert scene.outcomes(WORKING) == ["confirmed", "confirmed"]


# --- whatever comes between --------------------------------------------------------------------------------------------


EDITS: tuple[dict[str, Scalar], ...] = (
    {"Company": "Acme Ltd"},
    {"Status": "Meeting Set"},
    {"Status": "Working"},
    {"OwnerId": user("sue")},
)


@pytest.mark.sweep
@pytest.mark.parametrize("fields", EDITS, ids=["-".join(fields) for fields in EDITS])
def test_a_persons_edit_at_any_point_of_a_cycle_stands(reverting: Scene, fields: dict[str, Scalar]) -> None:
    """The same crossing again and again; before each request of the cycle in turn, a person saves the record."""
    scene = reverting
    image = scene.served.org.snapshot()
    database = (scene.home / "syncd.db").read_bytes()
    at, fired = 0, True
    while fired:
        at += 1
        scene.served.org.restore(image)
        for name in ("syncd.db", "syncd.db-wal", "syncd.db-shm"):
            (scene.home / name).unlink(missing_ok=True)
        (scene.home / "syncd.db").write_bytes(database)
        fired = _interrupted(scene, at, fields)
    assert at > 4


def _interrupted(scene: Scene, at: int, fields: dict[str, Scalar]) -> bool:
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.tick(30)
    first = scene.last_request()
    fired: list[str] = []

    def interrupt(n: int, method: str, path: str) -> None:
        if n == first + at:
            scene.edit("sue", WORKING, **fields)
            fired.append(path)

    scene.hook(interrupt)
    scene.cycle(after_s=0)
    scene.hook()
    theirs = {name: scene.row(WORKING)[name] for name in fields}
    assert theirs == fields or not fired, f"request {at}: {theirs}"
    scene.cycle()
    sent = len(scene.writes())
    scene.cycle()
    last = scene.row(WORKING)
    assert {name: last[name] for name in fields} == fields or not fired, f"request {at}: {last}"
    assert last["Status"] == (fields.get("Status", "Working") if fired else "Working"), f"request {at}"
    assert scene.is_at_rest(), f"request {at}"
    assert len(scene.writes()) == sent
    return bool(fired)


def test_an_edit_between_decision_and_write_supersedes_the_intent_and_the_record_is_judged_again(reverting: Scene) -> None:
    scene = reverting
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.tick(30)

    def edit_before_a_write(n: int, method: str, path: str) -> None:
        body = scene.served.requests(n - 1)
        if path.endswith("/composite") and len(scene.ledger(WORKING, kind="intent")) == 1 and body:
            scene.hook()
            scene.edit("sue", WORKING, Company="Acme Ltd")

    scene.hook(edit_before_a_write)
    scene.cycle(after_s=0)
    assert scene.row(WORKING)["Status"] == "Inquiry"
    assert scene.outcomes(WORKING) == ["superseded"]
    scene.cycle()
    assert scene.outcomes(WORKING) == ["superseded", "confirmed"]
    assert (scene.row(WORKING)["Status"], scene.row(WORKING)["Company"]) == ("Working", "Acme Ltd")


def test_nothing_is_sent_in_the_second_in_which_the_record_was_saved(reverting: Scene) -> None:
    scene = reverting
    scene.clock.stands_still = True
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle(after_s=0)
    assert scene.writes() == []
    assert scene.row(WORKING)["Status"] == "Inquiry"
    scene.cycle(after_s=2)
    assert scene.row(WORKING)["Status"] == "Working"
    assert scene.outcomes(WORKING) == ["confirmed"]


def test_the_second_is_waited_out_within_the_cycle(reverting: Scene) -> None:
    scene = reverting
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle(after_s=0)
    assert scene.clock.slept_s > 1
    assert scene.row(WORKING)["Status"] == "Working"


# --- leads that come and go --------------------------------------------------------------------------------------------


def test_first_sight_of_a_lead_is_a_baseline_even_when_it_was_edited_since_its_creation(reverting: Scene) -> None:
    scene = reverting
    id = scene.do("marketo", "create", "Lead", LastName="New", Company="Acme", Status="Working")["id"]
    scene.tick(5)
    scene.edit("marketo", id, Status="Inquiry")
    scene.cycle()
    scene.cycle()
    assert [entry.verdict for entry in changes(scene, id)] == ["note"]
    assert "baseline" in str(changes(scene, id)[0].reason)
    assert scene.writes() == []
    scene.edit("marketo", id, Status="Qualified")
    scene.cycle()
    assert scene.row(id)["Status"] == "Inquiry"


def test_a_lead_that_is_deleted_before_the_write_ends_superseded(reverting: Scene) -> None:
    scene = reverting
    scene.edit("marketo", DELETED_LATER, Status="Inquiry")
    scene.tick(30)

    def delete_after_the_decision(n: int, method: str, path: str) -> None:
        if scene.ledger(DELETED_LATER, kind="intent"):
            scene.hook()
            scene.do("sam", "delete", DELETED_LATER)

    scene.hook(delete_after_the_decision)
    scene.cycle(after_s=0)
    assert scene.outcomes(DELETED_LATER) == ["superseded"]
    scene.tick(600)
    scene.cycle()
    scene.cycle()
    assert story(scene.ledger(DELETED_LATER))[-1] == ("deleted", None, None)
    assert len([entry for entry in scene.ledger(DELETED_LATER) if entry.kind == "deleted"]) == 1
    assert scene.is_at_rest()


def test_a_deleted_lead_is_entered_once_and_never_written(reverting: Scene) -> None:
    scene = reverting
    scene.do("sam", "delete", DELETED_LATER)
    for _ in range(3):
        scene.cycle(after_s=600)
    assert story(scene.ledger(DELETED_LATER)) == [("deleted", None, None)]
    assert scene.writes() == []


def test_a_conversion_is_no_crossing_and_a_converted_lead_is_never_written(reverting: Scene) -> None:
    scene = reverting
    id = lead("Qualified")
    scene.do("ada", "convert", id, convertedStatus="Converted")
    scene.cycle()
    scene.cycle()
    assert scene.writes() == []
    assert all(entry.verdict in ("allow", "note") for entry in changes(scene, id)), changes(scene, id)
    assert scene.row(CONVERTED)["Status"] == "Converted"


def test_a_crossing_that_was_converted_before_the_cycle_is_only_noted(reverting: Scene) -> None:
    scene = reverting
    scene.edit("marketo", WORKING, Status="Qualified")
    scene.tick(5)
    scene.do("ada", "convert", WORKING, convertedStatus="Converted")
    scene.cycle()
    scene.cycle()
    assert scene.writes() == []
    assert scene.is_at_rest()
    assert changes(scene, WORKING)[0].verdict in ("note", "warn")


def test_a_write_that_salesforce_refuses_is_told_once_and_planned_again_when_the_permission_is_there(reverting: Scene) -> None:
    scene = reverting
    scene.settings(read_only_fields={"Lead": ["Status"]})
    scene.edit("marketo", WORKING, Status="Inquiry")
    for _ in range(3):
        scene.cycle()
    assert scene.outcomes(WORKING) == ["rejected"]
    [item] = scene.inbox()
    assert (item.kind, item.subject) == ("refused-write", f"{WORKING}:Status")
    scene.settings(read_only_fields={})
    with scene.world() as (world, org):
        plan = preview(world).plan
        assert [(intent.record_id, intent.after) for intent in plan.intents] == [(WORKING, "Working")]
        apply(world, org, plan, by="dana@host")
    assert scene.row(WORKING)["Status"] == "Working"
    assert scene.inbox() == []
    [applied] = scene.ledger(kind="plan")
    assert applied.evidence["applied_by"] == "dana@host"
    with scene.world() as (world, _):
        assert preview(world).plan.intents == []


def test_a_hidden_field_stands_in_the_inbox_until_the_cycle_after_it_is_granted(reverting: Scene) -> None:
    scene = reverting
    scene.settings(hidden_fields={"Lead": ["HasOptedOutOfEmail"]})
    with suppress(FieldHidden):
        scene.cycle()
    record = scene.cycle()
    assert record.counts["fields hidden"] == 1
    [item] = scene.inbox("hidden-field")
    assert item.subject == "Lead.HasOptedOutOfEmail"
    scene.settings(hidden_fields={})
    record = scene.cycle()
    assert "fields hidden" not in record.counts
    assert scene.inbox("hidden-field") == []
    assert scene.cycle().counts["API calls"] == 1
