"""Which requests go wrong, and how?

A fault says when it strikes and what happens then. Each request is shown to every fault in the order they were given. At most
one fault decides the answer of a request, the first one that strikes; slowness and locked rows come on top of it. Chance is
drawn from the fault's own seed and its count of matching requests, so the same requests in the same order meet the same faults.

Settings of a fault, all of them optional but `does`:

    does          what happens, see below                     name          how the journal calls it
    request       number(s) in the journal                    nth           which of the matching requests, from 1
    every         each Nth of the matching requests           probability   0 to 1, with `seed` (0)
    times         how often it strikes at most                method, kind  one or a list; kinds are listed in `KINDS`
    path          a pattern such as /services/data/*/sobjects/Lead/*, matched against path?query or the path alone

    refuse        the connection breaks before the request is read; `how`: reset (as it is) or close
    lose          the request is carried out, then the connection breaks without an answer; `how` as above
    reset         the answer begins, then the connection is reset; `bytes`: after how many of the body (half)
    cut           the body ends short of its Content-Length and the connection closes; `bytes` as above
    truncated_json  a whole HTTP answer whose JSON ends in the middle; `bytes` as above
    slow          `seconds` by the machine, or `org_seconds` by the org's clock, pass before the answer; `before`: and before the
                  request is carried out
    trickle       the body comes `bytes` (64) at a time with `seconds` (0.05) between
    401, 412, 429, 503, request_limit  that answer in place of the real one; `retry_after` seconds (429, 503)
    html          an HTML page in place of the JSON, with `status` (200)
                  All six: `after`: the request is carried out first, only its answer is lost
    lock_row      rows of single saves, composites and collections are refused; `ids`, `object`, `every_row`, `code`
                  (UNABLE_TO_LOCK_ROW), `message`
    bulk_job      a Bulk job ends early: `end` Failed, Aborted or JobComplete, `after_rows`, `message`; `operation` and `object`
                  say which jobs; `nth`, `every` … count the jobs as they are made
"""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from syncd.sandbox.errors import SalesforceError

if TYPE_CHECKING:
    from syncd.sandbox.journal import Entry

WIRE = ("refuse", "lose", "reset", "cut", "truncated_json", "trickle")
CANNED = ("401", "412", "429", "503", "request_limit", "html")
ROWS, JOB = "lock_row", "bulk_job"
_WITHIN = frozenset({ROWS, JOB})  # these count rows and jobs, not requests
LOCKED = "UNABLE_TO_LOCK_ROW"
KINDS = (
    "login",
    "query",
    "page",
    "describe",
    "row",
    "replication",
    "composite",
    "batch",
    "tree",
    "collections",
    "limits",
    "bulk",
    "other",
)


