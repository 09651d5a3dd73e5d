"""SOAP login answers in the shapes that old clients cut out of the text."""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import escape

import pytest
import requests

from tests.sandbox.client import Client

ADMIN = "admin@sandbox.example"
GOOD = "sandbox-passwordsandbox-token"
ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8" ?><env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:urn="urn:partner.soap.sforce.com"><env:Header>{header}</env:Header><env:Body>{body}</env:Body></env:Envelope>'
)


def login(client: Client, username: str = ADMIN, password: str = GOOD, *, path: str = "u/59.0", header: str = "") -> Any:
    body = f'<n1:login xmlns:n1="urn:partner.soap.sforce.com"><n1:username>{escape(username)}</n1:username>'
    body += f"<n1:password>{escape(password)}</n1:password></n1:login>"
    return send(client, ENVELOPE.format(header=header, body=body), path)


def send(client: Client, text: str, path: str = "u/59.0") -> requests.Response:
    headers = {"content-type": "text/xml", "charset": "UTF-8", "SOAPAction": "login"}
    return requests.post(f"{client.served.url}/services/Soap/{path}", data=text, headers=headers, timeout=5)


def cut(text: str, tag: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    assert found, f"no {tag} in {text}"
    return found.group(1)


@pytest.mark.parametrize("flavour", ["u", "c"])
def test_a_login_gives_a_session_that_rest_takes(client: Client, flavour: str) -> None:
    answer = login(client, path=f"{flavour}/59.0")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/xml;charset=UTF-8")
    session = cut(answer.text, "sessionId")
    assert cut(answer.text, "serverUrl") == f"{client.served.url}/services/Soap/{flavour}/59.0/{client.org.org_id[:15]}"
    assert (cut(answer.text, "passwordExpired"), cut(answer.text, "sessionSecondsValid")) == ("false", "7200")
    assert cut(answer.text, "userId") == client.org.admin_id
    assert client.call("GET", "/limits", Authorization=f"Bearer {session}").status_code == 200


@pytest.mark.parametrize(
    ("password", "settings", "code"),
    [
        ("wrong", {}, "INVALID_LOGIN"),
        ("", {}, "INVALID_LOGIN"),
        ("sandbox-password", {}, "LOGIN_MUST_USE_SECURITY_TOKEN"),
        (GOOD, {"passwords": {ADMIN: "<other>"}}, "INVALID_LOGIN"),
        (GOOD, {"security_tokens": {ADMIN: "other"}}, "INVALID_LOGIN"),
        (GOOD, {"login_attempts_max": 0}, "PASSWORD_LOCKOUT"),
    ],
)
def test_a_login_that_fails_is_a_fault_with_prefixed_code(
    client: Client, password: str, settings: dict[str, Any], code: str
) -> None:
    client.org.change_settings(settings)
    answer = login(client, password=password)
    assert answer.status_code == 500
    assert cut(answer.text, "sf:exceptionCode") == cut(answer.text, "faultcode") == code
    assert cut(answer.text, "faultstring") == f"{code}: {cut(answer.text, 'sf:exceptionMessage')}"
    assert 'xsi:type="sf:LoginFault"' in answer.text


def test_a_password_and_token_of_ones_own_are_taken_with_their_odd_characters(client: Client) -> None:
    client.org.change_settings({"passwords": {ADMIN: "a<b&c"}, "security_tokens": {ADMIN: '"t"'}})
    assert login(client, password='a<b&c"t"').status_code == 200


def test_a_trusted_address_needs_no_token(client: Client) -> None:
    client.org.change_settings({"security_token_required": False})
    assert login(client, password="sandbox-password").status_code == 200


def test_an_expired_password_logs_in_with_200_to_a_session_that_may_do_nothing(client: Client) -> None:
    client.org.change_settings({"expired_passwords": [ADMIN]})
    answer = login(client)
    assert (answer.status_code, cut(answer.text, "passwordExpired")) == (200, "true")
    used = client.call("GET", "/limits", Authorization="Bearer " + cut(answer.text, "sessionId"))
    assert (used.status_code, used.json()[0]["errorCode"]) == (403, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD")


def test_an_organization_id_must_be_this_orgs(client: Client) -> None:
    scope = "<urn:LoginScopeHeader><urn:organizationId>{}</urn:organizationId></urn:LoginScopeHeader>"
    assert login(client, header=scope.format(client.org.org_id[:15])).status_code == 200
    assert cut(login(client, header=scope.format("00D000000000000")).text, "sf:exceptionCode") == "INVALID_LOGIN"


@pytest.mark.parametrize(("path", "status"), [("u/28.0", 500), ("u/99.0", 500), ("u/x", 404), ("m/59.0", 404)])
def test_another_version_or_api_is_refused(client: Client, path: str, status: int) -> None:
    answer = login(client, path=path)
    assert answer.status_code == status
    if status == 500:
        assert cut(answer.text, "sf:exceptionCode") == "UNSUPPORTED_API_VERSION"


@pytest.mark.parametrize(
    "text",
    [
        "oops",
        "<a/>",
        ENVELOPE.format(header="", body=""),
        ENVELOPE.format(header="", body="<urn:query/>"),
        '<!DOCTYPE x [<!ENTITY e "e">]><x>&e;</x>',
    ],
)
def test_what_is_no_login_is_the_clients_fault(client: Client, text: str) -> None:
    answer = send(client, text)
    assert (answer.status_code, cut(answer.text, "faultcode")) == (500, "soapenv:Client")


def test_soap_is_posted(client: Client) -> None:
    answer = requests.get(client.served.url + "/services/Soap/u/59.0", timeout=5)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")
