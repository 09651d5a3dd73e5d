"""`syncd mapping schema`: what may stand in a policy file, as JSON Schema for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from syncd.cli import output
from syncd.errors import ConfigInvalid, SyncdError

FIRST = "fields"


def schema(
    kind: Annotated[str | None, typer.Argument(metavar="[KIND]", help="fields, fences or nurture; fields without it.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write a file for each kind, or for the one that was named.")
    ] = None,
) -> None:
    """Write what may stand in a mapping, fence or nurture file as JSON Schema, by which an editor completes and checks it."""
    from syncd.core.policy_schema import schemas
    from syncd.policies.documents import nearest

    known = schemas()
    if kind is not None and kind not in known:
        near = nearest(kind, known)
        hint = f"Did you mean {near!r}?" if near else f"Name one of: {', '.join(known)}"
        raise ConfigInvalid(f"There is no kind of file {kind!r}.", hint=hint)
    if out is None:
        output.as_json(known[kind or FIRST])
        return
    for each in (kind,) if kind is not None else known:
        path = out / f"{each}.schema.json"
        try:
            out.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(known[each], indent=1, ensure_ascii=False) + "\n", "utf-8")
        except OSError as error:
            raise SyncdError(f"cannot write {path}: {error.strerror}.", hint="Check its owner and permissions.") from error
        output.data(f"wrote {path}")
    output.message(f"An editor takes it from a first line such as:  #:schema {out / 'fields.schema.json'}")
