"""`syncd inbox`: what waits for a human, closed with a word, or tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli import asking, output, wire

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.ports import InboxCard

SHOWN_MAX = 50
HEADER = ("number", "kind", "where", "last seen", "times", "what")

inbox = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Show and close what waits for a human."
)

Numbers = Annotated[list[int] | None, typer.Argument(metavar="NUMBER…", help="Numbers from `syncd inbox list`.")]
Kind = Annotated[str | None, typer.Option("--kind", help="All open items of one kind, such as refused-write.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@inbox.command("list")
def list_items(
    context: typer.Context,
    kind: Kind = None,
    closed: Annotated[bool, typer.Option("--closed", help="The closed items too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what waits for a human, oldest first."""
    cards = _cards(wire.config_of(context), open_only=not closed)
    _check_kind(cards, kind)
    cards = [card for card in cards if kind in (None, card.item.kind)]
    if as_json:
        output.as_json({"schema": 1, "items": [_as_json(card) for card in cards]})
        return
    if not cards:
        output.data("inbox: empty, nothing waits for a human")
        return
    shown = cards[:SHOWN_MAX]
    for line in output.table(HEADER, [_cells(card) for card in shown]):
        output.data(line)
    if len(cards) > len(shown):
        output.data(f"… and {len(cards) - len(shown):,} more; all of them with --json")


@inbox.command()
def show(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="A number from `syncd inbox list`.")],
    as_json: AsJson = False,
) -> None:
    """Show one item with its remedy."""
    card = next((one for one in _cards(wire.config_of(context), open_only=False) if one.number == number), None)
    if card is None:
        raise typer.BadParameter(f"No inbox item has the number {number}. See: {wire.command(context, 'inbox list')}")
    if as_json:
        output.as_json({"schema": 1, "item": _as_json(card)})
        return
    item = card.item
    remedy = output.as_called(output.numbered(item.remedy, number), context.obj.config)
    closed = f", closed {output.when(card.resolved_at)}" if card.resolved_at is not None else ""
    seen = f"first seen {output.when(card.first_at)}, last {output.when(card.last_at)}, {output.many(card.times, 'time')}{closed}"
    lines = {"number": f"{number}, {item.kind}", "where": item.where, "what": item.text, "next": remedy, "seen": seen}
    for name, text in (lines | ({"detail": item.detail} if item.detail else {})).items():
        output.data(f"{name:<8}{output.visible(text)}")


@inbox.command()
def resolve(
    context: typer.Context,
    numbers: Numbers = None,
    kind: Kind = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the ledger with your name.")] = "",
    revert: Annotated[bool, typer.Option("--revert", help="Answer a question: put the last lawful values back.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Answer a question: let the change stand.")] = False,
    person: Annotated[str | None, typer.Option("--person", metavar="ID", help="Answer: the rows are about this person.")] = None,
    line: Annotated[int | None, typer.Option("--line", metavar="LINE", help="Answer: of tied lines, this one counts.")] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Forget whom rows were said to be about; ask again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Close items that you have dealt with. An item whose cause is still there comes back. Questions need an answer."""
    from syncd.engine.requests import RESOLVE

    if sum((revert, keep, person is not None, line is not None, forget)) > 1:
        raise typer.BadParameter("Answer with --revert, --keep, --person, --line or --forget; one of them.")
    config = wire.config_of(context)
    payload: dict[str, Any] = {"numbers": _chosen(config, numbers, kind), "reason": reason}
    if revert or keep:
        payload["answer"] = "revert" if revert else "keep"
    choice = {"person": person, "line": line, "forget": forget or None}
    payload |= {name: given for name, given in choice.items() if given is not None}
    answer = asking.ask(context, config, RESOLVE, payload)
    if as_json:
        output.as_json({"schema": 1, **answer})
        return
    if "forgotten" in answer:
        output.data(f"forgotten: rows like that of inbox item {answer['forgotten'][0]} are asked about again")
        return
    closed = answer["resolved"]
    output.data(f"closed {output.many(len(closed), 'inbox item')}: {', '.join(map(str, closed))}")
    if "applied" in answer:
        now = "its values leave with the next cycle" if answer["applied"] else "its values come with the next export"
        output.data(f"{'remembered; ' if person else ''}{now}")
    if revert:
        asked_back = len(answer["put_back"])
        done = f"{output.many(answer['reverts'], 'value')} put back"
        output.data(done if asked_back else f"{done}: the values were changed before they could be put back")


@inbox.command()
def retry(context: typer.Context, numbers: Numbers = None, kind: Kind = None, as_json: AsJson = False) -> None:
    """Send refused writes once more, and look at everything again in a cycle. Exit 1 when an item is still open."""
    from syncd.engine.requests import RETRY

    config = wire.config_of(context)
    answer = asking.ask(context, config, RETRY, {"numbers": _chosen(config, numbers, kind)})
    if as_json:
        output.as_json({"schema": 1, **answer})
    else:
        for number in answer["closed"]:
            output.data(f"{number}: closed, its cause is gone")
        for left in answer["still_open"]:
            output.data(f"{left['number']}: still open. {output.visible(left['where'])}: {output.visible(left['text'])}")
            output.data(f"  next: {output.visible(output.as_called(left['remedy'], context.obj.config))}")
    if answer["still_open"]:
        raise typer.Exit(1)


def _cards(config: Config, *, open_only: bool) -> list[InboxCard]:
    with wire.open_store_to_read(config) as store:
        return store.inbox_cards(open_only=open_only)


def _chosen(config: Config, numbers: Sequence[int] | None, kind: str | None) -> list[int]:
    """Return the numbers that were named, or those of a kind."""
    if bool(numbers) == bool(kind):
        raise typer.BadParameter("Name the items by their numbers, or all of a kind with --kind; one of the two.")
    if numbers:
        return list(dict.fromkeys(numbers))
    cards = _cards(config, open_only=True)
    _check_kind(cards, kind)
    return [card.number for card in cards if card.item.kind == kind]


def _check_kind(cards: Sequence[InboxCard], kind: str | None) -> None:
    kinds = sorted({card.item.kind for card in cards})
    if kind is not None and kind not in kinds:
        raise typer.BadParameter(
            f"No item is of the kind {kind!r}. Kinds now: {', '.join(kinds) or 'none'}.", param_hint="--kind"
        )


def _cells(card: InboxCard) -> tuple[object, ...]:
    item = card.item
    closed = "closed: " if card.resolved_at is not None else ""
    return (card.number, item.kind, item.where, output.stamp(card.last_at), card.times, closed + item.text)


def _as_json(card: InboxCard) -> dict[str, Any]:
    told = asdict(replace(card, item=replace(card.item, remedy=output.numbered(card.item.remedy, card.number))))
    return {"number": told.pop("number"), **told.pop("item"), **told}
