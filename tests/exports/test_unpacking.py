"""Is a packed export read like the text in it, and is what is damaged, locked or a bomb refused whole?"""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import zipfile
from collections.abc import Mapping

import pytest

from syncd.core.rows import ParsedRow
from syncd.exports import unpacking
from syncd.exports.reading import items_of
from syncd.ports import ExportFile, Item, Refused
from tests.exports.test_reading import GOOD, MAPPING, read


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def refusal(items: list[Item]) -> str:
    last = items[-1]
    assert isinstance(last, Refused)
    assert last.kind == "refuse"
    return str(last.problem)


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(GOOD.encode()),
        gzip.compress(GOOD[:20].encode()) + gzip.compress(GOOD[20:].encode()),
        gzip.compress(GOOD.encode("utf-16")),
        zipped({"contacts_export.csv": GOOD.encode()}),
        zipped({"contacts_export.csv": GOOD.encode()}, zipfile.ZIP_STORED),
        zipped({"out/": b"", "out/a.csv": GOOD.encode(), "__MACOSX/out/._a.csv": b"mac"}),
    ],
    ids=["gzip", "gzip in members", "gzip of utf-16", "zip", "zip stored", "zip from a Mac"],
)
def test_a_packed_export_is_read_like_its_text(packed: bytes) -> None:
    assert read(packed) == read(GOOD)


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (gzip.compress(GOOD.encode())[:-9], "[EXP-009] The archive is damaged or cut off: Compressed file ended before"),
        (gzip.compress(GOOD.encode()) + b"junk", "[EXP-009] The archive is damaged or cut off: Not a gzipped file"),
        (gzip.compress(GOOD.encode())[:-5] + b"\0\0\0\0\0", "[EXP-009] The archive is damaged or cut off: CRC check failed"),
        (zipped({"a.csv": GOOD.encode()})[:-30], "[EXP-009] The archive is damaged or cut off: File is not a zip file."),
        (zipped({}), "[EXP-010] The archive holds 0 files."),
        (
            zipped({"subscribed.csv": b"a", "cleaned.csv": b"b"}),
            "[EXP-010] The archive holds 2 files ('subscribed.csv', 'cleaned.csv'). Put each CSV file into the folder",
        ),
        (zipped({"[Content_Types].xml": b"", "xl/workbook.xml": b""}), "[EXP-009] The workbook is damaged: no element found"),
        (zipped({"a.csv": gzip.compress(b"a")}), "[EXP-010] The archive holds an archive or a workbook."),
        (zipped({"a.csv": GOOD.encode()}, zipfile.ZIP_LZMA), "[EXP-010] The archive is packed by a method (14) that syncd does"),
    ],
    ids=[
        "cut gzip",
        "junk after gzip",
        "wrong sum",
        "cut zip",
        "no file",
        "two files",
        "a workbook",
        "an archive within",
        "lzma",
    ],
)
def test_a_damaged_or_strange_archive_is_refused_whole(packed: bytes, said: str) -> None:
    assert refusal(read(packed)).startswith(f"a.csv:1:1 {said}")


def test_a_locked_archive_is_refused() -> None:
    packed = bytearray(zipped({"a.csv": GOOD.encode()}))
    for header, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(header) + place] |= 1
    assert "[EXP-010] The archive is locked with a password." in refusal(read(bytes(packed)))


def test_damage_in_the_middle_takes_the_rows_before_it_back() -> None:
    body = GOOD + "".join(f"p{number}@example.com,P{number},false\n" for number in range(14_000))
    packed = bytearray(zipped({"a.csv": body.encode()}, zipfile.ZIP_STORED))
    packed[len(packed) // 2] ^= 1
    items = read(bytes(packed))
    assert any(isinstance(item, ParsedRow) for item in items)
    assert "[EXP-009] The archive is damaged or cut off: Bad CRC-32" in refusal(items)


@pytest.mark.parametrize("seed", range(4))
def test_any_damage_is_told_and_nothing_breaks(seed: int) -> None:
    chance = random.Random(seed)
    text = GOOD.encode()
    whole = [gzip.compress(text), zipped({"\u00e4/\u00e9.csv": text}), zipped({"a.csv": text}, zipfile.ZIP_STORED)]
    for _ in range(500):
        packed = bytearray(chance.choice(whole))
        for _ in range(chance.choice((1, 2, 8))):
            place = chance.randrange(len(packed))
            packed[place : place + chance.randrange(4)] = chance.randbytes(chance.randrange(4))
        last = read(bytes(packed))[-1]
        assert not isinstance(last, Refused) or last.problem.code in {
            "EXP-001",
            "EXP-002",
            "EXP-005",
            "EXP-008",
            "EXP-009",
            "EXP-010",
        }


def test_a_bomb_is_stopped_by_ratio_and_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "RATIO_FROM_BYTES", 1 << 20)
    line = b"bo@example.com," + b"o" * 1000 + b",true\n"
    bomb = gzip.compress(b"email,name,out\n" + line * 1_100)
    assert "[EXP-011] The archive unpacks to more than 200 times its size" in refusal(read(bomb))
    monkeypatch.setattr(unpacking, "UNPACKED_BYTES_MAX", 10)
    assert "[EXP-011] The archive holds more than 0 GiB of text. Export in parts." in refusal(read(gzip.compress(GOOD.encode())))


def test_an_archive_that_changed_under_the_reader_waits() -> None:
    packed = gzip.compress(GOOD.encode())
    file = ExportFile("some", "/x/a.csv", "a.csv", hashlib.sha256(b"other").hexdigest(), len(packed))
    last = list(items_of(io.BytesIO(packed), file, MAPPING))[-1]
    assert isinstance(last, Refused)
    assert (last.kind, last.problem.code) == ("wait", "EXP-003")
