"""What may bytes be that are not in the declared encoding? A suggestion for a person; nothing is ever read by it."""

from __future__ import annotations

_CANDIDATES = (
    "utf_8", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "iso8859_2", "mac_roman", "shift_jis", "euc_jp",
    "gb18030", "big5", "euc_kr", "koi8_r",
)  # fmt: skip


def likely_of(near: bytes) -> str | None:
    """Return the encoding that some bytes look like, as a mapping file names it; None when nothing speaks for any."""
    if not near:
        return None
    from charset_normalizer import from_bytes  # heavy, and seldom needed

    found = list(from_bytes(near, cp_isolation=list(_CANDIDATES), threshold=0.6))
    names = {name for one in found if one.chaos == found[0].chaos for name in (one.encoding, *one.could_be_from_charset)}
    return next((name.replace("_", "-") for name in _CANDIDATES if name in names), None)
