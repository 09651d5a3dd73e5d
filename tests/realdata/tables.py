"""How are the public files read, and load folders written?"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a public file: UTF-8, with LF or CRLF."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream, strict=True))


def write_rows(folder: Path, name: str, columns: Iterable[str], rows: Iterable[Mapping[str, object]] = ()) -> None:
    """Write one file of a load folder; columns that a row lacks stay empty."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(columns), restval="")
        writer.writeheader()
        writer.writerows(rows)
