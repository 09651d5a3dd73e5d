from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import pytest
import requests
import responses
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from syncd import logs
from syncd.errors import SyncdError
from syncd.salesforce.access import OrgAccess
from syncd.salesforce.org import SalesforceOrg

CANARY = "canary/5ecret+&value"
SESSION = "00D5e00000A1b2c!AQEAQcanary.canary_token"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
URL = "http://127.0.0.1:18443"

plain = st.text(st.characters(codec="utf-8"), max_size=20)
keys = st.sampled_from(["text", "access_token", "password", "Authorization", "session_id", "error", "body", "client_secret"])


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capture: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    out, err = capture.readouterr()
    assert out == ""
    return [json.loads(line) for line in err.splitlines()]


def test_lines_are_json_on_stderr_with_org_and_cycle(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", wall=lambda: NOW)
    log = structlog.get_logger()
    with logs.bound(org="00D", cycle="c1"):
        log.info("pulled", rows=3, took_s=0.5, at_row=None)
    log.debug("not shown")
    log.warning("alone", day=NOW.date())
    first, second = lines(capsys)
    assert first == {
        "at": "2026-03-02T09:00:00.000+00:00",
        "level": "info",
        "event": "pulled",
        "org": "00D",
        "cycle": "c1",
        "rows": 3,
        "took_s": 0.5,
        "at_row": None,
    }
    assert (second["day"], "org" in second) == ("2026-03-02", False)


@pytest.mark.parametrize(
    "key", ["token", "access_token", "client_secret", "Password", "passwd", "AUTHORIZATION", "assertion", "session_id", "Cookie"]
)
def test_what_a_secret_is_called_hides_it(capsys: pytest.CaptureFixture[str], key: str) -> None:
    logs.configure("json")
    structlog.get_logger().info("x", **{key: "quiet", "deep": {key: ["quiet"], "ok": 1}})
    (line,) = lines(capsys)
    assert line[key] == line["deep"][key] == logs.HIDDEN
    assert line["deep"]["ok"] == 1


@pytest.mark.parametrize(
    "text",
    [
        f"sid {SESSION} end",
        f"Authorization: Bearer {SESSION}",
        "Authorization: bearer canary",
        "Basic Y2FuYXJ5OmNhbmFyeQcanary==",
        f"https://x/?sid={quote_plus(SESSION)}&a=1",
        "postgresql://user:canary@host/db",
        '{"access_token":"canary","scope":"api"}',
        "{'client_secret': 'canary'}",
        "grant_type=client_credentials&client_secret=canary&x=1",
    ],
)
def test_what_looks_like_a_secret_is_hidden_anywhere(capsys: pytest.CaptureFixture[str], text: str) -> None:
    logs.configure("json")
    structlog.get_logger().info(text, text=text, nested=[{"a": (text, text.encode())}], problem=ValueError(text))
    (line,) = lines(capsys)
    assert "canary" not in json.dumps(line)


forms = st.sampled_from([str, quote_plus, ValueError, str.encode])


@given(before=plain, after=plain, key=keys, depth=st.integers(0, 3), form=forms)
def test_a_configured_secret_never_leaves_in_any_form(before: str, after: str, key: str, depth: int, form: Any) -> None:
    value: Any = form(f"{before}{CANARY}{after}")
    for _ in range(depth):
        value = {key: [value], before: value}
    event = logs.Redaction([SecretStr(CANARY)])(None, "info", {"event": f"{after}{CANARY}", key: value, f"{before}{CANARY}": 1})
    shown = json.dumps(event)
    assert CANARY not in shown
    assert quote_plus(CANARY) not in shown


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(st.characters(), max_size=9)
            | st.binary(max_size=9),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(), inner, max_size=3),
            max_leaves=6,
        ),
        max_size=4,
    )
)
def test_every_event_becomes_one_line_of_json(event: dict[str, Any]) -> None:
    line = logs._json(None, "info", logs.Redaction()(None, "info", event))
    assert b"\n" not in line
    json.loads(line)


