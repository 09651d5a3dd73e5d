"""How does the model take writes? Conditional updates, overwrites, creates and Bulk loads, row by row."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from syncd.core.values import Scalar
from syncd.errors import OrgRefused
from syncd.ports.writing import IngestJob, Overwrite, Update, WriteResult
from syncd.testing.model import Load, OrgModel, Refusal, eighteen

if TYPE_CHECKING:
    from syncd.testing.org import Disturb

_STATUS = {"ENTITY_IS_DELETED": "gone", "NOT_FOUND": "gone", "DUPLICATE_VALUE": "duplicate", "UNABLE_TO_LOCK_ROW": "locked"}
NULL = "#N/A"
POLLS = 2


class ModelWriter:
    """The writing half of the port."""

    model: OrgModel
    disturb: Disturb
    _call: Callable[..., dict[str, Any]]
    _answer: Callable[[Mapping[str, Any]], None]

    def update(self, updates: Sequence[Update]) -> list[WriteResult]:
        """Send at most 25 conditional updates in one API call."""
        if not updates:
            return []
        if len(updates) > 25:
            raise AssertionError(f"{len(updates)} updates in one call")
        parts = [
            {"method": "PATCH", "url": f"/services/data/v62.0/sobjects/{one.object}/{one.id}", "body": dict(one.values)}
            for one in updates
        ]
        entry = self._call("POST", "composite", {"compositeRequest": parts})
        results = [self._one(entry, number, one) for number, one in enumerate(updates)]
        self._answer(entry)
        return results

    def _one(self, entry: dict[str, Any], number: int, one: Update) -> WriteResult:
        self.disturb("row", f"update {one.object} {one.id}")
        request = f"{entry['n']}_{number}"
        status, result = 204, WriteResult("done", one.id, request_id=request)
        try:
            row = self.model.need(one.object, eighteen(one.id))
            if row["SystemModstamp"].replace(microsecond=0) > one.unmodified_since.replace(microsecond=0):
                status, result = 412, WriteResult("stale", one.id, "PRECONDITION_FAILED", "modified since", request)
            else:
                self._save(one.object, one.id, one.values)
        except Refusal as refusal:
            status, result = refusal.status, _refused(refusal, one.id, request)
        headers = {"If-Unmodified-Since": format_datetime(one.unmodified_since, usegmt=True), "Sforce-Auto-Assign": "FALSE"}
        entry["subrequests"].append({"method": "PATCH", "status": status, "headers": headers})
        return result

    def _save(self, object: str, id: str, values: Mapping[str, Scalar]) -> None:
        """Save as syncd's user, whom locks and read-only fields stop. Errors: Refusal."""
        row = self.model.need(object, eighteen(id))
        self.model.check_lock(row["Id"])
        if self.model.locks.get(row["Id"], 0) > 0:
            self.model.locks[row["Id"]] -= 1
            raise Refusal("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
        for name in values:
            shape = self.model.shapes[object].fields.get(name)
            if shape is not None and not shape.is_updateable:
                raise Refusal("INVALID_FIELD_FOR_INSERT_UPDATE", f"Unable to create/update fields: {name}")
        self.model.save(object, row, values, self.model.owner, self.model.second(), "api")

    def overwrite(self, object: str, rows: Sequence[Overwrite]) -> list[WriteResult]:
        """Send at most 200 unconditional updates in one API call."""
        if not rows:
            return []
        if len(rows) > 200:
            raise AssertionError(f"{len(rows)} rows in one call")
        records = [{"attributes": {"type": object}, "id": one.id, **one.values} for one in rows]
        entry = self._call("PATCH", "composite/sobjects", {"records": records})
        results = [self._overwritten(object, one, f"{entry['n']}_{number}") for number, one in enumerate(rows)]
        entry["results"] = [{"id": one.id, "success": one.status == "done"} for one in results]
        self._answer(entry)
        return results

    def _overwritten(self, object: str, one: Overwrite, request: str) -> WriteResult:
        self.disturb("row", f"overwrite {object} {one.id}")
        try:
            self._save(object, one.id, one.values)
        except Refusal as refusal:
            return _refused(refusal, one.id, request)
        return WriteResult("done", one.id, request_id=request)

    def create(self, object: str, rows: Sequence[Mapping[str, Scalar]], *, assign: bool = False) -> list[WriteResult]:
        """Create at most 200 rows in one API call. The model has no assignment rules."""
        if not rows:
            return []
        if len(rows) > 200:
            raise AssertionError(f"{len(rows)} rows in one call")
        entry = self._call("POST", "composite/sobjects", {"records": [{"attributes": {"type": object}, **row} for row in rows]})
        results = [self._created(object, row, f"{entry['n']}_{number}") for number, row in enumerate(rows)]
        entry["results"] = [{"id": one.id, "success": one.status == "done"} for one in results]
        self._answer(entry)
        return results

    def _created(self, object: str, row: Mapping[str, Scalar], request: str) -> WriteResult:
        self.disturb("row", f"create {object}")
        model = self.model
        try:
            whole = {name: eighteen(str(value)) if name.endswith("Id") and value else value for name, value in row.items()}
            id = model.create(object, whole, model.owner, model.second(), "api")
        except Refusal as refusal:
            return _refused(refusal, None, request)
        return WriteResult("done", id, request_id=request)

    # --- Bulk loads ------------------------------------------------------------------------------------------------

    def open_ingest(self, object: str) -> IngestJob:
        """Open a Bulk load of updates."""
        entry = self._call("POST", "jobs/ingest", {"object": object, "operation": "update"})
        load = Load(self.model.mint("750"), object, self.model.second())
        self.model.loads[load.id] = load
        entry["results"] = [{"id": load.id, "success": True}]
        self._answer(entry)
        return self._told(load)

    def fill_ingest(self, job_id: str, rows: Sequence[Overwrite]) -> None:
        """Upload the rows of an open load, once."""
        fields = sorted({name for row in rows for name in row.values})
        stream = io.StringIO()
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["Id", *fields])
        table.writerows([row.id, *(_cell(row.values[name]) if name in row.values else "" for name in fields)] for row in rows)
        entry = self._call("PUT", f"jobs/ingest/{job_id}/batches", stream.getvalue())
        load = self.model.loads[job_id]
        if load.state != "Open":
            entry["status"] = 400
            raise OrgRefused(f"Data cannot be added to a load in state {load.state}")
        load.rows = list(rows)
        self._answer(entry)

    def close_ingest(self, job_id: str) -> None:
        """Say that the upload is complete: the org begins to write."""
        self._enter(job_id, "UploadComplete")

    def abort_ingest(self, job_id: str) -> None:
        """Give up a load that was never closed."""
        self._enter(job_id, "Aborted")

    def _enter(self, job_id: str, state: str) -> None:
        entry = self._call("PATCH", f"jobs/ingest/{job_id}", {"state": state})
        load = self.model.loads[job_id]
        if load.state != "Open" and state != "Aborted":
            entry["status"] = 400
            raise OrgRefused(f"Closing already {load.state} Job not allowed")
        load.state = state
        self._answer(entry)

    def ingest_job(self, job_id: str) -> IngestJob | None:
        """Ask how a load stands; None when the org knows it no more. Each question finds it further on."""
        entry = self._call("GET", f"jobs/ingest/{job_id}")
        load = self.model.loads.get(job_id)
        if load is not None:
            self._advance(load)
        self._answer(entry)
        return None if load is None else self._told(load)

    def _advance(self, load: Load) -> None:
        if load.state not in ("UploadComplete", "InProgress"):
            return
        load.polls += 1
        until = len(load.rows) * load.polls // POLLS
        for one in load.rows[len(load.results) : until]:
            load.results.append(self._overwritten(load.object, one, load.id))
        load.state = "JobComplete" if load.polls >= POLLS else "InProgress"

    def open_ingests(self) -> list[IngestJob]:
        """List the loads that were opened and never closed."""
        entry = self._call("GET", "jobs/ingest")
        found = [self._told(load) for load in self.model.loads.values() if load.state == "Open"]
        self._answer(entry)
        return found

    def ingest_results(self, job_id: str) -> list[WriteResult]:
        """Read what became of each row of an ended load: three calls, as there are three files."""
        for name in ("successfulResults", "failedResults", "unprocessedrecords"):
            self._answer(self._call("GET", f"jobs/ingest/{job_id}/{name}"))
        load = self.model.loads[job_id]
        left = load.rows[len(load.results) :]
        return [*load.results, *(WriteResult("unprocessed", row.id, request_id=job_id) for row in left)]

    def _told(self, load: Load) -> IngestJob:
        failed = sum(one.status != "done" for one in load.results)
        owner = self.model.owner
        return IngestJob(load.id, load.object, load.state, owner, load.created_at, len(load.results), failed)


def _refused(refusal: Refusal, id: str | None, request: str) -> WriteResult:
    return WriteResult(_STATUS.get(refusal.code, "refused"), id, refusal.code, refusal.text, request)


def _cell(value: Scalar) -> str:
    if value is None:
        return NULL
    return str(value).lower() if isinstance(value, bool) else str(value)
