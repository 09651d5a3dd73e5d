"""How is a window for somebody's planned mass edit opened, approved and closed?

Where fences.toml names approvers, one person opens a window and another one approves it; it stands from that word on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from syncd.core.fence_model import Window
from syncd.core.values import Entry, InboxItem, OrgRecord, Scalar
from syncd.core.windows import LONGEST, OVER, Announced, approved, closed, from_json, kept, to_json
from syncd.engine.world import World
from syncd.errors import SyncdError
from syncd.ports import OrgWriter, Request, StoreReader, StoreWriter

WINDOWS = "windows"
WINDOW = "window"
WAITING = "window-waiting"
OPEN, APPROVE, CLOSE = "window-open", "window-approve", "window-close"
LIST_FIRST = "See: syncd window list"


def read_windows(store: StoreReader) -> list[Announced]:
    """Return the windows that are open, wait, or ended a while ago, in order of number."""
    known = store.setting(WINDOWS)
    return [from_json(body) for body in known] if isinstance(known, list) else []


def open_window(world: World, _org: OrgWriter, request: Request) -> Mapping[str, Any]:
    """Open a window, or, where fences.toml names approvers, leave it to a second person's word.

    Errors: SyncdError for a login that is not known or not one, a time that is past or too far, a field that no fence has.
    """
    now = world.org.now()
    asked = request.payload
    user_id, name = _login(world, str(asked["actor"]))
    until = datetime.fromisoformat(str(asked["until"])).astimezone(UTC)
    if until <= now:
        raise SyncdError(f"A window until {until:%Y-%m-%d %H:%M} UTC would be over already.", hint="Name a time to come: --until")
    if until > now + LONGEST:
        raise SyncdError(f"A window stands for {LONGEST.days} days at most.", hint="Name an earlier end: --until")
    fields = frozenset(str(field) for field in asked.get("fields", ()))
    _refuse_unfenced(world, fields)
    reason = str(asked.get("reason", "")).strip()
    if not reason:
        raise SyncdError("A window needs a reason: it stands in the ledger.", hint="Say why: --reason TEXT")
    known = kept(read_windows(world.store), now)
    number = max((one.number for one in read_windows(world.store)), default=0) + 1
    window = Window(user_id, fields, now, until, reason, request.asked_by)
    one = Announced(number, window, name, is_waiting=bool(world.policies.fences.approvers))
    with world.store.begin() as tx:
        _keep(tx, [*known, one])
        _enter(tx, one, f"opened by {request.asked_by}{_what(one)}", now, request)
        if one.is_waiting:
            tx.put_inbox([_card(one)], now)
    return {"window": to_json(one)}


def approve_window(world: World, _org: OrgWriter, request: Request) -> Mapping[str, Any]:
    """Give the second word for a window.

    Errors: SyncdError for a number that no waiting window has, and for the person who opened it.
    """
    now = world.org.now()
    one = _numbered(world, request, now)
    if not one.is_waiting:
        raise SyncdError(f"Window {one.number} waits for nobody's word.", hint=LIST_FIRST)
    if request.asked_by == one.window.opened_by:
        raise SyncdError(
            f"Window {one.number} was opened by {request.asked_by}, who cannot approve it too.",
            hint="Let another person run: syncd window approve",
        )
    return _changed(world, approved(one, request.asked_by, now), f"approved by {request.asked_by}", now, request)


def close_window(world: World, _org: OrgWriter, request: Request) -> Mapping[str, Any]:
    """End a window now. What was changed while it stood stays lawful.

    Errors: SyncdError for a number that no window has which is still open or waiting.
    """
    now = world.org.now()
    one = _numbered(world, request, now)
    return _changed(world, closed(one, now), f"closed by {request.asked_by}", now, request)


def _login(world: World, given: str) -> tuple[str, str]:
    """Find a login by id, username or name."""
    wanted, own = given.strip().casefold(), world.org.identity().user_id
    users = list(_users(world.store))
    found = [user for user in users if wanted in (user.id.casefold(), (user.text("Username") or "").casefold())]
    found = found or [user for user in users if (user.text("Name") or "").casefold() == wanted]
    if not found:
        hint = "Name a username as Salesforce has it; one that was made today is known after the next few cycles."
        raise SyncdError(f"No login of this org is called {given!r}.", hint=hint)
    if len(found) > 1:
        names = ", ".join(sorted(user.text("Username") or user.id for user in found))
        raise SyncdError(f"Several logins are called {given!r}: {names}.", hint="Name one of them by its username.")
    if found[0].id == own:
        raise SyncdError("No window is needed for syncd's own login, and nobody else may use it.", hint=LIST_FIRST)
    return found[0].id, found[0].text("Name") or found[0].id


def _users(store: StoreReader) -> Iterator[OrgRecord]:
    after_id = ""
    while page := store.scan("User", after_id=after_id):
        yield from page
        after_id = page[-1].id


def _refuse_unfenced(world: World, fields: frozenset[str]) -> None:
    bound = {(each.object, each.field) for fence in world.policies.fences.fences for each in fence.bound}
    known = {name for object, field in bound for name in (field, f"{object}.{field}")}
    unknown = sorted(fields - known)
    if unknown:
        named = ", ".join(sorted(f"{object}.{field}" for object, field in bound))
        raise SyncdError(f"No fence stands on {', '.join(unknown)}.", hint=f"Fences stand on: {named}")


def _numbered(world: World, request: Request, now: datetime) -> Announced:
    number = int(request.payload["number"])
    for one in read_windows(world.store):
        if one.number == number and one.state(now) != OVER:
            return one
    raise SyncdError(f"No window that is open or waits has the number {number}.", hint=LIST_FIRST)


def _changed(world: World, one: Announced, words: str, now: datetime, request: Request) -> Mapping[str, Any]:
    rest = [other for other in kept(read_windows(world.store), now) if other.number != one.number]
    with world.store.begin() as tx:
        _keep(tx, sorted([*rest, one], key=lambda each: each.number))
        _enter(tx, one, words, now, request)
        tx.resolve_inbox(WAITING, [str(one.number)], now)
    return {"window": to_json(one)}


def _keep(tx: StoreWriter, windows: list[Announced]) -> None:
    tx.put_setting(WINDOWS, [to_json(one) for one in windows])


def _what(one: Announced) -> str:
    fields = ", ".join(sorted(one.window.fields)) or "every fenced field"
    return f" for the login {one.window.actor_id} in {fields} until {one.window.until:%Y-%m-%d %H:%M} UTC: {one.window.reason}"


def _enter(tx: StoreWriter, one: Announced, words: str, now: datetime, request: Request) -> None:
    evidence: dict[str, Scalar] = {
        "window": one.number,
        "by": request.asked_by,
        "login": one.window.actor_id,
        "until": one.window.until.isoformat(),
    }
    row = Entry(kind=WINDOW, at=now, cycle=f"request-{request.number}", reason=f"window {one.number} {words}", evidence=evidence)
    tx.append([row])


def _card(one: Announced) -> InboxItem:
    return InboxItem(
        WAITING,
        str(one.number),
        f"window {one.number}",
        f"{one.window.opened_by} asks for a window{_what(one)}. It stands when a second person approves it.",
        f"Another person than who opened it: syncd window approve {one.number}    or: syncd window close {one.number}",
    )
