"""How does one get an emulated Salesforce org to rehearse on, and people who work in it?"""

from __future__ import annotations

import importlib
import json
import time
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from syncd.cli import output
from syncd.errors import SyncdError

sandbox = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Serve the emulated Salesforce org on a port, and play people in it.",
)


@sandbox.callback()
def _group() -> None:
    """Serve the emulated Salesforce org on a port, and play people in it."""


@sandbox.command()
def serve(
    port: Annotated[int, typer.Option(help="The port; 0 picks a free one.", min=0, max=65535)] = 0,
    seed: Annotated[int, typer.Option(help="The seed of the org id and of made-up rows: equal seeds, equal orgs.")] = 0,
    now: Annotated[str | None, typer.Option(help="What the org's clock starts at, such as 2026-03-02T09:00:00Z.")] = None,
    load: Annotated[
        Path | None,
        typer.Option(help="A folder of CSV files named after objects (Lead.csv, User.csv …).", exists=True, file_okay=False),
    ] = None,
    users: Annotated[int, typer.Option(help="How many users to make up.", min=0)] = 0,
    company: Annotated[bool, typer.Option("--company", help="Fill the org with the demo company.")] = False,
    frozen: Annotated[bool, typer.Option("--frozen", help="The org's clock stands still until it is told to move.")] = False,
    state: Annotated[
        Path | None,
        typer.Option(help="Go on from this file when it is there, and save the org to it at the end.", dir_okay=False),
    ] = None,
    faults: Annotated[
        Path | None, typer.Option(help="What goes wrong and when: a TOML or JSON file.", exists=True, dir_okay=False)
    ] = None,
) -> None:
    """Serve the emulated org until interrupted. Its address and credentials come as one JSON line on stdout."""
    module = _part("syncd.sandbox.cli")
    filled = {"seed": seed, "now": now, "load": load, "users": users, "company": company, "frozen": frozen}
    raise typer.Exit(module.serve(port=port, state=state, faults=faults, **filled))


@sandbox.command()
def play(
    script: Annotated[str, typer.Argument(help="Which script; --list names them.")] = "",
    url: Annotated[str, typer.Option(help="The address that `syncd sandbox serve` printed.")] = "",
    day: Annotated[int, typer.Option(help="Which day of the script: another day, other records.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="The seed of what is picked: equal orgs and seeds, equal deeds.")] = 0,
    wait: Annotated[float, typer.Option(help="Seconds to wait after each step, so that a running syncd sees it.", min=0)] = 0,
    only_list: Annotated[bool, typer.Option("--list", help="Name the scripts and what each does, and play none.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write the org's deeds as JSON.")] = False,
) -> None:
    """Play a person's or a machine's day against a running emulated org, and show what was done by the org's own record."""
    scripts = _part("syncd.sandbox.scripts")
    if only_list:
        told = [(name, (function.__doc__ or "").strip().splitlines()[0]) for name, function in scripts.SCRIPTS.items()]
        return _show_list(told, as_json=as_json)
    _check_script(script, list(scripts.SCRIPTS))
    _check_address(url)
    try:
        played = scripts.play_script(script, url, seed=seed, day=day, between=lambda step: time.sleep(wait))
    except scripts.PlayStopped as stopped:
        raise SyncdError(f"{script} could not be played: {stopped}", hint="Start an org with: syncd sandbox serve") from stopped
    except scripts.OrgLacks as lacking:
        raise SyncdError(f"{script} cannot be played at {url}: {lacking}", hint="Nothing was done in the org.") from lacking
    _show_deeds(played, as_json=as_json)
    raise typer.Exit(1 if played.refused else 0)


def _check_script(script: str, names: list[str]) -> None:
    if script in names:
        return
    nearest = get_close_matches(script, names, 1, 0.4)
    meant = f" Did you mean {nearest[0]}?" if nearest else ""
    message = f"there is no script {script!r}.{meant} There are: {', '.join(names)}."
    raise typer.BadParameter(message, param_hint="SCRIPT")


def _check_address(url: str) -> None:
    try:
        is_address = urlsplit(url).scheme == "http" and bool(urlsplit(url).hostname) and urlsplit(url).port != 0
    except ValueError:
        is_address = False
    if not is_address:
        message = (
            f"{url!r} is no address of an emulated org. Give the one that `syncd sandbox serve` printed: http://127.0.0.1:PORT"
        )
        raise typer.BadParameter(message, param_hint="--url")


def _show_list(told: list[tuple[str, str]], *, as_json: bool) -> None:
    if as_json:
        return output.as_json(dict(told))
    for line in output.table(("SCRIPT", "WHAT IT DOES"), told):
        output.data(line)
    return None


def _show_deeds(played: Any, *, as_json: bool) -> None:
    """Write the deeds to stdout, and what was refused to stderr."""
    if as_json:
        output.as_json(list(played.deeds))
    else:
        rows = [
            (deed["at"], deed["username"], deed["via"], deed["object"], deed["id"], deed["field"], _change(deed))
            for deed in played.deeds
        ]
        for line in output.table(("AT", "WHO", "VIA", "OBJECT", "ID", "FIELD", "CHANGE"), rows):
            output.data(line)
    for failed in played.refused:
        output.message(f"refused: {failed.title}: {output.visible(failed.edit)}: {output.visible(list(failed.errors))}")
    deeds, steps = output.many(len(played.deeds), "deed"), output.many(len(played.steps), "step")
    output.message(f"{played.script}: {deeds} in {steps}, from {output.when(played.began_at)} to {output.when(played.ended_at)}")


def _change(deed: dict[str, Any]) -> str:
    before, after = (json.dumps(deed[name], ensure_ascii=False) for name in ("before", "after"))
    return f"{before} → {after}"


def _part(name: str) -> Any:
    """Import a part of the emulated org.

    Errors: SyncdError when its extra is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name is not None and missing.name.partition(".")[0] == "syncd":
            raise
        raise SyncdError(
            f"the emulated org needs {missing.name}, which is not installed.",
            hint="Install it with: pip install 'syncd[sandbox]'",
        ) from missing
