"""What is a file that calls itself an export and is something else? Its first bytes say it, and what to do instead."""

from __future__ import annotations

import codecs
import re
import zipfile
from collections.abc import Iterator

HEAD_BYTES = 1024
_PACK = "Unpack it, or pack it as ZIP or gzip."
_SAVE = "Save it as CSV UTF-8, or as .xlsx."
_UNLOCK = "Save it as CSV UTF-8, or as .xlsx without a password."
_EXPORT = "Export as CSV."
_PAGE = "The download link led to a page, perhaps to log in: download it again."
_OLD = "an old Excel workbook, or one with a password"
_MAGICS = (
    (b"\xd0\xcf\x11\xe0", _OLD, _UNLOCK),
    (b"\x09\x08\x10\x00", _OLD, _UNLOCK),
    (b"\x09\x08\x08\x00", _OLD, _UNLOCK),
    (b"\x09\x04\x06\x00", _OLD, _UNLOCK),
    (b"\x09\x02\x06\x00", _OLD, _UNLOCK),
    (b"\x09\x00\x04\x00", _OLD, _UNLOCK),
    (b"%PDF", "a PDF document", _EXPORT),
    (b"7z\xbc\xaf", "a 7-Zip archive", _PACK),
    (b"Rar!", "a RAR archive", _PACK),
    (b"\xfd7zX", "an xz archive", _PACK),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", _PACK),
    (b"BZh", "a bzip2 archive", _PACK),
    (b"{\\rt", "a text document (RTF)", _EXPORT),
    (b"PAR1", "a Parquet file", _EXPORT),
)
_TABLE = re.compile(rb"\A<table\b|office:(excel|spreadsheet)|excel\.sheet")
_HTML = re.compile(rb"<(!doctype html|html|head|body|table|script|style|meta|title|div|!--)\b|<!--")
_XML = re.compile(rb"<(\?xml|error|response|soap|feed)\b")
_JSON = re.compile(rb"\{\s*([\"'}]|\Z)|\[\s*([\[{\"\]]|\Z)")
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument"


def other_kind(head: bytes) -> tuple[str, str] | None:
    """Return what a file that begins so is in plain words, and what to do, or None where it may be a CSV file or an archive."""
    for magic, what, remedy in _MAGICS:
        if head.startswith(magic):
            return what, remedy
    return _document(_text(head))


def _document(text: bytes) -> tuple[str, str] | None:
    if (_HTML.match(text) or _XML.match(text)) and _TABLE.search(text):
        return "a table that was saved as a web page or XML, as some tools write for Excel", _SAVE
    if _HTML.match(text):
        return "a web page", _PAGE
    if _XML.match(text):
        return "an XML document", _EXPORT
    return ("a JSON document", _EXPORT) if _JSON.match(text) else None


def _text(head: bytes) -> bytes:
    """Return what is written there in small letters, without what may stand before a document: a BOM and blanks."""
    for bom, name in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if head.startswith(bom):
            head = head[len(bom) :].decode(name, "ignore").encode()
    return head.removeprefix(codecs.BOM_UTF8).strip().lower()


def other_archive(archive: zipfile.ZipFile) -> tuple[str, str] | None:
    """Return what a ZIP archive is that a program writes as one document, and what to do."""
    return next(_documents_of(archive), None)


def _documents_of(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    names = set(archive.namelist())
    first = archive.infolist()[0] if names else None
    if first is not None and first.filename == "mimetype" and first.compress_type == zipfile.ZIP_STORED:
        with archive.open(first) as stream:
            if stream.read(len(_OPEN_DOCUMENT)) == _OPEN_DOCUMENT:
                yield "an OpenDocument file", _SAVE
    if "Index/Document.iwa" in names or "Index.zip" in names:
        yield "a document of Apple's Numbers or Pages", _SAVE
    if "[Content_Types].xml" in names and not any(name.startswith("xl/") for name in names):
        yield "an Office document without any sheet", _EXPORT