@dataclass(frozen=True, slots=True)
class When:
    """Which requests a fault strikes; everything that is given must hold."""

    request: frozenset[int] = frozenset()
    nth: frozenset[int] = frozenset()
    every: int = 0
    probability: float = 1.0
    seed: int = 0
    times: int | None = None
    method: frozenset[str] = frozenset()
    kind: frozenset[str] = frozenset()
    path: str | None = None

    def concerns(self, n: int, method: str, path: str, query: str) -> bool:
        """Tell whether a request is one that this fault counts."""
        if self.method and method not in self.method:
            return False
        if self.kind and kind_of(method, path) not in self.kind:
            return False
        if self.request and n not in self.request:
            return False
        return self.path is None or any(fnmatch.fnmatchcase(text, self.path) for text in (path, f"{path}?{query}"))

    def falls_on(self, count: int) -> bool:
        """Tell whether the fault strikes the `count`th thing it counts."""
        if self.nth and count not in self.nth:
            return False
        if self.every and count % self.every:
            return False
        return self.probability >= 1 or _chance(self.seed, count) < self.probability


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault as it was asked for."""

    name: str
    does: str
    when: When
    how: Mapping[str, Any]
    given: Mapping[str, Any]


@dataclass(slots=True)
class _Tally:
    matched: int = 0
    fired: int = 0


@dataclass(frozen=True, slots=True)
class Strike:
    """What goes wrong with one request: at most one fault that decides the answer, and what comes on top of it."""

    decides: Fault | None = None
    slow: tuple[Fault, ...] = ()

    @property
    def is_refused(self) -> bool:
        """Tell whether the request is not even read."""
        return self.decides is not None and self.decides.does == "refuse"

    @property
    def wait_s(self) -> float:
        """Return how long the request takes, by whichever clock. Units: seconds."""
        return sum(float(each.how.get("seconds", 0) or each.how.get("org_seconds", 0)) for each in self.slow)


NO_STRIKE = Strike()


@dataclass(slots=True)
class Faults:
    """The faults that are set, and how often each has struck. The caller holds the org's lock."""

    faults: tuple[Fault, ...] = ()
    _tallies: list[_Tally] = field(default_factory=list)
    ends: dict[str, dict[str, Any]] = field(default_factory=dict)  # how bulk jobs end, by job id
    _within: list[tuple[Fault, _Tally]] = field(default_factory=list)
    _entry: Entry | None = None

    def replace(self, faults: Sequence[Fault]) -> None:
        """Set these faults in place of all others; counting begins anew."""
        self.faults = tuple(faults)
        self._tallies = [_Tally() for _ in faults]
        self._within = []

    def listed(self) -> list[dict[str, Any]]:
        """Show the faults as they were given, with how many requests (or rows) each has matched and struck."""
        return [
            {"name": fault.name, **fault.given, "matched": tally.matched, "fired": tally.fired}
            for fault, tally in zip(self.faults, self._tallies, strict=True)
        ]

    def strike(self, entry: Entry) -> Strike:
        """Say what goes wrong with a request, and note it in the journal."""
        if not self.faults:
            return NO_STRIKE
        decides: Fault | None = None
        slow: list[Fault] = []
        for fault, tally in zip(self.faults, self._tallies, strict=True):
            if fault.does in _WITHIN or not fault.when.concerns(entry.n, entry.method, entry.path, entry.query):
                continue
            tally.matched += 1
            is_taken = decides is not None and fault.does != "slow"
            if is_taken or _is_spent(fault, tally) or not fault.when.falls_on(tally.matched):
                continue
            tally.fired += 1
            entry.faults.append(fault.name)
            if fault.does == "slow":
                slow.append(fault)
            else:
                decides = fault
        return Strike(decides, tuple(slow))

    def begin(self, entry: Entry) -> None:
        """Remember whose rows are saved, and whose jobs are made, from now on."""
        self._entry = entry
        self._within = [
            (fault, tally)
            for fault, tally in zip(self.faults, self._tallies, strict=True)
            if fault.does in _WITHIN and fault.when.concerns(entry.n, entry.method, entry.path, entry.query)
        ]

    def end(self) -> None:
        """Leave people's own saves alone again."""
        self._entry, self._within = None, []

    def meet_row(self, sobject: str, record_id: str | None) -> None:
        """Let the save of one row go on, or refuse it.

        Errors: SalesforceError UNABLE_TO_LOCK_ROW, or the fault's own code.
        """
        for fault, tally in self._within:
            if fault.does == ROWS and _names(fault.how, sobject, record_id) and self._falls(fault, tally):
                raise _refusal(fault.how, record_id)

    def meet_job(self, job_id: str, operation: str, sobject: str) -> None:
        """Decide how a Bulk job that was just made will end."""
        for fault, tally in self._within:
            asked = (str(fault.how.get("operation", operation)).lower(), str(fault.how.get("object", sobject)).lower())
            if fault.does == JOB and asked == (operation.lower(), sobject.lower()) and self._falls(fault, tally):
                self.ends.setdefault(job_id, dict(fault.how))

    def _falls(self, fault: Fault, tally: _Tally) -> bool:
        tally.matched += 1
        every = fault.how.get("every_row", 1)
        if tally.matched % every or _is_spent(fault, tally) or not fault.when.falls_on(tally.matched):
            return False
        tally.fired += 1
        if self._entry is not None and fault.name not in self._entry.faults:
            self._entry.faults.append(fault.name)
        return True


def _names(how: Mapping[str, Any], sobject: str, record_id: str | None) -> bool:
    if how.get("object") and str(how["object"]).lower() != sobject.lower():
        return False
    ids: Iterable[str] = how.get("ids") or ()
    return not ids or (record_id is not None and record_id[:15] in {each[:15] for each in ids})


def _refusal(how: Mapping[str, Any], record_id: str | None) -> SalesforceError:
    code = str(how.get("code", LOCKED))
    usual = f"unable to obtain exclusive access to this record or 1 records: {record_id or ''}".rstrip(": ")
    return SalesforceError(code, str(how.get("message") or (usual if code == LOCKED else code)), fields=())


def _is_spent(fault: Fault, tally: _Tally) -> bool:
    return fault.when.times is not None and tally.fired >= fault.when.times


def _chance(seed: int, count: int) -> float:
    return int.from_bytes(hashlib.sha256(f"{seed}/{count}".encode()).digest()[:7], "big") / 256**7


def kind_of(method: str, path: str) -> str:
    """Say what kind of request this is, in one of `KINDS`."""
    lower = path.lower().rstrip("/")
    if lower.startswith(("/services/oauth2", "/services/soap")):
        return "login"
    if lower.startswith("/services/async/"):
        return "bulk"
    parts = [part for part in lower.split("/") if part][3:] if lower.startswith("/services/data/v") else []
    first, rest = (parts[0], parts[1:]) if parts else ("", [])
    if first in ("query", "queryall"):
        return "page" if rest else "query"
    if first == "composite":
        return {"sobjects": "collections"}.get(rest[0], rest[0] if rest[0] in KINDS else "other") if rest else "composite"
    if first == "sobjects":
        return _kind_of_sobject(method, rest)
    return {"jobs": "bulk", "limits": "limits"}.get(first, "other")


def _kind_of_sobject(method: str, rest: Sequence[str]) -> str:
    if not rest or rest[-1] == "describe" or (len(rest) == 1 and method in ("GET", "HEAD")):
        return "describe"
    return "replication" if len(rest) == 2 and rest[1] in ("updated", "deleted") else "row"
