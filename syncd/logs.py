"""What does syncd tell while it runs, and how is it kept from telling a secret?

Log lines go to stderr: stdout is for data. What cannot be written is dropped: a full disk under the log never stops a cycle.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, Literal
from urllib.parse import quote, quote_plus

import orjson
import structlog
from pydantic import SecretStr

HIDDEN = "***"
SECRET_LENGTH_MIN = 4
_SECRET_KEY = re.compile(
    r"token|secret|passw|authori[sz]ation|assertion|session|cookie|credential|private_?key|api_?key", re.IGNORECASE
)
_SECRET_VALUES = (
    re.compile(r"00D[A-Za-z0-9]{3,15}(?:!|%21)[^\s\"'&,;<>]+"),
    re.compile(r"(?<=\b)(?:Bearer|Basic|OAuth)\s+[^\s\"',;<>]+", re.IGNORECASE),
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
    re.compile(r"\b5Aep861[\w.%-]{20,}"),  # Salesforce's refresh tokens
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"),  # signed assertions
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"),
    re.compile(
        r"(?:(?<=access_token)|(?<=refresh_token)|(?<=client_secret)|(?<=assertion)|(?<=password)|(?<=sessionId))"
        r"[\"']?\s*[=:]\s*[\"']?[^\s\"'&,;<>}]+"
    ),
)

Event = MutableMapping[str, Any]
Level = Literal["debug", "info", "warning", "error"]


class Redaction:
    """Takes secrets out of a log line: by the name of a key, by the look of a value, and the configured ones by themselves.

    Everything becomes plain JSON on the way, so that nothing is turned into text after it was looked at.
    """

    def __init__(self, secrets: Iterable[SecretStr | str] = ()) -> None:
        plain = {each.get_secret_value() if isinstance(each, SecretStr) else each for each in secrets}
        forms = {form for each in plain for form in (each, quote(each, safe=""), quote_plus(each))}
        self._secrets = sorted((form for form in forms if len(form) >= SECRET_LENGTH_MIN), key=len, reverse=True)

    def __call__(self, logger: object, method: str, event: Event) -> Event:
        """Return the event without secrets (the signature is structlog's)."""
        return {self.text(key): self._value(key, value) for key, value in event.items()}

    def text(self, text: str) -> str:
        """Return a text without secrets; lone surrogates are escaped."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        for pattern in _SECRET_VALUES:
            text = pattern.sub(HIDDEN, text)
        return text.encode("utf-8", "backslashreplace").decode("utf-8")

    def _value(self, key: str, value: object) -> object:
        if _SECRET_KEY.search(key) and value is not None and not isinstance(value, bool):
            return HIDDEN
        return self._clean(value)

    def _clean(self, value: object) -> object:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return value if abs(value) < 2**53 else self.text(repr(value))
        if isinstance(value, bytes):
            return self.text(value.decode("utf-8", "backslashreplace"))
        if isinstance(value, datetime | date):
            return value.isoformat()
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._value(str(key), each) for key, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean(each) for each in value]
        return self.text(str(value))


class _Stderr:
    """Writes whole lines to stderr, wherever it points at the time, and survives when that fails."""

    _lock = threading.Lock()

    def msg(self, line: str | bytes) -> None:
        data = (line if isinstance(line, bytes) else line.encode("utf-8", "backslashreplace")) + b"\n"
        try:
            with self._lock:
                raw = getattr(sys.stderr, "buffer", None)
                if raw is None:
                    sys.stderr.write(data.decode("utf-8"))
                else:
                    sys.stderr.flush()
                    raw.write(data)
                    raw.flush()
        except (OSError, ValueError):
            return

    log = debug = info = warning = error = critical = exception = msg


class _Forward(logging.Handler):
    """Hands what libraries log to structlog, so that one format and one redaction hold for all lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on."""
        structlog.get_logger().log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


def configure(
    format: Literal["json", "console"] = "json",
    level: Level = "info",
    *,
    secrets: Iterable[SecretStr | str] = (),
    wall: Callable[[], datetime] | None = None,
) -> None:
    """Set logging up for the whole process; calling it again replaces what was set up before.

    `secrets` never appear in a line, wherever they come from.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _stamped(wall or (lambda: datetime.now(UTC))),
            structlog.processors.format_exc_info,
            Redaction(secrets),
            *([_json] if format == "json" else [_printable, _console()]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: _Stderr(),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [each for each in root.handlers if not isinstance(each, _Forward)] + [_Forward()]
    root.setLevel(max(threshold, logging.WARNING))


@contextmanager
def bound(**names: str) -> Iterator[None]:
    """Put names such as `org` and `cycle` on every line that is logged inside the block."""
    with structlog.contextvars.bound_contextvars(**names):
        yield


def _stamped(wall: Callable[[], datetime]) -> Callable[[object, str, Event], Event]:
    def stamp(logger: object, method: str, event: Event) -> Event:
        return {"at": wall().astimezone(UTC).isoformat(timespec="milliseconds"), **event}

    return stamp


def _json(logger: object, method: str, event: Event) -> bytes:
    return orjson.dumps(event)


def _console() -> structlog.dev.ConsoleRenderer:
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    return structlog.dev.ConsoleRenderer(
        colors=is_terminal, timestamp_key="at", exception_formatter=structlog.dev.plain_traceback
    )


def _printable(logger: object, method: str, event: Event) -> Event:
    """Escape what a terminal would obey: a name in a record must not move the cursor. Tracebacks keep their lines."""
    return {key: _escaped(value, keep="\n" if key == "exception" else "") for key, value in event.items()}


def _escaped(value: object, keep: str = "") -> object:
    if not isinstance(value, str):
        return value if isinstance(value, int | float | None) else _escaped(orjson.dumps(value).decode("utf-8"))
    return "".join(each if each.isprintable() or each in keep else each.encode("unicode_escape").decode() for each in value)
