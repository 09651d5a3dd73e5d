"""Does any way in which a login fails tell a secret: in the error, its cause, its hint, the log, or the list of processes?"""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import traceback
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import requests
import responses
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from syncd import logs
from syncd.errors import SyncdError
from syncd.salesforce.access import ClientCredentials, JwtBearer, Method, OrgAccess, Password, RefreshToken
from syncd.salesforce.org import SalesforceOrg

URL = "http://127.0.0.1:18443"
SECRET, WORD, CODE = "c4nary+secret/&", "c4nary-pass=word%", "c4naryToken24"
REFRESH = "5Aep861c4naryRefresh.tokenOfTheIntegrationUser_0123456789"
FRESH = "5Aep861c4naryRotated.tokenOfTheIntegrationUser_9876543210"
SESSION = "00Dxx0000001abc!AQc4narySession.c4narySession"
CANARIES = (SECRET, WORD, WORD + CODE, REFRESH, FRESH, SESSION)
FLOWS = ("client-credentials", "jwt-bearer", "refresh-token", "password")


@pytest.fixture(scope="module")
def pem() -> bytes:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def forms(secret: str) -> set[str]:
    """Return how a secret may be written."""
    basic = base64.b64encode(f"client-id:{secret}".encode()).decode()
    return {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], basic}


def method_of(name: str, folder: Path, pem: bytes) -> Method:
    if name == "jwt-bearer":
        (folder / "key.pem").write_bytes(pem)
        return JwtBearer("syncd@acme.example", folder / "key.pem", "https://login.salesforce.com")
    if name == "refresh-token":
        (folder / "token").write_text(REFRESH)
        return RefreshToken(folder / "token")
    if name == "password":
        return Password("syncd@acme.example", SecretStr(WORD), SecretStr(CODE))
    return ClientCredentials()


def access_of(name: str, folder: Path, pem: bytes) -> OrgAccess:
    secret = SecretStr("" if name == "jwt-bearer" else SECRET)
    return OrgAccess(URL, "client-id", secret, method=method_of(name, folder, pem), attempts_max=2, refusals=folder / "refusals")


def all_that_is_shown(problem: BaseException, access: OrgAccess, stderr: io.StringIO) -> str:
    """Gather everything a person or a log could see of a failed login."""
    structlog.get_logger().error("login failed", error=problem, hint=getattr(problem, "hint", ""), exc_info=problem)
    chain, each = [], problem
    while each is not None:
        chain.append(f"{each} {each!r}")
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)  # type: ignore[assignment]
    kept = access.refusals.read_text() if access.refusals is not None and access.refusals.exists() else ""
    words = "".join(traceback.format_exception(problem))
    return "\n".join([*chain, str(getattr(problem, "hint", "")), repr(access), kept, words, stderr.getvalue()])


def assert_silent(shown: str, access: OrgAccess, sent: list[str], pem: bytes) -> None:
    """Hold what is shown against the secrets of a login, and against every token: what looks like one is never shown."""
    own = [each.get_secret_value() for each in access.secrets]
    for canary in (*own, "".join(own[1:]), REFRESH, FRESH, SESSION):
        for form in forms(canary) if canary else ():
            assert form not in shown, f"{form} is shown"
    for line in pem.decode().splitlines()[1:-1]:
        assert line not in shown
    for body in sent:
        assertion = body.partition("assertion=")[2].partition("&")[0]
        assert not assertion or assertion not in shown


words = st.sampled_from([*CANARIES, quote_plus(SECRET), f"Bearer {SESSION}", "words", "<html>", '"', "ECHO"])
bodies = st.one_of(
    words,
    st.lists(words, max_size=3).map(" ".join),
    words.map(lambda each: json.dumps({"error": "invalid_grant", "error_description": each})),
    words.map(lambda each: json.dumps({"error": each})),
    words.map(lambda each: json.dumps([{"errorCode": each, "message": each}])),
    words.map(lambda each: json.dumps({"access_token": SESSION, "refresh_token": FRESH, "instance_url": each, "id": each})),
    words.map(lambda each: json.dumps({"access_token": SESSION, "refresh_token": FRESH, "instance_url": URL, "id": each})),
    st.just(f'{{"access_token":"{SESSION}","refresh_token":"{FRESH}"'),
)


