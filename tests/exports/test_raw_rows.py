"""Are lines of an export given back as they were written, whatever it is packed in?"""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.exports.raw_rows import rows_at
from syncd.ports import ExportFile
from tests.exports.test_sheets import MEANT, workbook

ROWS = [["email", "name"], ["a@b.cd", "x, y"], ["b@b.cd", "2\nlines"], ["c@b.cd", "=z"]]


@pytest.mark.parametrize("packed", ["plain", "gzip", "workbook"])
def test_the_cells_of_the_lines_that_are_asked_for_come_back(tmp_path: Path, packed: str) -> None:
    text = b'email,name\n"a@b.cd","x, y"\nb@b.cd,"2\nlines"\n"torn" x,\nc@b.cd,=z\n'
    data = {"plain": text, "gzip": gzip.compress(text), "workbook": workbook(ROWS)}[packed]
    path = tmp_path / "a"
    path.write_bytes(data)
    mapping = replace(MEANT, columns=(), match={"email": "email"})
    lines = (2, 3, 4) if packed == "workbook" else (2, 3, 5, 6)
    header, found = rows_at(ExportFile("tool", str(path), "a", "", len(data)), mapping, [*lines, 99])
    assert header == ("email", "name")
    good = {lines[0]: ("a@b.cd", "x, y"), lines[1]: ("b@b.cd", "2\nlines"), lines[-1]: ("c@b.cd", "=z")}
    assert found == (good if packed == "workbook" else {**good, 5: ('"torn" x,',)})
