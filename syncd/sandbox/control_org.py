"""What else can be done to the org from outside: tokens handed out, records locked, the bin emptied?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from syncd.sandbox.errors import ControlRefused
from syncd.sandbox.ids import parse_id
from syncd.sandbox.locks import APPROVAL, ROW
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


def _locks(org: Org, method: str, params: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
    if set(body) - {"ids", "seconds", "attempts", "kind"} or (method == "POST" and "ids" not in body):
        raise ControlRefused(
            'POST {"ids": ["00Q..."], "seconds": 30} or {..., "attempts": 2}, with "kind": "row" or "approval"; DELETE lets go.'
        )
    ids = [_present(org, text) for text in body.get("ids", ())]
    if method == "DELETE":
        org.locks.release(ids) if ids else org.locks.release_all()
    elif method == "POST":
        kind = body.get("kind", ROW)
        if kind not in (ROW, APPROVAL):
            raise ControlRefused(f"kind is row or approval, not {kind!r}.")
        seconds, attempts = (_positive(name, body[name]) if name in body else None for name in ("seconds", "attempts"))
        until = org.clock.now() + timedelta(seconds=seconds) if seconds else None
        org.locks.hold(ids, kind=kind, until=until, attempts=attempts)
    return {"locks": org.locks.listed(org.clock.now())}


def _present(org: Org, text: object) -> str:
    record_id = parse_id(str(text))
    table = org.schema.by_prefix.get(record_id[:3]) if record_id else None
    if record_id is None or table is None or not org.database.exists(table, record_id):
        raise ControlRefused(f"There is no record {text!r} in this org. Give ids of 15 or 18 characters.")
    return record_id


def _positive(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ControlRefused(f"{name} takes a whole number from 1, not {value!r}.")
    return value


def _bin(org: Org, method: str, params: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
    if method not in ("DELETE", "GET") or set(body) - {"objects"}:
        raise ControlRefused(
            'GET shows what lies in the bin; DELETE {"objects": ["Lead"]} empties it, DELETE without a body whole.'
        )
    names = body.get("objects") or [each.name for each in org.schema.objects.values()]
    sobjects = [org.schema.find(str(name)) for name in names]
    if None in sobjects:
        raise ControlRefused(f"There is no object {names[sobjects.index(None)]!r} in this org.")
    known = [each for each in sobjects if each is not None]
    if method == "DELETE":
        return {"purged": org.recycle_bin.empty(org, known)}
    held = {each.name: len(org.database.where(each.name, IsDeleted=1)) for each in known if each.has("IsDeleted")}
    return {"binned": {name: count for name, count in held.items() if count}}


ACTIONS: dict[str, Action] = {
    "bin": _bin,
    "locks": _locks,
    "refresh_token": _refresh_token,
}
