"""Which resource does a URL below /services/data/vXX.X/ name?"""

from __future__ import annotations

import re

from syncd.sandbox.batch import batch
from syncd.sandbox.bulk.route import bulk
from syncd.sandbox.call import Answer, Call
from syncd.sandbox.collections import collections, read_collection
from syncd.sandbox.composite import composite
from syncd.sandbox.describe import basic_information, describe_global, describe_object
from syncd.sandbox.errors import NotThere, SalesforceError, method_not_allowed
from syncd.sandbox.graph import graph
from syncd.sandbox.limits import limits, record_count
from syncd.sandbox.record_types import picklist_values
from syncd.sandbox.replication import deleted, updated
from syncd.sandbox.rows import create_row, row_by_external_id, row_by_id, the_object
from syncd.sandbox.soql.columns import column_metadata
from syncd.sandbox.soql.run import Asker, next_page, query
from syncd.sandbox.tree import tree
from syncd.sandbox.upserts import upsert_collection

PAGE_MIN = 200


def dispatch(call: Call) -> Answer:
    """Carry out a call.

    Errors: SalesforceError; 404 for a resource this org does not have.
    """
    first = call.parts[0].lower() if call.parts else ""
    if first == "sobjects":
        return _sobjects(call)
    if first in ("query", "queryall"):
        return _query(call, all_rows=first == "queryall")
    if first == "composite":
        return _composite(call)
    if first == "jobs":
        return bulk(call)
    if first == "limits":
        _only(call, "GET", "HEAD")
        if len(call.parts) == 1:
            return limits(call)
        if call.parts[1].lower() == "recordcount":
            return record_count(call)
    if first == "ui-api":
        _only(call, "GET", "HEAD")
        return picklist_values(call)
    if first == "":
        _only(call, "GET", "HEAD")
        return Answer(
            200,
            {name: f"{call.base}/{name}" for name in ("composite", "jobs", "limits", "query", "queryAll", "sobjects")}
            | {"identity": f"{call.instance_url}/id/{call.org.org_id}/{call.user_id}"},
        )
    raise NotThere()


def _only(call: Call, *methods: str) -> None:
    if call.method not in methods:
        raise method_not_allowed(call.method, ",".join(sorted(methods)))


def _sobjects(call: Call) -> Answer:
    if len(call.parts) == 1:
        _only(call, "GET", "HEAD")
        return describe_global(call)
    sobject = the_object(call, call.parts[1])
    rest = call.parts[2:]
    if not rest:
        _only(call, "GET", "HEAD", "POST")
        return create_row(call, sobject) if call.method == "POST" else basic_information(call, sobject)
    word = rest[0].lower()
    if len(rest) == 1 and word in ("describe", "deleted", "updated"):
        _only(call, "GET", "HEAD")
        return {"describe": describe_object, "deleted": deleted, "updated": updated}[word](call, sobject)
    if len(rest) == 1:
        return row_by_id(call, sobject, rest[0])
    if len(rest) == 2 and word == "id":
        return row_by_id(call, sobject, rest[1])
    if len(rest) == 2:
        return row_by_external_id(call, sobject, rest[0], rest[1])
    raise NotThere()


def _query(call: Call, *, all_rows: bool) -> Answer:
    _only(call, "GET", "HEAD")
    asker = Asker(call.user_id, call.base, _page_rows(call))
    if len(call.parts) == 2:
        return Answer(200, next_page(call.org, call.parts[1], asker))
    if len(call.parts) > 2:
        raise NotThere()
    statement = call.params.get("q")
    if not statement:
        raise SalesforceError("MALFORMED_QUERY", "A query string has to be specified")
    if call.params.get("columns", "").lower() == "true":
        return Answer(200, column_metadata(call.org, statement))
    return Answer(200, query(call.org, statement, asker, all_rows=all_rows))


def _page_rows(call: Call) -> int:
    most = call.org.settings.page_size_max
    match = re.search(r"batchSize\s*=\s*(\d+)", call.headers.get("sforce-query-options", ""), re.IGNORECASE)
    return min(most, max(PAGE_MIN, int(match.group(1)))) if match else most


def _composite(call: Call) -> Answer:
    rest = call.parts[1:]
    word = rest[0].lower() if rest else ""
    if word in _COMPOSITE_SINCE and float(call.version) < _COMPOSITE_SINCE[word]:
        raise NotThere()
    if len(rest) <= 1 and word in _WHOLE_CALLS:
        _only(call, "POST")
        return _WHOLE_CALLS[word](call, dispatch)
    if word == "tree" and len(rest) == 2:
        _only(call, "POST")
        return tree(call, the_object(call, rest[1]))
    if word == "sobjects" and len(rest) == 1:
        return collections(call)
    if word == "sobjects" and len(rest) == 2:
        return read_collection(call, rest[1])
    if word == "sobjects" and len(rest) == 3:
        _only(call, "PATCH")
        return upsert_collection(call, rest[1], rest[2])
    raise NotThere()


_WHOLE_CALLS = {"": composite, "batch": batch, "graph": graph}
_COMPOSITE_SINCE = {"": 38.0, "batch": 34.0, "tree": 34.0, "sobjects": 42.0, "graph": 50.0}