@pytest.mark.parametrize("flow", FLOWS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(status=st.sampled_from([200, 302, 400, 401, 403, 404, 429, 500, 503]), body=bodies)
def test_no_answer_makes_a_login_tell_a_secret(flow: str, status: int, body: str, tmp_path: Path, pem: bytes) -> None:
    access, stderr, sent = access_of(flow, tmp_path, pem), io.StringIO(), []
    if access.refusals is not None:
        access.refusals.unlink(missing_ok=True)

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        sent.append(str(request.body))
        return status, {"Retry-After": "1"}, body.replace("ECHO", str(request.body))

    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", stderr)
        wire.add_callback("POST", f"{URL}/services/oauth2/token", answer)
        wire.get(f"{URL}/services/data/", json=[])
        logs.configure("json", "debug", secrets=access.secrets)
        with SalesforceOrg(access, sleep=lambda _: None) as org, pytest.raises(SyncdError) as failed:
            org.identity()
        shown = all_that_is_shown(failed.value, access, stderr)
    assert_silent(shown, access, sent, pem)
    assert sent


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize(
    "failure",
    [
        requests.ConnectionError(f"refused {SECRET} {WORD}"),
        requests.ReadTimeout(f"{REFRESH} {SESSION}"),
        requests.exceptions.InvalidURL(f"{SECRET}{REFRESH}"),
        requests.exceptions.SSLError(WORD),
        requests.exceptions.ProxyError(SECRET),
    ],
    ids=lambda each: type(each).__name__,
)
def test_no_broken_network_makes_a_login_tell_a_secret(flow: str, failure: Exception, tmp_path: Path, pem: bytes) -> None:
    access = access_of(flow, tmp_path, pem)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        wire.post(f"{URL}/services/oauth2/token", body=failure)
        wire.get(f"{URL}/services/data/", body=failure)
        with SalesforceOrg(access, sleep=lambda _: None) as org, pytest.raises(SyncdError) as failed:
            org.identity()
    shown = f"{failed.value} {failed.value.hint} {access!r}"
    assert_silent(shown, access, [], pem)


@pytest.mark.parametrize("word", [REFRESH, FRESH, SESSION])
def test_a_token_that_reaches_the_log_by_any_way_is_hidden(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "debug")
    structlog.get_logger().info(f"got {word} today", note=[word, {"x": f"({word})"}])
    assert word not in capsys.readouterr().err


def test_a_key_or_a_signature_that_reaches_the_log_is_hidden(pem: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    import jwt

    signed = jwt.encode({"iss": "client-id"}, pem, algorithm="RS256")
    logs.configure("json", "debug")
    structlog.get_logger().info(f"got {signed} and {pem.decode()}", note=[signed, pem])
    told = capsys.readouterr().err
    assert signed.rpartition(".")[2] not in told
    assert not any(line in told for line in pem.decode().splitlines()[1:-1])


def test_no_secret_is_an_argument_of_a_process(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        f'[org]\nlogin_url = "{URL}"\nclient_id = "x"\nlogin = "password"\nusername = "u"\n'
        'password = "${SYNCD_PASSWORD}"\nclient_secret = "${SYNCD_CLIENT_SECRET}"\n'
    )
    code = (
        "import subprocess, sys\n"
        "seen = []\n"
        "sys.addaudithook(lambda name, args: seen.append((name, args)) if name in ('subprocess.Popen', 'os.exec') else None)\n"
        "from syncd.cli.main import main\n"
        "try:\n    main(['status'])\nexcept SystemExit:\n    pass\n"
        "print(seen, open('/proc/self/cmdline').read())\n"
    )
    environ = {"SYNCD_PASSWORD": WORD, "SYNCD_CLIENT_SECRET": SECRET, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert "syncd run --once" in ended.stdout + ended.stderr
    assert "[]" in ended.stdout
    for form in (*forms(WORD), *forms(SECRET)):
        assert form not in ended.stdout + ended.stderr
