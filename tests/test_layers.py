"""Do the arrows of docs/architecture.md point one way? Read from the imports, lazy ones inside functions included."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import syncd

PACKAGE = Path(syncd.__file__).parent
VALUES = {"core", "errors"}
ADAPTER = VALUES | {"ports", "logs"}

# What each part may import of syncd besides itself. A part that is not listed here fails the test.
MAY_IMPORT: dict[str, set[str]] = {
    "__init__": set(),
    "core": set(),
    "errors": set(),
    "logs": VALUES,
    "secrets": set(),
    "ports": {"core"},
    "formula": {"core"},
    "policies": ADAPTER | {"formula"},
    "salesforce": ADAPTER | {"secrets"},
    "exports": ADAPTER | {"policies", "secrets"},
    "store": ADAPTER,
    "config": VALUES | {"policies", "salesforce", "exports", "secrets"},
    "engine": ADAPTER,
    "sandbox": set(),
    "testing": {"core", "errors", "ports"},
    "__main__": {"cli"},
    "cli": ADAPTER | {"config", "formula", "policies", "salesforce", "exports", "store", "engine", "sandbox"},
}
STANDARD_LIBRARY_ONLY = {"core", "errors", "ports"}


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _part_of(module: str) -> str:
    """Name the part that a dotted module of syncd belongs to; `syncd` itself is `__init__`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def _module_of(file: Path) -> str:
    return ".".join(("syncd", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


def _imports(tree: ast.AST, module: str) -> Iterator[tuple[int, str, bool]]:
    """Give (line, dotted module, whether it runs when the module is imported) of every import."""
    at_top = {id(node) for node in ast.iter_child_nodes(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, id(node) in at_top
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}:{node.lineno} imports by dots; write the whole name"
            yield node.lineno, node.module or "", id(node) in at_top
            if node.module == "syncd":
                for alias in node.names:
                    yield node.lineno, f"syncd.{alias.name}", id(node) in at_top
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module" and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield node.lineno, name.value, False


def _wrong_arrows(source: str, module: str) -> list[str]:
    """Name each line of a module's source that imports what its part may not."""
    here = _part_of(module)
    wrong = []
    for line, target, runs_at_import in _imports(ast.parse(source), module):
        root = target.partition(".")[0]
        there = _part_of(target)
        if root != "syncd":
            if here in STANDARD_LIBRARY_ONLY and root not in sys.stdlib_module_names:
                wrong.append(f"{module}:{line} {here} uses the standard library alone, not {root}")
        elif there != here and not there.startswith("__") and there not in MAY_IMPORT[here]:
            wrong.append(f"{module}:{line} {here} points up at {there}")
        elif there == "sandbox" and here == "cli" and runs_at_import:
            wrong.append(f"{module}:{line} cli imports the sandbox when it starts, not when it is asked to")
    return wrong


def test_every_part_of_the_package_has_its_place_in_the_layers() -> None:
    parts = {_part_of(_module_of(file)) for file in _modules()}
    assert parts <= MAY_IMPORT.keys()


@pytest.mark.parametrize("file", _modules(), ids=_module_of)
def test_no_import_points_up(file: Path) -> None:
    assert _wrong_arrows(file.read_text("utf-8"), _module_of(file)) == []


@pytest.mark.parametrize(
    ("module", "source", "says"),
    [
        ("syncd.core.fences", "import orjson", "core uses the standard library alone, not orjson"),
        ("syncd.core.fences", "def late():\n    from syncd.store.sql import open_store", "core points up at store"),
        ("syncd.store.sql", "from syncd.engine.cycle import cycle", "store points up at engine"),
        ("syncd.salesforce.org", "from syncd.store.sql import open_store", "salesforce points up at store"),
        ("syncd.engine.cycle", "from syncd.cli import output", "engine points up at cli"),
        ("syncd.engine.cycle", "from syncd.salesforce.org import SalesforceOrg", "engine points up at salesforce"),
        ("syncd.sandbox.org", "from syncd.core.values import Rule", "sandbox points up at core"),
        ("syncd.cli.demo", "from syncd.sandbox.local import running", "cli imports the sandbox when it starts"),
    ],
)
def test_an_import_that_points_up_is_named_with_its_line(module: str, source: str, says: str) -> None:
    (wrong,) = _wrong_arrows(source, module)
    assert says in wrong
    assert wrong.startswith(f"{module}:{1 + source.count(chr(10))} ")


def test_the_command_line_may_import_the_sandbox_late() -> None:
    source = "def demo():\n    from syncd.sandbox.local import running"
    assert _wrong_arrows(source, "syncd.cli.demo") == []
