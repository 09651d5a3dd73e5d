"""Which Bulk jobs has syncd begun at Salesforce and not ended yet?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Job:
    """One Bulk job as the store remembers it, from before Salesforce is asked for it until its last result was read.

    `key` is ours; `kind` is "query" or "ingest"; `job_id` is Salesforce's, None until it was heard. `state` and `payload`
    belong to whoever began the job. Times are the org's.
    """

    key: str
    kind: str
    object: str
    job_id: str | None
    state: str
    payload: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
