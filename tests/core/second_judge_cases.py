"""How do the second judge's policies and histories read as syncd's own, and how are they made at random?"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from syncd.core.actors import Directory, Team, User
from syncd.core.fence_fields import OWNER_FIELD, RECORD_TYPE
from syncd.core.fence_model import Bound, Condition, Fence, Fences, Gate, Holding, Ladder
from syncd.core.fiscal import QuietPeriod
from syncd.core.law import Law as OwnLaw
from syncd.core.replay import Course, Replay
from syncd.core.values import Actor, ActorKind, Change, Fields, Proof, Rule, Scalar, Verdict
from tests.core.second_judge_words import (
    A1,
    A2,
    B1,
    B_GONE,
    B_QUEUE,
    OWNERS,
    RUNGS,
    UNKNOWNS,
    Held,
    Law,
    Record,
    Save,
    Told,
    Value,
    Way,
)

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
LEAD = "00QSX0000000001AAA"
RULE = Rule("r", "fences.toml", 1)
NAMES = {
    "Status": "Status",
    "Owner": OWNER_FIELD,
    "Reason": "Reason__c",
    "Type": RECORD_TYPE,
    "Source": "LeadSource",
    "Need": "Need__c",
}
SHORT = {long: name for name, long in NAMES.items()}
TEAMS = tuple(
    Team(
        name,
        ActorKind.TOOL if name == "machine" else ActorKind.PERSON,
        RULE,
        users=frozenset(str(owner).casefold() for owner, team in OWNERS.items() if team == name),
        queues=frozenset({"b queue"}) if name == "B" else frozenset(),
    )
    for name in ("machine", "A", "B")
)
PEOPLE = Directory(
    {id: User(id, id, id, "", "", id != B_GONE) for id in map(str, OWNERS) if id != B_QUEUE},
    {B_QUEUE: frozenset({"B Queue"})},
    "005SX000000own0AAA",
)
QUIET = QuietPeriod("quarter", date(2026, 11, 1), date(2026, 11, 5))


def _source_is(value: Value) -> Condition:
    def holds(record: Fields) -> bool | None:
        return record["LeadSource"] == value if "LeadSource" in record else None

    return Condition(f'LeadSource = "{value}"', RULE, frozenset({"LeadSource"}), holds)


SOURCE_IS = {value: _source_is(value) for value in UNKNOWNS["Source"]}


def _gate(key: tuple[str, str], way: Way) -> Gate:
    return Gate(
        *key,
        way.by,
        RULE,
        frozenset({"good"}) if way.reasons else frozenset(),
        ("Need__c",) if way.need else (),
        SOURCE_IS[way.source] if way.source else None,
        way.owner,
    )


def _holding(value: str, held: Held) -> Holding:
    return Holding(
        value,
        RULE,
        held.team,
        tuple((team, SOURCE_IS[source] if source else None) for team, source in held.split),
        held.types,
        held.legacy,
        queue="B Queue",
        set_by=None if held.by_hand else "conversion",
    )


def _ladder(law: Law, name: str) -> Ladder:
    mode = {ActorKind(kind): Verdict(far) for kind, far in law.far[name].items()}
    return Ladder(mode, NOON + timedelta(minutes=law.since))


def law_of(law: Law) -> OwnLaw:
    """Write a policy of the second judge as syncd's."""
    ways = {key: _gate(key, way) for key, way in law.ways.items()}
    owner_ways = {key: _gate(key, way) for key, way in law.owner_ways.items()}
    holdings = {value: _holding(value, held) for value, held in law.values.items()}
    status = Fence("status", RULE, (Bound(law.object, "Status"),), holdings, ways, _ladder(law, "Status"), "Reason__c")
    bound = (Bound(law.object, OWNER_FIELD),)
    owner = Fence("owner", RULE, bound, {}, owner_ways, _ladder(law, "Owner"), "Reason__c", law.never)
    return OwnLaw(Fences("v", "hash", TEAMS, (status, owner)), PEOPLE, QUIET if law.is_quiet else None)


def fields_of(record: Record) -> Fields:
    """Write a record with the org's names of its fields."""
    return {NAMES[name]: value for name, value in record.items()}


def changes_of(object: str, saves: Sequence[Save]) -> list[Change]:
    """Write saves as changes, in their order."""
    found = []
    for number, save in enumerate(saves):
        who = Actor(f"005SX{number:07}any", "Any", ActorKind(save.kind), save.team, "made up")
        at = NOON + timedelta(minutes=save.minute)
        found += [
            Change(object, LEAD, NAMES[name], old, new, at, who, Proof(save.proof)) for name, (old, new) in save.moves.items()
        ]
    return found


def course_of(law: Law, record: Record, saves: Sequence[Save], owed: Record, changes: Sequence[Change]) -> Course:
    """Write a history as syncd has it; `changes` are its saves by `changes_of`."""
    flat = [(save, name) for save in saves for name in save.moves]
    return Course(
        law.object,
        changes,
        fields_of(record),
        fields_of(owed),
        frozenset(index for index, (save, name) in enumerate(flat) if name in save.own),
        {index: "conversion" for index, (save, _) in enumerate(flat) if save.event},
        law.is_first_sight,
    )


