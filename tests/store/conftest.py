"""Databases for the store's tests: each a fresh copy of one that was migrated once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from syncd.store.sql import SqlStore, Surroundings, open_store

ORG = "00D5e00000SYNCDAAA"
Opener = Callable[..., SqlStore]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database file with tables and nothing else."""
    path = tmp_path_factory.mktemp("migrated") / "syncd.db"
    open_store(f"sqlite:///{path}", ORG).dispose()
    return path


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Path:
    """Return the path of a fresh database file."""
    return Path(shutil.copy(migrated, tmp_path / "syncd.db"))


@pytest.fixture
def opened(database: Path) -> Iterator[Opener]:
    """Return a function that opens the database; what it opened is closed at the end."""
    stores: list[SqlStore] = []

    def open_it(org: str | None = ORG, *, read_only: bool = False, around: Surroundings | None = None) -> SqlStore:
        stores.append(open_store(f"sqlite:///{database}", org, read_only=read_only, around=around))
        return stores[-1]

    yield open_it
    for store in stores:
        store.dispose()


@pytest.fixture
def store(opened: Opener) -> SqlStore:
    """Return an open, empty store."""
    return opened()
