"""Who may have a session, and who is it that asks?"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from syncd.sandbox.call import Answer
from syncd.sandbox.flows import GrantRefused, check_client, granted_user
from syncd.sandbox.ids import parse_id

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

SCOPE = "api id"


def token(org: Org, headers: Mapping[str, str], raw: bytes, instance_url: str) -> Answer:
    """Answer ``POST /services/oauth2/token``: client credentials, JWT bearer, username and password, refresh.

    Errors: 400 or 401 with an OAuth error object, not an array.
    """
    form = _form(raw)
    try:
        user_id = granted_user(org, form, _client(headers, form), instance_url)
    except GrantRefused as refusal:
        return _refused(refusal.error, refusal.description, status=refusal.status)
    facts = _session(org, user_id, instance_url)
    if form["grant_type"] == "refresh_token":
        _follow_refresh(org, form["refresh_token"], user_id, facts)
    return Answer(200, facts, {"Cache-Control": "no-store"}, api_calls=0)


def _session(org: Org, user_id: str, instance_url: str) -> dict[str, Any]:
    now = org.clock.now()
    access = org.sessions.open(org.org_id, user_id, now, org.settings.session_seconds)
    identity = f"{instance_url}/id/{org.org_id}/{user_id}"
    issued_at = str(int(now.timestamp() * 1000))
    signature = base64.b64encode(hashlib.sha256((identity + issued_at).encode()).digest()).decode()
    return {
        "access_token": access,
        "signature": signature,
        "scope": SCOPE,
        "instance_url": instance_url,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued_at,
        "api_instance_url": instance_url,
    }


def _follow_refresh(org: Org, refresh_token: str, user_id: str, facts: dict[str, Any]) -> None:
    if org.settings.refresh_token_rotation:
        refresh_token = facts["refresh_token"] = org.logins.rotate(refresh_token)
    org.logins.note_session(refresh_token, facts["access_token"])


def revoke(org: Org, raw: bytes) -> Answer:
    """End the session, or the refresh token with every session that came from it."""
    text = _form(raw).get("token", "")
    sessions = org.logins.end_refresh(text)
    for each in sessions or ():
        org.sessions.end(each)
    if sessions is None and not org.sessions.end(text):
        return _refused("unsupported_token_type", "this token is not supported")
    return Answer(200, api_calls=0)


def introspect(org: Org, headers: Mapping[str, str], raw: bytes, instance_url: str) -> Answer:
    """Tell the connected app what a token is good for; ``{"active": false}`` for any that is not."""
    form = _form(raw)
    try:
        check_client(_client(headers, form))
    except GrantRefused as refusal:
        return _refused("invalid_client", refusal.description, status=401)
    text, now = form.get("token", ""), org.clock.now()
    user_id, until = org.sessions.facts_of(text, now) or (org.logins.refresh_user(text), None)
    if user_id is None:
        return Answer(200, {"active": False}, api_calls=0)
    facts: dict[str, Any] = {
        "active": True,
        "scope": SCOPE,
        "client_id": _client(headers, form)[0],
        "username": (org.database.row("User", user_id) or {}).get("Username"),
        "sub": f"{instance_url}/id/{org.org_id}/{user_id}",
        "token_type": "refresh_token" if until is None else "access_token",
    }
    if until is not None:
        issued = int(until.timestamp()) - org.settings.session_seconds
        facts |= {"exp": int(until.timestamp()), "iat": issued, "nbf": issued}
    return Answer(200, facts, {"Cache-Control": "no-store"}, api_calls=0)


def _form(raw: bytes) -> dict[str, str]:
    return dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))


def _client(headers: Mapping[str, str], form: Mapping[str, str]) -> tuple[str, str]:
    return _basic(headers.get("authorization", "")) or (form.get("client_id", ""), form.get("client_secret", ""))


def _refused(error: str, description: str, *, status: int = 400) -> Answer:
    return Answer(status, {"error": error, "error_description": description}, api_calls=0)


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


def identity(org: Org, user_id: str, instance_url: str) -> dict[str, Any]:
    """Describe the session's user as the identity URL does; paths keep a literal ``{version}``."""
    user = org.database.row("User", user_id) or {}
    rest = instance_url + "/services/data/v{version}/"
    return {
        "id": f"{instance_url}/id/{org.org_id}/{user_id}",
        "asserted_user": True,
        "user_id": user_id,
        "organization_id": org.org_id,
        "username": user.get("Username"),
        "nick_name": user.get("CommunityNickname"),
        "display_name": user.get("Name"),
        "email": user.get("Email"),
        "email_verified": True,
        "first_name": user.get("FirstName"),
        "last_name": user.get("LastName"),
        "timezone": "UTC",
        "photos": {},
        "active": bool(user.get("IsActive")),
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_US",
        "utcOffset": 0,
        "last_modified_date": user.get("LastModifiedDate"),
        "urls": {
            "rest": rest,
            "query": rest + "query/",
            "sobjects": rest + "sobjects/",
            "search": rest + "search/",
            "recent": rest + "recent/",
            "profile": f"{instance_url}/{user_id}",
        },
    }


def userinfo(org: Org, user_id: str, instance_url: str) -> dict[str, Any]:
    """Describe the session's user in OpenID Connect claims."""
    facts = identity(org, user_id, instance_url)
    return {
        "sub": facts["id"],
        "user_id": user_id,
        "organization_id": org.org_id,
        "preferred_username": facts["username"],
        "nickname": facts["nick_name"],
        "name": facts["display_name"],
        "email": facts["email"],
        "email_verified": True,
        "given_name": facts["first_name"],
        "family_name": facts["last_name"],
        "zoneinfo": "UTC",
        "photos": {},
        "profile": facts["urls"]["profile"],
        "active": facts["active"],
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_US",
        "utcOffset": 0,
        "urls": facts["urls"],
    }


def is_identity_of(org: Org, path: str, user_id: str) -> bool:
    """Tell whether ``/id/{org}/{user}`` names this org and this user."""
    pieces = path.split("/")
    return len(pieces) == 4 and parse_id(pieces[2]) == org.org_id and parse_id(pieces[3]) == user_id
