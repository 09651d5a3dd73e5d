"""Do the settings somebody asks for make sense in this org?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from syncd.sandbox.flows import public_key

if TYPE_CHECKING:
    from syncd.sandbox.org import Org


def check_switches(org: Org, wanted: Mapping[str, Any]) -> None:
    """Look at settings before any is changed.

    Errors: ControlRefused naming the setting, what is wrong, and how it is written.
    """
    if wanted.get("jwt_public_key"):
        public_key(str(wanted["jwt_public_key"]))
