"""What do the bytes of a file prove about how it may be read?

A plain file is read by a fast reader, and only where arithmetic shows that it lost nothing. Everything else is left to the
careful one.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO

CHUNK_BYTES = 1 << 20
_CONTROLS = bytes((*range(9), 11, 12, *range(14, 32), 127))
_LATE_CONTROL = re.compile(b"\xc2[\x80-\x9f]")
_BLANKS = b" \t"
_CARRIED_BYTES = 64
_OTHER_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Bytes:
    """What one walk over a file found.

    `new_line` is the one end of all lines, None where ends differ; `lines` are physical. Loose quotes may have blanks between
    them and the delimiter: readers differ on what that means.
    """

    sha256: str
    lines: int
    delimiters: int
    new_line: str | None
    is_ascii: bool
    is_utf8: bool
    has_quotes: bool
    has_loose_quotes: bool
    has_escaped_quotes: bool
    has_controls: bool

    def is_plain(self, escape: str) -> bool:
        """Tell whether the fast reader sees the cells that the careful one would."""
        is_escaped = bool(escape) and self.has_escaped_quotes
        return self.new_line is not None and self.is_utf8 and not self.has_loose_quotes and not is_escaped


def walk(stream: BinaryIO, delimiter: str) -> Bytes:
    """Read a file once, hashing and counting."""
    hashed = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    feeds = returns = pairs = delimiters = 0
    sign = delimiter.encode()
    is_ascii = is_utf8 = True
    has_quotes = has_escaped = has_controls = has_loose = False
    head = last = carried = b""
    loose = _loose(sign)
    with ThreadPoolExecutor(1, thread_name_prefix="syncd-hash") as beside:
        hashing = beside.submit(hashed.update, b"")
        while chunk := stream.read(CHUNK_BYTES):
            head = head or chunk[:4]
            hashing.result()
            hashing = beside.submit(hashed.update, chunk)  # this takes as long as all the counting
            feeds += chunk.count(b"\n")
            delimiters += chunk.count(sign)
            if b"\r" in chunk:
                returns += chunk.count(b"\r")
                pairs += chunk.count(b"\r\n")
            pairs += last == b"\r" and chunk[:1] == b"\n"
            has_quotes = has_quotes or b'"' in chunk
            has_escaped = has_escaped or (has_quotes and (b'\\"' in chunk or (last == b"\\" and chunk[:1] == b'"')))
            if not has_loose and has_quotes and (b' "' in chunk or b'" ' in chunk or b"\t" in chunk or carried[-1:] in _BLANKS):
                has_loose = loose.search(carried + chunk) is not None or not (carried + chunk)[-_CARRIED_BYTES:].strip(_BLANKS)
            carried = (carried + chunk)[-_CARRIED_BYTES:]
            has_controls = has_controls or len(chunk.translate(None, _CONTROLS)) != len(chunk)
            if is_utf8 and (not chunk.isascii() or decoder.getstate()[0]):
                is_ascii = False
                is_utf8 = _decodes(decoder, chunk)
                has_controls = has_controls or (last == b"\xc2" and b"\x80" <= chunk[:1] <= b"\x9f")
                has_controls = has_controls or _LATE_CONTROL.search(chunk) is not None
            last = chunk[-1:]
    is_utf8 = is_utf8 and not decoder.getstate()[0] and not head.startswith(_OTHER_BOMS)

    new_line = "\n" if not returns else "\r\n" if pairs == returns == feeds else None
    lines = feeds + (last not in (b"", b"\n"))
    return Bytes(
        hashed.hexdigest(), lines, delimiters, new_line, is_ascii, is_utf8, has_quotes, has_loose, has_escaped, has_controls
    )


def _loose(delimiter: bytes) -> re.Pattern[bytes]:
    blanks, sign = b"[ \t]".replace(delimiter, b"") if delimiter == b"\t" else b"[ \t]", re.escape(delimiter)
    return re.compile(b"(?:[\n" + sign + b"])" + blanks + b'+"|"' + blanks + b"+(?:[\r\n" + sign + b"]|$)")


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes) -> bool:
    try:
        decoder.decode(chunk)
    except UnicodeDecodeError:
        return False
    return True
