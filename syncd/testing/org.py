"""What does the engine hold when it works with a model instead of a real org? The port over `OrgModel`, reading half first.

Every call is one entry of `log`, in the form of the emulated org's request log. `disturb` is called before and after each call,
and before each row of a write: it may edit the model, as people do, or raise what a broken connection raises.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from syncd.core.values import OrgRecord, Scalar
from syncd.errors import BudgetSpent, FieldHidden
from syncd.ports import (
    Answer,
    ApiUsage,
    Counted,
    DeletedSince,
    Deletions,
    Described,
    DescribedSince,
    FieldSchema,
    Fresh,
    ObjectSchema,
    OrgIdentity,
    Page,
    Pull,
    UpdatedSince,
    Updates,
)
from syncd.testing.model import BIN_DAYS, OrgModel, Row, eighteen
from syncd.testing.reads import ModelBulkReader, ModelCensus
from syncd.testing.writes import ModelWriter

ORG_ID = "00D5e0000000modEAA"
URL, BASE = "https://model.example", "/services/data/v62.0/"
QUERIES_MAX, QUESTIONS_MAX, READ_MAX, PAGE_MAX = 5, 25, 2_000, 2_000
DAILY = 100_000
Disturb = Callable[[str, str], None]
_MINUTE = timedelta(minutes=1)
_PARENTS = {"Profile": "ProfileId", "UserRole": "UserRoleId", "Manager": "ManagerId", "Owner": "OwnerId"}


def _nothing(point: str, what: str) -> None:
    """Disturb nothing."""


class ModelClock:
    """A host's clock that passes the model's time instead of sleeping."""

    def __init__(self, model: OrgModel) -> None:
        self.model = model
        self.slept_s = 0.0

    def now(self) -> datetime:
        """Return the org's time: this host's clock is right."""
        return self.model.clock.at

    def sleep(self, seconds: float) -> None:
        """Let time pass in the org."""
        self.slept_s += seconds
        self.model.clock.advance(seconds)


class InMemoryOrg(ModelWriter, ModelCensus, ModelBulkReader):
    """One process's connection to a model. Calls from several threads take turns if the caller sees to it."""

    def __init__(self, model: OrgModel, disturb: Disturb = _nothing, log: list[dict[str, Any]] | None = None) -> None:
        self.model = model
        self.disturb = disturb
        self.log: list[dict[str, Any]] = [] if log is None else log
        self.ours = 0
        self._seen_at: datetime | None = None

    # --- what every call goes through ------------------------------------------------------------------------------

    def _call(self, method: str, path: str, sent: object = None, *, calls: int = 1) -> dict[str, Any]:
        """Begin a call: it is logged, and counted. Errors: BudgetSpent, and whatever `disturb` raises."""
        self._log_in()
        what = f"{method} {path}"
        self.disturb("before", what)
        self.model.settle()
        allowed = self.model.settings.get("daily_api_requests", DAILY)
        if calls and self.model.used >= allowed:
            raise BudgetSpent(f"The org's {allowed} daily API requests are used up.")
        self.model.used += calls
        self.ours += calls
        text = "" if sent is None else sent if isinstance(sent, str) else json.dumps(sent)
        number = self.log[-1]["n"] + 1 if self.log else 1
        entry: dict[str, Any] = {
            "n": number, "at": self.model.clock.at.isoformat(), "method": method, "path": f"{BASE}{path}", "sent": text,
            "user": "syncd@sandbox.example", "status": 200, "subrequests": [], "results": [], "api_calls": calls,
        }  # fmt: skip
        self.log.append(entry)
        return entry

    def _answer(self, entry: Mapping[str, Any]) -> None:
        """End a call: its answer is on the way, and brings the org's clock."""
        self.disturb("after", f"{entry['method']} {entry['path'].removeprefix(BASE)}")
        self._seen_at = self.model.second()

    def _log_in(self) -> None:
        if self._seen_at is None:
            self._seen_at = self.model.second()

    # --- what costs nothing ----------------------------------------------------------------------------------------

    def identity(self) -> OrgIdentity:
        """Say which org and user this is."""
        self._log_in()
        return OrgIdentity(ORG_ID, self.model.owner, URL)

    def now(self) -> datetime:
        """Return the org's clock as of the latest answer."""
        self._log_in()
        assert self._seen_at is not None
        return self._seen_at

    def look_at_clock(self) -> None:
        """Bring `now` up to date without an API call."""
        self._seen_at = self.model.second()

    def usage(self) -> ApiUsage:
        """Return the API usage; nothing is known before the first answer."""
        return ApiUsage(self.model.used, self.model.settings.get("daily_api_requests", DAILY) if self.ours else 0, self.ours)

    # --- reading ---------------------------------------------------------------------------------------------------

    def schema(self, objects: Sequence[str]) -> Mapping[str, ObjectSchema]:
        """Describe objects, 25 in one API call."""
        found: dict[str, ObjectSchema] = {}
        for start in range(0, len(objects), QUESTIONS_MAX):
            entry = self._call("GET", "composite describe")
            for name in objects[start : start + QUESTIONS_MAX]:
                schema = self._schema(name)
                if schema is not None:
                    found[name] = schema
            self._answer(entry)
        return found

    def _schema(self, name: str) -> ObjectSchema | None:
        shape = self.model.shapes.get(name)
        if shape is None or name in self.model.settings.get("hidden_objects", ()):
            return None
        hidden = self._hidden(name)
        locked = self.model.settings.get("read_only_fields", {}).get(name, ())
        fields = {key: _locked(one) if key in locked else one for key, one in shape.fields.items() if key not in hidden}
        can_write = not shape.is_written_by_the_org
        return ObjectSchema(name, fields, can_write, can_write)

    def _hidden(self, object: str) -> Sequence[str]:
        found: Sequence[str] = self.model.settings.get("hidden_fields", {}).get(object, ())
        return found

    def pull(
        self,
        pulls: Sequence[Pull],
        deleted: Sequence[DeletedSince] = (),
        *,
        counted: Sequence[str] = (),
        updated: Sequence[UpdatedSince] = (),
        described: Sequence[DescribedSince] = (),
    ) -> Iterator[Answer]:
        """Read changed rows page by page, and what else is asked in the same calls."""
        self._log_in()
        queries: list[str | Pull] = [*counted, *pulls]
        spans: list[DeletedSince | UpdatedSince] = [*deleted, *updated]
        light: list[DescribedSince | DeletedSince | UpdatedSince] = [*described]
        light += [each for each in spans if _minute(self.now()) + _MINUTE > _minute(each.since_at)]
        while queries or light:
            some, queries = queries[:QUERIES_MAX], queries[QUERIES_MAX:]
            beside, light = light[: QUESTIONS_MAX - len(some)], light[QUESTIONS_MAX - len(some) :]
            yield from self._one_call(some, beside)

    def _one_call(
        self, queries: Sequence[str | Pull], light: Sequence[DescribedSince | DeletedSince | UpdatedSince]
    ) -> Iterator[Answer]:
        entry = self._call("GET", "composite pull " + ",".join(q if isinstance(q, str) else q.object for q in queries))
        first: list[Answer] = [self._described(each) for each in light if isinstance(each, DescribedSince)]
        first += [Counted(each, len(self.model.live(each))) for each in queries if isinstance(each, str)]
        results = [(each, self._matching(each)) for each in queries if isinstance(each, Pull)]
        last = [self._window(each) for each in light if not isinstance(each, DescribedSince)]
        self._answer(entry)
        yield from first
        hidden: FieldHidden | None = None
        for pull, found in results:
            if isinstance(found, FieldHidden):
                hidden = hidden or found
            else:
                yield from self._pages(pull, found)
        yield from last
        if hidden is not None:
            raise hidden

    def _described(self, asked: DescribedSince) -> Described:
        changed_at = self.model.settings.get("schema_changed_at")
        if asked.since_at is not None and (changed_at is None or changed_at < asked.since_at.replace(microsecond=0)):
            return Described(asked.object, False, None)
        return Described(asked.object, True, self._schema(asked.object))

    def _matching(self, pull: Pull) -> list[OrgRecord] | FieldHidden:
        """Read all rows of a pull at once, as a cursor holds them."""
        hidden = [name for name in pull.fields if self._is_hidden(pull.object, name)]
        if hidden:
            return FieldHidden(f"No such column '{hidden[0]}' on sobject of type {pull.object}")
        sees_bin = "IsDeleted" in pull.fields
        table = self.model.tables[pull.object].values()
        rows = [row for row in table if (sees_bin or not row["IsDeleted"]) and _is_wanted(row, pull)]
        rows.sort(key=lambda row: (row[pull.stamp_field], row["Id"]))
        return [self._record(pull.object, row, pull.fields, pull.stamp_field) for row in rows]

    def _is_hidden(self, object: str, name: str) -> bool:
        known = self.model.shapes[object].fields
        return "." not in name and (name not in known or name in self._hidden(object))

    def _pages(self, pull: Pull, found: Sequence[OrgRecord]) -> Iterator[Page]:
        size = self.model.settings.get("page_size_max", PAGE_MAX)
        pages = [tuple(found[start : start + size]) for start in range(0, len(found), size)] or [()]
        for number, rows in enumerate(pages):
            if number:
                self._answer(self._call("GET", f"query/more {pull.object}"))
            yield Page(pull.object, rows, number == len(pages) - 1, len(found))
            if pull.rows_max is not None and len(found) > pull.rows_max:
                return

    def _window(self, asked: DeletedSince | UpdatedSince) -> Deletions | Updates:
        """Answer a question about a span of whole minutes. A transaction that still runs holds its end back."""
        now, start = self.model.clock.at, _minute(asked.since_at)
        began_at = self.model.began_at()
        covered = min(_minute(now) if began_at is None else _minute(began_at), _minute(now))
        end = _minute(self.now()) + _MINUTE
        if isinstance(asked, DeletedSince):
            oldest = _minute(now - BIN_DAYS) + _MINUTE
            gone = {id: at for object, id, at in self.model.bin_log if object == asked.object and max(start, oldest) <= at < end}
            return Deletions(asked.object, tuple(gone), covered, start >= oldest)
        stamp = self.model.shapes[asked.object].stamp_field
        rows = [row for row in self.model.live(asked.object) if start <= row[stamp] < end]
        return Updates(asked.object, tuple(row["Id"] for row in rows), covered, start >= _minute(now - 2 * BIN_DAYS) + _MINUTE)

    def read(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Fresh:
        """Read rows by id as they stand now, 2,000 a call."""
        asked_at, found = self.now(), {}
        unique = iter(dict.fromkeys(ids))
        while some := list(islice(unique, READ_MAX)):
            entry = self._call("POST", f"composite/sobjects/{object}", {"ids": some, "fields": list(fields)})
            self._need_visible(object, fields)
            table, stamp = self.model.tables[object], self.model.shapes[object].stamp_field
            for id in map(eighteen, some):
                if id in table and not table[id]["IsDeleted"]:
                    found[id] = self._record(object, table[id], fields, stamp)
            self._answer(entry)
        return Fresh(found, asked_at)

    def find(self, object: str, fields: Sequence[str], where: Mapping[str, Sequence[Scalar]]) -> Fresh:
        """Find rows whose fields each hold one of the given values."""
        asked_at = self.now()
        if not all(where.values()):
            return Fresh({}, asked_at)
        entry = self._call("GET", f"query {object}")
        self._need_visible(object, fields)
        stamp = self.model.shapes[object].stamp_field
        wanted = {name: {_folded(name, value) for value in values} for name, values in where.items()}
        rows = [row for row in self.model.live(object) if all(_folded(name, row[name]) in some for name, some in wanted.items())]
        found = {row["Id"]: self._record(object, row, fields, stamp) for row in sorted(rows, key=lambda row: str(row["Id"]))}
        self._answer(entry)
        return Fresh(found, asked_at)

    def _need_visible(self, object: str, fields: Iterable[str]) -> None:
        for name in fields:
            if self._is_hidden(object, name):
                raise FieldHidden(f"No such column '{name}' on sobject of type {object}")

    def _record(self, object: str, row: Row, fields: Sequence[str], stamp: str) -> OrgRecord:
        values = {name: _shown(row[name]) if name in row else self._related(row, name) for name in fields}
        return OrgRecord(object, row["Id"], row[stamp], values, "IsDeleted" in fields and row["IsDeleted"])

    def _related(self, row: Row, path: str) -> Scalar:
        head, _, rest = path.partition(".")
        id = row.get(_PARENTS.get(head, f"{head}Id"))
        return None if id is None else _shown(self.model.row(str(id)).get(rest))


def _is_wanted(row: Row, pull: Pull) -> bool:
    at = row[pull.stamp_field]
    if pull.after is not None:
        return (at, row["Id"]) > (pull.after.at, pull.after.id)
    return pull.since_at is None or bool(at >= pull.since_at.replace(microsecond=0))


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _folded(name: str, value: Any) -> Any:
    """Compare as SOQL does: text without case, ids by their first 15 characters."""
    if isinstance(value, str):
        return value[:15] if name.endswith("Id") else value.lower()
    return value


def _shown(value: Any) -> Scalar:
    """Write a value as REST does."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.000+0000"
    shown: Scalar = value
    return shown


def _locked(one: FieldSchema) -> FieldSchema:
    return FieldSchema(one.name, one.type, one.length, False, False, one.is_external_id, one.picklist)
