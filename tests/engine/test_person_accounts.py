"""Is a Person Account one person: matched once, written where Salesforce takes it, and kept out as a whole?"""

from __future__ import annotations

import pytest

from syncd.engine.previewing import NOT_ON_ACCOUNT
from tests.engine.scene import Scene, export_line
from tests.engine.test_mapping_preview import Preview, preview  # noqa: F401 - a fixture

ADDRESS = "pat@example.com"


def a_person(scene: Scene) -> tuple[str, str]:
    """Make a Person Account and have it read; return the ids of its account and its contact."""
    scene.settings(person_accounts=True)
    scene.mapping("write")
    scene.limits(canary='"off"')
    account = scene.do("admin", "create", "Account", FirstName="Pat", LastName="One", PersonEmail=ADDRESS)["id"]
    scene.tick(86_400)
    scene.cycle()
    for _ in range(5):
        scene.cycle()
    return account, next(row["Id"] for row in scene.rows("Contact") if row["Email"] == ADDRESS)


def account_row(scene: Scene, id: str) -> dict[str, object]:
    return next(row for row in scene.rows("Account") if row["Id"] == id)


def test_a_row_about_a_person_account_is_written_on_its_account(scene: Scene) -> None:
    account, contact = a_person(scene)
    scene.drop("a.csv", export_line("", email=ADDRESS, leadSource="Web", unsubscribed="true"))
    scene.cycle()
    row = account_row(scene, account)
    assert (row["PersonHasOptedOutOfEmail"], row["PersonLeadSource"]) == (True, "Web")
    assert scene.row(contact)["HasOptedOutOfEmail"] is True
    assert {one.path for one in scene.writes()} == {f"Account/{account}"}
    with scene.store() as store:
        assert {fact.person_id for fact in store.flags([contact], [ADDRESS])} == {contact}
    assert scene.inbox("export-choice") == []
    assert scene.is_at_rest()


@pytest.mark.sweep
def test_a_preview_tells_each_field_of_a_person_account_once_as_the_cycle_would_write_it(
    scene: Scene,
    preview: Preview,  # noqa: F811 - the fixture
) -> None:
    a_person(scene)
    scene.drop("a.csv", export_line("", email=ADDRESS, leadSource="Web", unsubscribed="true"))
    fields = preview("--person", ADDRESS)["people"][0]["fields"]
    told = [(one["object"], one["field"], one["column"], one["effect"]) for one in fields]
    assert ("Account", "PersonLeadSource", "leadSource", "write") in told
    assert ("Account", "PersonHasOptedOutOfEmail", "unsubscribed", "write") in told
    assert [column for _, _, column, _ in told].count("leadSource") == 1
    scene.settings(read_only_fields={"Account": ["PersonLeadSource", "PersonHasOptedOutOfEmail"]})
    scene.tick(86_400)
    scene.drop("a.csv")
    scene.cycle()
    scene.drop("b.csv", export_line("", email=ADDRESS, leadSource="Other", unsubscribed="true"))
    fields = preview("--person", ADDRESS)["people"][0]["fields"]
    told = [(one["field"], one["after"], one["effect"], one["why"]) for one in fields if one["effect"] != "leave"]
    assert told == [
        ("LeadSource", "Other", "refused", NOT_ON_ACCOUNT),
        ("HasOptedOutOfEmail", True, "refused", NOT_ON_ACCOUNT),
    ]


@pytest.mark.sweep
def test_what_the_account_does_not_take_is_told_and_the_opt_out_counts(scene: Scene) -> None:
    _, contact = a_person(scene)
    scene.settings(read_only_fields={"Account": ["PersonHasOptedOutOfEmail"]})
    scene.tick(86_400)
    scene.cycle()
    scene.drop("a.csv", export_line("", email=ADDRESS, unsubscribed="true"))
    scene.cycle()
    [item] = scene.inbox("person-account")
    assert "Account.PersonHasOptedOutOfEmail may not be written by syncd's user" in item.text
    assert scene.row(contact)["HasOptedOutOfEmail"] is False
    with scene.store() as store:
        assert store.flags([contact], [])
    assert "Account" not in {one.path.partition("/")[0] for one in scene.writes() if "PersonHasOptedOutOfEmail" in one.values}
