"""Is a text that was encoded twice told from one that only looks foreign?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.twice_encoded import meant_by

WORDS = ("Müller", "Łódź", "d\u2019Arc", "José Núñez", "price: 5 €", "„so“", "Čapek", "東京")


@pytest.mark.parametrize("text", WORDS)
def test_what_was_read_as_another_encoding_and_written_as_utf_8_is_recognised(text: str) -> None:
    for codec in ("cp1252", "latin-1"):
        try:
            twice = text.encode().decode(codec)
        except UnicodeDecodeError:
            continue
        assert meant_by(twice) == text


@pytest.mark.parametrize("text", [*WORDS, "", "Acme", "SÃO PAULO", "Â", "20 °C", "Ã", "naïve café", "©2026", "£5", "«oui»"])
def test_no_text_that_people_write_is_taken_for_one(text: str) -> None:
    assert meant_by(text) is None


@given(st.text())
def test_any_text_is_looked_at_without_a_fault(text: str) -> None:
    found = meant_by(text)
    assert found is None or found.encode() in (text.encode("cp1252", "replace"), text.encode("latin-1", "replace"))
