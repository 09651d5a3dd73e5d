"""How do several composite calls, each all or nothing, travel as one?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd.sandbox.call import Answer, Call
from syncd.sandbox.composite import Dispatch, carry_out, check_requests
from syncd.sandbox.errors import SalesforceError

GRAPHS_MAX, NODES_MAX = 75, 500


def graph(call: Call, dispatch: Dispatch) -> Answer:
    """Carry out graphs of subrequests; a graph stands or falls as a whole, and by itself.

    Errors: 400 for the whole call when the envelope is malformed.
    """
    graphs = _checked(call.object_body())
    answered, log = [], []
    for each in graphs:
        requests = check_requests(each.get("compositeRequest"), NODES_MAX)
        results, done = carry_out(call, requests, dispatch, all_or_none=True)
        log += done
        answered.append(
            {
                "graphId": each["graphId"],
                "graphResponse": {"compositeResponse": results},
                "isSuccessful": all(result["httpStatusCode"] < 400 for result in results),
            }
        )
    return Answer(200, {"graphs": answered}, subrequests=log)


def _checked(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    graphs = body.get("graphs")
    if not isinstance(graphs, list) or not graphs or not all(isinstance(each, dict) for each in graphs):
        raise SalesforceError("JSON_PARSER_ERROR", "graphs must be a list of graphs at [line:1, column:2]")
    if len(graphs) > GRAPHS_MAX:
        raise SalesforceError("LIMIT_EXCEEDED", f"A call has at most {GRAPHS_MAX} graphs, this one has {len(graphs)}")
    names = [each.get("graphId") for each in graphs]
    if not all(isinstance(name, str) and name for name in names):
        raise SalesforceError("JSON_PARSER_ERROR", "A graph needs a graphId as text at [line:1, column:2]")
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled:
        raise SalesforceError("INVALID_INPUT", f"graphId {doubled!r} is used twice")
    nodes = sum(len(each["compositeRequest"]) for each in graphs if isinstance(each.get("compositeRequest"), list))
    if nodes > NODES_MAX:
        raise SalesforceError("LIMIT_EXCEEDED", f"A call has at most {NODES_MAX} nodes, this one has {nodes}")
    return graphs
