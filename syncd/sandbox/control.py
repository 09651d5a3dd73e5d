"""What can a test, a demo or a person do to the org from outside its API?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from syncd.sandbox import control_org, spending
from syncd.sandbox.automation import process_user
from syncd.sandbox.call import Answer, auto_assign
from syncd.sandbox.clock import parse_datetime, zulu
from syncd.sandbox.deeds import deeds_since, last_deeds
from syncd.sandbox.digest import digest
from syncd.sandbox.errors import ControlRefused, StateRefused
from syncd.sandbox.faults_read import read_faults
from syncd.sandbox.seeds import ADMIN_USERNAME

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

PREFIX = "/_sandbox/"


def control(org: Org, method: str, name: str, params: Mapping[str, str], raw: bytes) -> Answer:
    """Answer a control request: clock, edit, requests, dump or settings. Never counted, needs no session.

    Errors: 400 or 404 with ``{"error": …}`` that says what is expected.
    """
    try:
        body = orjson.loads(raw) if raw.strip() else {}
        if not isinstance(body, dict):
            raise ControlRefused("The body must be a JSON object.")
        action = _ACTIONS.get(name)
        if action is None:
            return Answer(404, {"error": f"There is no control {name!r}; there are: {', '.join(sorted(_ACTIONS))}."})
        with org.lock:
            org.settle()
            return Answer(200, action(org, method, params, body))
    except orjson.JSONDecodeError as problem:
        return Answer(400, {"error": f"The body is not JSON: {problem}."})
    except ControlRefused as refusal:
        return Answer(400, {"error": str(refusal)})


def moment_of(text: object, now: datetime | None = None) -> datetime:
    """Read a moment.

    Errors: ControlRefused when it is none, or lies after `now`.
    """
    moment = parse_datetime(str(text))
    if moment is None:
        raise ControlRefused(f"{text!r} is not a moment; write it as 2026-03-02T09:00:00Z.")
    if now is not None and moment > now:
        raise ControlRefused(f"{text} lies after the org's clock, {zulu(now)}; move the clock first.")
    return moment


def _clock(org: Org, method: str, params: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(body) - {"freeze", "set", "advance_s"}
    if unknown:
        raise ControlRefused(f"The clock knows freeze, set and advance_s, not {sorted(unknown)[0]!r}.")
    if "set" in body:
        org.clock.set(moment_of(body["set"]))
    if "advance_s" in body:
        if isinstance(body["advance_s"], bool) or not isinstance(body["advance_s"], int | float):
            raise ControlRefused("advance_s takes a number of seconds.")
        org.clock.advance(body["advance_s"])
    if "freeze" in body:
        (org.clock.freeze if body["freeze"] else org.clock.release)()
    return {"now": zulu(org.clock.now()), "frozen": org.clock.frozen}


def _edit(org: Org, method: str, params: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
    edits = body.get("edits")
    if method != "POST" or not isinstance(edits, list) or not all(isinstance(each, dict) for each in edits):
        raise ControlRefused(
            'POST {"user": "...", "edits": [{"op": "update", "object": "Lead", "id": "00Q...", "fields": {...}}]}.'
        )
    headers = {name.lower(): value for name, value in (body.get("headers") or {}).items()}
    assign = auto_assign(headers["sforce-auto-assign"]) if "sforce-auto-assign" in headers else False
    by_flow = bool(body.get("scheduled_flow"))
    user = str(body.get("user") or (process_user(org) if by_flow else ADMIN_USERNAME))
    admin = str(body["login_as"]) if body.get("login_as") else None
    return {"results": org.edit(edits, user=user, auto_assign=assign, by_flow=by_flow, login_as=admin, hand=body.get("hand"))}


def _requests(org: Org, method: str, params: Mapping[str, str], body: Mapping[str, Any]) -> list[dict[str, Any]]:
    since = params.get("since", "0")
    if not since.isdigit():
        raise ControlRefused(f"since takes a request number, not {since!r}.")
    return org.journal.since(int(since))


def _deeds(org: Org, method: str, params: Mapping[str, str], body: Mapping[str, Any]) -> list[dict[str, Any]]:
    unknown = set(params) - {"since", "last"}
    if method != "GET" or unknown or not all(text.isdigit() for text in params.values()):
        raise ControlRefused("GET deeds?since=N lists what was done after deed N, deeds?last=N the last N deeds; N is a number.")
    return last_deeds(org, int(params["last"])) if "last" in params else deeds_since(org, int(params.get("since", "0")))


def _dump(org: Org, method: str, params: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
    return org.dump(_objects(org, params))


def _objects(org: Org, params: Mapping[str, str]) -> list[str]:
    names = [name.strip() for name in params.get("objects", "").split(",") if name.strip()]
    unknown = [name for name in names if org.schema.find(name) is None]
    if unknown:
        raise ControlRefused(f"There is no object {unknown[0]!r} in this org.")
    return names


def _faults(org: Org, method: str, params: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
    if method == "DELETE":
        org.faults.replace(())
    elif method != "GET":
        org.faults.replace(read_faults(body))
    return {"faults": org.faults.listed()}


def _digest(org: Org, method: str, params: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
    return digest(org, _objects(org, params))


def _state(org: Org, method: str, params: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
    from syncd.sandbox.state import save_state

    if method != "POST" or org.state_file is None:
        raise ControlRefused("POST here saves the org to its state file. Start the sandbox with --state FILE to give it one.")
    try:
        return {"file": str(org.state_file), "bytes": save_state(org, org.state_file)}
    except StateRefused as refusal:
        raise ControlRefused(str(refusal)) from refusal


def _settings(org: Org, method: str, params: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
    rule = body.get("assignment_rule")
    if rule:
        if not isinstance(rule, dict) or "owner" not in rule:
            raise ControlRefused('assignment_rule takes {"owner": "<user or queue>", "active": true} or null.')
        org.resolve_owner(str(rule["owner"]))
    spending.check_settings(body)
    if body:
        org.change_settings(body)
    return org.settings.as_dict()


_ACTIONS: dict[str, Callable[[Org, str, Mapping[str, str], Mapping[str, Any]], Any]] = {
    "clock": _clock,
    "deeds": _deeds,
    "edit": _edit,
    "faults": _faults,
    "requests": _requests,
    "digest": _digest,
    "dump": _dump,
    "settings": _settings,
    "state": _state,
    **control_org.ACTIONS,
}
