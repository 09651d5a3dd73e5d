"""Is what may stand in a policy file told to editors, as valid JSON Schema that knows the keys?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Syncd


@pytest.mark.parametrize(("kind", "key"), [("fields", "column"), ("fences", "teams"), ("nurture", "stall")])
def test_each_kind_of_file_has_its_schema(syncd: Syncd, kind: str, key: str) -> None:
    said = syncd("mapping", "schema", kind)
    assert said.code == 0
    assert "json-schema.org" in said.json["$schema"]
    assert key in said.json["properties"]


def test_all_schemas_are_written_into_a_folder(syncd: Syncd, tmp_path: Path) -> None:
    said = syncd("mapping", "schema", "--out", tmp_path / "schemas")
    assert said.code == 0
    found = {path.name: json.loads(path.read_text("utf-8")) for path in (tmp_path / "schemas").iterdir()}
    assert set(found) == {"fields.schema.json", "fences.schema.json", "nurture.schema.json"}
    assert "column" in found["fields.schema.json"]["properties"]


def test_a_kind_that_is_not_known_gets_the_nearest(syncd: Syncd) -> None:
    said = syncd("mapping", "schema", "fence")
    assert said.code == 2
    assert "Did you mean 'fences'?" in said.err
