"""Why does a cell say nothing that its column could mean?"""

from __future__ import annotations


class Unreadable(Exception):
    """A cell that does not fit its column: the words for it, and what to do."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(text)
        self.text = text
        self.remedy = remedy


def short(cell: str) -> str:
    """Quote a cell, cut after 40 characters."""
    return repr(cell if len(cell) <= 40 else cell[:40] + "…")
