"""Worlds of exports that go through the sieve: people, flags, rows and mappings by chance, lived by two installations."""

from __future__ import annotations

import gzip
import io
import os
import random
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from syncd.core.cells import long_id
from syncd.core.mapping import SourceMapping, keys_needed
from syncd.core.mapping_file.parsing import parse_mapping
from syncd.core.values import GLOBAL, Flag, FlagFact, OrgRecord, Outcome, OutcomeKind, Scalar
from syncd.engine.intake import take_in
from syncd.engine.intake_context import IntakeContext
from syncd.exports.contact_points import ContactPoints
from syncd.exports.folder import DropFolder
from syncd.exports.sieve import sifting
from syncd.policies.documents import read_table
from syncd.policies.mapping_formulas import compile_formula
from syncd.ports import FieldSchema, LedgerQuery, ObjectSchema, Store
from syncd.store.sql import open_store

POINTS = ContactPoints()
NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
TYPES = {
    "Email": "email", "Second_Email__c": "email", "Key__c": "string", "HasOptedOutOfEmail": "boolean", "Score__c": "double",
    "Count__c": "int", "Company": "string", "LeadSource": "picklist", "Wants__c": "boolean", "Birth__c": "date",
    "Seen__c": "datetime", "IsConverted": "boolean", "ConvertedContactId": "reference", "Phone": "phone", "LastName": "string",
    "Full__c": "string", "Hot__c": "string", "Nick__c": "string",
}  # fmt: skip
HEADER = (
    "key,sfid,email,company,score,count,source,wants,birth,seen,second,out,dead,status,at,phone,name,brand,left,form,agreed,"
    "words,spare"
)
EMAILS = (
    "p{n}@example.com", "P{n}@Example.COM", " p{n}@example.com", "p{n}@exämple.com", "p{n}@xn--exmple-cua.com", "", "null",
    "nobody{n}@example.com", "none", "p{n}@example.com ", "p{n}\u212a@example.com", "o'p{n}@example.com",
)  # fmt: skip
CELLS = {
    "company": ("Acme", "ACME", " Acme", "", "null", "Ünal", "\xa0Acme", "Acme\u2003", "Ac\"\"me, Inc", "2\nlines", " ", "x\x07",
                "#N/A", " #REF!\xa0", "Flat #3"),
    "score": ("10", "10.0", "+10", "1e1", "", "10.50", "ten", "\u0661\u0660", "0", "-0", ".5", "5.", "12345678901234567"),
    "count": ("3", "03", "3.0", "", "null", "+3", "3.5", "1E+2", "#DIV/0!"),
    "source": ("Web", "web", "Other", "", "Mars", "#NV"),
    "wants": ("true", "false", "", "yes"),
    "birth": ("1990-05-17", "1990-5-17", "", "1990-02-30", "1970-01-01", "1899-01-01"),
    "seen": ("2026-10-01T10:00:00Z", "2026-10-01 10:00:00Z", "2026-10-01T10:00:00.5Z", "", "2026-10-01T10:00:00+01:00", "24:00"),
    "second": ("a@b.example", "A@B.example", "", "no mail"),
    "out": ("false", "true", "", "maybe"),
    "dead": ("false", "true", "null"),
    "status": ("fine", "Unsubscribed", "unsubscribed ", "", "bounced"),
    "at": ("2026-11-01T10:00:00Z", "2026-11-01T10:00:01Z", "2026-11-01 10:00:00Z", "2026-12-24T10:00:00Z", "", "soon"),
    "phone": ("+49301234567", "none", "", "#DIV/0!", "030 1234567", "+49 30 1234567 "),
    "name": ("", "Lee", "null", "#####"),
    "brand": ("true", "", "perhaps"),
    "left": ("news", "news; offers", "else", "null", " "),
    "form": ("web form", "", "null", "#NAME?"),
    "agreed": ("2026-11-01T08:00:00Z", "2026-11-12T08:00:00Z", "2027-01-01T00:00:00Z", "", "then"),
    "words": ("Yes, mail me", ""),
    "spare": ("", "x", "\x01", "ü", "0", "5", "#VALUE!"),
}  # fmt: skip
USUAL = {
    "company": "Acme", "score": "10", "count": "3", "source": "Web", "wants": "true", "birth": "1990-05-17",
    "seen": "2026-10-01T10:00:00Z", "second": "a@b.example", "out": "false", "dead": "false", "status": "fine",
    "at": "2026-11-01T10:00:00Z", "phone": "+49 30 1234567", "name": "Lee", "brand": "false", "left": "", "form": "",
    "agreed": "2026-11-01T08:00:00Z", "words": "Yes, mail me", "spare": "x",
}  # fmt: skip
HELD: dict[str, tuple[Scalar, ...]] = {
    "Company": ("Acme", "acme", None, "", "Ünal", "#N/A"), "Score__c": (10, 10.0, None, 10.5), "Count__c": (3, None, 4),
    "LeadSource": ("Web", None, "Other"), "Wants__c": (True, False, None), "Birth__c": ("1990-05-17", None, "1990-05-18"),
    "Seen__c": ("2026-10-01T10:00:00.000+0000", None, "2026-10-01T11:00:00.000+0000"),
    "Phone": ("+49 30 1234567", None, "+49301234567"), "Full__c": ("ACME-x", "ACME-5", None), "Hot__c": ("hot", "cold", None),
    "Second_Email__c": ("a@b.example", "A@b.example", None), "HasOptedOutOfEmail": (False, True, None),
    "IsConverted": (False, False, False, True),
}  # fmt: skip
HELD_AS_USUAL: dict[str, Scalar] = {
    "Company": "Acme", "Score__c": 10.0, "Count__c": 3, "LeadSource": "Web", "Wants__c": True, "Birth__c": "1990-05-17",
    "Seen__c": "2026-10-01T10:00:00.000+0000", "Second_Email__c": "a@b.example", "HasOptedOutOfEmail": False,
    "IsConverted": False, "ConvertedContactId": None, "Phone": "+49 30 1234567", "LastName": "Lee", "Full__c": "ACME-x",
    "Hot__c": "hot", "Nick__c": "m",
}  # fmt: skip
COLUMNS = {
    "company": 'type = "text"\nfield = "Company"',
    "score": 'type = "number"\nfield = { Lead = "Score__c" }',
    "count": 'type = "integer"\nfield = "Count__c"',
    "source": 'type = "text"\nfield = "LeadSource"',
    "wants": 'type = "boolean"\nfield = "Wants__c"',
    "birth": 'type = "date"\nfield = "Birth__c"',
    "seen": 'type = "datetime"\nfield = "Seen__c"',
    "second": 'type = "email"\nfield = "Second_Email__c"',
}
FLAGS = {
    "out": 'type = "boolean"\nflag = "opted_out"\nfield = "HasOptedOutOfEmail"',
    "dead": 'type = "boolean"\nflag = "unreachable"',
    "status": 'type = "text"\nopted_out_when = ["Unsubscribed"]\nunreachable_when = ["bounced"]',
}
MATCHES = (
    'external = { column = "key", field = "Key__c" }\nemail = "email"',
    'id = "sfid"\nemail = "email"',
    'email = "email"',
    'id = "sfid"\nexternal = { column = "key", field = "Key__c" }\nemail = "email"',
    'email = "email"\nid = "sfid"',
)


