"""Does everything that waits for a human show, and is nonsense refused before anything is asked for?"""

from __future__ import annotations

import pytest

from syncd.core.values import InboxItem
from syncd.store.sql import SqlStore
from tests.cli.conftest import AT, LEAD, Syncd, an_item


def fill(store: SqlStore) -> None:
    an_item(store, "refused-write", f"{LEAD}:Status", "Salesforce refused Status.")
    an_item(store, "refused-write", f"{LEAD}:Status", "Salesforce refused Status.")
    an_item(store, "export-row", "a.csv:3", "The score is no number.")


def test_an_empty_inbox_says_so(syncd: Syncd, store: SqlStore) -> None:
    with store.begin() as tx:
        tx.put_setting("org", "known")
    assert syncd("inbox", "list").out == "inbox: empty, nothing waits for a human\n"
    assert syncd("inbox", "list", "--json").json == {"schema": 1, "items": []}


def test_items_are_listed_with_their_numbers_by_kind_and_as_json(syncd: Syncd, store: SqlStore) -> None:
    fill(store)
    header, first, second = syncd("inbox", "list").out.splitlines()
    assert header.split() == ["number", "kind", "where", "last", "seen", "times", "what"]
    assert first.startswith("1")
    assert "Salesforce refused Status." in first
    assert "export-row" in second
    only = syncd("inbox", "list", "--kind", "export-row").out
    assert "refused-write" not in only
    items = syncd("inbox", "list", "--json").json["items"]
    assert [(item["kind"], item["times"], item["resolved_at"]) for item in items] == [
        ("refused-write", 2, None),
        ("export-row", 1, None),
    ]


def test_closed_items_show_when_they_are_asked_for(syncd: Syncd, store: SqlStore) -> None:
    fill(store)
    with store.begin() as tx:
        tx.resolve_inbox("export-row", ["a.csv:3"], AT)
    assert "export-row" not in syncd("inbox", "list").out
    assert "closed: The score is no number." in syncd("inbox", "list", "--closed").out


def test_an_item_is_shown_whole_and_its_commands_keep_the_config(syncd: Syncd, store: SqlStore) -> None:
    fill(store)
    with store.begin() as tx:
        item = InboxItem("plan-waiting", "p", "p.json", "612 records\x1b[2J.", "Then run: syncd apply p.json", "detail")
        tx.put_inbox([item], AT)
    said = syncd("--config", "config.toml", "inbox", "show", 3).out
    assert "next    Then run: syncd --config config.toml apply p.json" in said
    assert "\x1b" not in said
    assert "seen    first seen 2026-03-02 09:00:00 UTC, last 2026-03-02 09:00:00 UTC, 1 time" in said
    assert syncd("inbox", "show", 3, "--json").json["item"]["remedy"] == "Then run: syncd apply p.json"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("show", 99), "No inbox item has the number 99"),
        (("show", "one"), "a valid integer"),
        (("list", "--kind", "refused"), "No item is of the kind 'refused'. Kinds now: export-row, refused-write."),
        (("resolve",), "Name the items by their numbers, or all of a kind with --kind"),
        (("resolve", 1, "--kind", "export-row"), "one of the two"),
        (("resolve", 1, "--person", "00Q5e00000L0000AAA", "--line", 2), "one of them"),
        (("retry", "--kind", "nothing"), "No item is of the kind 'nothing'"),
    ],
)
def test_nonsense_is_a_usage_error_that_names_what_would_do(
    syncd: Syncd, store: SqlStore, words: tuple[object, ...], says: str
) -> None:
    fill(store)
    said = syncd("inbox", *words)
    assert (said.code, said.out) == (2, "")
    assert says in " ".join(said.err.replace("│", " ").split())
    assert len(store.inbox()) == 2
    assert store.waiting_requests() == []


def test_what_answers_an_item_is_shown_with_the_item_s_own_number(syncd: Syncd, store: SqlStore) -> None:
    an_item(store, "export-row", "a", "A row.")
    with store.begin() as tx:
        tx.put_inbox([InboxItem("export-choice", "s", "a.csv:9", "Two.", "Say: syncd inbox resolve NUMBER --person ID")], AT)
    wanted = "syncd --config . inbox resolve 2 --person ID"
    assert wanted in syncd("--config", ".", "inbox", "show", 2).out
    assert wanted in syncd("--config", ".", "status").out
    assert syncd("inbox", "list", "--json").json["items"][1]["remedy"] == "Say: syncd inbox resolve 2 --person ID"
