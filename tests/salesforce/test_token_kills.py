"""Does a login survive being killed at every step of keeping a replaced refresh token? Real processes, real SIGKILL."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from syncd.errors import LoginRefused
from syncd.salesforce.access import OrgAccess, RefreshToken
from syncd.salesforce.org import SalesforceOrg
from syncd.sandbox.local import RunningOrg, running


@pytest.fixture(scope="module")
def served() -> Iterator[RunningOrg]:
    with running() as org:
        org.org.change_settings({"refresh_token_rotation": True})
        yield org


def log_in(served: RunningOrg, token: Path) -> None:
    """Log in as a process does that starts."""
    access = OrgAccess(served.url, served.client_id, SecretStr(served.client_secret), method=RefreshToken(token), attempts_max=1)
    with SalesforceOrg(access, sleep=lambda _: None) as org:
        assert org.identity().user_id == served.org.api_user_id


def give_token(served: RunningOrg, folder: Path) -> Path:
    """Put a fresh token into a file."""
    path = folder / "token"
    with served.org.lock:
        path.write_text(served.org.logins.open_refresh(served.org.api_user_id), "utf-8")
    path.chmod(0o600)
    return path


def killed_at(number: int, side: str, work: Callable[[], None]) -> bool:
    """Do the work in a child that is killed before or after its `number`-th step on the disk; tell whether it got there."""
    child = os.fork()
    if child == 0:
        ended = 1
        try:
            _arm(number, side)
            work()
            ended = 0
        finally:
            os._exit(ended)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def _arm(number: int, side: str) -> None:
    """Set the trap around every step with which the token file is changed."""
    import fcntl

    done = 0

    def trapped(step: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            nonlocal done
            done += 1
            mine = done == number
            if mine and side == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            found = step(*arguments, **options)
            if mine:
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        return run

    for name in ("open", "pwrite", "fsync", "truncate"):
        setattr(os, name, trapped(getattr(os, name)))
    fcntl.flock = trapped(fcntl.flock)
    Path.replace = trapped(Path.replace)  # type: ignore[method-assign]


def holds_answer(token: Path) -> bool:
    """Tell whether a whole answer lies beside the file."""
    beside = token.with_name(".token.next")
    return beside.exists() and not beside.read_bytes().startswith(b"asked ")


@pytest.mark.parametrize("side", ["before", "after"])
def test_killed_at_any_step_the_next_login_succeeds(side: str, served: RunningOrg, tmp_path: Path) -> None:
    points, unkept = 0, 0
    while True:
        folder = tmp_path / f"{points}"
        folder.mkdir()
        token = give_token(served, folder)
        before = token.read_text()
        if not killed_at(points + 1, side, lambda token=token: log_in(served, token)):  # type: ignore[misc]
            break
        points += 1
        with served.org.lock:
            is_spent = served.org.logins.refresh_user(before) is None
        if is_spent and token.read_text() == before and not holds_answer(token):
            # Killed between the answer's arrival and the first byte on disk: what no client can keep, told for what it is.
            unkept += 1
            with pytest.raises(LoginRefused) as refused:
                log_in(served, token)
            assert "No answer came to the login of 20" in refused.value.hint
            continue
        log_in(served, token)
        log_in(served, token)
    assert points >= 8
    assert unkept <= 2


@pytest.mark.sweep
def test_killed_again_during_the_recovery_the_login_after_it_succeeds(served: RunningOrg, tmp_path: Path) -> None:
    recovered = 0
    for first, second in product(range(1, 12), range(1, 5)):
        folder = tmp_path / f"{first}-{second}"
        folder.mkdir()
        token = give_token(served, folder)
        if not killed_at(first, "after", lambda token=token: log_in(served, token)):  # type: ignore[misc]
            break
        with served.org.lock:
            is_spent = served.org.logins.refresh_user(token.read_text().strip()) is None
        if is_spent and not holds_answer(token):
            continue
        killed_at(second, "before", lambda token=token: log_in(served, token))  # type: ignore[misc]
        log_in(served, token)
        recovered += 1
    assert recovered >= 20


def test_a_token_that_somebody_put_in_since_is_not_overwritten_by_an_old_answer(served: RunningOrg, tmp_path: Path) -> None:
    token = give_token(served, tmp_path)
    beside = tmp_path / ".token.next"
    beside.write_bytes(b"old-answer\n" + b"\0" * 100)
    os.utime(beside, ns=(1, 1))
    log_in(served, token)
    assert token.read_text() != "old-answer\n"
