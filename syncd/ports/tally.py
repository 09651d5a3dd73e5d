"""What does the engine ask of the database about many rows at once?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StagedEdit:
    """One staged history row, without its values: which login changed which field of which record, and when."""

    login_id: str
    field: str
    record_id: str
    at: datetime


class TallyStore(Protocol):
    """The database of one org, asked for sums."""

    def staged_edits(self, history: str, fields: Collection[str], since_at: datetime | None = None) -> list[StagedEdit]:
        """Return the staged rows of a history object that tell of some fields (as history names them), in no order."""
        ...

    def tally(self, object: str, field: str, unless: Collection[str] = ()) -> dict[str, int]:
        """Count the live mirrored rows of an object by a field's value, leaving out rows where a field of `unless` is true.

        Shapes: rows that were mirrored without the field are not counted.
        """
        ...