MORE = (
    '[computed.Full__c]\nformula = \'UPPER(company) & "-" & spare\'',
    '[computed.Hot__c]\nformula = \'IF($Record.Score__c > 5, "hot", "cold")\'\nwhen = \'NOT(ISBLANK($Record.Company))\'',
    '[computed.Hot__c]\nobjects = ["Lead"]\nformula = \'IF(100 / VALUE(spare) > 5, "hot", "cold")\'\nwhen = \'ISNUMBER(spare)\'',
    '[column.phone]\ntype = "phone"\nfield = "Phone"\nregion = "DE"',
    '[column.name]\ntype = "text"\nfield = { Lead = "LastName" }\n[create]\nobject = "Lead"\nper_day = 3\nfilled = ["name"]',
    '[column.brand]\ntype = "boolean"\nflag = "opted_out"\nscope = "brand:one"\nnull = [""]',
    '[column.left]\ntype = "text"\nflag = "opted_out"\nnull = ["null"]\n'
    'scopes = { news = "topic:news", offers = "topic:offers" }',
    '[consent]\nsource = "form"\nat = "agreed"\nwording = "words"',
    '[consent]\nsource = "form"\nat = "agreed"\nwording = "words"\nscope = "brand:one"',
    '[column.nick]\ntype = "text"\nfield = "Nick__c"\nrequired = false',
)  # fmt: skip
OF_FILE = (
    'flag = { "dead*" = "unreachable", "gone*" = "opted_out" }', 'decimal = ","', "formula_guard = true", 'escape = "\\\\"',
)  # fmt: skip
OF_RICH = ("spare", "spare", "left", "brand", "form", "name", "phone")
FILES = ("", "", "", "dead", "gone")


