"""`syncd mapping`: what each column of a marketing tool's export means, checked, proposed, tried and handed round."""

from __future__ import annotations

import typer

from syncd.cli.mapping_check import check
from syncd.cli.mapping_examples import examples
from syncd.cli.mapping_export import export
from syncd.cli.mapping_import import import_
from syncd.cli.mapping_preview import preview
from syncd.cli.mapping_schema import schema
from syncd.cli.mapping_suggest import suggest

mapping = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Check, propose, try and hand round the files that say what each column of an export means.",
)
mapping.command()(check)
mapping.command()(preview)
mapping.command()(suggest)
mapping.command()(export)
mapping.command("import")(import_)
mapping.command("test")(examples)
mapping.command()(schema)


@mapping.callback()
def _group() -> None:
    """Check, propose, try and hand round the files that say what each column of an export means."""
