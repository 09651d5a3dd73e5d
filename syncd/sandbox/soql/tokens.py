"""Which words and values does a SOQL text hold, and where?"""

from __future__ import annotations

import re
from dataclasses import dataclass

from syncd.sandbox.errors import SalesforceError

STATEMENT_MAX = 100_000
_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<string>'(?:[^'\\]|\\.)*')
  | (?P<datetime>\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d))
  | (?P<date>\d{4}-\d\d-\d\d)
  | (?P<number>[+-]?\d+(?:\.\d+)?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
  | (?P<sign>!=|<>|<=|>=|=|<|>)
  | (?P<mark>[(),:])
""",
    re.VERBOSE,
)
_ESCAPES = {
    "n": "\n",
    "N": "\n",
    "r": "\r",
    "R": "\r",
    "t": "\t",
    "T": "\t",
    "b": "\b",
    "B": "\b",
    "f": "\f",
    "F": "\f",
    '"': '"',
    "'": "'",
    "\\": "\\",
}


@dataclass(frozen=True, slots=True)
class Token:
    """One word, value or sign; `column` counts from 1."""

    kind: str
    text: str
    column: int


def malformed(statement: str, column: int, problem: str) -> SalesforceError:
    """Say what is wrong and where, with the caret that Salesforce draws."""
    return SalesforceError("MALFORMED_QUERY", located(statement, column, problem))


def located(statement: str, column: int, problem: str) -> str:
    """Put the statement's surroundings, a caret and the position before a message."""
    at = column - 1
    start = max(0, at - 40)
    excerpt = statement[start : at + 20].replace("\n", " ")
    return f"\n{excerpt}\n{' ' * (at - start)}^\nERROR at Row:1:Column:{column}\n{problem}"


def tokenize(statement: str) -> list[Token]:
    """Cut a statement into tokens, with an ``end`` token last.

    Errors: MALFORMED_QUERY for a statement that is too long or holds a character SOQL does not have.
    """
    if len(statement) > STATEMENT_MAX:
        raise SalesforceError(
            "MALFORMED_QUERY", f"SOQL statement is too long: {len(statement)} characters, the maximum is {STATEMENT_MAX}"
        )
    tokens = []
    at = 0
    while at < len(statement):
        match = _TOKEN.match(statement, at)
        if match is None:
            raise malformed(statement, at + 1, f"line 1:{at} no viable alternative at character '{statement[at]}'")
        if match.lastgroup != "space":
            tokens.append(Token(str(match.lastgroup), match.group(), at + 1))
        at = match.end()
    tokens.append(Token("end", "<EOF>", len(statement) + 1))
    return tokens


def unescape(statement: str, token: Token, *, keep_wildcards: bool) -> str:
    """Resolve the escapes of a quoted string. For LIKE, ``\\%`` and ``\\_`` stay escaped.

    Errors: MALFORMED_QUERY for an escape SOQL does not know.
    """
    body = token.text[1:-1]
    if "\\" not in body:
        return body

    def resolve(match: re.Match[str]) -> str:
        char = match.group(1)
        if char in "%_":
            return "\\" + char if keep_wildcards else char
        if char.startswith("u") and len(char) == 5:
            return chr(int(char[1:], 16))
        if char not in _ESCAPES:
            raise malformed(
                statement,
                token.column,
                f"Invalid string literal '{body}'. Illegal character sequence '\\{char}' in string literal.",
            )
        return "\\\\" if keep_wildcards and char == "\\" else _ESCAPES[char]

    return re.sub(r"\\(u[0-9A-Fa-f]{4}|.)", resolve, body, flags=re.DOTALL)