@dataclass(frozen=True, slots=True)
class Kind:
    """Which mappings there are in a world; in a rich one the clock goes on from file to file.

    `odd` is the share of rows of which one thing is unusual, `torn` of those that no row is.
    """

    is_rich: bool
    odd: float
    torn: float


PLAIN, RICH = Kind(is_rich=False, odd=0.3, torn=0.02), Kind(is_rich=True, odd=0.05, torn=0.01)


def schema(name: str) -> ObjectSchema:
    fields = {
        key: FieldSchema(key, kind, 30, True, True, False, ("Web", "Other") if key == "LeadSource" else ())
        for key, kind in TYPES.items()
    }
    return ObjectSchema(name, fields, True, True)


class Standing:
    def now(self) -> datetime:
        return NOW

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing sleeps here")


class Side:
    """One installation: a store and a drop folder."""

    def __init__(self, home: Path, name: str) -> None:
        self.home = home / name
        (self.home / "drop" / "tool").mkdir(parents=True)
        self.store: Store = open_store(f"sqlite:///{self.home / 'syncd.db'}", "00DSX0000000001EAA")
        self.folder = DropFolder(self.home / "drop", Standing())

    def mirror(self, records: list[OrgRecord]) -> None:
        with self.store.begin() as tx:
            tx.mirror(records)

    def take(
        self, mapping: SourceMapping, name: str, body: bytes, cycle: str, seen: Mapping[str, ObjectSchema] | None = None,
        now_at: datetime = NOW,
    ) -> Mapping[str, int]:  # fmt: skip
        path = self.home / "drop" / "tool" / name
        path.write_bytes(body)
        os.utime(path, (NOW.timestamp() - 60,) * 2)
        shown = seen or {"Lead": schema("Lead"), "Contact": schema("Contact")}
        context = IntakeContext("o", cycle, now_at, shown, self.store, POINTS)
        return take_in(self.folder, [mapping], context)

    def state(self) -> dict[str, Any]:
        people = [person_id(object, number) for object in ("Lead", "Contact") for number in range(40)]
        addresses = sorted({one.format(n=number).strip().lower() for one in EMAILS for number in range(40)})
        entries = [
            (
                row.entry.kind,
                row.entry.record_id,
                row.entry.field,
                row.entry.before,
                row.entry.after,
                row.entry.reason,
                row.entry.evidence,
            )
            for row in self.store.ledger(LedgerQuery(limit=10**6))
        ]
        return {
            "ledger": sorted(map(repr, entries)),
            "inbox": sorted(
                (card.item.kind, card.item.subject, card.item.text, card.item.detail, card.resolved_at is None)
                for card in self.store.inbox_cards(open_only=False)
            ),
            "flags": self.store.flags(people, addresses),
            "consents": self.store.consents(people, addresses),
            "stamps": self.store.newest_stamps("tool", people),
        }


