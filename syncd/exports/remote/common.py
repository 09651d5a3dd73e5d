"""What do all kinds of sources have in common?"""

from __future__ import annotations

from syncd.exports.access import RemoteAccess

LISTED_MAX = 10_000
DONE = "done"


def short(error: BaseException, access: RemoteAccess) -> str:
    """Return what a library says of an error: one line without secrets."""
    words = " ".join(str(error).split()) or type(error).__name__
    secret = access.secret.get_secret_value()
    if secret:
        words = words.replace(secret, "***")
    return words[:300].rstrip(".")


def put_away_name(sha256: str, name: str) -> str:
    """Name an original that was moved away: the same name may come again with other bytes."""
    return f"{sha256[:16]}-{name}"
