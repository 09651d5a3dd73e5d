"""Does a file that went through the sieve end exactly as one whose every row was looked at?"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from syncd.core.cells import long_id
from syncd.core.mapping import SourceMapping, keys_needed
from syncd.core.mapping_file.parsing import parse_mapping
from syncd.core.values import Flag, FlagFact, OrgRecord, Outcome, OutcomeKind, Scalar
from syncd.engine.intake import take_in
from syncd.engine.intake_context import IntakeContext
from syncd.exports.folder import DropFolder
from syncd.exports.sieve import sifting
from syncd.policies.documents import read_table
from syncd.ports import FieldSchema, LedgerQuery, ObjectSchema, Sifted, Store
from syncd.store.sql import open_store

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
TYPES = {
    "Email": "email", "Second_Email__c": "email", "Key__c": "string", "HasOptedOutOfEmail": "boolean", "Score__c": "double",
    "Count__c": "int", "Company": "string", "LeadSource": "picklist", "Wants__c": "boolean", "Birth__c": "date",
    "Seen__c": "datetime", "IsConverted": "boolean", "ConvertedContactId": "reference",
}  # fmt: skip
HEADER = "key,sfid,email,company,score,count,source,wants,birth,seen,second,out,dead,status,at,spare"
EMAILS = (
    "p{n}@example.com", "P{n}@Example.COM", " p{n}@example.com", "p{n}@exämple.com", "p{n}@xn--exmple-cua.com", "", "null",
    "nobody{n}@example.com", "none", "p{n}@example.com ", "p{n}\u212a@example.com", "o'p{n}@example.com",
)  # fmt: skip
CELLS = {
    "company": ("Acme", "ACME", " Acme", "", "null", "Ünal", "\xa0Acme", "Acme\u2003", "Ac\"\"me, Inc", "2\nlines", " ", "x\x07"),
    "score": ("10", "10.0", "+10", "1e1", "", "10.50", "ten", "\u0661\u0660", "0", "-0", ".5", "5.", "12345678901234567"),
    "count": ("3", "03", "3.0", "", "null", "+3", "3.5", "1E+2"),
    "source": ("Web", "web", "Other", "", "Mars"),
    "wants": ("true", "false", "", "yes"),
    "birth": ("1990-05-17", "1990-5-17", "", "1990-02-30", "1970-01-01", "1899-01-01"),
    "seen": ("2026-10-01T10:00:00Z", "2026-10-01 10:00:00Z", "2026-10-01T10:00:00.5Z", "", "2026-10-01T10:00:00+01:00", "24:00"),
    "second": ("a@b.example", "A@B.example", "", "no mail"),
    "out": ("false", "true", "", "maybe"),
    "dead": ("false", "true", "null"),
    "status": ("fine", "Unsubscribed", "unsubscribed ", "", "bounced"),
    "at": ("2026-11-01T10:00:00Z", "2026-11-01T10:00:01Z", "2026-11-01 10:00:00Z", "2026-12-24T10:00:00Z", "", "soon"),
    "spare": ("", "x", "\x01", "ü"),
}  # fmt: skip
USUAL = {
    "company": "Acme", "score": "10", "count": "3", "source": "Web", "wants": "true", "birth": "1990-05-17",
    "seen": "2026-10-01T10:00:00Z", "second": "a@b.example", "out": "false", "dead": "false", "status": "fine",
    "at": "2026-11-01T10:00:00Z", "spare": "x",
}  # fmt: skip
HELD: dict[str, tuple[Scalar, ...]] = {
    "Company": ("Acme", "acme", None, "", "Ünal", " Acme"), "Score__c": (10, 10.0, None, 10.5), "Count__c": (3, None, 4),
    "LeadSource": ("Web", None, "Other"), "Wants__c": (True, False, None), "Birth__c": ("1990-05-17", None, "1990-05-18"),
    "Seen__c": ("2026-10-01T10:00:00.000+0000", None, "2026-10-01T11:00:00.000+0000"),
    "Second_Email__c": ("a@b.example", "A@b.example", None), "HasOptedOutOfEmail": (False, True, None),
    "IsConverted": (False, False, False, True),
}  # fmt: skip
HELD_AS_USUAL: dict[str, Scalar] = {
    "Company": "Acme", "Score__c": 10.0, "Count__c": 3, "LeadSource": "Web", "Wants__c": True, "Birth__c": "1990-05-17",
    "Seen__c": "2026-10-01T10:00:00.000+0000", "Second_Email__c": "a@b.example", "HasOptedOutOfEmail": False,
    "IsConverted": False, "ConvertedContactId": None,
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
        self, mapping: SourceMapping, name: str, body: bytes, cycle: str, seen: Mapping[str, ObjectSchema] | None = None
    ) -> Mapping[str, int]:
        path = self.home / "drop" / "tool" / name
        path.write_bytes(body)
        os.utime(path, (NOW.timestamp() - 60,) * 2)
        shown = seen or {"Lead": schema("Lead"), "Contact": schema("Contact")}
        context = IntakeContext("o", cycle, NOW, shown, self.store)
        return take_in(self.folder, [mapping], context)

    def state(self) -> dict[str, Any]:
        people = [person_id(object, number) for object in ("Lead", "Contact") for number in range(40)]
        addresses = sorted({one.format(n=number).strip().lower() for one in EMAILS for number in range(40)})
        entries = [
            (row.entry.kind, row.entry.record_id, row.entry.field, row.entry.before, row.entry.after, row.entry.reason)
            for row in self.store.ledger(LedgerQuery(limit=10**6))
        ]
        return {
            "ledger": sorted(map(repr, entries)),
            "inbox": sorted(
                (card.item.kind, card.item.subject, card.item.text, card.item.detail, card.resolved_at is None)
                for card in self.store.inbox_cards(open_only=False)
            ),
            "flags": [(one.flag, one.person_id, one.address) for one in self.store.flags(people, addresses)],
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


def row(rng: random.Random) -> str:
    number = rng.randrange(26)
    object = "Lead" if number < 20 else "Contact"
    cells = {"key": f"k-{number}", "sfid": "", "email": f"p{number}@example.com", **USUAL}
    if rng.random() < 0.3:
        cells["sfid"] = rng.choice(
            (person_id(object, number), person_id(object, number)[:15], person_id("Lead", 35), "bad", "1.2E+17")
        )
    if rng.random() < 0.2:
        cells["email"] = rng.choice(EMAILS).format(n=number)
    if rng.random() < 0.2:
        cells["key"] = rng.choice(("", "null", f"k-{rng.randrange(26)}", f"new-{number}", "1.23E+9"))
    for name in rng.sample(sorted(CELLS), rng.choice((0, 0, 1, 1, 2))):
        cells[name] = rng.choice(CELLS[name])
    if rng.random() < 0.02:
        return "short,row"
    return ",".join(f'"{cell}"' if set(cell) & set('",\n') or rng.random() < 0.1 else cell for cell in cells.values())


def mapping_of(rng: random.Random, folder: Path) -> SourceMapping:
    lines = [f'version = "1"\nmode = "{rng.choice(("observe", "write"))}"\n[file]\nnull = ["", "null"]']
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
    path = folder / f"{rng.randrange(10**9)}.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    table, _ = read_table(path)
    assert table is not None
    mapping, problems = parse_mapping("tool", table)
    assert mapping is not None, problems
    return mapping


def play(home: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a random history of mirror, flags and files in on both sides, and hold one against the other."""
    rng = random.Random(seed)
    careful, sifted = Side(home, "careful"), Side(home, "sifted")
    try:
        mapping = mapping_of(rng, home)
        people = [person(rng, "Lead" if number < 20 else "Contact", number) for number in range(26)]
        rows: list[str] = []
        for turn in range(4):
            facts = [
                FlagFact(rng.choice(list(Flag)[:3]), rng.choice((None, person_id("Lead", rng.randrange(20)))),
                         f"p{rng.randrange(26)}@example.com", rng.choice(("tool", "other")), f"e{turn}", NOW)
                for _ in range(rng.choice((0, 0, 3)))
            ]  # fmt: skip
            rows = [one if rng.random() < 0.8 else row(rng) for one in rows] or [row(rng) for _ in range(30)]
            rng.shuffle(rows)
            end = rng.choice(("\n", "\r\n"))
            body = (end.join((HEADER, *rows)) + rng.choice(("", end))).encode()
            for side in (careful, sifted):
                side.store.index(keys_needed([mapping]))
                side.mirror(people)
                with side.store.begin() as tx:
                    tx.add_flags(facts)
                monkeypatch.setattr(sifting, "SIFTED_FROM_BYTES", 0 if side is sifted else 10**9)
                counts = side.take(mapping, f"{turn}.csv", body, f"c{turn}")
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


