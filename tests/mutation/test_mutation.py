"""Does the trial of mutants itself tell a test that looks from one that does not?"""

from __future__ import annotations

import ast
import types

import pytest

from tests.mutation import argued, trials
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.swapping import put_in_place, source_of

SOURCE = '''
"""A page."""
LIMIT = 3
NAMES = frozenset({"a", "b"})


def is_over(count: int, spare: int = 1) -> bool:
    """Tell."""
    for _ in range(1):
        continue
    return count >= LIMIT + spare and not count == 99


class Kind:
    """A kind."""

    wide = False

    def label(self, name: str) -> str:
        """Name."""
        return f"kind {name.casefold()}" if name in NAMES else "none"

    @property
    def size(self) -> int:
        """Count."""
        return sorted([2, 1], key=lambda one: -one)[0]
'''


def words(source: str = SOURCE) -> list[str]:
    """Say what each mutant of a source changes."""
    return [str(mutant) for mutant in mutants_of("x.py", source)]


@pytest.mark.parametrize(
    "expected",
    [
        "module: LIMIT = 3 → LIMIT = 4",
        "module: {'a', 'b'} → {'b'}",
        "module: wide = False → wide = True",
        "is_over: continue → pass",
        "is_over: continue → break",
        "is_over: count >= LIMIT + spare → count > LIMIT + spare",
        "is_over: count >= LIMIT + spare → count < LIMIT + spare",
        "is_over: LIMIT + spare → LIMIT - spare",
        "is_over: not count == 99 → count == 99",
        "is_over: count == 99 → count == 100",
        "is_over: count >= LIMIT + spare and (not count == 99) → count >= LIMIT + spare or not count == 99",
        "is_over: count >= LIMIT + spare and (not count == 99) → not count == 99",
        "Kind.label: name.casefold() → name",
        "Kind.label: name in NAMES → name not in NAMES",
        "Kind.size: sorted(key=lambda one: -one) → left out",
    ],
)
def test_a_place_can_be_wrong_in_the_ways_that_people_are(expected: str) -> None:
    assert expected in words()


def test_words_for_people_and_declarations_are_left_alone() -> None:
    assert not any(word in text for text in words() for word in ("A page", "Tell", "XXkind ", "nothing"))
    assert words("from x import y\n@cache(1)\ndef f(a: Literal[1]) -> Literal[2]:\n    raise ValueError('no')\n") == []


def test_equal_mutants_of_one_function_are_told_apart() -> None:
    found = words("def f(a: int) -> bool:\n    return a == 1 or a == 1\n")
    assert len(found) == len(set(found))


def _module(source: str) -> types.ModuleType:
    module = types.ModuleType("made_up")
    module.__file__ = "made_up.py"
    exec(compile(source, "made_up.py", "exec"), module.__dict__)
    return module


def _mutant(text: str) -> Mutant:
    return next(mutant for mutant in mutants_of("made_up.py", SOURCE) if str(mutant) == text)


def test_whoever_imported_a_function_by_name_runs_the_mutant() -> None:
    module = _module(SOURCE)
    is_over = module.is_over
    assert is_over(4)
    assert put_in_place(module, SOURCE, _mutant("is_over: LIMIT + spare → LIMIT - spare"))
    assert is_over(2)
    kind = module.Kind()
    assert kind.size == 2
    assert put_in_place(module, SOURCE, _mutant("Kind.size: sorted(key=lambda one: -one) → left out"))
    assert kind.size == 1


def test_what_runs_at_import_is_written_out_and_not_swapped() -> None:
    mutant = _mutant("module: LIMIT = 3 → LIMIT = 4")
    assert not put_in_place(_module(SOURCE), SOURCE, mutant)
    assert _module(source_of(mutant, SOURCE)).LIMIT == 4


def test_a_mutant_that_breaks_the_child_is_noticed_and_one_that_changes_nothing_is_not() -> None:
    def attempt(mutant: Mutant) -> int:
        return trials.SURVIVED if "pass" in mutant.after else trials.KILLED

    found = [_mutant("is_over: continue → pass"), _mutant("is_over: continue → break")]
    assert trials.forked(found, attempt, 2) == [trials.SURVIVED, trials.KILLED]


def test_a_failure_of_the_trial_itself_is_no_success() -> None:
    def attempt(_: Mutant) -> int:
        raise RuntimeError("broken")

    with pytest.raises(AssertionError, match="apart from what it did"):
        trials.forked([_mutant("is_over: continue → pass")], attempt, 1)


def test_a_survivor_is_new_until_its_row_stands_in_the_page_and_a_row_is_old_once_its_mutant_is_dead() -> None:
    mutant = Mutant("x.py", "f", 1, "a | b", "a & b", (), ast.Pass())
    row = argued.row_of("core/x.py", mutant, "both are one flag")
    rows = argued.argued(f"# Page\n\n| File | Change | Why |\n|---|---|---|\n{row}\n")
    assert [(entry.file, entry.words, entry.why) for entry in rows] == [("core/x.py", "f: a | b → a & b", "both are one flag")]
    assert argued.compared([("core/x.py", mutant)], rows, ["core/x.py"]) == ([], [])
    assert argued.compared([("core/x.py", mutant)], [], ["core/x.py"])[0] == [argued.row_of("core/x.py", mutant, "?")]
    assert argued.compared([], rows, ["core/x.py"])[1] == ["core/x.py: f: a | b → a & b"]
    assert argued.compared([], rows, ["core/y.py"])[1] == []