def test_tracebacks_are_redacted_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", secrets=[CANARY])
    try:
        raise ValueError(f"secret {CANARY} session {SESSION}")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = lines(capsys)
    assert "ValueError: secret *** session ***" in line["exception"]
    assert "canary" not in json.dumps(line["exception"].splitlines()[-1])


def test_libraries_log_in_the_same_form_and_under_the_same_redaction(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "debug", secrets=[CANARY])
    logs.configure("json", "debug", secrets=[CANARY])
    logging.getLogger("apscheduler").warning("missed by %s %s", 5, CANARY)
    logging.getLogger("urllib3").debug("chatter")
    (line,) = lines(capsys)
    assert (line["logger"], line["event"], line["level"]) == ("apscheduler", "missed by 5 ***", "warning")


def test_the_console_shows_what_a_terminal_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("console", secrets=[CANARY])
    structlog.get_logger().warning("a\x1b[2Jb", name="x\ny\u202e", token=CANARY, many=[1, "\x07"])
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert all(char.isprintable() for char in err.rstrip("\n"))
    assert CANARY not in err


def test_a_log_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    logs.configure("json")
    monkeypatch.setattr(sys, "stderr", Full())
    structlog.get_logger().info("x")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    sys.stderr.close()
    structlog.get_logger().info("x")


fragments = st.sampled_from([CANARY, SESSION, quote_plus(CANARY), f"Bearer {SESSION}", "words", "<html>", '"'])
bodies = st.one_of(
    fragments,
    st.lists(fragments, max_size=3).map(" ".join),
    fragments.map(lambda each: json.dumps({"error": "invalid_client", "error_description": each})),
    fragments.map(lambda each: json.dumps([{"errorCode": each, "message": each}])),
    fragments.map(lambda each: json.dumps({"access_token": SESSION, "instance_url": each, "id": each})),
    fragments.map(lambda each: json.dumps({"access_token": SESSION, "instance_url": URL, "id": each})),
)


@pytest.mark.parametrize(
    "failure",
    [requests.ConnectionError(f"refused {CANARY}"), requests.ReadTimeout(SESSION), requests.exceptions.InvalidURL(CANARY)],
)
def test_no_way_in_which_the_network_fails_tells_the_secret(failure: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "debug", secrets=[CANARY])
    with responses.RequestsMock() as wire, SalesforceOrg(OrgAccess(URL, "id", SecretStr(CANARY)), sleep=lambda _: None) as org:
        wire.post(f"{URL}/services/oauth2/token", body=failure)
        with pytest.raises(SyncdError) as failed:
            org.identity()
        assert CANARY not in str(failed.value)
        structlog.get_logger().error("login failed", error=failed.value, exc_info=failed.value)
    shown = json.dumps(lines(capsys))
    assert CANARY not in shown
    assert SESSION not in shown


@settings(max_examples=120, deadline=None)
@given(status=st.sampled_from([200, 302, 400, 401, 403, 404, 429, 500, 503]), body=bodies)
def test_no_way_in_which_a_login_fails_tells_the_secret(status: int, body: str) -> None:
    stderr = io.StringIO()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", stderr)
        wire.post(f"{URL}/services/oauth2/token", body=body, status=status, headers={"Retry-After": "1"})
        logs.configure("json", "debug", secrets=[CANARY])
        with SalesforceOrg(OrgAccess(URL, "id", SecretStr(CANARY)), sleep=lambda _: None) as org:
            with pytest.raises(SyncdError) as failed:
                org.identity()
            structlog.get_logger().error("login failed", error=failed.value, hint=failed.value.hint, exc_info=failed.value)
    shown = stderr.getvalue()
    assert shown
    for canary in (CANARY, quote_plus(CANARY), SESSION):
        assert canary not in shown
        assert canary not in json.dumps(shown)
