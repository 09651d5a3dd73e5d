"""Can what fences.toml asks for be followed up in this org: who approves, when it is quiet, where reps read why?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from syncd.cli.finding import Finding, at, bad, ok, warn
from syncd.core.actors import actor_of
from syncd.core.directory import Directory, User
from syncd.core.fence_model import Approver, Fences
from syncd.core.fiscal import next_quiet
from syncd.core.telling import CHATTER, POST
from syncd.engine.quiet import START, month_of

if TYPE_CHECKING:
    from syncd.salesforce.org import SalesforceOrg


def reactions_fit(org: SalesforceOrg, fences: Fences, people: Directory, today: date) -> Iterator[Finding]:
    """Hold approvers, quiet days and posts against the org: a call each for the last two, and only where the file has them."""
    yield from approvers_known(fences, people)
    if fences.quiet.days:
        yield quiet_known(fences, month_of(org), today)
    ladders = [fence.ladder for fence in fences.fences]
    if any(ladder.tell == CHATTER for ladder in ladders):
        posts = org.schema([POST]).get(POST)
        if posts is None or not posts.is_createable:
            text = 'tell = "chatter", and syncd\'s user may not post.'
            yield bad("tell", text, "Setup > Chatter Settings: Enable; give syncd's user Chatter; or write another tell.")


def approvers_known(fences: Fences, people: Directory) -> Iterator[Finding]:
    """Say which approvers are not who the file says they are."""
    check = "approvers"
    for one in fences.approvers:
        user = _user(one, people)
        if user is None:
            text = (
                f"{at(one.rule)} no user has the username {one.who!r}: whether {one.team} approves is taken on the file's word."
            )
            yield warn(check, text, "Write the username that the approver logs in to Salesforce with.")
            continue
        team = actor_of(user.id, people, fences.teams).team
        if not user.is_active:
            yield bad(check, f"{at(one.rule)} {one.who}, who approves for {one.team}, is inactive.", "Name somebody who is not.")
        elif team != one.team:
            text = f"{at(one.rule)} {one.who} approves for {one.team} and belongs to {team or 'no team'}."
            yield bad(check, text, f"Name somebody of {one.team}.")
        else:
            yield ok(check, f"{one.who} approves for {one.team}")


def _user(approver: Approver, people: Directory) -> User | None:
    who = approver.who.casefold()
    return next((user for user in people.users.values() if who in (user.username.casefold(), user.name.casefold())), None)


def quiet_known(fences: Fences, month: int | None, today: date) -> Finding:
    """Say when it is quiet next."""
    period = next_quiet(today, fences.quiet, month)
    when = f"{period.begins_on} to {period.ends_on}" if period is not None else "never"
    if month is None:
        text = f"the org does not show {START}: the last days of every month are quiet, next {when}."
        return warn("quiet days", text, "Give syncd's user read access to Organization.")
    return ok("quiet days", f"the fiscal year begins in month {month}; next quiet: {when}")
