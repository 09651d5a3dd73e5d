"""Do the marketing tool's exports hold the problems that they are said to hold?"""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.sandbox.company import write_company
from syncd.sandbox.company_tables import read_table
from syncd.sandbox.exports_demo import (
    BOUNCES_A_DAY,
    HEADER,
    PROBLEMS,
    UNSUBSCRIBES_A_DAY,
    ExportRow,
    doubled_addresses,
    export_rows,
    people_of,
    write_export,
)

DAYS = range(1, 6)
PAIRS = {"twice", "tie"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("company")
    write_company(path, seed=7, now=datetime(2026, 3, 2, 9, tzinfo=UTC))
    return path


@pytest.fixture(scope="module")
def rows(folder: Path) -> dict[int, list[ExportRow]]:
    people, doubled = people_of(folder), doubled_addresses(folder)
    return {day: export_rows(people, doubled, day=day, seed=7) for day in DAYS}


def of(kind: str, rows: list[ExportRow]) -> list[tuple[str, ...]]:
    return [row.cells for row in rows if row.kind == kind]


@pytest.mark.parametrize("day", DAYS)
def test_the_file_is_what_the_rows_say_and_the_same_every_time(
    folder: Path, rows: dict[int, list[ExportRow]], tmp_path: Path, day: int
) -> None:
    for name in ("one", "two"):
        write_export(tmp_path / name, folder_or_people=folder, day=day, seed=7)
    raw = (tmp_path / "one").read_bytes()
    assert raw == (tmp_path / "two").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf") == (day == 3)
    assert (b"\r\n" in raw) == (day == 4)
    lines = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert [tuple(line) for line in lines] == [HEADER, *(row.cells for row in rows[day])]


def test_people_given_by_the_caller_make_the_same_file(folder: Path, tmp_path: Path) -> None:
    people, doubled = people_of(folder), doubled_addresses(folder)
    write_export(tmp_path / "folder", folder_or_people=folder, day=2, seed=7)
    write_export(tmp_path / "people", folder_or_people=people, day=2, seed=7, doubled=doubled)
    assert (tmp_path / "folder").read_bytes() == (tmp_path / "people").read_bytes()


@pytest.mark.parametrize("day", DAYS)
def test_each_file_holds_its_dose_of_every_problem(rows: dict[int, list[ExportRow]], day: int) -> None:
    counts = Counter(row.kind for row in rows[day])
    assert len(rows[day]) == 2200 if day == 1 else 300 <= len(rows[day]) <= 500
    wanted = {kind: count * 2 if kind in PAIRS else count for kind, count in PROBLEMS.items()}
    wanted |= {"unsubscribe": UNSUBSCRIBES_A_DAY, "bounce": BOUNCES_A_DAY}
    assert {kind: counts[kind] for kind in wanted} == wanted


@pytest.mark.parametrize("day", DAYS)
def test_a_row_is_broken_only_where_it_is_meant_to_be(rows: dict[int, list[ExportRow]], day: int) -> None:
    for row in rows[day]:
        assert (len(row.cells) < len(HEADER)) == (row.kind == "ragged-short")
        assert (len(row.cells) > len(HEADER)) == (row.kind == "ragged-long")
        if len(row.cells) == len(HEADER):
            assert (row.cells[6] not in ("true", "false")) == (row.kind == "unreadable-boolean")
            datetime.strptime(row.cells[9], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    seen = Counter(row.cells[0] for row in rows[day] if row.kind not in PAIRS)
    assert set(seen.values()) == {1}


@pytest.mark.parametrize("day", DAYS)
def test_a_person_comes_twice_in_order_of_time_or_with_an_exact_tie(rows: dict[int, list[ExportRow]], day: int) -> None:
    for kind in PAIRS:
        cells = of(kind, rows[day])
        for first, second in zip(cells[::2], cells[1::2], strict=True):
            assert first[0] == second[0]
            assert first[5] != second[5]
            assert (first[9] == second[9]) == (kind == "tie")


@pytest.mark.parametrize("day", DAYS)
def test_strangers_match_nobody_and_the_ambiguous_match_two_leads(
    folder: Path, rows: dict[int, list[ExportRow]], day: int
) -> None:
    leads = list(read_table(folder, "Lead"))
    known = {row["MA_Person_Id__c"] for row in (*leads, *read_table(folder, "Contact"))}
    emails = Counter(row["Email"] for row in leads if row["IsConverted"] == "false")
    for cells in of("ambiguous", rows[day]):
        assert cells[0] not in known
        assert emails[cells[1]] == 2
    for cells in of("nobody", rows[day]):
        assert cells[0] not in known
        assert emails[cells[1]] == 0
    others = [row.cells[0] for row in rows[day] if row.kind not in ("ambiguous", "nobody")]
    assert set(others) <= known


def test_nobody_unsubscribes_twice_and_who_left_stays_away(folder: Path, rows: dict[int, list[ExportRow]]) -> None:
    opted_out = {person.id for person in people_of(folder) if person.opted_out}
    left: set[str] = set()
    for day in DAYS:
        today = {cells[0] for cells in of("unsubscribe", rows[day])}
        assert not today & (left | opted_out)
        left |= today
        for row in rows[day]:
            if row.kind in ("plain", "bounce", "unsubscribe", "surname-null"):
                assert (row.cells[6] == "true") == (row.cells[0] in left | opted_out)
        assert all(cells[7] == "true" for cells in of("bounce", rows[day]))


@pytest.mark.parametrize("day", DAYS)
def test_consent_that_the_tool_missed_contradicts_the_org(folder: Path, rows: dict[int, list[ExportRow]], day: int) -> None:
    opted_out = {person.id for person in people_of(folder) if person.opted_out}
    for cells in of("stale-consent", rows[day]):
        assert cells[0] in opted_out
        assert cells[6] == "false"


def test_no_value_is_the_word_null_and_the_surname_null_is_a_person(rows: dict[int, list[ExportRow]]) -> None:
    assert all(cell != "" for row in rows[1] for cell in row.cells)
    assert any(row.cells[5] == "null" for row in rows[1])
    assert {cells[3] for cells in of("surname-null", rows[1])} == {"Null"}


def test_a_company_too_small_for_the_file_is_refused(tmp_path: Path) -> None:
    write_company(tmp_path, seed=1, now=datetime(2026, 3, 2, 9, tzinfo=UTC), leads=50, deals=12)
    with pytest.raises(ValueError, match="ask for fewer rows"):
        write_export(tmp_path / "export.csv", folder_or_people=tmp_path, day=1, seed=1)
