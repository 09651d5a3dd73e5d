"""Where is the public data, and what does a test do without it?"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "SYNCD_SHARED_DATA"
REQUIRED = "SYNCD_SHARED_DATA_REQUIRED"


def _found(path: Path | None, what: str) -> Path:
    if path is not None and path.exists():
        return path
    text = f"{what} is missing: set {VARIABLE} to the folder of public sample data."
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{text} {REQUIRED}=1 says that it has to be there.", pytrace=False)
    pytest.skip(text)


def _set_of(name: str, *files: str) -> Path:
    """Return the folder of one set with all its files; skip without it, or fail when it is required."""
    root = os.environ.get(VARIABLE)
    for file in files:
        _found(Path(root) / name / file if root else None, f"{name}/{file}")
    return Path(root or "") / name


@pytest.fixture(scope="session")
def maven_data() -> Path:
    return _set_of("maven", "sales_pipeline.csv", "sales_teams.csv", "accounts.csv")


@pytest.fixture(scope="session")
def xeducation_data() -> Path:
    return _set_of("xeducation", "leads_dev.csv")


@pytest.fixture(scope="session")
def olist_data() -> Path:
    return _set_of("olist", "mql.csv", "closed_deals.csv")


@pytest.fixture(scope="session")
def formula_data() -> Path:
    return _set_of("formula", "results_dev.jsonl")
