"""Does a second judge, which shares no code with the first, judge whatever happens to a record the same?"""

from __future__ import annotations

import ast
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.law import Law as OwnLaw
from syncd.core.replay import Replay, replay
from syncd.core.values import ActorKind, Change, Judgement, Proof, Verdict
from tests.core.second_judge import judge
from tests.core.second_judge_cases import any_debts, any_law, any_record, any_saves, changes_of, course_of, law_of, told_of
from tests.core.second_judge_words import FOLLOWED_UP, Law, Record, Save

History = tuple[Record, tuple[Save, ...], Record]
ENFORCED = (Verdict.WARN, Verdict.ASK, Verdict.REVERT)
PUT_BACK = (Verdict.ASK, Verdict.REVERT)
MAY_BE_ENFORCED = (ActorKind.PERSON, ActorKind.TOOL, ActorKind.AUTOMATION)


def any_history(rng: random.Random) -> History:
    """Make a record, what happened to it, and what was owed before."""
    record = any_record(rng)
    return record, any_saves(rng, record), any_debts(rng, record)


def replayed(law: Law, own: OwnLaw, history: History, changes: Sequence[Change] | None = None) -> Replay:
    """Let syncd judge a history."""
    record, saves, owed = history
    found = changes_of(law.object, saves) if changes is None else changes
    return replay(course_of(law, record, saves, owed, found), own)


def assert_harmless(law: Law, item: Judgement) -> None:
    """Refuse a judgement that accuses or enforces where proof, actor or rule does not allow it."""
    if item.verdict in ENFORCED:
        assert item.change.proof is Proof.HISTORY
        assert item.change.actor.kind in MAY_BE_ENFORCED
        assert item.change.actor.team is not None
        assert item.is_knowable
        assert not law.is_first_sight
    if item.verdict in PUT_BACK:
        assert not law.is_quiet
        assert item.restore != item.change.after
        assert item.change.field != "OwnerId" or law.object == "Lead"
    else:
        assert item.restore is None
    if item.verdict is Verdict.ALLOW or item.change.proof is not Proof.HISTORY:
        assert item.fence is None


def judge_like_the_second(seed: int, policies: int, histories: int) -> Counter[str]:
    """Judge every history by every policy both ways, refuse any difference, and count the verdicts."""
    rng = random.Random(seed)
    told_histories = [any_history(rng) for _ in range(histories)]
    changes = {object: [changes_of(object, saves) for _, saves, _ in told_histories] for object in ("Lead", "Contact")}
    verdicts: Counter[str] = Counter()
    for _ in range(policies):
        law = any_law(rng)
        own = law_of(law)
        for history, made in zip(told_histories, changes[law.object], strict=True):
            result = replayed(law, own, history, made)
            assert told_of(result, history[1]) == judge(law, *history), (law, history)
            for item in result.judgements:
                assert_harmless(law, item)
                verdicts[item.verdict.value] += 1
    return verdicts


@pytest.mark.parametrize("seed", range(20261102, 20261112))
def test_a_thousand_policies_and_histories_are_judged_as_the_second_judge_judges_them(seed: int) -> None:
    verdicts = judge_like_the_second(seed, 25, 40)
    assert all(verdicts[verdict] > 10 for verdict in ("allow", "note", "warn", "ask", "revert"))


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(10))
def test_a_million_policies_and_histories_are_judged_as_the_second_judge_judges_them(seed: int) -> None:
    assert judge_like_the_second(seed, 250, 400)["revert"] > 5_000


RANDOMS = st.randoms(use_true_random=False)
LAWS, HISTORIES = RANDOMS.map(any_law), RANDOMS.map(any_history)


@given(LAWS, HISTORIES)
@settings(max_examples=100, deadline=None)
def test_any_history_is_judged_as_the_second_judge_judges_it(law: Law, history: History) -> None:
    result = replayed(law, law_of(law), history)
    assert told_of(result, history[1]) == judge(law, *history)
    for item in result.judgements:
        assert_harmless(law, item)


def test_the_second_judge_is_short_and_uses_nothing_of_the_first() -> None:
    pages = [Path(__file__).with_name(f"second_judge{part}.py").read_text(encoding="utf-8") for part in ("", "_words")]
    for page in pages:
        names = {node.module or "" for node in ast.walk(ast.parse(page)) if isinstance(node, ast.ImportFrom)}
        assert not any(name.startswith("syncd") for name in names)
        assert not any(isinstance(node, ast.Import) for node in ast.walk(ast.parse(page)))
    code = pages[0][pages[0].index("def holder") :]
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 60


def cut(history: History, at: int, first: Replay) -> History:
    """Return what the next cycle has to judge when this one ends after some saves."""
    record, saves, _ = history
    owed = told_of(first, saves[:at])[1]
    held = dict(record)
    for save in saves[:at]:
        held |= save.news
    return held, saves[at:], {name: value if value is None else str(value) for name, value in owed.items()}


def test_where_a_cycle_ends_changes_no_judgement() -> None:
    rng = random.Random(7)
    compared = 0
    for _ in range(150):
        law = any_law(rng)
        own = law_of(law)
        for history in [any_history(rng) for _ in range(6)]:
            whole = told_of(replayed(law, own, history), history[1])
            for at in range(1, len(history[1])):
                first = replayed(law, own, (history[0], history[1][:at], history[2]))
                rest = cut(history, at, first)
                second = replayed(law, own, rest)
                told, owed = told_of(second, rest[1])
                assert (told_of(first, history[1][:at])[0] + told, owed) == whole, (law, history, at)
                compared += 1
    assert compared > 400


def test_once_syncd_wrote_what_is_owed_nothing_is_owed_and_nothing_was_a_crossing() -> None:
    rng = random.Random(8)
    written = 0
    for _ in range(400):
        law, history = any_law(rng), any_history(rng)
        own, saves = law_of(law), history[1]
        held, _, owed = cut(history, len(saves), replayed(law, own, history))
        moves = {name: (held.get(name), value) for name, value in owed.items()}
        if moves:
            revert = Save(60, "syncd", "syncd", "history", moves, own=frozenset(moves))
            after = replayed(law, own, (held, (revert,), owed))
            assert after.judgements == ()
            assert not any(standing.is_owed for standing in after.standing.values())
            written += 1
    assert written > 30


def test_a_save_that_is_put_back_is_unlawful_from_what_it_goes_back_to() -> None:
    rng = random.Random(9)
    checked = 0
    for _ in range(2_000):
        law, history = any_law(rng), any_history(rng)
        record, saves, owed = history
        told, _ = judge(law, record, saves, owed)
        held = dict(record)
        for save, said in zip(saves, told, strict=True):
            for name, (verdict, restore, _) in said.items():
                is_alone = len(save.moves) == 1 and save.team != "record owner"
                if verdict in FOLLOWED_UP and name != "Reason" and is_alone:
                    alone = replace(save, moves={name: (restore, save.moves[name][1])})
                    result = replayed(law, law_of(law), ({**held, name: restore}, (alone,), {}))
                    assert result.judgements[0].verdict.value == verdict, (law, history)
                    checked += 1
            held |= save.news
    assert checked > 60
