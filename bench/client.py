"""How does a bare loop talk to the org: plainly, on kept connections, without a thought for what may go wrong?"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import orjson
import requests

BASE = "/services/data/v62.0"
POLL_S = (0.05, 1.0)  # a Bulk job is looked at soon, then half as often each time


class Client:
    """One logged-in session."""

    def __init__(self, url: str, client_id: str, client_secret: str) -> None:
        self.url = url
        self.session = requests.Session()
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        answer = self.session.post(f"{url}/services/oauth2/token", data=form, timeout=60)
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def twin(self) -> Client:
        """Return a client with the same session id and connections of its own, for another thread."""
        other = Client.__new__(Client)
        other.url, other.session = self.url, requests.Session()
        other.session.headers.update(self.session.headers)
        return other

    def json(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and return its JSON. Raises RuntimeError for a refusal."""
        data = orjson.dumps(body) if body is not None else None
        answer = self.session.request(method, self.url + path, data=data, headers=_JSON, timeout=600)
        if answer.status_code >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return orjson.loads(answer.content) if answer.content else None

    def query(self, statement: str) -> Iterator[list[dict[str, Any]]]:
        """Yield the pages of a query."""
        answer = self.json("GET", f"{BASE}/query?{urlencode({'q': statement})}")
        while True:
            yield answer["records"]
            if answer["done"]:
                return
            answer = self.json("GET", answer["nextRecordsUrl"])

    def wait(self, path: str) -> None:
        """Wait for a Bulk job. Raises RuntimeError when it ended badly."""
        pause, longest = POLL_S
        while (state := self.json("GET", path)["state"]) != "JobComplete":
            if state in ("Failed", "Aborted"):
                raise RuntimeError(f"{path}: {state}")
            time.sleep(pause)
            pause = min(pause * 2, longest)


_JSON = {"Content-Type": "application/json", "Sforce-Auto-Assign": "FALSE"}


class Control:
    """The org's control endpoint: people's edits, the clock, latency, the record of requests."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/_sandbox"
        self._session = requests.Session()

    def post(self, resource: str, body: Any) -> Any:
        """Send JSON and return the answer's. Raises RuntimeError when it is refused."""
        answer = self._session.post(f"{self._url}/{resource}", data=json.dumps(body), timeout=600)
        if answer.status_code >= 400:
            raise RuntimeError(f"{resource}: {answer.status_code} {answer.text[:300]}")
        return answer.json()

    def advance(self, seconds: float) -> None:
        """Move the org's clock on."""
        self.post("clock", {"advance_s": seconds})

    def now(self) -> str:
        """Return the org's time as SOQL writes it."""
        return str(self.post("clock", {})["now"])

    def edit(self, user: str, edits: list[dict[str, Any]]) -> None:
        """Have a person save records. Raises RuntimeError when one is refused."""
        for start in range(0, len(edits), 200):
            for result in self.post("edit", {"user": user, "edits": edits[start : start + 200]})["results"]:
                if not result["success"]:
                    raise RuntimeError(f"an edit was refused: {result}")

    def latency(self, seconds: float) -> None:
        """Make every answer of the API take so much longer; 0: none."""
        slow = [{"does": "slow", "seconds": seconds, "before": True}] if seconds else []
        self.post("faults", {"faults": slow})


def measured(work: Callable[[], Any], times: int) -> float:
    """Return the quickest of some runs. Units: seconds."""
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return min(spent)
