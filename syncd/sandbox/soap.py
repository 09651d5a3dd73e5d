"""How does the SOAP API log somebody in?

Only `login` is spoken: a client takes session and server URL from it and goes on in REST or Bulk.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from syncd.sandbox.call import Answer
from syncd.sandbox.errors import NotThere, method_not_allowed
from syncd.sandbox.ids import parse_id
from syncd.sandbox.logins import LoginRefused, password_expired, user_by_password
from syncd.sandbox.versions import NEWEST, OLDEST

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

PREFIXES = ("/services/Soap/u/", "/services/Soap/c/")
LOGIN_ENDS_WITH = 65  # login() does not exist from this version on
_FLAVOURS = {"u": "partner", "c": "enterprise"}
_PATH = re.compile(r"/services/Soap/([uc])/(\d+)\.0(?:/[A-Za-z0-9]{15,18})?/?\Z")
_ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns{}="urn:{}.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
)
_TAIL = "</soapenv:Body></soapenv:Envelope>"


def answer_soap(org: Org, method: str, path: str, raw: bytes, instance_url: str) -> Answer:
    """Answer a SOAP call; failures are Faults with status 500, as SOAP 1.1 has it.

    Errors: 404 for another path, 405 for another method than POST.
    """
    match = _PATH.match(path)
    if match is None:
        raise NotThere()
    if method != "POST":
        raise method_not_allowed(method, "POST")
    flavour, version = _FLAVOURS[match.group(1)], int(match.group(2))
    if not OLDEST <= version <= NEWEST or version <= org.settings.retired_through:
        return _fault(flavour, "UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL", kind="UnexpectedErrorFault")
    try:
        operation, given = _read(raw)
    except ElementTree.ParseError as problem:
        return _fault(flavour, "soapenv:Client", f"The request is not well-formed XML: {problem}", kind=None)
    if operation != "login":
        message = f"No operation available for request {{urn:{flavour}.soap.sforce.com}}{operation}"
        return _fault(flavour, "soapenv:Client", message, kind=None)
    if version >= LOGIN_ENDS_WITH:
        message = f"SOAP API login() is not available in version {version}.0; use OAuth"
        return _fault(flavour, "UNSUPPORTED_API_VERSION", message, kind="UnexpectedErrorFault")
    return _login(org, flavour, match, given, instance_url)


def _read(raw: bytes) -> tuple[str, dict[str, str]]:
    if b"<!DOCTYPE" in raw:
        raise ElementTree.ParseError("a document type is not allowed")
    root = ElementTree.fromstring(raw)
    body = root.find(f"{_ENVELOPE}Body")
    if root.tag != f"{_ENVELOPE}Envelope" or body is None or not len(body):
        raise ElementTree.ParseError("there is no operation in a SOAP 1.1 envelope")
    given = {_local(each.tag): each.text or "" for each in (*root.iter(), *body[0])}
    return _local(body[0].tag), given


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _login(org: Org, flavour: str, match: re.Match[str], given: dict[str, str], instance_url: str) -> Answer:
    try:
        if given.get("organizationId") and parse_id(given["organizationId"]) != org.org_id:
            raise LoginRefused("INVALID_LOGIN", "Invalid organization id")
        user = user_by_password(org, given.get("username", ""), given.get("password", ""))
    except LoginRefused as refusal:
        return _fault(flavour, refusal.code, refusal.message, kind="LoginFault")
    now, seconds = org.clock.now(), org.settings.session_seconds
    session = org.sessions.open(org.org_id, user["Id"], now, seconds)
    expired = password_expired(org, user["Username"])
    if expired:
        org.logins.restricted.add(session)
    profile = org.database.row("User", user["Id"]) or {}
    endpoint = f"{match.group(2)}.0/{org.org_id[:15]}"
    facts = {
        "metadataServerUrl": f"{instance_url}/services/Soap/m/{endpoint}",
        "passwordExpired": str(expired).lower(),
        "sandbox": "false",
        "serverUrl": f"{instance_url}/services/Soap/{match.group(1)}/{endpoint}",
        "sessionId": session,
        "userId": user["Id"],
    }
    about = {
        "organizationId": org.org_id,
        "organizationName": (org.database.row("Organization", org.org_id) or {}).get("Name"),
        "profileId": profile.get("ProfileId"),
        "sessionSecondsValid": str(seconds),
        "userEmail": user["Email"],
        "userFullName": user["Name"],
        "userId": user["Id"],
        "userLanguage": "en_US",
        "userLocale": "en_US",
        "userName": user["Username"],
        "userTimeZone": "UTC",
        "userType": "Standard",
    }
    result = _elements(facts) + f"<userInfo>{_elements(about)}</userInfo>"
    body = f"<loginResponse><result>{result}</result></loginResponse>"
    return _answer(200, _HEAD.format("", flavour) + body + _TAIL)


def _elements(facts: dict[str, str | None]) -> str:
    return "".join(f"<{name}>{escape(value or '')}</{name}>" for name, value in facts.items())


def _fault(flavour: str, code: str, message: str, *, kind: str | None) -> Answer:
    if kind is None:
        fault = f"<faultcode>{code}</faultcode><faultstring>{escape(message)}</faultstring>"
    else:
        fault = (
            f"<faultcode>{code}</faultcode><faultstring>{escape(f'{code}: {message}')}</faultstring>"
            f'<detail><sf:{kind} xmlns:sf="urn:fault.{flavour}.soap.sforce.com" xsi:type="sf:{kind}">'
            f"<sf:exceptionCode>{code}</sf:exceptionCode><sf:exceptionMessage>{escape(message)}</sf:exceptionMessage>"
            f"</sf:{kind}></detail>"
        )
    return _answer(500, _HEAD.format(":sf", f"fault.{flavour}") + f"<soapenv:Fault>{fault}</soapenv:Fault>" + _TAIL)


def _answer(status: int, xml: str) -> Answer:
    return Answer(status, text=xml, headers={"Content-Type": "text/xml;charset=UTF-8"}, api_calls=0)
