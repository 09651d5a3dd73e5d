"""Does each of the four logins open a session of the right user, once for all threads, and lose nothing on the way?"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import SecretStr

from syncd.errors import LoginRefused, OrgRefused, OrgUnreachable
from syncd.ports import OrgReader
from syncd.salesforce.access import ClientCredentials, JwtBearer, Method, OrgAccess, Password, RefreshToken, audience_of
from syncd.salesforce.org import SalesforceOrg
from syncd.sandbox.faults_read import read_faults
from syncd.sandbox.local import RunningOrg, running
from syncd.sandbox.logins import PASSWORD, SECURITY_TOKEN
from syncd.sandbox.seeds import ADMIN_USERNAME

API_USERNAME = "syncd@sandbox.example"
THREADS = 16


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@pytest.fixture
def served(key: rsa.RSAPrivateKey) -> Iterator[RunningOrg]:
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with running() as org:
        org.org.change_settings({"jwt_public_key": public.decode(), "refresh_token_rotation": True})
        yield org


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, passphrase: str = "") -> bytes:
    """Write a private key as openssl does."""
    lock = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


def api_user(served: RunningOrg) -> str:
    return served.org.api_user_id


def new_token(served: RunningOrg) -> str:
    """Let the API user allow the app, as in a browser."""
    with served.org.lock:
        return served.org.logins.open_refresh(api_user(served))


def method_of(name: str, served: RunningOrg, folder: Path, key: rsa.RSAPrivateKey) -> Method:
    """Set one kind of login up."""
    if name == "jwt-bearer":
        (folder / "key.pem").write_bytes(pem(key))
        return JwtBearer(API_USERNAME, folder / "key.pem", "https://login.salesforce.com")
    if name == "refresh-token":
        (folder / "token").write_text(new_token(served) + "\n", "utf-8")
        return RefreshToken(folder / "token")
    if name == "password":
        return Password(API_USERNAME, SecretStr(PASSWORD), SecretStr(SECURITY_TOKEN))
    return ClientCredentials()


def access_to(served: RunningOrg, method: Method, **more: Any) -> OrgAccess:
    secret = SecretStr("" if isinstance(method, JwtBearer) else served.client_secret)
    return OrgAccess(served.url, served.client_id, secret, method=method, attempts_max=2, **more)


def opened(served: RunningOrg, method: Method, **more: Any) -> SalesforceOrg:
    return SalesforceOrg(access_to(served, method, **more), sleep=lambda _: None)


def logins(served: RunningOrg) -> int:
    return sum(one["path"].endswith("/oauth2/token") for one in served.requests())


FLOWS = ("client-credentials", "jwt-bearer", "refresh-token", "password")


@pytest.mark.parametrize("flow", FLOWS)
def test_every_login_opens_a_session_of_the_integration_user(
    flow: str, served: RunningOrg, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    with opened(served, method_of(flow, served, tmp_path, key)) as org:
        assert org.identity().user_id == api_user(served)
        assert list(org.schema(["Lead"])) == ["Lead"]
    assert logins(served) == 1


@pytest.mark.parametrize("flow", FLOWS)
def test_sixteen_threads_log_in_once_and_once_again_when_the_session_ends(
    flow: str, served: RunningOrg, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    with opened(served, method_of(flow, served, tmp_path, key)) as org:
        for expected in (1, 2, 3):
            assert together(org) == [["Lead"]] * THREADS
            assert logins(served) == expected
            with served.org.lock:
                served.org.sessions.end_all()


def together(org: OrgReader) -> list[list[str]]:
    """Ask the same in all threads at once."""
    gate, answers = threading.Barrier(THREADS, timeout=20), []

    def ask() -> None:
        gate.wait()
        answers.append(list(org.schema(["Lead"])))

    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


# --- the signed assertion ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("off", [timedelta(hours=-3), timedelta(minutes=4), timedelta(days=2)])
def test_a_signature_is_dated_by_the_orgs_clock_however_wrong_the_hosts_is(
    off: timedelta, served: RunningOrg, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    method = method_of("jwt-bearer", served, tmp_path, key)
    wrong = SalesforceOrg(access_to(served, method), wall=lambda: served.org.clock.now() + off, sleep=lambda _: None)
    with wrong as org:
        assert org.identity().user_id == api_user(served)
        assert org.usage().ours == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n", "is no private key in PEM form"),
        ("locked", "is protected by a passphrase"),
        ("small", "holds no RSA key of at least 2048 bits"),
        ("curve", "holds no RSA key of at least 2048 bits"),
    ],
)
def test_a_key_that_cannot_sign_is_named_before_anything_is_sent(
    content: bytes | str | None, words: str, served: RunningOrg, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    method = method_of("jwt-bearer", served, tmp_path, key)
    assert isinstance(method, JwtBearer)
    keys = {
        "locked": lambda: pem(key, "passphrase"),
        "small": lambda: pem(rsa.generate_private_key(public_exponent=65_537, key_size=1_024)),
        "curve": lambda: pem(ec.generate_private_key(ec.SECP256R1())),
    }
    method.key_file.unlink()
    if content is not None:
        method.key_file.write_bytes(keys[content]() if isinstance(content, str) else content)
    with opened(served, method) as org, pytest.raises(LoginRefused, match=words) as refused:
        org.identity()
    assert str(method.key_file) in str(refused.value)
    assert "openssl" in refused.value.hint
    assert "canary" not in f"{refused.value}{refused.value.hint}"
    assert logins(served) == 0


@pytest.mark.parametrize(
    ("changed", "settings", "hint"),
    [
        ({"username": "nobody@sandbox.example"}, {}, "Permitted Users"),
        ({}, {"unapproved_users": [API_USERNAME]}, "Permitted Users"),
        ({"audience": "https://example.com"}, {}, "audience"),
        ({}, {"jwt_public_key": ""}, "certificate"),
    ],
)
def test_a_refused_signature_names_what_to_change_in_setup(
    changed: dict[str, Any], settings: dict[str, Any], hint: str, served: RunningOrg, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    method = method_of("jwt-bearer", served, tmp_path, key)
    assert isinstance(method, JwtBearer)
    served.org.change_settings(settings)
    with opened(served, replace(method, **changed)) as org, pytest.raises(LoginRefused) as refused:
        org.identity()
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("url", "audience"),
    [
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("https://test.salesforce.com", "https://test.salesforce.com"),
        ("http://127.0.0.1:8080", "https://login.salesforce.com"),
    ],
)
def test_whom_a_signature_is_for_follows_from_the_kind_of_org(url: str, audience: str) -> None:
    assert audience_of(url) == audience


# --- the refresh token -------------------------------------------------------------------------------------------------


def test_a_replaced_token_is_on_disk_for_the_next_process_and_only_its_owner_may_read_it(
    served: RunningOrg, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    method = method_of("refresh-token", served, tmp_path, key)
    seen = {(tmp_path / "token").read_text()}
    for _ in range(4):
        with opened(served, method) as org:
            org.identity()
        seen.add((tmp_path / "token").read_text())
        assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert len(seen) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == [".token.lock", "token"]


def test_a_token_that_is_not_replaced_stays_as_it_was(served: RunningOrg, tmp_path: Path, key: rsa.RSAPrivateKey) -> None:
    served.org.change_settings({"refresh_token_rotation": False})
    method = method_of("refresh-token", served, tmp_path, key)
    before = (tmp_path / "token").read_text()
    for _ in range(2):
        with opened(served, method) as org:
            org.identity()
    assert (tmp_path / "token").read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".token.lock", "token"]


def test_a_public_app_needs_no_secret(served: RunningOrg, tmp_path: Path, key: rsa.RSAPrivateKey) -> None:
    access = replace(access_to(served, method_of("refresh-token", served, tmp_path, key)), client_secret=SecretStr(""))
    with SalesforceOrg(access) as org:
        assert org.identity().user_id == api_user(served)


def test_two_sessions_of_one_file_take_turns_and_never_spend_a_token_twice(
    served: RunningOrg, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    method = method_of("refresh-token", served, tmp_path, key)
    gate, problems = threading.Barrier(8, timeout=20), []

    def log_in() -> None:
        gate.wait()
        with opened(served, method) as org:
            try:
                org.identity()
            except (LoginRefused, OrgUnreachable) as problem:
                problems.append(problem)

    threads = [threading.Thread(target=log_in) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert problems == []
    assert logins(served) == 8


def test_what_cannot_be_kept_is_not_asked_for(served: RunningOrg, tmp_path: Path, key: rsa.RSAPrivateKey) -> None:
    method = method_of("refresh-token", served, tmp_path, key)
    (tmp_path / ".token.next").mkdir()
    with opened(served, method) as org, pytest.raises(OrgUnreachable, match="Nothing was asked") as failed:
        org.identity()
    assert str(tmp_path) in failed.value.hint
    assert logins(served) == 0
    (tmp_path / ".token.next").rmdir()
    with opened(served, method) as org:
        org.identity()


def test_a_disk_that_fills_up_between_question_and_answer_costs_no_token(
    served: RunningOrg, tmp_path: Path, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = method_of("refresh-token", served, tmp_path, key)
    whole = Path.replace

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    with opened(served, method) as org:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", full)
            with pytest.raises(OrgUnreachable, match="No space left on device"):
                org.identity()
        assert Path.replace is whole
        assert org.identity().user_id == api_user(served)
    with opened(served, method) as org:
        assert org.identity().user_id == api_user(served)


def test_an_answer_that_got_lost_is_told_when_the_old_token_is_refused(
    served: RunningOrg, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    method = method_of("refresh-token", served, tmp_path, key)
    served.org.faults.replace(read_faults({"faults": [{"does": "lose", "path": "/services/oauth2/token", "times": 1}]}))
    with opened(served, method) as org, pytest.raises(LoginRefused, match="expired access/refresh token") as refused:
        org.identity()
    assert "No answer came to the login of 20" in refused.value.hint
    assert str(tmp_path / "token") in refused.value.hint
    (tmp_path / "token").write_text(new_token(served), "utf-8")
    with opened(served, method) as org:
        assert org.identity().user_id == api_user(served)


@pytest.mark.parametrize("content", ["", "two words", "bell\a", "x" * 20_000])
def test_a_file_without_a_token_alone_is_named_and_not_quoted(
    content: str, served: RunningOrg, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    method = method_of("refresh-token", served, tmp_path, key)
    (tmp_path / "token").write_text(content, "utf-8")
    with opened(served, method) as org, pytest.raises(LoginRefused, match="refresh token alone") as refused:
        org.identity()
    assert content == "" or content not in str(refused.value)
    assert logins(served) == 0


# --- another org -------------------------------------------------------------------------------------------------------


def test_a_login_that_suddenly_leads_to_another_org_is_refused(served: RunningOrg) -> None:
    with opened(served, ClientCredentials()) as org:
        mine = org.identity()
        with served.org.lock:
            served.org.sessions.end_all()
            before, served.org.org_id = served.org.org_id, "00D9U0000000099UAA"
        with pytest.raises(OrgRefused, match=f"led to org {mine.org_id} until now and leads to org 00D9U0000000099UAA"):
            org.schema(["Lead"])
        with served.org.lock:
            served.org.org_id = before
        assert list(org.schema(["Lead"])) == ["Lead"]


# --- the breaker -------------------------------------------------------------------------------------------------------


class Clock:
    """A host's clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def try_for(served: RunningOrg, access: OrgAccess, clock: Clock, minutes: int, *, restarts: bool = False) -> list[int]:
    """Try to work every minute; return the minutes in which Salesforce was asked for a login."""
    asked, org = [], SalesforceOrg(access, wall=clock, sleep=lambda _: None)
    for minute in range(minutes):
        before = logins(served)
        with pytest.raises(LoginRefused):
            org.identity()
        if logins(served) > before:
            asked.append(minute)
        clock.now += timedelta(minutes=1)
        served.org.clock.advance(60)
        if restarts:
            org.close()
            org = SalesforceOrg(access, wall=clock, sleep=lambda _: None)
    org.close()
    return asked


