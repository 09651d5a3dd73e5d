"""What has the admin of the emulated org switched on?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from syncd.sandbox.errors import ControlRefused
from syncd.sandbox.objects_privacy import FIELDS as PRIVACY_FIELDS
from syncd.sandbox.objects_privacy import OBJECTS as PRIVACY_OBJECTS
from syncd.sandbox.person_accounts import FIELDS as PERSON_ACCOUNTS

_MAY_BE_NULL = ("assignment_rule", "late_commit", "access_by_permission_set")


@dataclass(slots=True)
class Settings:
    """The org's switches; changed by the control endpoint, never by the API."""

    history_tracking: dict[str, list[str]] = field(
        default_factory=lambda: {"Lead": ["Status", "Owner"], "Opportunity": ["StageName", "Owner"]}
    )
    hidden_fields: dict[str, list[str]] = field(default_factory=dict)
    read_only_fields: dict[str, list[str]] = field(default_factory=dict)
    required_fields: dict[str, list[str]] = field(default_factory=dict)
    picklists: dict[str, dict[str, list[str]]] = field(default_factory=dict)  # {"Lead": {"LeadSource": ["Web", "Fair"]}}
    hidden_objects: list[str] = field(default_factory=list)  # what the API user may not see at all, as without a permission set
    record_type_values: dict[str, dict[str, dict[str, list[str]]]] = field(default_factory=dict)
    unshared: list[str] = field(default_factory=list)  # ids of records that the API user may not see: no query tells of them
    assignment_rule: dict[str, Any] | None = None
    collections_ignore_auto_assign: bool = False  # the guide does not say whether collections heed Sforce-Auto-Assign
    daily_api_requests: int = 100_000
    others: dict[str, Any] = field(default_factory=dict)  # {"calls_per_hour": 500, "since": "...Z"}: other integrations
    app_api_requests: int = 0  # the connected app's own share; shown in Sforce-Limit-Info when it is not 0
    concurrent_long_requests: int = 25
    long_request_seconds: int = 20
    limits: dict[str, dict[str, int]] = field(default_factory=dict)  # {"DataStorageMB": {"Max": 5, "Remaining": 0}}
    session_seconds: int = 7_200
    page_size_max: int = 2_000
    conditional_stamp: str = "SystemModstamp"  # or LastModifiedDate: the guide names neither
    activity_moves_stamp: bool = False  # whether an activity roll-up moves the parent's SystemModstamp
    activity_capture: bool = False  # mails stand on the timeline alone; otherwise each is a completed task
    access_by_permission_set: dict[str, Any] | None = None  # {"name": "syncd_access", "assigned": true}: what gives it objects
    unknown_member_status: str = "default"  # default | accept | refuse
    owner_history_rows: int = 2  # 2: one row with ids, one with names; 1: names only
    passwords: dict[str, str] = field(default_factory=dict)  # by username; everybody else's is "sandbox-password"
    security_tokens: dict[str, str] = field(default_factory=dict)  # by username; everybody else's is "sandbox-token"
    security_token_required: bool = True  # False: the caller's address is trusted
    expired_passwords: list[str] = field(default_factory=list)  # usernames
    login_attempts_max: int = 10  # wrong passwords before a user is locked out for 15 minutes
    password_flow: bool = True  # False, as in newer orgs: OAuth with username and password is blocked
    jwt_public_key: str = ""  # PEM: certificate or public key that the connected app is registered with
    unapproved_users: list[str] = field(default_factory=list)  # usernames that have not approved the connected app
    refresh_token_rotation: bool = False
    retired_through: int = 30
    deprecated_through: int = 0
    formula_fields: dict[str, dict[str, str]] = field(default_factory=dict)  # {"Lead": {"Weeks__c": "Days__c / 7"}}
    person_accounts: bool = False  # True: an account that is created with a LastName is a person, and gets a contact
    data_privacy: bool = False  # True: data protection and privacy is on; without it there are no individuals and no consents
    late_commit: dict[str, Any] | None = None  # {"object": "Lead", "minutes": 7, "every": 3}
    workflow_rules: list[dict[str, Any]] = field(default_factory=list)
    validation_rules: list[dict[str, Any]] = field(default_factory=list)
    duplicate_rules: list[dict[str, Any]] = field(default_factory=list)
    failing_triggers: list[dict[str, Any]] = field(default_factory=list)
    bulk_polls: int = 2  # how often a client must ask for a bulk job before it has ended
    bulk_slice_rows: int = 10_000  # rows of a bulk load that are saved between two such questions
    bulk_page_rows: int = 50_000  # rows of a bulk result when the client names no maximum
    bulk_query_jobs_daily: int = 10_000
    bulk_batches_daily: int = 15_000
    bulk_ingest_rows_daily: int = 150_000_000
    bulk_file_bytes_max: int = 150 * 1024 * 1024
    bulk_hard_delete: bool = True  # whether the API user's profile may delete past the recycle bin
    bulk_jobs: list[dict[str, Any]] = field(default_factory=list)  # [{"operation": "insert", "end": "Failed", "after_rows": 10}]

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
            if not (name in _MAY_BE_NULL and (value is None or isinstance(value, dict))) and type(value) is not type(current):
                raise ControlRefused(f"Setting {name!r} takes a {type(current).__name__}, got {value!r}.")
            setattr(self, name, value)

    def lists(self, table: Mapping[str, list[str]], sobject: str, name: str) -> bool:
        """Tell whether a per-object list of field names holds `name`, without regard to case."""
        for listed_object, names in table.items():
            if listed_object.lower() == sobject.lower():
                return name.lower() in (each.lower() for each in names)
        return False

    def hides_object(self, name: str) -> bool:
        """Tell whether the API user has no access to the object."""
        if not self.data_privacy and name.lower() in PRIVACY_OBJECTS:
            return True
        return bool(self.hidden_objects) and name.lower() in (each.lower() for each in self.hidden_objects)

    def hides(self, sobject: str, name: str) -> bool:
        """Tell whether field-level security hides the field from the API user."""
        if not self.person_accounts and name in PERSON_ACCOUNTS.get(sobject, ()):
            return True
        if not self.data_privacy and name in PRIVACY_FIELDS.get(sobject, ()):
            return True
        return bool(self.hidden_fields) and self.lists(self.hidden_fields, sobject, name)

    def locks(self, sobject: str, name: str) -> bool:
        """Tell whether field-level security makes the field read-only."""
        return bool(self.read_only_fields) and self.lists(self.read_only_fields, sobject, name)
