"""Makes exports of every tool and spoils them: bytes, lines, quotes, encodings and archives, from a seed."""

from __future__ import annotations

import csv
import gzip
import io
import random
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from syncd.core.mapping import SourceMapping
from tests.exports.test_sheets import workbook
from tests.exports.test_unpacking import zipped
from tests.exports.test_vendors import HEADERS, mapping_of

PEOPLE = 40
_BITS = (
    b'"', b'""',
    b"\0", b"\n", b"\r", b"\r\n", b",", b";", b"\t", b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1b[2J", b'\\"',
    b"=cmd()", b"\xed\xa0\x80", b"PK\x03\x04", b"\x1f\x8b", "\u202e".encode(), "\u2028".encode(), b"\x85", b"\x0c",
)  # fmt: skip
_TEXTS = (
    "Ana",
    "Null",
    "O'Brien",
    "Zoë",
    "李",
    "😀",
    "Lima, Ana",
    'the "one"',
    "two\nlines",
    "a\rb",
    "=1+1",
    "-5",
    " +49",
    "",
    "null",
    "x" * 300,
)
_ENCODINGS = ("utf-8-sig", "utf-16", "utf-32", "utf-16-le", "cp1252")


@dataclass(frozen=True, slots=True)
class Spoilt:
    """One file. `is_text` says that its bytes are the text itself, in nothing else."""

    tool: str
    data: bytes
    is_text: bool


@cache
def mappings() -> dict[str, SourceMapping]:
    """Return the mapping that syncd begins for each tool's export."""
    with tempfile.TemporaryDirectory() as folder:
        begun = {tool: mapping_of(Path(folder), f"{header}\n".encode()) for tool, header in HEADERS.items()}
    return {tool: replace(mapping, name=tool, pattern="*") for tool, mapping in begun.items()}


def spoilt(seed: int, count: int) -> Iterator[Spoilt]:
    """Give files; the same ones for the same seed."""
    chance = random.Random(seed)
    for _ in range(count):
        yield _one(chance, chance.choice(tuple(HEADERS)))


def _one(chance: random.Random, tool: str) -> Spoilt:
    text = _good(chance, tool)
    if chance.random() < 0.05:
        return _packed(chance, tool, text)
    data = text.encode(chance.choice(_ENCODINGS), "replace") if chance.random() < 0.1 else text.encode()
    for _ in range(chance.choice((0, 1, 1, 1, 2, 5, 20))):
        data = chance.choice(WAYS)(data, chance)
    return Spoilt(tool, data, True) if chance.random() < 0.9 else _packed(chance, tool, text, data)


def _packed(chance: random.Random, tool: str, text: str, data: bytes | None = None) -> Spoilt:
    body = text.encode() if data is None else data
    way = chance.randrange(5)
    if way == 0:
        packed = gzip.compress(body, 1, mtime=0)
    elif way == 1:
        packed = zipped({"a.csv": body}, chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))
    elif way == 2:
        packed = zipped({"unsubscribed_1.csv": body, "subscribed_1.csv": text.encode(), "read.me": b"x"})
    else:
        packed = _workbook(tool)
    for _ in range(chance.choice((0, 0, 1, 3))):
        packed = chance.choice(WAYS[:4])(packed, chance)
    return Spoilt(tool, packed, False)


@cache
def _workbook(tool: str) -> bytes:
    return workbook([list(row) for row in _rows(random.Random(tool), tool)])


def _good(chance: random.Random, tool: str) -> str:
    """Write an export as its tool does."""
    out = io.StringIO()
    end = chance.choice(("\n", "\r\n"))
    is_quoted = tool in ("mautic", "klaviyo")
    writer = csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL if is_quoted else csv.QUOTE_MINIMAL)
    writer.writerows(_rows(chance, tool))
    return out.getvalue()


def _rows(chance: random.Random, tool: str) -> Iterator[list[str]]:
    header, mapping = next(csv.reader([HEADERS[tool]])), mappings()[tool]
    yield header
    for _ in range(chance.randrange(1, 8)):
        number = chance.randrange(1, PEOPLE)
        yield [_cell(chance, mapping, name, number) for name in header]


def _cell(chance: random.Random, mapping: SourceMapping, name: str, number: int) -> str:
    column = next((column for column in mapping.columns if column.name == name), None)
    if name == mapping.match["email"]:
        return f"p{number}@example.com"
    if name == mapping.newest:
        return f"2026-10-{chance.randrange(1, 29):02} {chance.randrange(24):02}:15:00"
    if column is not None and column.type == "boolean":
        return chance.choice(sorted(column.true | column.false))
    if column is not None and column.type in ("number", "integer"):
        return str(chance.randrange(100))
    if column is not None and column.opted_out_when:
        return chance.choice(("", *sorted(column.opted_out_when | column.unreachable_when)))
    return chance.choice(_TEXTS)


def _place(data: bytes, chance: random.Random) -> int:
    """Choose a place, mostly below the header: a file without one is refused, and says no more."""
    first = data.find(b"\n") + 1 if chance.random() < 0.85 else 0
    return chance.randrange(first, len(data) + 1)


def _flip(data: bytes, chance: random.Random) -> bytes:
    place = _place(data, chance)
    return data[:place] + chance.randbytes(1) + data[place + 1 :]


def _take_out(data: bytes, chance: random.Random) -> bytes:
    place = _place(data, chance)
    return data[:place] + data[place + chance.choice((1, 2, 3, 30)) :]


def _put_in(data: bytes, chance: random.Random) -> bytes:
    place = _place(data, chance)
    return data[:place] + chance.choice(_BITS) + data[place:]


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: _place(data, chance)] if chance.random() < 0.5 else data[: -chance.randrange(1, 9)]


def _repeat(data: bytes, chance: random.Random) -> bytes:
    start, end = sorted(_place(data, chance) for _ in range(2))
    return data[:end] + data[start:]


def _join(data: bytes, chance: random.Random) -> bytes:
    return data + _good(chance, chance.choice(tuple(HEADERS))).encode()


def _swap_lines(data: bytes, chance: random.Random) -> bytes:
    first, *lines = data.splitlines(keepends=True) or [b""]
    chance.shuffle(lines)
    return b"".join((first, *lines))


def _other_sign(data: bytes, chance: random.Random) -> bytes:
    old, new = chance.choice(
        ((b",", b";"), (b",", b"\t"), (b'"', b"'"), (b'"', b""), (b"\n", b"\r"), (b"\n", b"\n\n"), (b"@", b""))
    )
    return data.replace(old, new, chance.choice((1, -1)))


WAYS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip, _take_out, _put_in, _cut, _repeat, _join, _swap_lines, _other_sign, _put_in, _put_in,
)  # fmt: skip