def told_of(result: Replay, saves: Sequence[Save]) -> tuple[list[Told], Mapping[str, Scalar]]:
    """Write what syncd said in the second judge's words."""
    left = iter(result.judgements)
    told: list[Told] = []
    for save in saves:
        said = Told()
        for name in save.moves:
            if name not in save.own:
                item = next(left)
                assert item.change.field == NAMES[name]
                assert item.restore is None or isinstance(item.restore, str)
                said[name] = (item.verdict.value, item.restore, item.is_knowable)
        told.append(said)
    return told, {SHORT[name]: standing.value for name, standing in result.standing.items() if standing.is_owed}


VALUES = ("a1", "a2", "b1", "b2", "split", "typed", "old", "won", "new")
OPTIONS: Mapping[str, tuple[Value, ...]] = {"Status": VALUES, "Owner": tuple(OWNERS), "Reason": UNKNOWNS["Reason"]}
SIDES = ("A", "B", "machine")
WHO = (("person", "A"), ("person", "B"), ("tool", "machine"), ("tool", "A"), ("tool", "record owner"), ("automation", "machine"))
ODD = (("admin", "A"), ("partner", "B"), ("shared", None), ("unknown", None), ("syncd", "syncd"), ("person", None))
SPLITS = (Held(split=(("A", "x"), ("B", None))), Held(split=(("B", "x"),)), Held("A", (("B", "y"),)))
TYPED = (Held("B", types={"P": "A"}), Held(types={"P": "A", "Q": "B"}), Held(types={"Q": "B"}))


def _some(rng: random.Random, of: Collection[str]) -> frozenset[str]:
    return frozenset(rng.sample(sorted(of), rng.randint(1, 2)))


def _way(rng: random.Random, by: frozenset[str]) -> Way:
    source, owner = rng.choice((None, None, None, "x")), rng.choice((None, None, "queue", "A", "B"))
    return Way(by, rng.random() < 0.25, rng.random() < 0.2, source, owner)


def any_law(rng: random.Random) -> Law:
    """Make a random policy."""
    values = {value: Held("A" if value[0] == "a" else "B") for value in VALUES[:4]}
    values |= {"split": rng.choice(SPLITS), "typed": rng.choice(TYPED)}
    values |= {"old": Held("A", legacy=True), "won": Held("B", by_hand=False)}
    ends = [(old, new) for old in (*values, "any") for new in values if old != new]
    teams = [(old, new) for old in (*SIDES, "any") for new in SIDES]
    kinds = [kind for kind in ("person", "tool", "automation") if rng.random() < 0.9]
    return Law(
        rng.choice(("Lead", "Lead", "Lead", "Contact")),
        values,
        {pair: _way(rng, _some(rng, SIDES)) for pair in rng.sample(ends, rng.randint(0, 16))},
        {pair: _way(rng, _some(rng, (*SIDES, "assignment rule"))) for pair in rng.sample(teams, rng.randint(0, 5))},
        {name: {kind: rng.choice((*RUNGS, "revert", "revert")) for kind in kinds} for name in ("Status", "Owner")},
        frozenset(rng.sample(["inactive user", "machine"], rng.randint(0, 2))) if rng.random() < 0.4 else frozenset(),
        rng.choice((0, 0, 0, 1)),
        rng.random() < 0.1,
        rng.random() < 0.05,
    )


def any_record(rng: random.Random) -> Record:
    """Make a random record, of which some fields may be unknown."""
    record: dict[str, Value] = {"Status": rng.choice(VALUES), "Owner": rng.choice(OPTIONS["Owner"])}
    return record | {name: rng.choice(options) for name, options in UNKNOWNS.items() if rng.random() < 0.85}


def any_saves(rng: random.Random, record: Record) -> tuple[Save, ...]:
    """Make what happened to a record, at random; most saves join."""
    return tuple(_saves(rng, dict(record)))


def _saves(rng: random.Random, held: dict[str, Value]) -> Iterator[Save]:
    for minute in range(rng.choice((1, 1, 1, 2, 2, 3))):
        kind, team = rng.choice(WHO) if rng.random() < 0.8 else rng.choice(ODD)
        proof = "history" if rng.random() < 0.85 else rng.choice(("last-modified", "none", "automation", "shared-login"))
        moves: dict[str, tuple[Value, Value]] = {}
        for name in rng.sample(sorted(OPTIONS), rng.choice((1, 1, 2, 3))):
            old = held.get(name) if rng.random() < 0.95 else rng.choice(OPTIONS[name])
            moves[name] = (old, rng.choice([value for value in OPTIONS[name] if value != old]))
        is_own = kind == "syncd" and proof == "history" and rng.random() < 0.5
        own = frozenset(rng.sample(sorted(moves), 1)) if is_own else frozenset[str]()
        held |= {name: new for name, (_, new) in moves.items()}
        is_hand = proof == "history" or kind == "shared"
        yield Save(minute, kind, team if is_hand else None, proof, moves, own, rng.random() < 0.05)


def any_debts(rng: random.Random, record: Record) -> Record:
    """Make what is owed from before, at random: values that the record does not hold."""
    if rng.random() < 0.7:
        return {}
    owed = {"Status": rng.choice(VALUES[:6]), "Owner": rng.choice((A1, A2, B1))}
    return {name: value for name, value in owed.items() if record.get(name) != value and rng.random() < 0.7}
