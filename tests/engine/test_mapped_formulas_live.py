"""Does a cycle write to the org what a formula makes of a row and of the record that is there?"""

from __future__ import annotations

from tests.engine.scene import Scene, export_line
from tests.engine.small_org import lead

TITLE = """
[computed."Title"]
objects  = ["Lead"]
formula  = 'UPPER(firstName) & " from " & CASE($Record.LeadSource, "Web", "the web", "elsewhere")'
side     = "marketing"
conflict = "overwrite"
when     = 'NOT(ISPICKVAL($Record.Status, "Working"))'
"""


def test_a_computed_field_is_written_where_its_condition_holds(scene: Scene) -> None:
    scene.mapping("write")
    scene.limits(canary='"off"')
    path = scene.home / "mappings" / "fields" / "marketo.toml"
    path.write_text(path.read_text(encoding="utf-8") + TITLE, encoding="utf-8")
    scene.cycle()  # a field that is new to a mapping is read first
    scene.drop("a.csv", export_line("MQL-1", firstName="Ann"), export_line("Working-1", firstName="Bo"))
    scene.cycle()
    scene.cycle()
    titles = {row["Id"]: row["Title"] for row in scene.rows("Lead")}
    assert (titles[lead("MQL", 1)], titles[lead("Working", 1)]) == ("ANN from the web", None)
    [intent] = [entry for entry in scene.ledger(lead("MQL", 1), kind="intent") if entry.field == "Title"]
    assert intent.rule is not None
    assert (intent.rule.name, intent.rule.file) == ("Title", "mappings/fields/marketo.toml")
