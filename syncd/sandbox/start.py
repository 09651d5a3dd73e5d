"""Where does a new org come from: nothing, a load folder, or the made-up company?"""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from syncd.sandbox.errors import LoadRefused
from syncd.sandbox.load import load_folder
from syncd.sandbox.org import Org
from syncd.sandbox.role_groups import add_all_role_groups
from syncd.sandbox.seeds import seed_picklists, seed_system, seed_users


def build_org(
    *,
    load: Path | None = None,
    seed: int = 0,
    now: datetime | None = None,
    frozen: bool = False,
    company: bool = False,
    users: int = 0,
) -> Org:
    """Make an org. System users, profiles and picklists that a load folder lacks are added.

    Errors: LoadRefused naming the file and line.
    """
    org = Org(seed=seed, now=now, frozen=frozen)
    try:
        _fill(org, load, company=company, users=users)
    except LoadRefused:
        org.close()
        raise
    return org


def _fill(org: Org, load: Path | None, *, company: bool, users: int) -> None:
    if company:
        from syncd.sandbox.company import write_company

        with tempfile.TemporaryDirectory(prefix="syncd-company-") as folder:
            write_company(Path(folder), seed=org.seed, now=org.clock.now())
            load_folder(org, Path(folder))
    if load is not None:
        load_folder(org, load)
    seed_system(org)
    seed_picklists(org)
    seed_users(org, users)
    add_all_role_groups(org)
