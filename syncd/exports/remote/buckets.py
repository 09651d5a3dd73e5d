"""What do the buckets of all clouds have in common: keys below a prefix, and how their libraries' errors read."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from fsspec.exceptions import FSTimeoutError

from syncd.errors import SourceRefused, SourceUnreachable
from syncd.exports.access import RemoteAccess
from syncd.exports.remote.common import short

CONNECT_S, ANSWER_S = 10, 20
_REFUSALS = (errno.EINVAL, errno.EPERM, errno.EACCES)
_HINT = "Check the bucket's name, the account's rights (list and get; delete too where `after` is not \"leave\") and its key."


class Bucket:
    """The folder of a bucket that a URL names.

    `is_gone` and `is_changed` say of the last refusal whether it was for an object that is not there, or not as it was.
    """

    def __init__(
        self, access: RemoteAccess, refusals: tuple[type[Exception], ...], failures: tuple[type[Exception], ...]
    ) -> None:
        self.access = access
        self.prefix = f"{access.path}/" if access.path else ""
        self.is_gone = self.is_changed = False
        self._refusals, self._failures = refusals, failures

    def key(self, name: str) -> str:
        """Return the key of a file of the folder."""
        return self.prefix + name

    def name_of(self, key: str) -> str:
        """Return the name in the folder that a key stands for."""
        return key.removeprefix(self.prefix)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn what a library raises into SourceRefused or SourceUnreachable."""
        where, access = self.access.address, self.access
        self.is_gone = self.is_changed = False
        try:
            yield
        except (SourceRefused, SourceUnreachable):
            raise
        except FSTimeoutError as error:
            raise SourceUnreachable(f"{where} gave no answer within {ANSWER_S} s.") from error
        except FileNotFoundError as error:
            self.is_gone = True
            raise SourceRefused(f"{where} does not exist: {short(error, access)}.", hint=_HINT) from error
        except PermissionError as error:
            text = f"{where} refuses: {short(error, access)}."
            raise SourceRefused(text, hint=_HINT) from error
        except self._refusals as error:
            raise SourceRefused(f"There is no way to log in at {where}: {short(error, access)}.", hint=_HINT) from error
        except self._failures as error:
            raise SourceUnreachable(f"{where} cannot be reached: {short(error, access)}.") from error
        except OSError as error:
            words = short(error, access)
            self.is_changed = "condition" in words.lower() or "412" in words
            if self.is_changed or error.errno in _REFUSALS:
                raise SourceRefused(f"{where} refuses: {words}.", hint=_HINT) from error
            raise SourceUnreachable(f"{where} cannot be reached: {words}.") from error
