"""What has the admin of the emulated org switched on?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from syncd.sandbox.errors import ControlRefused


@dataclass(slots=True)
class Settings:
    """The org's switches; changed by the control endpoint, never by the API."""

    history_tracking: dict[str, list[str]] = field(
        default_factory=lambda: {"Lead": ["Status", "Owner"], "Opportunity": ["StageName", "Owner"]}
    )
    hidden_fields: dict[str, list[str]] = field(default_factory=dict)
    read_only_fields: dict[str, list[str]] = field(default_factory=dict)
    required_fields: dict[str, list[str]] = field(default_factory=dict)
    assignment_rule: dict[str, Any] | None = None
    daily_api_requests: int = 100_000
    session_seconds: int = 7_200
    page_size_max: int = 2_000
    conditional_stamp: str = "SystemModstamp"  # or LastModifiedDate: the guide names neither
    activity_moves_stamp: bool = False  # whether an activity roll-up moves the parent's SystemModstamp
    unknown_member_status: str = "default"  # default | accept | refuse
    owner_history_rows: int = 2  # 2: one row with ids, one with names; 1: names only

    def as_dict(self) -> dict[str, Any]:
        """Show every switch."""
        return asdict(self)

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Set the switches named in `wanted`.

        Errors: ControlRefused for an unknown name, listing the known ones.
        """
        known = {each.name: each for each in fields(self)}
        for name, value in wanted.items():
            if name not in known:
                raise ControlRefused(f"There is no setting {name!r}. Settings are: {', '.join(sorted(known))}.")
            current = getattr(self, name)
            if name != "assignment_rule" and type(value) is not type(current):
                raise ControlRefused(f"Setting {name!r} takes a {type(current).__name__}, got {value!r}.")
            setattr(self, name, value)

    def lists(self, table: Mapping[str, list[str]], sobject: str, name: str) -> bool:
        """Tell whether a per-object list of field names holds `name`, without regard to case."""
        for listed_object, names in table.items():
            if listed_object.lower() == sobject.lower():
                return name.lower() in (each.lower() for each in names)
        return False

    def hides(self, sobject: str, name: str) -> bool:
        """Tell whether field-level security hides the field from the API user."""
        return bool(self.hidden_fields) and self.lists(self.hidden_fields, sobject, name)

    def locks(self, sobject: str, name: str) -> bool:
        """Tell whether field-level security makes the field read-only."""
        return bool(self.read_only_fields) and self.lists(self.read_only_fields, sobject, name)
