"""Does everything that the documentation names exist and work?"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from syncd.cli.main import VERBS, app
from syncd.cli.wire import load_policies
from syncd.store.tables import metadata
from tests.cli.conftest import home, store, told  # noqa: F401 - the fixtures of a filled store serve here as well

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")), *sorted((ROOT / "docs").glob("*.md"))]
OTHERS = [ROOT / "config.example.toml", ROOT / "Dockerfile", *sorted((ROOT / "mappings").rglob("*.toml"))]
SOURCES = sorted((ROOT / "syncd").rglob("*.py"))
QUOTED = re.compile(r"`syncd(( [^`\n]+)?)`")
BARE = re.compile(r"\bsyncd +([a-z]+)(?= {2,}|\.?$|\. )", re.MULTILINE)
PATH = re.compile(
    r"[`(]((?:(?:syncd|tests|docs|mappings|requirements|bench|\.ci)/[\w./<>-]+)|[\w.-]+\.(?:md|toml|py)|Dockerfile)[`)]"
)
BLOCK = re.compile(r"```\w+ (\w+)\n(.*?)```", re.DOTALL)
GLOBAL = {"--config", "--debug", "--version", "--help"}
MADE_BY_THE_USER = {"config.toml", "plan.json"}


def _named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _commands(text: str) -> Iterator[list[str]]:
    """Give the words after `syncd` of each command that a text names in backticks, options before the verb left out."""
    for quoted in QUOTED.findall(text):
        words = shlex.split(quoted[0].replace("[", " ").replace("]", " ").replace("…", " "))
        if words[:1] == ["--config"]:
            words = words[2:]
        yield words


def _command_at(words: list[str]) -> Any:
    """Find the command that these words call."""
    group = typer.main.get_command(app)
    with_context: Any = group.make_context("syncd", ["--help"], resilient_parsing=True)
    command: Any = group
    for word in words:
        if word.startswith("-") or not hasattr(command, "get_command"):
            break
        found = command.get_command(with_context, word)
        assert found is not None, f"syncd {' '.join(words)}: there is no {word!r}"
        command = found
    return command


@pytest.mark.parametrize("path", [*DOCUMENTS, *OTHERS, *SOURCES], ids=_named)
def test_every_command_that_is_named_exists_with_its_options(path: Path) -> None:
    for words in _commands(path.read_text("utf-8")):
        known = {option for parameter in _command_at(words).params for option in parameter.opts} | GLOBAL
        unknown = [word for word in words if word.startswith("--") and word not in known]
        assert unknown == [], f"syncd {' '.join(words)}"


@pytest.mark.parametrize("path", [path for path in OTHERS if path.suffix == ".toml"], ids=_named)
def test_every_verb_that_a_commented_file_names_exists(path: Path) -> None:
    assert [verb for verb in BARE.findall(path.read_text("utf-8")) if verb not in VERBS] == []


def test_every_verb_stands_in_the_command_table() -> None:
    table = (ROOT / "README.md").read_text("utf-8").partition("## Commands")[2]
    named = [" ".join(words) for words in _commands(table)]
    for verb in VERBS:
        assert any(words.split(" ")[0] == verb for words in named), verb


@pytest.mark.parametrize("path", DOCUMENTS, ids=_named)
def test_every_path_that_is_named_exists(path: Path) -> None:
    named = set(PATH.findall(path.read_text("utf-8"))) - MADE_BY_THE_USER
    missing = [name for name in named if "<" not in name and not any((base / name).exists() for base in (ROOT, ROOT / "syncd"))]
    assert missing == []


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for path in DOCUMENTS:
        assert set(re.findall(r"`make ([a-z-]+)", path.read_text("utf-8"))) <= targets, path


def test_the_examples_of_the_readme_are_valid_files(tmp_path: Path) -> None:
    examples = dict(BLOCK.findall((ROOT / "README.md").read_text("utf-8")))
    (tmp_path / "fields").mkdir()
    for name, file in (("fences", "fences.toml"), ("nurture", "nurture.toml"), ("fields", "fields/marketo.toml")):
        (tmp_path / file).write_text(examples[name], "utf-8")
    policies = load_policies(tmp_path)
    assert policies.nurture is not None
    assert len(policies.sources) == 1


def test_every_table_of_the_store_is_explained_and_no_other() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8").partition("## The store")[2].partition("## The ledger")[0]
    explained = {name for row in re.findall(r"^\| (`[^|]+`) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert explained == set(metadata.tables)


@pytest.mark.usefixtures("told")
def test_the_ledger_verifies_by_hand_as_documented(home: Path) -> None:  # noqa: F811
    script = dict(BLOCK.findall((ROOT / "docs" / "architecture.md").read_text("utf-8")))["verify"]

    def by_hand() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", script, str(home / "syncd.db")], capture_output=True, text=True, check=False)

    from syncd.store.sql import open_store

    reader = open_store(f"sqlite:///{home / 'syncd.db'}", None, read_only=True)
    found = reader.verify()
    reader.dispose()
    assert by_hand().stdout == f"{found.rows} rows, root {found.root}\n"


def test_every_cited_row_of_the_practices_is_there() -> None:
    text = (ROOT / "docs" / "practices.md").read_text("utf-8")
    practices, _, rest = text.partition("## Complaints")
    complaints, _, orgs = rest.partition("## Real orgs")
    demands, _, assumptions = orgs.partition("| # | Assumption")
    rows = {
        "practice": set(re.findall(r"^\| (\d+) ", practices, re.MULTILINE)),
        "complaint": set(re.findall(r"^\| (\d+) ", complaints, re.MULTILINE)),
        "demand": set(re.findall(r"^\| (\d+) ", demands, re.MULTILINE)),
        "assumption": set(re.findall(r"^\| (\d+) ", assumptions, re.MULTILINE)),
    }
    assert rows["practice"] == {str(number) for number in range(1, 123)}
    assert rows["complaint"] == {str(number) for number in range(1, 26)}
    for path in SOURCES:
        for kind, numbers in re.findall(
            r"\b(practice|complaint|demand|assumption)s? ((?:\d+(?:, | and )?)+)", path.read_text("utf-8")
        ):
            assert set(re.findall(r"\d+", numbers)) <= rows[kind], f"{_named(path)}: {kind} {numbers}"
