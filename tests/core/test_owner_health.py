"""Are the owners found whose leads nobody will work, and nobody else?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest

from syncd.core.directory import Directory, User
from syncd.core.owner_health import Ailment, find, from_json, moved, sentences, to_json
from syncd.core.values import OrgRecord, Scalar
from tests.core.samples import LEAD, MQL_QUEUE, NOON, NURTURE_QUEUE, OWN_USER, lead, people, teams, user_id


def company(*sdrs: str, inactive: tuple[str, ...] = ()) -> Directory:
    """Return the company with some SDRs of these names, and some users that were deactivated."""
    known = people()
    more = {user_id(name): User(user_id(name), name, f"{name}@acme.example", "Standard User", "SDR", True) for name in sdrs}
    users = {**known.users, **more}
    users |= {user_id(name): replace(users[user_id(name)], is_active=False) for name in inactive}
    return Directory(users, known.queues, OWN_USER)


@pytest.mark.parametrize(
    ("loads", "inactive", "expected"),
    [
        ({user_id("sam"): 5}, (), []),
        ({user_id("sam"): 5}, ("sam",), [(Ailment.INACTIVE, "Sam Dialer", 5)]),
        ({NURTURE_QUEUE: 7}, (), [(Ailment.NOBODY, "Nurture", 7)]),
        ({MQL_QUEUE: 7}, (), []),
        ({MQL_QUEUE: 7}, ("quinn",), [(Ailment.NOBODY, "MQL EMEA", 7)]),
        ({OWN_USER: 2}, (), [(Ailment.SYNCD, "syncd Integration", 2)]),
        ({user_id("marketo"): 3}, (), [(Ailment.MACHINE, "Marketo Sync", 3)]),
        ({user_id("autoproc"): 3}, (), [(Ailment.MACHINE, "Automated Process", 3)]),
        ({user_id("nemo"): 3, user_id("both"): 1}, (), []),
        ({"005SX0000000gone": 4}, (), [(Ailment.UNSEEN, "005SX0000000gone", 4)]),
        ({user_id("sam"): 0}, ("sam",), []),
        ({NURTURE_QUEUE: 1, user_id("sam"): 9}, ("sam",), [(Ailment.INACTIVE, "Sam Dialer", 9), (Ailment.NOBODY, "Nurture", 1)]),
    ],
)
def test_each_owner_that_nobody_stands_behind_is_found(
    loads: Mapping[str, int], inactive: tuple[str, ...], expected: list[tuple[Ailment, str, int]]
) -> None:
    found = find(loads, company(inactive=inactive), teams())
    assert [(one.ailment, one.name, one.leads) for one in found] == expected


@pytest.mark.parametrize(
    ("counts", "is_found"),
    [
        ((10, 10, 10), False),
        ((10, 10, 31), True),
        ((10, 10, 30), False),
        ((1, 1, 20), False),
        ((1, 1, 21), True),
        ((10, 90), False),
    ],
)
def test_a_pile_is_far_more_than_is_usual_in_a_team_of_some_size_and_names_nobody(
    counts: tuple[int, ...], is_found: bool
) -> None:
    names = [f"s{number}" for number in range(len(counts))]
    found = find({user_id(name): leads for name, leads in zip(names, counts, strict=True)}, company(*names), teams())
    assert [(one.ailment, one.name, one.team, one.leads) for one in found] == (
        [(Ailment.PILE, "", "sdr", counts[-1])] if is_found else []
    )
    assert all("s2" not in sentence for sentence in sentences(found))


def test_where_the_members_of_queues_are_hidden_no_queue_is_called_empty() -> None:
    hidden = replace(company(), unseen=frozenset({"GroupMember"}))
    assert find({NURTURE_QUEUE: 7}, hidden, teams()) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, {"OwnerId": "a"}, {"a": 1}),
        ({"OwnerId": "a"}, {"OwnerId": "b"}, {"a": -1, "b": 1}),
        ({"OwnerId": "a"}, {"OwnerId": "a"}, {}),
        ({"OwnerId": "a"}, {"OwnerId": "a", "IsConverted": True}, {"a": -1}),
        ({"OwnerId": "a", "IsConverted": True}, {"OwnerId": "b", "IsConverted": True}, {}),
        ({"OwnerId": "a"}, None, {"a": -1}),
        (None, {"OwnerId": None}, {}),
    ],
)
def test_a_lead_counts_for_its_owner_while_it_is_open(
    before: Mapping[str, Scalar] | None, after: Mapping[str, Scalar] | None, expected: Mapping[str, int]
) -> None:
    def row(fields: Mapping[str, Scalar] | None) -> OrgRecord | None:
        return None if fields is None else OrgRecord("Lead", LEAD, NOON, fields)

    assert moved(row(before), row(after)) == Counter(expected)


def test_a_deleted_lead_counts_for_nobody() -> None:
    assert moved(lead(OwnerId="a"), lead(is_deleted=True, OwnerId="a")) == Counter({"a": -1})


def test_findings_are_told_in_a_sentence_for_each_kind_and_read_as_they_were_kept() -> None:
    names = [f"s{number}" for number in range(5)]
    loads = {user_id(name): 1 for name in names} | {user_id("sam"): 50, NURTURE_QUEUE: 1_234, OWN_USER: 1, user_id("marketo"): 2}
    found = find(loads, company(*names, inactive=(*names[:4],)), teams())
    assert sentences(found) == [
        "4 open leads of inactive owners: s0, s1, s2 and 1 more",
        "1,234 open leads in queues that no active user is in: Nurture",
        "1 open lead owned by syncd's own user, who will not call anybody",
        "2 open leads owned by machines: Marketo Sync",
    ]
    assert from_json(to_json(found)) == found