def close_all(store: Store) -> None:
    with store.begin() as tx:
        tx.close([(one, Outcome(OutcomeKind.CONFIRMED)) for one in store.open_intents()], NOW, "c")


def person_id(object: str, number: int) -> str:
    return long_id(f"{'00Q' if object == 'Lead' else '003'}SX0000{number:06d}")


def person(rng: random.Random, object: str, number: int) -> OrgRecord:
    fields: dict[str, Scalar] = {**HELD_AS_USUAL, "Email": f"p{number}@example.com", "Key__c": f"k-{number}"}
    if rng.random() < 0.3:
        for name in rng.sample(sorted(HELD), 2):
            fields[name] = rng.choice(HELD[name])
    if rng.random() < 0.2:
        fields["Email"] = rng.choice(EMAILS).format(n=rng.randrange(20)) or None
    if rng.random() < 0.1:
        fields["Key__c"] = rng.choice((None, f"k-{rng.randrange(20)}", "K@1"))
    if fields["IsConverted"] is True:
        fields["ConvertedContactId"] = person_id("Contact", 20 + number % 4)
    if rng.random() < 0.05:
        del fields["Company"]
    return OrgRecord(object, person_id(object, number), NOW, fields, is_deleted=rng.random() < 0.05)


def row(rng: random.Random, kind: Kind, number: int) -> str:
    object = "Lead" if number < 20 else "Contact"
    cells = {"key": f"k-{number}", "sfid": "", "email": f"p{number}@example.com", **USUAL}
    if rng.random() < kind.odd:
        cells["sfid"] = rng.choice(
            (person_id(object, number), person_id(object, number)[:15], person_id("Lead", 35), "bad", "1.2E+17")
        )
    if rng.random() < kind.odd:
        cells["email"] = rng.choice(EMAILS).format(n=number)
    if rng.random() < kind.odd:
        cells["key"] = rng.choice(("", "null", "#REF!", f"k-{rng.randrange(26)}", f"new-{number}", "1.23E+9"))
    for name in rng.sample(sorted(CELLS), rng.choice((0, 0, 0, 1) if kind.is_rich else (0, 0, 1, 1, 2))):
        cells[name] = rng.choice(CELLS[name])
    if kind.is_rich and rng.random() < 0.4:
        name = rng.choice(OF_RICH)
        cells[name] = rng.choice(CELLS[name])
    if rng.random() < kind.torn:
        return "short,row"
    return ",".join(f'"{cell}"' if set(cell) & set('",\n') or rng.random() < 0.1 else cell for cell in cells.values())


def fact(rng: random.Random, evidence: str) -> FlagFact:
    person, key = rng.choice((None, person_id("Lead", rng.randrange(20)))), rng.randrange(26)
    address = f"p{key}@example.com" if rng.random() < 0.8 else f"Key__c=k-{key}"
    scope = rng.choice((GLOBAL, GLOBAL, "brand:one"))
    return FlagFact(rng.choice(list(Flag)[:3]), person, address, rng.choice(("tool", "other")), evidence, NOW, scope)


