"""A command line to call, a config to call it with, and a store that was filled through its public interface."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from syncd.cli.main import main
from syncd.core.values import Entry, Flag, FlagFact, InboxItem, Intent, OrgRecord, Outcome, OutcomeKind, Rule
from syncd.ports import CycleRecord
from syncd.store.sql import SqlStore, open_store

ORG = "00D9U0000000001UAA"
LEAD = "00Q5e00000A1b2cEAB"
OTHER_LEAD = "00Q5e00000A1b2dEAB"
CONTACT = "0035e00000B1b2cAAB"
REP = "0055e000001AbcdAAC"
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RULE = Rule("status Working", "mappings/fences.toml", 27)
CONFIG = """
[org]
login_url = "{url}"
client_id = "sandbox-client"
client_secret = "${{SYNCD_CLIENT_SECRET}}"
[schedule]
interval = "1 min"
"""


@dataclass(frozen=True, slots=True)
class Said:
    """What one command wrote, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return stdout as one JSON document."""
        return json.loads(self.out)


Syncd = Callable[..., Said]


@pytest.fixture
def syncd(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Syncd:
    """Call the command line in an empty folder, with the secret in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYNCD_CLIENT_SECRET", "sandbox-secret")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SYNCD_CONFIG", raising=False)

    def call(*arguments: object) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        code = ended.value.code
        return Said(code if isinstance(code, int) else 0, captured.out, captured.err)

    return call


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a folder with a config.toml whose org is never asked."""
    (tmp_path / "config.toml").write_text(CONFIG.format(url="http://127.0.0.1:9"), "utf-8")
    return tmp_path


@pytest.fixture
def store(home: Path) -> Iterator[SqlStore]:
    """Give the store of that config, empty."""
    opened = open_store(f"sqlite:///{home / 'syncd.db'}", ORG)
    opened.index({"Lead": ("Email",), "Contact": ("Email",), "LeadHistory": ("LeadId",)})
    with opened.begin() as tx:
        for object in ("Lead", "Contact", "LeadHistory"):
            tx.advance(object, AT)
    yield opened
    opened.dispose()


def person(object: str, id: str, **fields: str | bool | None) -> OrgRecord:
    """Make a mirrored lead, contact or user."""
    return OrgRecord(object, id, AT, fields)


def change(**parts: Any) -> Entry:
    """Make the ledger row of a proved status change that was only noted."""
    usual: dict[str, Any] = {
        "kind": "change",
        "at": AT,
        "cycle": "c1",
        "object": "Lead",
        "record_id": LEAD,
        "field": "Status",
        "before": "Working",
        "after": "Nurture",
        "changed_at": AT - timedelta(minutes=3),
        "actor_id": REP,
        "actor": "Ines Rossi",
        "actor_kind": "person",
        "proof": "history",
        "team": "marketing",
        "verdict": "note",
        "fence": "status",
        "rule": RULE,
        "policy_hash": "ab" * 32,
        "reason": "'Working' belongs to sdr; marketing moved it to 'Nurture'",
        "evidence": {"history_id": "0175e00000C1b2cAAB"},
    }
    return Entry(**{**usual, **parts})


def intent(**parts: Any) -> Intent:
    """Make the intent that puts the status back."""
    usual: dict[str, Any] = {
        "key": "k1",
        "object": "Lead",
        "record_id": LEAD,
        "field": "Status",
        "before": "Nurture",
        "after": "Working",
        "part": "fence",
        "rule": RULE,
        "reason": "back to the last lawful value",
        "policy_hash": "ab" * 32,
        "cause": "change",
    }
    return Intent(**{**usual, **parts})


@pytest.fixture
def told(store: SqlStore) -> SqlStore:
    """Give a store with one lead's story: history from before, a revert, a later change that nothing proves, and a flag."""
    history = {"LeadId": LEAD, "Field": "Status", "OldValue": "MQL", "NewValue": "Working", "CreatedById": REP}
    with store.begin() as tx:
        tx.mirror(
            [
                person(
                    "Lead",
                    LEAD,
                    Name="Ada Abel",
                    Email="ada@acme.example",
                    Status="Working",
                    CreatedDate="2026-01-05T08:00:00+00:00",
                ),
                person("Contact", CONTACT, Name="Ben Costa", Email="ben@acme.example"),
                person("User", REP, Name="Ines Rossi", Username="ines@acme.example"),
                OrgRecord("LeadHistory", "0175e00000C1b2bAAB", AT - timedelta(days=20), history),
                OrgRecord("LeadHistory", "0175e00000C1b2cAAB", AT - timedelta(minutes=3), history),
            ]
        )
        baseline = Entry(
            kind="baseline", at=AT - timedelta(days=1), cycle="c0", object="Lead", reason="1 rows of Lead as first seen"
        )
        tx.append([baseline])
        (cause,) = tx.append([change(verdict="revert")])
        tx.open([(intent(), cause)], AT, "c1")
    with store.begin() as tx:
        done = Outcome(OutcomeKind.CONFIRMED, request_id="r1")
        tx.close([(opened, done) for opened in store.open_intents()], AT + timedelta(seconds=2), "c1")
        tx.append(
            [
                change(
                    at=AT + timedelta(hours=1),
                    changed_at=AT + timedelta(minutes=50),
                    actor=None,
                    actor_id=None,
                    actor_kind="unknown",
                    team=None,
                    proof="last-modified",
                    reason="not proved by history, so only noted",
                    evidence={},
                )
            ]
        )
        tx.add_flags([FlagFact(Flag.OPTED_OUT, LEAD, "ada@acme.example", "marketo", "people.csv:12", AT)])
    return store


def a_cycle(store: SqlStore, ended_at: datetime, counts: Mapping[str, int] | None = None, error: str | None = None) -> None:
    """Record one finished cycle."""
    with store.begin() as tx:
        tx.put_cycle(CycleRecord(f"c-{ended_at:%H%M%S}", ended_at - timedelta(seconds=4), ended_at, counts or {}, error))


def an_item(store: SqlStore, kind: str, subject: str, text: str) -> None:
    """Put one item into the inbox."""
    with store.begin() as tx:
        tx.put_inbox([InboxItem(kind, subject, f"Lead {subject}", text, "Correct the record in Salesforce.")], AT)