@pytest.mark.parametrize("restarts", [False, True])
def test_a_refused_login_is_tried_less_and_less_often_restarts_or_not(restarts: bool, served: RunningOrg, tmp_path: Path) -> None:
    wrong = replace(access_to(served, ClientCredentials()), client_secret=SecretStr("wrong"), refusals=tmp_path / "refusals")
    assert try_for(served, wrong, Clock(), 200, restarts=restarts) == [0, 3, 9, 21, 45, 93, 141, 189]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_wrong_password_is_tried_three_times_and_never_locks_the_user(
    restarts: bool, served: RunningOrg, tmp_path: Path
) -> None:
    served.org.change_settings({"login_attempts_max": 5})
    method = Password(ADMIN_USERNAME, SecretStr("wrong"))
    access = access_to(served, method, refusals=tmp_path / "refusals")
    assert try_for(served, access, Clock(), 300, restarts=restarts) == [0, 3, 9]
    user = served.org.database.where("User", Username=ADMIN_USERNAME)[0]["Id"]
    assert not served.org.logins.locked_out(user, 5, served.org.clock.now())


def test_the_words_of_the_refusal_stay_and_say_when_it_is_tried_again(served: RunningOrg) -> None:
    clock = Clock()
    wrong = replace(access_to(served, ClientCredentials()), client_secret=SecretStr("wrong"))
    with SalesforceOrg(wrong, wall=clock, sleep=lambda _: None) as org:
        with pytest.raises(LoginRefused) as first:
            org.identity()
        with pytest.raises(LoginRefused) as second:
            org.identity()
    assert str(second.value) == f"{first.value} It is not tried again before 2026-03-02 09:03 UTC."
    assert second.value.hint == f"{first.value.hint} When it is put right, run: syncd check"
    assert logins(served) == 1


