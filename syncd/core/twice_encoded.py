"""Do the letters of a text look as if it had been turned into UTF-8 twice?"""

from __future__ import annotations

_READ_AS = ("cp1252", "latin-1")
"""What UTF-8 is taken for by programs that turn it into UTF-8 once more."""


def meant_by(text: str) -> str | None:
    """Return what a text seems to have been before it was encoded twice, such as Müller for MÃ¼ller; None for any other.

    It is told, never put right: nobody knows.
    """
    if text.isascii():
        return None
    for codec in _READ_AS:
        try:
            return text.encode(codec).decode("utf-8")
        except UnicodeError:
            continue
    return None