def packed(rng: random.Random, body: bytes) -> bytes:
    """Return an export as some tool may have written it."""
    body = body.decode().encode(rng.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16")))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("all.csv", body)
    return rng.choice((body, body, gzip.compress(body, mtime=0), made.getvalue()))


def mapping_of(rng: random.Random, folder: Path, kind: Kind) -> SourceMapping:
    lines = [f'version = "1"\nmode = "{rng.choice(("observe", "write"))}"\n[file]\nnull = ["", "null"]']
    if kind.is_rich and rng.random() < 0.4:
        lines.append(rng.choice(OF_FILE))
    if rng.random() < 0.8:
        lines.append('newest = "at"')
    lines.append(f"[match]\n{rng.choice(MATCHES)}")
    for name in rng.sample(sorted(COLUMNS), rng.randint(1, 5)):
        conflict = rng.choice(("overwrite", "fill"))
        blank = "clear" if conflict == "overwrite" and name != "wants" and rng.random() < 0.3 else "leave"
        transform = rng.choice(("trim", "lower", "upper")) if name == "company" and rng.random() < 0.5 else ""
        lines.append(f'[column."{name}"]\n{COLUMNS[name]}\nside = "marketing"\nconflict = "{conflict}"\nblank = "{blank}"')
        lines += [f'transform = "{transform}"'] if transform else []
    for name in rng.sample(sorted(FLAGS), rng.randint(0, 2)):
        lines.append(f'[column."{name}"]\n{FLAGS[name]}')
    for one in rng.sample(MORE, rng.randint(1, 3)) if kind.is_rich else ():
        names = [line for line in one.split("\n") if line.startswith("[")]
        if not any(name in "\n".join(lines) for name in names):
            written = '\nside = "marketing"\nconflict = "overwrite"'
            is_written = ("field =" in one or "formula =" in one) and "[create]" not in one
            lines.append(one.replace("[create]", f"{written[1:]}\n[create]") + (written if is_written else ""))
    path = folder / f"{rng.randrange(10**9)}.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    table, _ = read_table(path)
    assert table is not None
    mapping, problems = parse_mapping("tool", table, compile_formula)
    assert mapping is not None, problems
    return mapping


def play(home: Path, seed: int, monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    """Take a random history of mirror, flags and files in on both sides, and hold one against the other."""
    rng = random.Random(seed)
    careful, sifted = Side(home, "careful"), Side(home, "sifted")
    try:
        mapping = mapping_of(rng, home, kind)
        people = [person(rng, "Lead" if number < 20 else "Contact", number) for number in range(26)]
        named = [*(range(26) if kind.is_rich else ()), *(rng.randrange(26) for _ in range(30))][:30]
        rows = [""] * len(named)
        for turn in range(4):
            facts = [fact(rng, f"e{turn}") for _ in range(rng.choice((0, 0, 3)))]
            rows = [one if turn and rng.random() < 0.8 else row(rng, kind, who) for one, who in zip(rows, named, strict=True)]
            lines = rng.sample(rows, len(rows))
            end = rng.choice(("\n", "\r\n"))
            cells = ("nick", *"m" * len(lines)) if kind.is_rich and rng.random() < 0.3 else None
            said = [HEADER, *lines] if cells is None else map(",".join, zip((HEADER, *lines), cells, strict=True))
            body = (end.join(said) + rng.choice(("", end))).encode()
            name, now_at = f"{turn}.csv", NOW
            if kind.is_rich:
                name, now_at = f"{rng.choice(FILES)}{name}", NOW + timedelta(days=15 * turn)
                mapping = mapping_of(rng, home, kind) if rng.random() < 0.15 else mapping
                body = packed(rng, body)
            for side in (careful, sifted):
                side.store.index(keys_needed([mapping]))
                side.mirror(people)
                with side.store.begin() as tx:
                    tx.add_flags(facts)
                monkeypatch.setattr(sifting, "SIFTED_FROM_BYTES", 0 if side is sifted else 10**9)
                counts = side.take(mapping, name, body, f"c{turn}", now_at=now_at)
                close_all(side.store)
                outcome = {name: count for name, count in counts.items() if count}, side.state()
                if side is careful:
                    expected = outcome
            assert outcome[0] == expected[0], f"seed {seed}, file {turn}"
            for name, found in outcome[1].items():
                assert found == expected[1][name], f"seed {seed}, file {turn}: {name}"
            people = [
                person(rng, "Lead" if number < 20 else "Contact", number)
                for number in rng.sample(range(26), rng.choice((0, 2, 8)))
            ]
    finally:
        careful.store.dispose()
        sifted.store.dispose()
