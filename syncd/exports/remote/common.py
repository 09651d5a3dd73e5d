"""What do all kinds of sources have in common?"""

from __future__ import annotations

import re
import secrets

from syncd.core.fetching import is_unfinished
from syncd.errors import SourceRefused
from syncd.exports.access import RemoteAccess
from syncd.exports.records import escaped

LISTED_MAX = 10_000
DONE = "done"
ASIDE = ".syncd-"
_ASIDE_NAME = re.compile(r"\.syncd-[0-9a-f]{16}-(.+)")
_SIGNATURE = re.compile(r"(?i)\b(sig|signature)=[^&\s]+")


def short(error: BaseException, access: RemoteAccess) -> str:
    """Return what a library says of an error: one line without secrets and terminal codes."""
    words = " ".join(str(error).split()) or type(error).__name__
    secret = access.secret.get_secret_value()
    if secret:
        words = words.replace(secret, "***")
    return escaped(_SIGNATURE.sub(r"\1=***", words)[:300].rstrip("."))


def aside_of(name: str) -> str:
    """Return a hidden name for a file that is about to be put away."""
    return f"{ASIDE}{secrets.token_hex(8)}-{name}"


def name_aside(name: str) -> str | None:
    """Return what a file was called that was renamed to be put away, and left so because the connection or process ended."""
    found = _ASIDE_NAME.fullmatch(name)
    return found[1] if found and not is_unfinished(found[1]) else None


def too_many() -> SourceRefused:
    """Say that a folder cannot be looked at whole; nothing of it is fetched then, since nobody knows what was not seen."""
    text = f"More than {LISTED_MAX:,} files lie there: each look would read all their names."
    return SourceRefused(text, hint='Move old files away, or set after = "move" so that syncd does it.')


def put_away_name(sha256: str, name: str) -> str:
    """Name an original that was moved away: the same name may come again with other bytes."""
    return f"{sha256[:16]}-{name}"
