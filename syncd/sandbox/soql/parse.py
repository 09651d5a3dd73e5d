"""What does a SOQL text ask for? Text in, tree out, by recursive descent."""

from __future__ import annotations

from syncd.sandbox.soql.tokens import Token, malformed, tokenize, unescape
from syncd.sandbox.soql.tree import (
    Aggregate,
    AllFields,
    Comparison,
    Condition,
    Junction,
    Literal,
    Negation,
    Ordering,
    Path,
    Query,
    Selected,
)

_AGGREGATES = frozenset({"count", "count_distinct", "min", "max", "sum", "avg"})
_DATE_FUNCTIONS = frozenset({"day_only"})
_CLAUSES = frozenset({"from", "where", "group", "having", "order", "limit", "offset", "for", "with", "using", "all"})
_SIGNS = {"<>": "!="}


def parse(statement: str) -> Query:
    """Read a statement.

    Errors: MALFORMED_QUERY, with the place.
    """
    return _Parser(statement).whole()


class _Parser:
    def __init__(self, statement: str) -> None:
        self.statement = statement
        self.tokens = tokenize(statement)
        self.at = 0

    @property
    def here(self) -> Token:
        return self.tokens[self.at]

    def step(self) -> Token:
        token = self.here
        self.at += 1
        return token

    def unexpected(self, token: Token | None = None) -> Exception:
        token = token or self.here
        return malformed(self.statement, token.column, f"unexpected token: '{token.text}'")

    def is_word(self, *words: str) -> bool:
        return self.here.kind == "name" and self.here.text.lower() in words

    def take_word(self, *words: str) -> bool:
        if self.is_word(*words):
            self.at += 1
            return True
        return False

    def need_word(self, word: str) -> None:
        if not self.take_word(word):
            raise malformed(
                self.statement, self.here.column, f"unexpected token: '{self.here.text}' (expecting '{word.upper()}')"
            )

    def take_mark(self, text: str) -> bool:
        if self.here.kind == "mark" and self.here.text == text:
            self.at += 1
            return True
        return False

    def need_mark(self, text: str) -> None:
        if not self.take_mark(text):
            raise self.unexpected()

    def need_name(self) -> Token:
        if self.here.kind != "name":
            raise self.unexpected()
        return self.step()

    def whole(self) -> Query:
        query = self.query()
        if self.here.kind != "end":
            raise self.unexpected()
        return query

    def query(self) -> Query:
        self.need_word("select")
        select = [self.selected()]
        while self.take_mark(","):
            select.append(self.selected())
        self.need_word("from")
        source = self.need_name()
        alias = None
        if self.here.kind == "name" and self.here.text.lower() not in _CLAUSES:
            alias = self.step().text
        if self.take_word("using"):
            self.need_word("scope")
            self.need_name()
        where = self.condition() if self.take_word("where") else None
        if self.take_word("with"):
            self.need_name()
        group_by, having = self.grouping()
        order_by = self.ordering()
        limit = self.count_after("limit")
        offset = self.count_after("offset")
        self.for_clauses()
        return Query(
            tuple(select),
            source.text,
            source.column,
            where,
            group_by,
            having,
            order_by,
            limit,
            offset or 0,
            alias,
            self.statement,
        )

    def for_clauses(self) -> None:
        while self.take_word("for"):
            if not self.take_word("view", "reference", "update"):
                raise self.unexpected()

    def selected(self) -> Selected | Aggregate | AllFields | Query:
        if self.take_mark("("):
            query = self.query()
            self.need_mark(")")
            return query
        token = self.need_name()
        if self.here.kind == "mark" and self.here.text == "(":
            return self.function(token, aliased=True)
        alias = None
        if self.here.kind == "name" and self.here.text.lower() not in _CLAUSES:
            alias = self.step().text
        return Selected(_path(token), alias)

    def function(self, token: Token, *, aliased: bool) -> Selected | Aggregate | AllFields:
        name = token.text.lower()
        self.need_mark("(")
        if name == "fields":
            kind = self.need_name().text.upper()
            self.need_mark(")")
            return AllFields(kind, token.column)
        if name == "tolabel":
            shown = _path(self.need_name())
            self.need_mark(")")
            return Selected(shown, shown.parts[-1])
        if name in _DATE_FUNCTIONS:
            return self.dated(token, aliased=aliased)
        if name not in _AGGREGATES:
            raise self.unexpected(token)
        path = None if self.here.text == ")" and name == "count" else _path(self.need_name())
        self.need_mark(")")
        alias = None
        if aliased and self.here.kind == "name" and self.here.text.lower() not in _CLAUSES:
            alias = self.step().text
        return Aggregate(name, path, alias, token.column)

    def dated(self, token: Token, *, aliased: bool) -> Selected:
        inner = self.need_name()
        self.need_mark(")")
        alias = None
        if aliased and self.here.kind == "name" and self.here.text.lower() not in _CLAUSES:
            alias = self.step().text
        return Selected(Path(tuple(inner.text.split(".")), token.column, token.text.upper()), alias)

    def grouping(self) -> tuple[tuple[Path, ...], Condition | None]:
        if not self.take_word("group"):
            return (), None
        self.need_word("by")
        paths = [self.group_term()]
        while self.take_mark(","):
            paths.append(self.group_term())
        return tuple(paths), self.condition() if self.take_word("having") else None

    def group_term(self) -> Path:
        at = self.here
        by = self.operand()
        if isinstance(by, Aggregate):
            raise self.unexpected(at)
        return by

    def ordering(self) -> tuple[Ordering, ...]:
        if not self.take_word("order"):
            return ()
        self.need_word("by")
        terms = [self.order_term()]
        while self.take_mark(","):
            terms.append(self.order_term())
        return tuple(terms)

    def order_term(self) -> Ordering:
        by = self.operand()
        descending = self.take_word("desc")
        if not descending:
            self.take_word("asc")
        nulls_last = False
        if self.take_word("nulls"):
            nulls_last = self.is_word("last")
            if not self.take_word("first", "last"):
                raise self.unexpected()
        return Ordering(by, descending, nulls_last)

    def operand(self) -> Path | Aggregate:
        token = self.need_name()
        if self.here.text == "(" and self.here.kind == "mark":
            found = self.function(token, aliased=False)
            if isinstance(found, Selected):
                return found.path
            if isinstance(found, Aggregate):
                return found
            raise self.unexpected(token)
        return _path(token)

    def count_after(self, word: str) -> int | None:
        if not self.take_word(word):
            return None
        token = self.step()
        if token.kind != "number" or not token.text.isdigit():
            raise self.unexpected(token)
        return int(token.text)

    def condition(self) -> Condition:
        if self.take_word("not"):
            return Negation(self.simple())  # NOT stands alone; a mixture needs parentheses
        parts = [self.simple()]
        word = None
        while self.is_word("and", "or"):
            found = self.here.text.lower()
            if word is not None and found != word:
                raise self.unexpected()  # SOQL wants parentheses where AND meets OR
            word = found
            self.step()
            parts.append(self.simple())
        return Junction(word, tuple(parts)) if word else parts[0]

    def simple(self) -> Condition:
        if self.take_mark("("):
            inner = self.condition()
            self.need_mark(")")
            return inner
        if self.is_word("not"):
            raise self.unexpected()
        return self.comparison()

    def comparison(self) -> Comparison:
        column = self.here.column
        left = self.operand()
        if self.take_word("like"):
            return Comparison(left, "like", self.literal(like=True), column)
        negated = self.is_word("not")
        if self.take_word("not") and not self.is_word("in"):
            raise self.unexpected()
        if self.take_word("in"):
            return Comparison(left, "not in" if negated else "in", self.members(), column)
        if self.take_word("includes", "excludes"):
            raise self.unexpected(self.tokens[self.at - 1])
        if self.here.kind != "sign":
            raise self.unexpected()
        sign = self.step().text
        return Comparison(left, _SIGNS.get(sign, sign), self.literal(), column)

    def members(self) -> tuple[Literal, ...] | Query:
        self.need_mark("(")
        if self.is_word("select"):
            query = self.query()
            self.need_mark(")")
            return query
        values = [self.literal()]
        while self.take_mark(","):
            values.append(self.literal())
        self.need_mark(")")
        return tuple(values)

    def literal(self, *, like: bool = False) -> Literal:
        token = self.step()
        if token.kind == "string":
            return Literal("string", unescape(self.statement, token, keep_wildcards=like), token.column)
        if token.kind in ("number", "date", "datetime"):
            return Literal(token.kind, token.text, token.column)
        word = token.text.lower()
        if word in ("true", "false"):
            return Literal("boolean", word, token.column)
        if word == "null":
            return Literal("null", word, token.column)
        if token.kind == "name" and "." not in word:
            if self.take_mark(":"):
                return Literal("relative", f"{word}:{self.step().text}", token.column)
            return Literal("relative", word, token.column)
        raise self.unexpected(token)


def _path(token: Token) -> Path:
    return Path(tuple(token.text.split(".")), token.column)