def test_a_login_that_succeeds_elsewhere_frees_the_daemon_at_once(served: RunningOrg, tmp_path: Path) -> None:
    served.org.change_settings({"passwords": {API_USERNAME: "other"}})
    access = access_to(
        served, Password(API_USERNAME, SecretStr(PASSWORD), SecretStr(SECURITY_TOKEN)), refusals=tmp_path / "refusals"
    )
    clock = Clock()
    with SalesforceOrg(access, wall=clock, sleep=lambda _: None) as daemon:
        for _ in range(2):
            with pytest.raises(LoginRefused):
                daemon.identity()
        served.org.change_settings({"passwords": {}})
        with pytest.raises(LoginRefused, match="not tried again"):
            daemon.identity()
        with SalesforceOrg(access, wall=clock, sleep=lambda _: None) as check:
            check.try_login_at_once()
            assert check.identity().user_id == api_user(served)
        assert daemon.identity().user_id == api_user(served)


def test_a_refused_check_counts_as_one_more_refusal(served: RunningOrg, tmp_path: Path) -> None:
    wrong = access_to(served, Password(API_USERNAME, SecretStr("c4nary")), refusals=tmp_path / "refusals")
    for _ in range(3):
        with SalesforceOrg(wrong, sleep=lambda _: None) as check:
            check.try_login_at_once()
            with pytest.raises(LoginRefused, match="authentication"):
                check.identity()
    with SalesforceOrg(wrong, sleep=lambda _: None) as org, pytest.raises(LoginRefused, match="refused 3 times"):
        org.identity()
    assert logins(served) == 3
    assert b"c4nary" not in (tmp_path / "refusals").read_bytes()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": 1}', '{"x": {"number": "many"}}', "\x00"])
