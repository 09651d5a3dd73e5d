"""Does a file that went through the sieve end exactly as one whose every row was looked at?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from syncd.core.mapping import keys_needed
from syncd.core.mapping_file.parsing import parse_mapping
from syncd.core.values import Flag, FlagFact, OrgRecord, Scalar
from syncd.exports.sieve import sifting
from syncd.policies.documents import read_table
from syncd.policies.mapping_formulas import compile_formula
from syncd.ports import ObjectSchema
from tests.engine.sifted_worlds import COLUMNS, FLAGS, HELD_AS_USUAL, MATCHES, NOW, PLAIN, RICH, Side, person_id, play, schema


@pytest.mark.sweep
def test_a_sifted_file_ends_as_one_that_is_looked_at_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, let_through: Counter[str]
) -> None:
    for seed in range(25):
        (tmp_path / str(seed)).mkdir()
        play(tmp_path / str(seed), seed, monkeypatch, PLAIN)
    assert min(let_through[name] for name in ("hit", "equal", "nobody", "rest")) > 20


@pytest.mark.sweep
def test_so_does_one_whose_mapping_has_formulas_and_conditions_scopes_evidence_and_people_to_create(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, let_through: Counter[str]
) -> None:
    for seed in range(30):
        (tmp_path / str(seed)).mkdir()
        play(tmp_path / str(seed), seed, monkeypatch, RICH)
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
        mapping, problems = parse_mapping("tool", table, compile_formula)
        assert mapping is not None, problems
        self.mapping = mapping
        self.index(keys_needed([mapping]))

    def index(self, fields: Mapping[str, tuple[str, ...]]) -> None:
        for side in self.sides:
            side.store.index(fields)

    def mirror(self, *people: OrgRecord) -> None:
        for side in self.sides:
            side.mirror(list(people))

    def take(self, body: str, seen: Mapping[str, ObjectSchema] = AS_IT_WAS, *, word: str = "") -> Mapping[str, int]:
        """Take in a file of these rows, and of some without a key; return what the sieve counted, which is what a look counts."""
        self.turn += 1
        found = []
        nobody = "," * body.partition("\n")[0].count(",") + "\n"
        for side, from_bytes in zip(self.sides, (10**9, 0), strict=True):
            self.monkeypatch.setattr(sifting, "SIFTED_FROM_BYTES", from_bytes)
            text = body + nobody * self.turn
            counts = side.take(self.mapping, f"{word}{self.turn}.csv", text.encode(), f"c{self.turn}", seen)
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


def test_a_row_that_a_formula_reads_is_known_until_the_record_or_another_column_of_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, let_through: Counter[str]
) -> None:
    computed = '[computed.Hot__c]\nformula = \'IF($Record.Score__c > VALUE(spare), "hot", "cold")\'\n'
    twice = Twice(tmp_path, monkeypatch, f'{computed}side = "marketing"\nconflict = "overwrite"', 'email = "email"')
    twice.mirror(lead(0), lead(1, Score__c=3, Hot__c="cold"))
    body = "email,spare\np0@example.com,5\np1@example.com,5\n"
    told = []
    for said in (body, body, body.replace("p0@example.com,5", "p0@example.com,50"), body, body):
        let_through.clear()
        told.append((twice.take(said).get("would_write"), let_through["hit"], let_through["equal"]))
        if len(told) == 4:
            twice.mirror(lead(1, Score__c=7, Hot__c="cold"))
    assert told == [(None, 0, 0), (None, 2, 0), (1, 1, 0), (None, 1, 0), (1, 1, 0)]


def test_a_row_of_a_file_whose_name_says_nothing_is_not_that_of_one_that_says_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, let_through: Counter[str]
) -> None:
    twice = Twice(tmp_path, monkeypatch, f"[column.out]\n{FLAGS['out']}", 'email = "email"')
    path = tmp_path / "tool.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("[match]", '[file]\nflag = { "dead*" = "unreachable" }\n[match]'))
    table, _ = read_table(path)
    mapping, _ = parse_mapping("tool", table) if table else (None, [])
    assert mapping is not None
    twice.mapping = mapping
    twice.mirror(lead(0))
    body = "email,out\np0@example.com,false\n"
    assert [twice.take(body, word=word).get("flags") for word in ("", "dead")] == [None, 1]
    assert let_through["hit"] == 0


def test_a_row_is_looked_at_again_when_something_was_said_of_its_id_before_anybody_had_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = Twice(tmp_path, monkeypatch, f"[column.dead]\n{FLAGS['dead']}", f"{MATCHES[2]}\n{MATCHES[0].partition(chr(10))[0]}")
    twice.mirror(lead(0))
    for dead, name in (("false", "p0@example.com"), ("true", ""), ("false", "p0@example.com")):
        twice.take(f"email,key,dead\n{name},k-7,{dead}\n")
    assert not any(side.store.flags((), ["Key__c=k-7"]) for side in twice.sides)
