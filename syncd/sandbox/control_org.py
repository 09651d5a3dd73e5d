"""What else can be done to the org from outside: tokens handed out, records locked, the bin emptied?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from syncd.sandbox.errors import ControlRefused
from syncd.sandbox.seeds import API_USERNAME

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

Action = Callable[["Org", str, Mapping[str, str], Mapping[str, Any]], Any]


def _refresh_token(org: Org, method: str, params: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, str]:
    if method != "POST" or set(body) - {"user"}:
        raise ControlRefused('POST {"user": "<username or id>"}; the answer holds a refresh token of that user.')
    user_id = org.resolve_owner(str(body.get("user", API_USERNAME)))
    if not org.database.exists("User", user_id):
        raise ControlRefused(f"{body['user']!r} is a queue; a queue cannot log in. Name a user.")
    return {"refresh_token": org.logins.open_refresh(user_id)}


ACTIONS: dict[str, Action] = {
    "refresh_token": _refresh_token,
}
