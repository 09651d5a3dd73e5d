"""Does the reader give right values, and name each wrong one without stopping?"""

from __future__ import annotations

import tomllib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.reading import LOOK_ALIKES, Reader
from syncd.core.tables import Table


def reader(text: str) -> Reader:
    """Return a reader of some TOML text."""
    return Reader(Table("f.toml", tomllib.loads(text), {}, "hash"))


def said(read: Reader) -> list[str]:
    """Return the problems without their place."""
    return [str(problem).removeprefix("f.toml:1:1 ") for problem in read.problems]


def test_right_values_are_read_without_a_problem() -> None:
    read = reader('a = "x"\nb = ["x", "y"]\nc = 0\nd = "on"\n[e]\nf = 1')
    assert read.text(("a",)) == "x"
    assert read.texts(("b",)) == ["x", "y"]
    assert read.whole(("c",)) == 0
    assert read.choice(("d",), ("on", "off")) == "on"
    assert read.table(("e",)) == {"f": 1}
    assert read.problems == []


def test_what_is_absent_and_not_required_is_empty() -> None:
    read = reader("a = 1")
    assert (read.text(("x",)), read.texts(("x",)), read.whole(("x",)), read.table(("x",))) == (None, [], None, {})
    assert (read.choice(("x",), ("a",)), read.choice(("x",), ("a",), default="a")) == (None, "a")
    assert read.problems == []


def test_what_is_absent_and_required_is_named() -> None:
    read = reader("[t]")
    read.text(("t", "a"), required=True)
    read.texts(("t", "b"), required=True)
    read.whole(("t", "c"), required=True)
    read.table(("u",), required=True)
    assert said(read) == [
        "[MAP-003] 'a' is missing. Add: a = \"…\"",
        "[MAP-003] 'b' is missing. Add: b = [\"…\"]",
        "[MAP-003] 'c' is missing. Add: c = 30",
        "[MAP-003] [u] is missing. Add the table.",
    ]


def test_a_path_through_what_is_no_table_reads_as_nothing() -> None:
    read = reader('a = "x"\nl = [{ b = 1 }]')
    assert (read.value(("a", "b")), read.value(("l", "b")), read.text(("a", "b"), required=True)) == (None, None, None)
    assert read.problems == []


@pytest.mark.parametrize(
    ("key", "word", "remedy"),
    [
        ("profil", "profil", "Did you mean 'profile'?"),
        ("zzz", "zzz", "Known: kind, profile"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest(key: str, word: str, remedy: str) -> None:
    read = reader(f"[t]\n{key} = 1\nkind = 2")
    read.known_keys(("t",), ("profile", "kind"))
    assert said(read) == [f"[MAP-001] unknown key {word!r}. {remedy}"]


def test_a_name_where_none_is_known_says_none() -> None:
    read = reader("a = 1")
    read.unknown(("a",), "X", "'a' is unknown", [], "a")
    assert said(read) == ["[X] 'a' is unknown. Known: none"]


@pytest.mark.parametrize("value", ["1", "true", "[]", '["a", 1]', '[""]', '"a"', "{}", '["  "]'])
def test_what_is_no_list_of_texts_is_refused(value: str) -> None:
    read = reader(f"a = {value}")
    assert read.texts(("a",)) == []
    assert [problem.code for problem in read.problems] == ["MAP-005"]


@pytest.mark.parametrize("value", ["-1", "true", "1.0", '"1"', "nan", "2026-11-01"])
def test_what_is_no_whole_number_is_refused(value: str) -> None:
    read = reader(f"a = {value}")
    assert read.whole(("a",)) is None
    assert [problem.code for problem in read.problems] == ["MAP-006"]


@pytest.mark.parametrize("value", ["1", "[1]", "{}", '"ON"', '""', "false"])
def test_a_word_that_is_no_choice_is_refused_and_reads_as_the_default(value: str) -> None:
    read = reader(f"a = {value}")
    assert read.choice(("a",), ("on", "off"), default="off") == "off"
    assert [problem.code for problem in read.problems] == ["MAP-007"]


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("MQL\u200b", "U+200B"),
        ("\ufeffMQL", "U+FEFF"),
        ("M\u00adQL", "U+00AD"),
        ("a\u00a0b", "U+00A0"),
        ("a\tb", "U+0009"),
        ("a\nb", "U+000A"),
        ("a\u2028b", "U+2028"),
        ("a\u3164", "U+3164"),
        ("a\u2800b", "U+2800"),
        ("\u202eabc\u202c", "U+202E, U+202C"),
        ("\u200ba\u200bb\u00a0", "U+200B, U+00A0"),
        ("\U000e0041x", "U+E0041"),
        (" a", "space at its begin or end"),
        ("a ", "space at its begin or end"),
    ],
)
def test_what_nobody_sees_is_shown_as_code_points(text: str, points: str) -> None:
    read = reader("a = 1")
    read.plain_text(("a",), text)
    assert said(read) == [f"[MAP-008] {text!r} holds characters that nobody sees: {points}. Type the text again."]


@pytest.mark.parametrize(
    ("text", "points"),
    [("\u041cQL", "U+041C"), ("Re\u0441y\u0441led", "U+0441"), ("ok W\u03bfrk\u0456ng", "U+03BF, U+0456")],
)
def test_letters_that_look_like_others_are_shown_as_code_points(text: str, points: str) -> None:
    read = reader("a = 1")
    read.plain_text(("a",), text)
    word = text.split()[-1]
    assert said(read) == [f"[MAP-009] {word!r} mixes look-alike letters of two alphabets: {points}. Type the word again."]


@pytest.mark.parametrize(
    "text",
    [
        "Open - Not Contacted",
        "Qualifi\u00e9 \u2013 \u00e0 rappeler",
        "\u041d\u043e\u0432\u044b\u0439 \u043b\u0438\u0434",
        "CRM \u0432\u0440\u0443\u0447\u043d\u0443\u044e",
        "\u65b0\u898f",
        "\u03b1-Test",
        "Hot \u2764\ufe0f",
        "\u0663 \u05d0\u05d1",
    ],
)
def test_words_of_every_language_are_plain_text(text: str) -> None:
    read = reader("a = 1")
    read.plain_text(("a",), text)
    assert read.problems == []


def test_the_look_alikes_are_letters_of_other_alphabets() -> None:
    assert {unicodedata.name(char).split()[0] for char in LOOK_ALIKES} == {"CYRILLIC", "GREEK"}


LATIN = st.characters(categories=("Lu", "Ll"), max_codepoint=0x7F)


@given(st.text(LATIN, min_size=1), st.sampled_from("\u200b\u2060\u00a0\u0000\u2029"))
def test_an_invisible_character_is_found_wherever_it_stands(word: str, odd: str) -> None:
    for at in range(len(word) + 1):
        read = reader("a = 1")
        read.plain_text(("a",), word[:at] + odd + word[at:])
        assert [problem.code for problem in read.problems] == ["MAP-008"]