def test_a_damaged_memory_of_refusals_stops_nothing(content: str, served: RunningOrg, tmp_path: Path) -> None:
    (tmp_path / "refusals").write_text(content)
    with opened(served, ClientCredentials(), refusals=tmp_path / "refusals") as org:
        assert org.identity().user_id == api_user(served)
    assert not (tmp_path / "refusals").exists()


def test_a_refusal_that_cannot_be_written_down_is_remembered_by_the_process(served: RunningOrg, tmp_path: Path) -> None:
    (tmp_path / "no").write_text("a file, and no folder")
    wrong = replace(access_to(served, ClientCredentials()), client_secret=SecretStr("x"), refusals=tmp_path / "no" / "such")
    assert try_for(served, wrong, Clock(), 8) == [0, 3]


def test_sessions_that_are_refused_in_mid_work_meet_one_refused_login(served: RunningOrg) -> None:
    with opened(served, ClientCredentials()) as org:
        org.schema(["Lead"])
        with served.org.lock:
            served.org.sessions.end_all()
        user = served.org.api_user_id
        served.org.edit([{"op": "update", "object": "User", "id": user, "fields": {"IsActive": False}}], user=ADMIN_USERNAME)
        before = logins(served)
        for _ in range(5):
            with pytest.raises(LoginRefused, match="inactive") as refused:
                org.schema(["Lead"])
        assert logins(served) == before + 1
        assert "deactivated or frozen" in refused.value.hint
