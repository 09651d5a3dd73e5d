"""Is whatever was damaged on the way refused in words: sheets, Data Loader files, examples, exports?"""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import Syncd

ROOT = Path(__file__).parents[2]
ROUNDS = 60
PIECES = (
    b"\x00",
    b"\xff\xfe",
    b'"',
    b"\r",
    b"\n",
    b",",
    b";",
    b"[File]",
    b"\\",
    b"=",
    b"\xc3",
    b"<f>",
    b"(blank)",
    b"'",
    b"1e999",
)
EXPORT = "id,email,company,leadScore,leadSource,unsubscribed,emailInvalid,updatedAt\n" + "".join(
    f"{n},p{n}@example.com,Acme {n},{n},Web,false,false,2026-02-01T10:00:{n % 60:02}Z\n" for n in range(60)
)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Change, insert, drop or repeat some bytes."""
    body = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at, how = chance.randrange(len(body) or 1), chance.random()
        if how < 0.35 and body:
            body[at] = chance.randrange(256)
        elif how < 0.6:
            body[at:at] = chance.choice(PIECES)
        elif how < 0.8:
            del body[at : at + chance.randint(1, 40)]
        else:
            body[at:at] = body[at : at + chance.randint(1, 80)]
    return bytes(body)


def damaged_part(data: bytes, chance: random.Random) -> bytes:
    """Damage one part of a workbook, which still unpacks."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as book, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        chosen = chance.choice(book.namelist())
        for name in book.namelist():
            made.writestr(name, damaged(book.read(name), chance) if name == chosen else book.read(name))
    return out.getvalue()


@pytest.mark.sweep
@pytest.mark.parametrize("kind", ["csv", "xlsx", "part", "sdl", "examples", "suggest", "check"])
def test_nothing_damaged_ends_in_a_traceback_or_without_a_word(syncd: Syncd, tmp_path: Path, kind: str) -> None:
    chance = random.Random(kind)
    mapping = tmp_path / "marketo.toml"
    mapping.write_bytes((ROOT / "mappings" / "fields" / "marketo.toml").read_bytes())
    before = mapping.read_bytes()
    suffix = {"part": "xlsx", "examples": "toml", "suggest": "csv", "check": "csv"}.get(kind, kind)
    if kind in ("csv", "xlsx", "part", "sdl"):
        assert syncd("mapping", "export", mapping, "--to", tmp_path / f"good.{suffix}").code == 0
        good = (tmp_path / f"good.{suffix}").read_bytes()
    else:
        good = EXPORT.encode() if suffix == "csv" else (ROOT / "mappings" / "examples" / "marketo.toml").read_bytes()
    target = tmp_path / ("marketo.examples.toml" if kind == "examples" else f"bad.{suffix}")
    command = {
        "examples": ("test", mapping), "suggest": ("suggest", target, "--json"), "check": ("check", mapping, "--with", target),
    }.get(kind, ("import", target, "--source", "marketo", "--out", mapping))  # fmt: skip
    for number in range(ROUNDS):
        target.write_bytes(damaged_part(good, chance) if kind == "part" else damaged(good, chance))
        said = syncd("mapping", *command)
        assert said.code in (0, 1, 2), number
        assert "inside itself" not in said.err, (number, said.err)
        assert said.out.strip() or said.err.strip(), number
    assert mapping.read_bytes() == before
