"""Which verbs does the `syncd` command know, and what does a user see when one fails?

A verb's module is imported only when the verb is called, so that `syncd --help` answers at once. Each verb is a function
with typer annotations, or a `typer.Typer` with verbs of its own; `VERBS` says where it stands.
"""

from __future__ import annotations

import difflib
import importlib
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from syncd import __version__
from syncd.cli import output
from syncd.errors import ConfigInvalid, PlanUnreadable, SyncdError

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a verb stands: `attribute` of `syncd.cli.<module>`, a function or a Typer app."""

    module: str
    attribute: str
    help: str


VERBS = {
    "demo": Verb("demo", "demo", "Show everything on a local emulated org, with nothing to configure."),
    "init": Verb("init", "init", "Write a config.toml and starter mappings."),
    "check": Verb("check", "check", "Check files, folders, login, permissions, fields, picklists and history tracking."),
    "plan": Verb("plan", "plan", "Show what the next cycle would write, record by record, and why. Writes nothing."),
    "apply": Verb("plan", "apply", "Carry out exactly one plan, or refuse."),
    "run": Verb("run", "run", "Run the daemon, or one cycle with --once."),
    "status": Verb("status", "status", "Show the last cycles, lag, crossings, inbox and API budget."),
    "census": Verb("census", "census", "Count the mirror against the org now, and put right what differs."),
    "inbox": Verb("inbox", "inbox", "List, show and close what waits for a human, or try it again."),
    "exports": Verb("exports", "exports", "List the exports that were taken in, and take one in again."),
    "explain": Verb("explain", "explain", "Tell the story of one record: who changed what, how we know, what was decided."),
    "fence": Verb("fence", "fence", "Draw the fence file: who may move what where, and what can't be reached."),
    "actors": Verb("actors", "actors", "Propose, from history, which logins are people, machines, or both."),
    "window": Verb("window", "window", "Announce somebody's planned mass edit, so that it is lawful while it lasts."),
    "consent": Verb("consent", "consent", "Store evidence that a person wants mail again, and list what is stored."),
    "mapping": Verb("mapping", "mapping", "Check, propose, try and hand round what each column of an export means."),
    "formula": Verb("formula", "formula", "Show what a formula in Salesforce's syntax comes to for a record, part by part."),
    "audit": Verb("audit", "audit", "Query and verify the ledger."),
    "store": Verb("store", "store", "Back the database up, and restore it."),
    "sandbox": Verb("sandbox", "sandbox", "Serve the emulated Salesforce org on a port, and play people and machines in it."),
}


@dataclass(frozen=True, slots=True)
class Globals:
    """The options before the verb, in `context.obj`."""

    config: Path | None
    debug: bool


class LazyVerbs(TyperGroup):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: Context) -> list[str]:
        """List the verbs in the order of a first day."""
        return list(VERBS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """Import one verb."""
        return _imported(cmd_name)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.help) for name, verb in VERBS.items()])

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """Find the verb, and name the nearest when there is none."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], VERBS, n=1)
            ctx.fail(f"there is no command {args[0]!r}. " + (f"Did you mean: syncd {near[0]}" if near else "Try: syncd --help"))
        return super().resolve_command(ctx, args)


@cache
def _imported(cmd_name: str) -> Command | None:
    """Import one verb, once."""
    verb = VERBS.get(cmd_name)
    if verb is None:
        return None
    found = getattr(importlib.import_module(f"syncd.cli.{verb.module}"), verb.attribute)
    if not isinstance(found, typer.Typer):
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(cmd_name, help=_help_of(found, verb))(found)
        found = app
    command = typer.main.get_command(found)
    command.name = cmd_name
    return command


def _help_of(function: Any, verb: Verb) -> str:
    text: str = function.__doc__ or verb.help
    return text


app = typer.Typer(
    cls=LazyVerbs,
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="syncd keeps the peace between Marketing and Sales in Salesforce.",
    epilog="A first day: syncd demo, then init, check, run --once, plan, apply, run. The manual is README.md.",
)


def _version(wanted: bool) -> None:
    if wanted:
        output.data(f"syncd {__version__}")
        raise typer.Exit


@app.callback()
def _globals(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="PATH", help="config.toml, or its folder. Also: $SYNCD_CONFIG.", show_default=False),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback when something fails.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    context.obj = Globals(config, debug)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failure or findings, 2 unusable files or arguments, 130 interrupted."""
    arguments = _globals_first(list(sys.argv[1:] if argv is None else argv))
    debug = "--debug" in arguments
    output.fit_locale()
    try:
        _called(arguments)
    except KeyboardInterrupt:
        sys.exit(130)
    except SyncdError as problem:
        _tell(output.one_stop(str(problem)), output.as_called(problem.hint, _config_given(arguments)), debug=debug)
        sys.exit(2 if isinstance(problem, ConfigInvalid | PlanUnreadable) else 1)
    except Exception as problem:  # noqa: BLE001 - the outermost line: a user never sees a traceback unasked
        where = traceback.extract_tb(problem.__traceback__)[-1]
        text = f"syncd failed inside itself: {type(problem).__name__} at {Path(where.filename).name}:{where.lineno}"
        _tell(text, "This is a defect in syncd. See where it comes from with: syncd --debug …", debug=debug)
        sys.exit(1)


def _called(arguments: Sequence[str]) -> None:
    with output.told_of():
        try:
            app(arguments, prog_name="syncd")
        finally:
            output.ended()


def _tell(text: str, hint: str, *, debug: bool) -> None:
    if debug:
        output.message(traceback.format_exc().rstrip())
    output.message(f"error: {text}" + (f"\n  next: {hint}" if hint else ""))


def _config_given(arguments: Sequence[str]) -> Path | None:
    """Return what --config names among arguments whose global options come first."""
    for word, after in zip(arguments, [*arguments[1:], None], strict=True):
        if word.startswith("--config="):
            return Path(word.removeprefix("--config="))
        if word == "--config":
            return None if after is None else Path(after)
        if not word.startswith("-"):
            return None
    return None


def _globals_first(arguments: list[str]) -> list[str]:
    """Move --config and --debug before the verb: `syncd check --config x` means the same as `syncd --config x check`."""
    first: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            return [*first, *rest, word, *words]
        if word == "--debug" or word.startswith("--config="):
            first.append(word)
        elif word == "--config":
            first += [word, *([value] if (value := next(words, None)) is not None else [])]
        else:
            rest.append(word)
    return first + rest


if __name__ == "__main__":
    main()