@pytest.fixture
def let_through(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Have every row held against the mirror, and count those that needed no look, by why."""
    found: Counter[str] = Counter()
    sifted = sifting.SiftedFile.sifted

    def counting(self: sifting.SiftedFile) -> Sifted:
        for table in ("hit", "equal", "nobody", "rest"):
            found[table] += self._number(f"SELECT count(*) FROM {table}")  # noqa: S608  our own names
        return sifted(self)

    monkeypatch.setattr(sifting.SiftedFile, "sifted", counting)
    monkeypatch.setattr(sifting, "FEW", -1)
    monkeypatch.setattr(sifting, "LARGE_BYTES", 0)
    return found


@pytest.mark.sweep
def test_a_sifted_file_ends_as_one_that_is_looked_at_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, let_through: Counter[str]
) -> None:
    for seed in range(25):
        (tmp_path / str(seed)).mkdir()
        play(tmp_path / str(seed), seed, monkeypatch)
    assert min(let_through[name] for name in ("hit", "equal", "nobody", "rest")) > 20


def test_a_row_is_known_by_its_content_until_its_person_changes_and_all_counts_add_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, let_through: Counter[str]
) -> None:
    monkeypatch.setattr(sifting, "SIFTED_FROM_BYTES", 0)
    side = Side(tmp_path, "one")
    path = tmp_path / "tool.toml"
    columns = 'type = "text"\nfield = "Company"\nside = "marketing"\nconflict = "overwrite"'
    path.write_text(
        f'version = "1"\n[file]\nnewest = "at"\n[match]\nemail = "email"\n[column.company]\n{columns}\n', encoding="utf-8"
    )
    table, _ = read_table(path)
    assert table is not None
    mapping, _ = parse_mapping("tool", table)
    assert mapping is not None
    side.store.index(keys_needed([mapping]))
    side.mirror([OrgRecord("Lead", person_id("Lead", n), NOW, {**HELD_AS_USUAL, "Email": f"p{n}@example.com"}) for n in range(6)])
    rows = [f"p{n}@example.com,Acme,2026-11-01T10:00:00Z" for n in range(6)] + ["gone@example.com,Acme,", "no mail,Acme,"]
    kinds: list[tuple[int, ...]] = []
    for turn in range(3):
        if turn == 2:
            side.mirror(
                [OrgRecord("Lead", person_id("Lead", 0), NOW, {**HELD_AS_USUAL, "Email": "p0@example.com", "Company": "Else"})]
            )
        let_through.clear()
        body = "\n".join(("email,company,at", *rows)) + f"\nlast{turn}@example.com,Acme,\n"
        counts = side.take(mapping, f"{turn}.csv", body.encode(), f"c{turn}")
        assert counts["rows"] == counts["unchanged"] + counts["unmatched"] + counts["quarantined"] == 9
        kinds.append(tuple(let_through[name] for name in ("hit", "equal", "nobody", "rest")))
    assert kinds == [(0, 6, 2, 1), (6, 0, 2, 1), (5, 0, 2, 2)]
    with side.store.engine.connect() as connection:  # type: ignore[attr-defined]
        kept = [json.loads(one) for one in connection.execute(text("SELECT counts FROM export_files ORDER BY name")).scalars()]
    assert [(one["lines"], one["lines_header"], one["lines_taken"], one["lines_rejected"]) for one in kept] == [(10, 1, 8, 1)] * 3
    assert kept[2]["would_write"] == 1
    side.store.dispose()


LEADS = [person_id("Lead", number) for number in range(3)]
AS_IT_WAS = {"Lead": schema("Lead"), "Contact": schema("Contact")}


class Twice:
    """One history, lived by an installation that looks at every row and by one with the sieve."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch, columns: str, match: str) -> None:
        self.sides = Side(home, "careful"), Side(home, "sifted")
        self.monkeypatch, self.turn = monkeypatch, 0
        path = home / "tool.toml"
        path.write_text(f'version = "1"\n[match]\n{match}\n{columns}\n', encoding="utf-8")
        table, _ = read_table(path)
        assert table is not None
        mapping, problems = parse_mapping("tool", table)
        assert mapping is not None, problems
        self.mapping = mapping
        self.index(keys_needed([mapping]))

    def index(self, fields: Mapping[str, tuple[str, ...]]) -> None:
        for side in self.sides:
            side.store.index(fields)

    def mirror(self, *people: OrgRecord) -> None:
        for side in self.sides:
            side.mirror(list(people))

    def take(self, body: str, seen: Mapping[str, ObjectSchema] = AS_IT_WAS) -> Mapping[str, int]:
        """Take in a file of these rows, and of some without a key; return what the sieve counted, which is what a look counts."""
        self.turn += 1
        found = []
        nobody = "," * body.partition("\n")[0].count(",") + "\n"
        for side, from_bytes in zip(self.sides, (10**9, 0), strict=True):
            self.monkeypatch.setattr(sifting, "SIFTED_FROM_BYTES", from_bytes)
            text = body + nobody * self.turn
            counts = side.take(self.mapping, f"{self.turn}.csv", text.encode(), f"c{self.turn}", seen)
            found.append(({name: count for name, count in counts.items() if count}, side.state()))
        assert found[0] == found[1]
        return found[1][0]


def lead(number: int, **fields: Scalar) -> OrgRecord:
    held = {**HELD_AS_USUAL, "Email": f"p{number}@example.com", "Key__c": f"k-{number}", **fields}
    return OrgRecord("Lead", LEADS[number], NOW, held)


def test_people_are_found_by_whichever_key_however_many_keys_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, let_through: Counter[str]
) -> None:
    twice = Twice(
        tmp_path,
        monkeypatch,
        f'[column.company]\n{COLUMNS["company"]}\nside = "marketing"\nconflict = "overwrite"',
        'external = { column = "key", field = "Key__c" }',
    )
    twice.index(
        dict.fromkeys(("Lead", "Contact"), ("Birth__c", "Company", "ConvertedContactId", "Email", "IsConverted", "Key__c"))
    )
    twice.mirror(lead(0), lead(1))
    assert twice.take("key,company\nk-0,Acme\nk-1,Else\nk-9,Acme\n")["would_write"] == 1
    assert let_through["equal"] == let_through["nobody"] == 1


