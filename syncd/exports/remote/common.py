"""What do all kinds of sources have in common?"""

from __future__ import annotations

import re

from syncd.errors import SourceRefused
from syncd.exports.access import RemoteAccess
from syncd.exports.records import escaped

LISTED_MAX = 10_000
DONE = "done"
_SIGNATURE = re.compile(r"(?i)\b(sig|signature)=[^&\s]+")


def short(error: BaseException, access: RemoteAccess) -> str:
    """Return what a library says of an error: one line without secrets and terminal codes."""
    words = " ".join(str(error).split()) or type(error).__name__
    secret = access.secret.get_secret_value()
    if secret:
        words = words.replace(secret, "***")
    return escaped(_SIGNATURE.sub(r"\1=***", words)[:300].rstrip("."))


def too_many() -> SourceRefused:
    """Say that a folder cannot be looked at whole; nothing of it is fetched then, since nobody knows what was not seen."""
    text = f"More than {LISTED_MAX:,} files lie there: each look would read all their names."
    return SourceRefused(text, hint='Move old files away, or set after = "move" so that syncd does it.')


def put_away_name(sha256: str, name: str) -> str:
    """Name an original that was moved away: the same name may come again with other bytes."""
    return f"{sha256[:16]}-{name}"
