"""What can go wrong in the world, and what should the reader do about it?

    SyncdError
    ├── ConfigInvalid          a file that a person wrote cannot be used      (exit 2 from the command line)
    ├── OrgRefused             Salesforce said no, and waiting will not help
    │   ├── LoginRefused
    │   └── FieldHidden
    ├── OrgUnreachable         no answer, or an answer that is not Salesforce's
    │   ├── AnswerLost         a write left and its answer never came: its fate is unknown
    │   └── BudgetSpent        the org's or our own share of API calls is used up
    ├── SourceRefused          a place that exports come from said no, or is not what it seems
    ├── SourceUnreachable      a place that exports come from gave no answer
    ├── StoreUnusable          the database cannot be read or written
    │   └── LeaseHeld          another daemon writes for this org
    └── PlanRefused            a plan that no longer fits the org, the policy or the store
        └── PlanUnreadable     a file that is no whole, unaltered plan        (exit 2 from the command line)

Problems in mapping files and export rows are values (`syncd.core.values.Problem`), not exceptions.
"""

from __future__ import annotations

from datetime import datetime


class SyncdError(Exception):
    """The world failed. `permanent`: waiting will not help. `hint`: what the reader does next."""

    permanent = True
    hint = ""

    def __init__(self, text: str, *, hint: str | None = None) -> None:
        super().__init__(text)
        if hint is not None:
            self.hint = hint


class ConfigInvalid(SyncdError):
    """A file that a person wrote cannot be used; the text lists every problem with file, line and remedy."""

    hint = "Correct the lines named above, then run: syncd check"


class OrgRefused(SyncdError):
    """Salesforce said no, and waiting will not help."""

    hint = "Run `syncd check`: it names the setting to change."


class LoginRefused(OrgRefused):
    """Salesforce did not accept the credentials of config.toml."""

    hint = "Check client_id, client_secret and login_url under [org] in config.toml, then run: syncd check"


class FieldHidden(OrgRefused):
    """A field that a mapping needs is not visible to the user that syncd runs as."""

    hint = "Give the integration user's permission set read access to the field, then run: syncd check"


class OrgUnreachable(SyncdError):
    """No answer, or an answer that is not Salesforce's. Nothing is lost: the next cycle tries again."""

    permanent = False
    hint = "Nothing is lost: open intents stay in the ledger and go out when Salesforce answers."


class AnswerLost(OrgUnreachable):
    """A write left and its answer never came. The next cycle looks before it sends anything again."""

    hint = "Nothing is guessed: the next cycle reads the records and settles what became of the write."


class BudgetSpent(OrgUnreachable):
    """The daily API requests are used up, the org's or syncd's own share of them. `resume_at`: when there is room again."""

    hint = "syncd goes on by itself when the rolling 24-hour window has room again."

    def __init__(self, text: str, *, hint: str | None = None, resume_at: datetime | None = None) -> None:
        super().__init__(text, hint=hint)
        self.resume_at = resume_at


class SourceRefused(SyncdError):
    """A place that exports come from said no, or is not what it seems. Cycles go on without it."""

    hint = "Run `syncd check`: it says what is wrong with each source."


class SourceUnreachable(SyncdError):
    """A place that exports come from gave no answer. Nothing is lost: it is asked again."""

    permanent = False
    hint = "Nothing is lost: syncd asks again by itself. Look whether the server answers from this machine."


class StoreUnusable(SyncdError):
    """The database cannot be read or written."""

    hint = "Check the path, its permissions and the free space, then start syncd again."


class StoreOutdated(StoreUnusable):
    """The tables are those of an older syncd; a cycle brings them up to date."""


class LeaseHeld(StoreUnusable):
    """Another syncd writes for this org."""

    hint = "Stop that one first, or wait until it ends; two writers for one org are never allowed."


class PlanRefused(SyncdError):
    """A plan that no longer fits the org, the policy or the store."""

    hint = "Nothing was written. Make a new plan: syncd plan --out plan.json"


class PlanUnreadable(PlanRefused):
    """A file that is no whole, unaltered plan."""
