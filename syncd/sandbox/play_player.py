"""How is a scripted day played against a running emulated org?"""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from syncd.sandbox.exports_demo import ExportPerson, doubled_addresses, people_of, write_export
from syncd.sandbox.play_world import ExportDrop, Moment


class PlayStopped(RuntimeError):
    """The emulated org didn't answer, or refused the control request. The message says where and what to do."""


@dataclass(frozen=True, slots=True)
class EditFailed:
    """One edit that the org refused, with its own words."""

    title: str
    username: str
    edit: dict[str, Any]
    errors: tuple[Any, ...]


class Player:
    """Plays moments through the control endpoint of an emulated org; it needs no login.

    `company` is the load folder (for the exports' people), `exports` the folder that the marketing tool drops files
    into; both are needed only when export moments are played.
    """

    def __init__(self, url: str, *, company: Path | None = None, exports: Path | None = None, seed: int = 0) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._company, self._exports, self._seed = company, exports, seed
        self._people: tuple[ExportPerson, ...] = ()
        self._doubled: tuple[str, ...] = ()

    def now(self) -> datetime:
        """Read the org's clock."""
        return _time(self._ask("GET", "/_sandbox/clock", None)["now"])

    def advance_to(self, at: datetime) -> datetime:
        """Set the org's clock to `at` unless it is there already or past it; returns the org's time."""
        now = self.now()
        if now >= at:
            return now
        return _time(self._ask("POST", "/_sandbox/clock", {"set": f"{at:%Y-%m-%dT%H:%M:%SZ}"})["now"])

    def play(self, moment: Moment) -> list[EditFailed]:
        """Send the moment's saves in order, or drop its export; returns the edits that the org refused.

        Errors: PlayStopped when the org can't be reached or refuses a whole save.
        """
        if moment.export is not None:
            self._drop(moment.export)
        failed: list[EditFailed] = []
        for body in moment.edits:
            results = self._ask("POST", "/_sandbox/edit", body)["results"]
            failed += [
                EditFailed(moment.title, body["user"], edit, tuple(result.get("errors", ())))
                for edit, result in zip(body["edits"], results, strict=True)
                if not result["success"]
            ]
        return failed

    def _drop(self, drop: ExportDrop) -> None:
        """Write the file beside its place and move it there whole, so that no reader meets half a file."""
        if self._company is None or self._exports is None:
            message = f"day {drop.day}'s export has nowhere to go: give Player company=FOLDER and exports=FOLDER"
            raise PlayStopped(message)
        if not self._people:
            self._people, self._doubled = people_of(self._company), doubled_addresses(self._company)
        self._exports.mkdir(parents=True, exist_ok=True)
        path = self._exports / f"leads-day{drop.day}.csv"
        half = path.with_suffix(".part")
        write_export(half, folder_or_people=self._people, day=drop.day, seed=self._seed, doubled=self._doubled)
        half.replace(path)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=60)
        where = f"{method} http://{self._host}:{self._port}{path}"
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            message = f"the emulated org doesn't answer | {where}: {error} | start it with `python -m syncd.sandbox`"
            raise PlayStopped(message) from error
        finally:
            connection.close()
        if answer.status != 200:
            message = f"the emulated org refused | {where}: {answer.status} {content[:300].decode(errors='replace')}"
            raise PlayStopped(message + " | does it hold the company that this play was written for?")
        try:
            return json.loads(content)
        except ValueError as error:
            message = f"what answers is no emulated org | {where}: {content[:80]!r} | give the address that the org printed"
            raise PlayStopped(message) from error


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
