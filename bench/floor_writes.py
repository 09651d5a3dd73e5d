"""The floor of writing: what does a bare loop take to send the same values, and nothing else is done?"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from bench.child import spending
from bench.client import BASE, Client

CHUNK = 200
THREADS = 8


class FloorWrites:
    """The bare writing loops over one org."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def collections(self, object: str, ids: Sequence[str], values: Mapping[str, Any]) -> dict[str, Any]:
        """Update rows 200 a call, eight calls at a time. Raises RuntimeError when a row is refused."""
        free: SimpleQueue[Client] = SimpleQueue()
        for _ in range(THREADS):
            free.put(self._client.twin())
        kind = {"type": object}

        def send(chunk: Sequence[str]) -> int:
            client = free.get()
            rows = [{"attributes": kind, "id": id, **values} for id in chunk]
            results = client.json("PATCH", f"{BASE}/composite/sobjects", {"allOrNone": False, "records": rows})
            free.put(client)
            return sum(result["success"] for result in results)

        chunks = [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]
        with spending() as spent, ThreadPoolExecutor(THREADS) as pool:
            done = sum(pool.map(send, chunks))
        return self._told(done, len(ids), spent.as_dict())

    def bulk_update(self, object: str, ids: Sequence[str], values: Mapping[str, Any]) -> dict[str, Any]:
        """Update rows by one Bulk API 2.0 ingest job and read what became of each. Raises RuntimeError as above."""
        with spending() as spent:
            text = io.StringIO()
            out = csv.writer(text, lineterminator="\n")
            out.writerow(("Id", *values))
            tail = tuple(values.values())
            out.writerows((id, *tail) for id in ids)
            job = {"object": object, "operation": "update", "contentType": "CSV", "lineEnding": "LF"}
            path = f"{BASE}/jobs/ingest/{self._client.json('POST', f'{BASE}/jobs/ingest', job)['id']}"
            head = {"Content-Type": "text/csv"}
            url = self._client.url + path
            self._client.session.put(f"{url}/batches", data=text.getvalue().encode(), headers=head, timeout=600)
            self._client.json("PATCH", path, {"state": "UploadComplete"})
            self._client.wait(path)
            done, _, _ = (self._results(f"{url}/{name}") for name in ("successfulResults", "failedResults", "unprocessedrecords"))
        return self._told(done, len(ids), spent.as_dict())

    def _results(self, url: str) -> int:
        answer = self._client.session.get(url, timeout=600)
        return sum(1 for _ in csv.reader(io.StringIO(answer.text))) - 1

    @staticmethod
    def _told(done: int, wanted: int, spent: dict[str, Any]) -> dict[str, Any]:
        if done != wanted:
            raise RuntimeError(f"{done} of {wanted} rows were written")
        return {"rows": done, **spent}
