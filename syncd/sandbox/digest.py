"""Do two orgs hold the same records?"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from syncd.sandbox.database import quoted

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

_DELETED = 'SELECT Id, DeletedAt FROM "_Deleted" WHERE Object = ? ORDER BY Id, DeletedAt'


def digest(org: Org, names: Sequence[str] = ()) -> dict[str, Any]:
    """Return the SHA-256 of the named objects' records (of all, when none is named), and each object's own.

    Shapes: ``{"sha256": "…", "objects": {"Lead": {"rows": 3, "sha256": "…"}}}``. A digest covers every stored field of
    every row in id order, deleted rows and the list of deletions included, and nothing else: not the order of the columns,
    not sessions, jobs or settings.
    """
    wanted = sorted(names) if names else sorted(each.name for each in org.schema.objects.values())
    objects = {org.schema.get(name).name: _of_object(org, org.schema.get(name).name) for name in wanted}
    whole = hashlib.sha256(orjson.dumps(objects, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return {"sha256": whole, "objects": objects}


def _of_object(org: Org, name: str) -> dict[str, Any]:
    columns = sorted(field.name for field in org.schema.get(name).fields.values() if field.stored)
    statement = " ".join(("SELECT", ", ".join(map(quoted, columns)), "FROM", quoted(name), 'ORDER BY "Id"'))
    total = hashlib.sha256(orjson.dumps([name, columns]))
    rows = 0
    for row in org.database.connection.execute(statement):
        total.update(orjson.dumps(row))
        rows += 1
    for entry in org.database.connection.execute(_DELETED, (name,)):
        total.update(orjson.dumps(entry))
    return {"rows": rows, "sha256": total.hexdigest()}
