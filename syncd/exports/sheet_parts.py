"""What does a workbook say of itself: its sheets, its table of texts, and which of its styles are dates?"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO
from xml.parsers import expat

from syncd.exports.sheet_values import built_in_kind, format_kind, unescaped
from syncd.exports.unpacking import NotText, bounded, readable, whole

PART_BYTES_MAX = 256 * 1024**2
_CHUNK_BYTES = 1 << 16
_WORKBOOK = "xl/workbook.xml"
_STYLES_MAX, _CODE_CHARS_MAX = 100_000, 1000  # Excel has 65,490 styles at most, and codes of 255 characters

NO_XML = (expat.ExpatError, LookupError, ValueError)
"""What the parser says of XML that is none, and of one in an encoding that there is not."""

_Start = Callable[[str, dict[str, str]], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """What reading a sheet needs. `sheets` are paths by name, `times` says of a cell's style what it shows."""

    sheets: Mapping[str, str]
    texts: list[str]
    times: Mapping[str, str]
    is_1904: bool


def parts_of(archive: zipfile.ZipFile, stream: BinaryIO) -> Parts:
    """Read all of a workbook but its sheets. Errors: NotText, when it is damaged or says more than is sane."""
    names = set(archive.namelist())
    if _WORKBOOK not in names:
        text = "The workbook has no xl/workbook.xml: it is of another kind, or damaged."
        raise NotText("EXP-009", text, "Save it as .xlsx or CSV UTF-8.")
    book = _Book()
    _parse(archive, stream, _WORKBOOK, book.start)
    links = _Links()
    _parse(archive, stream, "xl/_rels/workbook.xml.rels", links.start)
    sheets = {name: links.paths[id] for name, id in book.sheets if id in links.paths}
    lost = [path for path in sheets.values() if path not in names]
    if lost:
        raise NotText("EXP-009", f"The workbook is damaged: it has no {lost[0][:80]!r}.", "Save or export it again.")
    styles, texts = _Styles(), _Texts()
    if "xl/styles.xml" in names:
        _parse(archive, stream, "xl/styles.xml", styles.start, styles.end)
    if "xl/sharedStrings.xml" in names:
        _parse(archive, stream, "xl/sharedStrings.xml", texts.start, texts.end, texts.data)
    return Parts(sheets, texts.all, styles.times(), book.is_1904)


def _parse(
    archive: zipfile.ZipFile,
    stream: BinaryIO,
    name: str,
    start: _Start,
    end: Callable[[str], None] | None = None,
    data: Callable[[str], None] | None = None,
) -> None:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, data
    parser.StartDoctypeDeclHandler = refuse_doctype
    with whole():
        try:
            opened = archive.open(readable(archive.getinfo(name)))
        except KeyError:
            raise NotText("EXP-009", f"The workbook is damaged: it has no {name!r}.", "Save or export it again.") from None
    with opened:
        text, seen = bounded(opened, stream), 0
        try:
            while chunk := text.read(_CHUNK_BYTES):
                seen += len(chunk)
                if seen > PART_BYTES_MAX:
                    words = f"The workbook holds more text than syncd reads from one ({PART_BYTES_MAX // 1024**2} MiB)."
                    raise NotText("EXP-011", words, "Export as CSV.")
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
        except NO_XML as error:
            raise NotText("EXP-009", f"The workbook is damaged: {error}.", "Save or export it again.") from None


def refuse_doctype(*declared: object) -> None:
    """Refuse XML that defines words of its own: no workbook does, and expanding them never ends."""
    raise NotText("EXP-009", "The workbook is damaged: its XML has a document type.", "Save or export it again.")


def _bare(tag: str) -> str:
    return tag.rpartition(":")[2]


class _Book:
    """The names of the sheets, hidden ones too, with their links."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.is_1904 = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if _bare(tag) == "sheet":
            link = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            self.sheets.append((attributes.get("name", ""), link))
        elif _bare(tag) == "workbookPr":
            self.is_1904 = attributes.get("date1904") in ("1", "true")


class _Links:
    """Where the sheets with cells lie in the archive; a sheet that is a chart has none."""

    def __init__(self) -> None:
        self.paths: dict[str, str] = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if _bare(tag) == "Relationship" and attributes.get("Type", "").endswith("/worksheet"):
            path = posixpath.normpath(posixpath.join("/xl", attributes.get("Target", "")))
            self.paths[attributes.get("Id", "")] = path.lstrip("/")


class _Styles:
    """Which styles of cells show dates or times."""

    def __init__(self) -> None:
        self.formats: dict[int, str | None] = {}
        self.cells: list[int] = []
        self.is_inside = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = _bare(tag)
        if name == "numFmt" and attributes.get("numFmtId", "").isdecimal():
            self.formats[int(attributes["numFmtId"])] = format_kind(attributes.get("formatCode", "")[:_CODE_CHARS_MAX])
        elif name == "cellXfs":
            self.is_inside = True
        elif name == "xf" and self.is_inside:
            id = attributes.get("numFmtId", "0")
            self.cells.append(int(id) if id.isdecimal() and len(id) < 10 else 0)
        if max(len(self.cells), len(self.formats)) > _STYLES_MAX:
            text = f"The workbook has more than {_STYLES_MAX:,} styles: no spreadsheet makes so many."
            raise NotText("EXP-011", text, "Look at who made it, or export as CSV.")

    def end(self, tag: str) -> None:
        self.is_inside = self.is_inside and _bare(tag) != "cellXfs"

    def times(self) -> dict[str, str]:
        """Return what a style shows by its number, as cells name it."""
        kinds = {str(index): self.formats.get(id, built_in_kind(id)) for index, id in enumerate(self.cells)}
        return {index: kind for index, kind in kinds.items() if kind}


class _Texts:
    """The texts that cells point at; how East Asian words are pronounced is left aside."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self.pieces: list[str] = []
        self.is_text = self.in_phonetic = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = _bare(tag)
        if name == "si":
            self.pieces = []
        elif name == "rPh":
            self.in_phonetic = True
        elif name == "t":
            self.is_text = not self.in_phonetic

    def end(self, tag: str) -> None:
        name = _bare(tag)
        if name == "si":
            self.all.append(unescaped("".join(self.pieces)))
        elif name == "rPh":
            self.in_phonetic = False
        elif name == "t":
            self.is_text = False

    def data(self, text: str) -> None:
        if self.is_text:
            self.pieces.append(text)
