"""Who may have a session, and who is it that asks?"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from syncd.sandbox.call import Answer
from syncd.sandbox.ids import parse_id

if TYPE_CHECKING:
    from syncd.sandbox.org import Org


def token(org: Org, headers: Mapping[str, str], raw: bytes, instance_url: str) -> Answer:
    """Answer ``POST /services/oauth2/token`` for the client-credentials flow.

    Errors: 400 or 401 with an OAuth error object, not an array.
    """
    from syncd.sandbox.org import CLIENT_ID, CLIENT_SECRET

    form = dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))
    if form.get("grant_type") != "client_credentials":
        return _refused("unsupported_grant_type", "grant type not supported")
    given = _basic(headers.get("authorization", "")) or (form.get("client_id", ""), form.get("client_secret", ""))
    if given[0] != CLIENT_ID:
        return _refused("invalid_client_id", "client identifier invalid")
    if given[1] != CLIENT_SECRET:
        return _refused("invalid_client", "invalid client credentials", status=401)
    user = org.database.row("User", org.api_user_id)
    if user is None or not user["IsActive"]:
        return _refused("inactive_user", "user is inactive")
    now = org.clock.now()
    access = org.sessions.open(org.org_id, org.api_user_id, now, org.settings.session_seconds)
    identity = f"{instance_url}/id/{org.org_id}/{org.api_user_id}"
    issued_at = str(int(now.timestamp() * 1000))
    signature = base64.b64encode(hashlib.sha256((identity + issued_at).encode()).digest()).decode()
    return Answer(
        200,
        {
            "access_token": access,
            "signature": signature,
            "scope": "api id",
            "instance_url": instance_url,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
            "api_instance_url": instance_url,
        },
        {"Cache-Control": "no-store"},
        api_calls=0,
    )


def revoke(org: Org, raw: bytes) -> Answer:
    """End the session whose token the form names."""
    form = dict(parse_qsl(raw.decode("utf-8", "replace")))
    if not org.sessions.end(form.get("token", "")):
        return _refused("unsupported_token_type", "this token is not supported")
    return Answer(200, api_calls=0)


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