def test_a_row_about_a_converted_lead_is_looked_at_again_when_its_contact_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = Twice(
        tmp_path,
        monkeypatch,
        '[column.company]\ntype = "text"\nfield = { Lead = "Company", Contact = "LeadSource" }\n'
        'side = "marketing"\nconflict = "overwrite"',
        'email = "email"',
    )
    twice.mirror(lead(0, IsConverted=True, ConvertedContactId=person_id("Contact", 0)))
    body = "email,company\np0@example.com,Other\n"
    assert "would_write" not in twice.take(body)
    twice.mirror(OrgRecord("Contact", person_id("Contact", 0), NOW, {**HELD_AS_USUAL, "Email": "other@example.com"}))
    assert twice.take(body)["would_write"] == 1


def test_a_row_is_looked_at_again_when_a_flag_went_over_to_its_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twice = Twice(tmp_path, monkeypatch, f"[column.dead]\n{FLAGS['dead']}", 'email = "email"')
    twice.mirror(lead(0))
    body = "email,dead\np0@example.com,false\n"
    twice.take(body)
    for side in twice.sides:
        with side.store.begin() as tx:
            tx.renew_flags([FlagFact(Flag.UNREACHABLE, LEADS[0], "p0@example.com", "tool", "merged", NOW)])
    twice.take(body)
    assert not any(side.store.flags(LEADS, ()) for side in twice.sides)


def test_a_row_is_looked_at_again_when_another_of_its_batch_spoke_about_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = Twice(tmp_path, monkeypatch, f"[column.out]\n{FLAGS['out']}", MATCHES[0])
    twice.mirror(lead(0), lead(1))
    twice.take("key,email,out\nk-0,p1@example.com,true\nk-1,p1@example.com,false\n")
    assert twice.take("key,email,out\nk-1,p1@example.com,false\n")["consent"] == 1


def test_a_row_that_would_write_is_looked_at_again_when_its_field_takes_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = Twice(
        tmp_path,
        monkeypatch,
        f'[column.source]\n{COLUMNS["source"]}\nside = "marketing"\nconflict = "overwrite"',
        'email = "email"',
    )
    twice.mirror(lead(0))
    body = "email,source\np0@example.com,Other\n"
    assert twice.take(body)["would_write"] == 1
    shown = AS_IT_WAS["Lead"]
    less = {**shown.fields, "LeadSource": replace(shown.fields["LeadSource"], picklist=("Web",))}
    assert twice.take(body, {**AS_IT_WAS, "Lead": replace(shown, fields=less)})["quarantined"] == 3
