"""What do commands ask the one writer to do?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """Something that a command asks the one writer of an org to do.

    `tries` counts how often it was taken up; more than once means that the writer died over it. `result` is None until it is
    done; under "error" it says why it was refused.
    """

    number: int
    verb: str
    payload: Mapping[str, Any]
    asked_by: str
    asked_at: datetime
    taken_at: datetime | None = None
    done_at: datetime | None = None
    tries: int = 0
    result: Mapping[str, Any] | None = None
