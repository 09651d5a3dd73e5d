"""How much of the org's API allowance is spent, by us and by others, and how many long requests run at once?

Settings: `daily_api_requests` in a rolling 24 hours; `others` ``{"calls_per_hour": 500}``, other integrations that spend from the
moment the org started, or from ``"since"``; `concurrent_long_requests` and `long_request_seconds`; `app_api_requests`, a
connected app's own share, shown in the header when it is not 0; `limits` ``{"DataStorageMB": {"Max": 5, "Remaining": 0}}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from syncd.sandbox.clock import parse_datetime
from syncd.sandbox.errors import ControlRefused, SalesforceError

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

DAY = timedelta(hours=24)
DAILY = "DailyApiRequests"


class Flights:
    """The requests that are under way: since when by the org's clock, and how long they take at least."""

    def __init__(self) -> None:
        self._under_way: dict[int, tuple[datetime, float]] = {}

    def begin(self, number: int, at: datetime, takes_s: float) -> None:
        """Note that request `number` came in. Units: seconds."""
        self._under_way[number] = (at, takes_s)

    def end(self, number: int) -> None:
        """Note that its answer is out."""
        self._under_way.pop(number, None)

    def long_ones(self, number: int, now: datetime, long_s: float) -> int:
        """Count the requests other than `number` that are known to take, or have taken, `long_s` seconds."""
        under_way = list(self._under_way.items())
        return sum(takes_s >= long_s or (now - at).total_seconds() >= long_s for n, (at, takes_s) in under_way if n != number)


def used(org: Org) -> int:
    """Count the API calls of the last 24 hours, the other integrations' included."""
    now = org.clock.now()
    return org.sessions.calls_today(now) + _by_others(org, now)


def _by_others(org: Org, now: datetime) -> int:
    an_hour = org.settings.others.get("calls_per_hour", 0)
    if not an_hour:
        return 0
    since = parse_datetime(str(org.settings.others.get("since", ""))) or org.started_at
    window = min(max(now - since, timedelta(0)), DAY)
    return int(an_hour * window.total_seconds() // 3600)


def refuse_when_spent(org: Org, number: int) -> None:
    """Refuse a request that the day's allowance, or the number of long requests under way, has no room for.

    Errors: 403 REQUEST_LIMIT_EXCEEDED.
    """
    if used(org) >= org.settings.daily_api_requests:
        raise SalesforceError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)
    running = org.flights.long_ones(number, org.clock.now(), org.settings.long_request_seconds)
    if running >= org.settings.concurrent_long_requests:
        message = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
        raise SalesforceError("REQUEST_LIMIT_EXCEEDED", message, status=403)


def limit_header(org: Org) -> dict[str, str]:
    """Write ``Sforce-Limit-Info``."""
    usage = f"api-usage={used(org)}/{org.settings.daily_api_requests}"
    if org.settings.app_api_requests:
        ours = org.sessions.calls_today(org.clock.now())
        usage += f"; per-app-api-usage={ours}/{org.settings.app_api_requests}(appName=sandbox-client)"
    return {"Sforce-Limit-Info": usage}


def daily_limit(org: Org) -> dict[str, int]:
    """Show the daily allowance as ``/limits`` does."""
    most = org.settings.daily_api_requests
    return {"Max": most, "Remaining": max(0, most - used(org))}


def check_settings(wanted: Mapping[str, Any]) -> None:
    """Refuse settings of this module that make no sense.

    Errors: ControlRefused.
    """
    others = wanted.get("others")
    if isinstance(others, dict):
        unknown = set(others) - {"calls_per_hour", "since"}
        if unknown:
            raise ControlRefused(f"others takes calls_per_hour and since, not {sorted(unknown)[0]!r}.")
        if not _is_count(others.get("calls_per_hour", 0)):
            raise ControlRefused(f"others: calls_per_hour takes a whole number from 0, not {others['calls_per_hour']!r}.")
        if "since" in others and parse_datetime(str(others["since"])) is None:
            raise ControlRefused(f"others: since {others['since']!r} is not a moment; write it as 2026-03-02T09:00:00Z.")
    limits = wanted.get("limits")
    if isinstance(limits, dict):
        for name, limit in limits.items():
            _check_limit(name, limit)


def _check_limit(name: str, limit: Any) -> None:
    if name == DAILY:
        raise ControlRefused(f"limits: {DAILY} follows from the calls; set daily_api_requests.")
    if not isinstance(limit, dict) or set(limit) != {"Max", "Remaining"} or not all(map(_is_count, limit.values())):
        raise ControlRefused(f'limits: {name} takes {{"Max": 100, "Remaining": 40}}, not {limit!r}.')


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
