"""Which cell holds no value but the error that a spreadsheet left in its place?"""

from __future__ import annotations

from syncd.core.mapping import Column
from syncd.core.unreadable import Unreadable

SIGN = "#"
"""What every such error begins with."""

_ERRORS = frozenset((
    "#N/A", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!", "#DIV/0!", "#GETTING_DATA", "#SPILL!", "#CALC!", "#FIELD!",
    "#BLOCKED!", "#CONNECT!", "#UNKNOWN!", "#BUSY!", "#EXTERNAL!", "#PYTHON!", "#ERROR!",
    "#NV", "#WERT!", "#BEZUG!", "#ZAHL!", "#ÜBERLAUF!",
    "#VALEUR!", "#NOM?", "#NOMBRE!", "#NUL!",
    "#N/D", "#VALORE!", "#NOME?", "#RIF!", "#NULLO!",
    "#¡VALOR!", "#¡REF!", "#¿NOMBRE?", "#¡NUM!", "#¡NULO!", "#¡DIV/0!",
    "#VALOR!", "#NÚM!", "#NULO!",
    "#N/B", "#WAARDE!", "#VERW!", "#NAAM?", "#GETAL!", "#LEEG!", "#DEEL/0!",
))  # fmt: skip
"""As spreadsheets write them in English, German, French, Italian, Spanish, Portuguese and Dutch."""
_NARROW_MIN = 3
"""Signs in a cell of nothing else: the column was too narrow for its number."""

_REMEDY = "Correct the formula, or export the values; where it means no value, add it to null."


def is_error(cell: str) -> bool:
    """Tell whether a cell holds an error of a spreadsheet, saved as text."""
    if SIGN not in cell:
        return False
    word = cell.strip().upper()
    return word in _ERRORS or (len(word) >= _NARROW_MIN and not word.strip(SIGN))


def spoilt(cell: str) -> Unreadable:
    """Return what is wrong with such a cell."""
    return Unreadable(f"{cell.strip()[:40]} is an error of the spreadsheet, not a value.", _REMEDY)


def is_declared(column: Column, cell: str) -> bool:
    """Tell whether a mapping says what a cell of a column means, to the letter."""
    yes_or_no = column.true | column.false if column.type == "boolean" else ()
    return any(cell in some for some in (column.null, yes_or_no, column.opted_out_when, column.unreachable_when, column.scopes))
