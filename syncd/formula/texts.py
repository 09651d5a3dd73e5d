"""What do the functions on text do? Blank text is empty text; positions count from 1.

Source: Salesforce Help, "Formula Operators and Functions", Text Functions; corner cases as in salesforce/formula-engine.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from re import _constants as opcodes
from re import _parser as expressions
from typing import Any
from urllib.parse import quote_plus

from syncd.formula.catalogue import function
from syncd.formula.values import FormulaError, Kind

T, N, B = Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN
TEXT_MAX = 100_000
PATTERN_MAX, REPEATS_MAX, MATCHED_MAX = 200, 4, 2_000
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_TURKIC = re.compile(r"(?i)(tr|az)(_.*)?")
_SMALL, _CAPITAL = {ord("I"): "\u0131", 0x130: "i"}, {ord("i"): "\u0130"}  # Turkish has an i with and one without a dot
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def _sized(text: str) -> str:
    if len(text) > TEXT_MAX:
        raise FormulaError(f"the text is longer than {TEXT_MAX} characters")
    return text


def join(*parts: str | None) -> str:
    """Put texts together."""
    return _sized("".join(part or "" for part in parts))


@function("ASCII", T, gives=N)
def _ascii(text: str) -> Decimal | None:
    return Decimal(ord(text[0])) if text else None


@function("CHR", N, gives=T)
def _chr(code: Decimal) -> str:
    if not 0 < code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise FormulaError(f"{code} is no character's code")
    return chr(int(code))


@function("BR", gives=T)
def _br() -> str:
    return "\n"


@function("BEGINS", T, T, gives=B)
def _begins(text: str, start: str) -> bool:
    return text.startswith(start)


@function("CONTAINS", T, T, gives=B)
def _contains(text: str, part: str) -> bool:
    return part in text


@function("FIND", T, T, N, gives=N, optional=1, says="FIND(search_text, text, start)")
def _find(part: str, text: str, start: Decimal = Decimal(1)) -> Decimal:
    return Decimal(text.find(part, max(0, int(start) - 1)) + 1) if part else Decimal(0)


@function("LEFT", T, N, gives=T)
def _left(text: str, count: Decimal) -> str:
    return text[: max(0, int(count))]


@function("RIGHT", T, N, gives=T)
def _right(text: str, count: Decimal) -> str:
    length = max(0, int(count))
    return text[len(text) - length :] if 0 < length < len(text) else text if length else ""


@function("MID", T, N, N, gives=T, says="MID(text, start, length)")
def _mid(text: str, start: Decimal, count: Decimal) -> str:
    begin = max(0, int(start) - 1)
    return text[begin : begin + max(0, int(count))]


@function("LEN", T, gives=N)
def _len(text: str) -> Decimal:
    return Decimal(sum(2 if ord(char) > 0xFFFF else 1 for char in text))


@function("LOWER", T, T, gives=T, optional=1, says="LOWER(text, locale)")
def _lower(text: str, locale: str = "") -> str:
    return text.translate(_SMALL).lower() if _TURKIC.fullmatch(locale) else text.lower()


@function("UPPER", T, T, gives=T, optional=1, says="UPPER(text, locale)")
def _upper(text: str, locale: str = "") -> str:
    return text.translate(_CAPITAL).upper() if _TURKIC.fullmatch(locale) else text.upper()


@function("INITCAP", T, gives=T)
def _initcap(text: str) -> str:
    return re.sub(r"[^\W_]+", lambda word: word[0][:1].upper() + word[0][1:].lower(), text)


@function("REVERSE", T, gives=T)
def _reverse(text: str) -> str:
    return text[::-1]


@function("TRIM", T, gives=T)
def _trim(text: str) -> str:
    return text.strip()


def _padding(text: str, length: Decimal, pad: str) -> str:
    wanted = int(length) - len(text)
    if int(length) > TEXT_MAX:
        raise FormulaError(f"the text is longer than {TEXT_MAX} characters")
    return (pad * (wanted // len(pad) + 1))[:wanted] if wanted > 0 and pad else ""


@function("LPAD", T, N, T, gives=T, optional=1, says="LPAD(text, length, padding)")
def _lpad(text: str, length: Decimal, pad: str = " ") -> str:
    return _padding(text, length, pad) + text[: max(0, int(length))] if length > 0 and text else ""


@function("RPAD", T, N, T, gives=T, optional=1, says="RPAD(text, length, padding)")
def _rpad(text: str, length: Decimal, pad: str = " ") -> str:
    return text[: max(0, int(length))] + _padding(text, length, pad) if length > 0 and text else ""


@function("SUBSTITUTE", T, T, T, gives=T, says="SUBSTITUTE(text, old_text, new_text)")
def _substitute(text: str, old: str, new: str) -> str:
    if old and text.count(old) * len(new) > TEXT_MAX:
        raise FormulaError(f"the text is longer than {TEXT_MAX} characters")
    return text.replace(old, new) if old else text


@function("VALUE", T, gives=N)
def _value(text: str) -> Decimal | None:
    written = text.strip()
    if not written:
        return None
    if not _NUMBER.fullmatch(written):
        raise FormulaError(f"{written[:40]!r} is no number")
    return Decimal(written)


@function("ISNUMBER", T, gives=B)
def _isnumber(text: str) -> bool:
    return _NUMBER.fullmatch(text.strip()) is not None


@function("CASESAFEID", T, gives=T)
def _casesafeid(id: str) -> str:
    """Return the 18 characters of a 15-character id.

    Source: https://help.salesforce.com, "CASESAFEID": the suffix holds which of the characters are capitals.
    """
    if len(id) != 15 or not id.isalnum():
        return id
    groups = (id[start : start + 5] for start in (0, 5, 10))
    marks = (sum(1 << place for place, char in enumerate(five) if "A" <= char <= "Z") for five in groups)
    return id + "".join(_SUFFIX[mark] for mark in marks)


@function("HTMLENCODE", T, gives=T)
def _htmlencode(text: str) -> str:
    return html.escape(text).replace("&#x27;", "&#39;")


@function("JSENCODE", T, gives=T)
def _jsencode(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1].replace("'", "\\'").replace("/", "\\/")


@function("JSINHTMLENCODE", T, gives=T)
def _jsinhtmlencode(text: str) -> str:
    return html.escape(json.dumps(text, ensure_ascii=False)[1:-1].replace("/", "\\/")).replace("&#x27;", "&#39;")


@function("URLENCODE", T, gives=T)
def _urlencode(text: str) -> str:
    return quote_plus(text)


@function("HYPERLINK", T, T, T, gives=T, optional=1, says="HYPERLINK(url, friendly_name, target)")
def _hyperlink(url: str, name: str, target: str = "_blank") -> str:
    return f'<a href="{html.escape(url)}" target="{html.escape(target)}">{html.escape(name)}</a>'


@function("IMAGE", T, T, N, N, gives=T, optional=2, says="IMAGE(url, alternate_text, height, width)")
def _image(url: str, words: str, height: Decimal | None = None, width: Decimal | None = None) -> str:
    size = "".join(f' {name}="{int(value)}"' for name, value in (("height", height), ("width", width)) if value is not None)
    return f'<img src="{html.escape(url)}" alt="{html.escape(words)}"{size}>'


@function("INCLUDES", Kind.MULTIPICKLIST, T, gives=B, sees_blanks=True)
def _includes(values: str | None, value: str | None) -> bool:
    return bool(value) and value in (values or "").split(";")


@function("PICKLISTCOUNT", Kind.MULTIPICKLIST, gives=N, sees_blanks=True)
def _picklistcount(values: str | None) -> Decimal:
    return Decimal(len(values.split(";")) if values else 0)


@function("REGEX", T, T, gives=B)
def _regex(text: str, pattern: str) -> bool:
    """Tell whether the whole text fits a pattern.

    Errors: FormulaError for a pattern that could take for ever, or a text that is too long for one.
    """
    if len(text) > MATCHED_MAX:
        raise FormulaError(f"REGEX looks at texts of up to {MATCHED_MAX} characters; this one has {len(text)}")
    return _pattern(pattern).fullmatch(text) is not None


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> re.Pattern[str]:
    if (fault := pattern_fault(pattern)) is not None:
        raise FormulaError(f"the pattern {pattern[:40]!r} {fault}")
    return re.compile(pattern)


def pattern_fault(pattern: str) -> str | None:
    """Say why a pattern is refused, or None. No pattern that passes can backtrack without bound."""
    if len(pattern) > PATTERN_MAX:
        return f"is longer than {PATTERN_MAX} characters"
    try:
        tree = expressions.parse(pattern)
    except (re.error, OverflowError, RecursionError) as fault:
        return f"can't be read: {fault}"
    repeats, is_nested = _repeats(tree, inside=False)
    if is_nested:
        return "repeats something that repeats or branches, which can take for ever"
    return f"repeats more than {REPEATS_MAX} times without bound" if repeats > REPEATS_MAX else None


def _repeats(tree: Iterable[tuple[Any, Any]], *, inside: bool) -> tuple[int, bool]:
    """Count the open repeats of a pattern, and tell whether one lies inside another or holds a branch or a back reference."""
    count, is_nested = 0, False
    for code, given in tree:
        is_repeat = code in (opcodes.MAX_REPEAT, opcodes.MIN_REPEAT, opcodes.POSSESSIVE_REPEAT) and given[1] > 1
        is_nested |= inside and (is_repeat or code in (opcodes.BRANCH, opcodes.GROUPREF))
        is_nested |= is_repeat and given[1] != opcodes.MAXREPEAT and given[1] > 1_000
        count += is_repeat and given[1] == opcodes.MAXREPEAT
        for part in _inner(given):
            more, deeper = _repeats(part, inside=inside or is_repeat)
            count, is_nested = count + more, is_nested or deeper
    return count, is_nested


def _inner(given: Any) -> Iterable[Iterable[tuple[Any, Any]]]:
    if isinstance(given, expressions.SubPattern):
        return [given]
    if isinstance(given, tuple | list):
        return [part for each in given for part in _inner(each)]
    return []
