"""Does every way to pack and write a file come to the same rows, flags and writes, and to one archive put away?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.core.dialect import Dialect
from syncd.core.values import Flag
from tests.engine.test_intake import HEADER, NOW, Scene, lead_id, line, settled
from tests.exports.test_sheets import workbook
from tests.exports.test_unpacking import zipped


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.store.dispose()


def drop(scene: Scene, name: str, data: bytes) -> None:
    path = scene.folder.root / "marketo" / name
    path.write_bytes(data)
    os.utime(path, (NOW.timestamp() - 60,) * 2)


def body(*lines: str) -> bytes:
    return "\n".join((HEADER, *lines, "")).encode()


def test_a_set_in_one_archive_is_taken_file_by_file_and_put_away_once(scene: Scene) -> None:
    dialect = Dialect(flags={"unsubscribed*": Flag.OPTED_OUT})
    mapping = replace(scene.mapping, pattern="*.zip", dialect=dialect)
    files = {"subscribed.csv": body(line(1)), "unsubscribed.csv": body(line(2)), "cleaned.csv": body()}
    drop(scene, "audience.zip", zipped({**files, "notes.txt": b"x"}))
    assert settled(scene.run(mapping=mapping)) == {"applied": 1, "unchanged": 1}
    assert scene.flags() == {(Flag.OPTED_OUT, lead_id(2), "p2@example.com")}
    assert scene.written() == {(lead_id(2), "HasOptedOutOfEmail", True)}
    assert [place.split("/")[0] for place in scene.places()] == ["done"]
    drop(scene, "again.zip", zipped(files))
    assert settled(scene.run(mapping=mapping)) == {}
    assert {place.split("/")[0] for place in scene.places()} == {"done"}


def test_a_bad_file_of_an_archive_is_told_by_its_name_and_the_others_are_taken(scene: Scene) -> None:
    mapping = replace(scene.mapping, pattern="*.zip")
    drop(scene, "set.zip", zipped({"a.csv": body(line(1, leadScore="75")), "b.csv": b"email\nx@example.com\n"}))
    assert settled(scene.run(mapping=mapping)) == {"applied": 1}
    assert ("export-file", "marketo/set.zip/b.csv") in scene.inbox()
    assert [place.split("/")[0] for place in scene.places()] == ["refused"]


def test_a_workbook_comes_to_the_same_writes_as_its_text(scene: Scene) -> None:
    cells = [HEADER.split(","), *(one.split(",") for one in (line(1, leadScore="75"), line(2)))]
    drop(scene, "a.csv", workbook([*cells, ["3", "p3@example.com", "P", "Null", "Acme", 12.5, "false", "false", "Web", None]]))
    assert settled(scene.run()) == {"applied": 2, "unchanged": 1}
    assert scene.written() == {(lead_id(1), "Lead_Score__c", 75.0), (lead_id(3), "Lead_Score__c", 12.5)}
