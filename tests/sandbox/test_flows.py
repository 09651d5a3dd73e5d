"""Every OAuth flow opens a session for the right user, or says why not in an OAuth error object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from syncd.sandbox.errors import ControlRefused
from syncd.sandbox.flows import JWT_BEARER
from tests.sandbox.client import Client

CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
ADMIN = "admin@sandbox.example"
PASSWORD = {"grant_type": "password", "username": ADMIN, "password": "sandbox-passwordsandbox-token"} | CLIENT


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def public(key: rsa.RSAPrivateKey) -> str:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, kind).decode()


def ask(client: Client, form: dict[str, str], path: str = "token") -> requests.Response:
    return requests.post(f"{client.served.url}/services/oauth2/{path}", data=form, timeout=5)


def who(client: Client, token: str) -> Any:
    url = client.served.url + "/services/oauth2/userinfo"
    return requests.get(url, headers={"Authorization": "Bearer " + token}, timeout=5).json()["preferred_username"]


def claims(client: Client, **changed: Any) -> dict[str, Any]:
    usual = {"iss": "sandbox-client", "sub": ADMIN, "aud": "https://login.salesforce.com"}
    return usual | {"exp": int(client.org.clock.now().timestamp()) + 180} | changed


def assert_refused(answer: requests.Response, status: int, error: str) -> None:
    assert isinstance(answer.json(), dict), "an object, where plain REST answers an array"
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.json()["error_description"]


def test_a_signed_assertion_opens_a_session_of_its_subject(client: Client, key: rsa.RSAPrivateKey) -> None:
    client.org.change_settings({"jwt_public_key": public(key)})
    form = {"grant_type": JWT_BEARER, "assertion": jwt.encode(claims(client), key, algorithm="RS256")}
    answer = ask(client, form)
    assert answer.status_code == 200, answer.text
    assert who(client, answer.json()["access_token"]) == ADMIN
    assert "refresh_token" not in answer.json()
    assert "expires_in" not in answer.json()


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"iss": "somebody-else"}, "invalid_client_id"),
        ({"aud": "https://example.com"}, "invalid_grant"),
        ({"sub": "nobody@sandbox.example"}, "invalid_grant"),
        ({"exp": 1_000}, "invalid_grant"),
        ({"exp": "soon"}, "invalid_grant"),
        ({"exp": 4_000_000_000}, "invalid_grant"),
        ({"exp": None}, "invalid_grant"),
    ],
)
def test_an_assertion_with_a_wrong_claim_is_refused(
    client: Client, key: rsa.RSAPrivateKey, changed: dict[str, Any], error: str
) -> None:
    client.org.change_settings({"jwt_public_key": public(key)})
    given = {name: value for name, value in claims(client, **changed).items() if value is not None}
    signed = jwt.encode(given, key, algorithm="RS256")
    assert_refused(ask(client, {"grant_type": JWT_BEARER, "assertion": signed}), 400, error)


@pytest.mark.parametrize("written", [lambda now: str(now + 180), lambda now: now * 1000 + 300], ids=["simple-salesforce", "sf"])
def test_an_expiry_is_understood_as_widespread_clients_write_it(
    client: Client, key: rsa.RSAPrivateKey, written: Callable[[int], object]
) -> None:
    client.org.change_settings({"jwt_public_key": public(key)})
    expires_at = written(int(client.org.clock.now().timestamp()))
    signed = jwt.encode(claims(client) | {"exp": expires_at}, key, algorithm="RS256")
    assert ask(client, {"grant_type": JWT_BEARER, "assertion": signed}).status_code == 200


def test_an_assertion_counts_only_with_the_registered_key_and_rs256(client: Client, key: rsa.RSAPrivateKey) -> None:
    mine = jwt.encode(claims(client), key, algorithm="RS256")
    assert_refused(ask(client, {"grant_type": JWT_BEARER, "assertion": mine}), 400, "invalid_grant")  # none registered
    client.org.change_settings({"jwt_public_key": public(key)})
    other = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    wrong = [
        jwt.encode(claims(client), other, algorithm="RS256"),
        jwt.encode(claims(client), key, algorithm="RS512"),
        jwt.encode(claims(client), "s" * 64, algorithm="HS256"),
        mine[:-4],
        "oops",
        "",
    ]
    for assertion in wrong:
        assert_refused(ask(client, {"grant_type": JWT_BEARER, "assertion": assertion}), 400, "invalid_grant")


def test_an_assertion_runs_out_by_the_orgs_clock(client: Client, key: rsa.RSAPrivateKey) -> None:
    client.org.change_settings({"jwt_public_key": public(key)})
    form = {"grant_type": JWT_BEARER, "assertion": jwt.encode(claims(client), key, algorithm="RS256")}
    client.org.clock.advance(181)
    assert_refused(ask(client, form), 400, "invalid_grant")


def test_a_key_that_is_none_is_refused_before_any_setting_changes(client: Client) -> None:
    with pytest.raises(ControlRefused, match="PEM"):
        client.org.change_settings({"password_flow": False, "jwt_public_key": "oops"})
    assert client.org.settings.password_flow is True


def test_a_password_with_its_token_opens_a_session_of_that_user(client: Client) -> None:
    assert who(client, ask(client, PASSWORD).json()["access_token"]) == ADMIN


@pytest.mark.parametrize(
    ("changed", "settings", "status", "error"),
    [
        ({"password": "sandbox-password"}, {}, 400, "invalid_grant"),
        ({"password": "wrong"}, {}, 400, "invalid_grant"),
        ({"username": "nobody@sandbox.example"}, {}, 400, "invalid_grant"),
        ({}, {"password_flow": False}, 400, "invalid_grant"),
        ({}, {"expired_passwords": [ADMIN]}, 400, "invalid_grant"),
        ({}, {"passwords": {ADMIN: "other"}}, 400, "invalid_grant"),
        ({}, {"unapproved_users": [ADMIN]}, 400, "invalid_grant"),
        ({"client_secret": "wrong"}, {}, 401, "invalid_client"),
        ({"client_id": "other"}, {}, 400, "invalid_client_id"),
    ],
)
def test_the_password_flow_refuses(
    client: Client, changed: dict[str, str], settings: dict[str, Any], status: int, error: str
) -> None:
    client.org.change_settings(settings)
    assert_refused(ask(client, PASSWORD | changed), status, error)


def test_ten_wrong_passwords_lock_a_user_out_for_a_quarter_of_an_hour(client: Client) -> None:
    for _ in range(10):
        ask(client, PASSWORD | {"password": "wrong"})
    assert_refused(ask(client, PASSWORD), 400, "invalid_grant")
    client.org.clock.advance(15 * 60)
    assert ask(client, PASSWORD).status_code == 200


def refresh_token(client: Client, user: str = ADMIN) -> str:
    return str(client.call("POST", client.served.url + "/_sandbox/refresh_token", {"user": user}).json()["refresh_token"])


def test_a_refresh_token_opens_sessions_until_it_is_revoked(client: Client) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token(client), "client_id": "sandbox-client"}
    first, second = ask(client, form).json(), ask(client, form).json()
    assert "refresh_token" not in first
    assert who(client, first["access_token"]) == who(client, second["access_token"]) == ADMIN
    assert ask(client, {"token": form["refresh_token"]}, "revoke").status_code == 200
    assert_refused(ask(client, form), 400, "invalid_grant")
    ended = client.call("GET", "/limits", Authorization="Bearer " + second["access_token"])
    assert ended.status_code == 401


def test_rotation_replaces_the_refresh_token_again_and_again(client: Client) -> None:
    client.org.change_settings({"refresh_token_rotation": True})
    token = refresh_token(client)
    for _ in range(3):
        answer = ask(client, {"grant_type": "refresh_token", "refresh_token": token, "client_id": "sandbox-client"})
        assert answer.status_code == 200
        assert answer.json()["refresh_token"] != token
        token = answer.json()["refresh_token"]


def test_using_a_replaced_refresh_token_again_revokes_the_present_one_and_its_sessions(client: Client) -> None:
    client.org.change_settings({"refresh_token_rotation": True})
    first = {"grant_type": "refresh_token", "refresh_token": refresh_token(client)} | CLIENT
    second = ask(client, first).json()
    third = ask(client, first | {"refresh_token": second["refresh_token"]}).json()
    assert who(client, third["access_token"])
    assert_refused(ask(client, first), 400, "invalid_grant")
    assert_refused(ask(client, first | {"refresh_token": third["refresh_token"]}), 400, "invalid_grant")
    for each in (second, third):
        answer = client.call("GET", "/limits", Authorization=f"Bearer {each['access_token']}")
        assert answer.status_code == 401


def test_an_unknown_grant_and_an_unknown_token_are_refused(client: Client) -> None:
    assert_refused(ask(client, {"grant_type": "magic"}), 400, "unsupported_grant_type")
    assert_refused(ask(client, {"token": "nope"}, "revoke"), 400, "unsupported_token_type")


def test_introspection_tells_the_app_what_a_token_is_good_for(client: Client) -> None:
    token = ask(client, PASSWORD).json()["access_token"]
    facts = ask(client, CLIENT | {"token": token}, "introspect").json()
    now = int(client.org.clock.now().timestamp())
    assert (facts["active"], facts["username"], facts["exp"], facts["iat"]) == (True, ADMIN, now + 7_200, now)
    assert ask(client, CLIENT | {"token": "nope"}, "introspect").json() == {"active": False}
    assert_refused(ask(client, {"token": token}, "introspect"), 401, "invalid_client")
    refresh = ask(client, CLIENT | {"token": refresh_token(client)}, "introspect").json()
    assert (refresh["active"], refresh["token_type"]) == (True, "refresh_token")


@pytest.mark.parametrize(
    ("version", "status", "code"),
    [("20.0", 410, "GONE"), ("21.0", 410, "GONE"), ("30.0", 410, "GONE"), ("66.0", 404, "NOT_FOUND"), ("62.5", 404, "NOT_FOUND")],
)
def test_a_retired_version_is_gone_and_an_unknown_one_never_was(client: Client, version: str, status: int, code: str) -> None:
    answer = client.call("GET", f"/services/data/v{version}/limits")
    assert (answer.status_code, [each["errorCode"] for each in answer.json()]) == (status, [code])


def test_the_oldest_version_works_and_a_deprecated_one_warns(client: Client) -> None:
    assert "Warning" not in client.call("GET", "/services/data/v31.0/limits").headers
    client.org.change_settings({"deprecated_through": 40})
    assert client.call("GET", "/services/data/v40.0/limits").headers["Warning"].startswith("299 - ")
    assert "Warning" not in client.call("GET", "/services/data/v41.0/limits").headers
    client.org.change_settings({"retired_through": 40})
    assert client.call("GET", "/services/data/v40.0/limits").status_code == 410
    assert requests.get(client.served.url + "/services/data/", timeout=5).json()[0]["version"] == "41.0"
