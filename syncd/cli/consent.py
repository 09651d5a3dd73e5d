"""`syncd consent`: evidence that a person who had opted out wants mail again."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli import asking, output, wire

if TYPE_CHECKING:
    from syncd.core.consent import Consent

HEADER = ("person", "address", "covers", "given", "source", "wording", "stored by", "stored")

consent = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Store evidence of new consent, and see what is stored.",
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@consent.command()
def add(
    context: typer.Context,
    who: Annotated[str, typer.Argument(metavar="WHO", help="The id of a lead or contact, or an e-mail address.")],
    source: Annotated[str, typer.Option("--source", metavar="TEXT", help="Where it was given, such as the name of a form.")],
    at: Annotated[
        str,
        typer.Option("--at", metavar="TIME", help="When: a time such as 2026-11-20T14:05 in the configured zone, or a day."),
    ],
    wording: Annotated[str, typer.Option("--wording", metavar="TEXT", help="The words that the person agreed to.")],
    scope: Annotated[
        str, typer.Option("--scope", metavar="SCOPE", help="What it covers: global, brand:NAME or topic:NAME.")
    ] = "global",
    as_json: AsJson = False,
) -> None:
    """Store that a person wants mail again. It opens opt-outs that were last said before; nothing is written to Salesforce."""
    from syncd.engine.consenting import CONSENT

    config = wire.config_of(context)
    payload = {"who": who, "source": source, "at": read_at(at, config.zone).isoformat(), "wording": wording, "scope": scope}
    answer = asking.ask(context, config, CONSENT, payload)
    if as_json:
        output.as_json({"schema": 1, **answer})
        return
    whom = answer["person"] or answer["address"]
    output.data(
        f"consent of {output.visible(whom)} ({answer['scope']}) " + ("is stored" if answer["is_new"] else "was stored before")
    )
    for reason in answer["still"]:
        output.data(f"still without mail: {output.visible(reason)}")


@consent.command("list")
def list_consents(context: typer.Context, as_json: AsJson = False) -> None:
    """List every consent that is stored, the oldest first."""
    with wire.open_store_to_read(wire.config_of(context)) as store:
        known = store.all_consents()
    if as_json:
        from dataclasses import asdict

        output.as_json({"schema": 1, "consents": [asdict(one) for one in known]})
        return
    if not known:
        output.data("no consent is stored")
        return
    for line in output.table(HEADER, [_cells(one) for one in known]):
        output.data(line)


def read_at(text: str, zone: tzinfo) -> datetime:
    """Read when consent was given; a time without a zone is one of the configured zone, a day counts from its first moment.

    Errors: typer.BadParameter for anything else.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as cause:
        raise typer.BadParameter(f"{text!r} is no time. Write 2026-11-20T14:05 or 2026-11-20.", param_hint="--at") from cause
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)


def _cells(one: Consent) -> tuple[object, ...]:
    times = (output.stamp(one.given_at), output.stamp(one.noted_at))
    return (one.person_id or "", one.address or "", one.scope, times[0], one.source, one.wording, one.by, times[1])
