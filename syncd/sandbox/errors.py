"""How does Salesforce say no?

SalesforceError     one refusal: status, code, message, fields
├─ SessionRefused   401, the session is unknown or over
├─ PasswordExpired  403, the session may do nothing but set a password
└─ NotThere         404, no such resource or record
"""

from __future__ import annotations

from typing import Any


class SalesforceError(Exception):
    """One refusal, in the vocabulary of the REST API. Its two shapes differ by resource, as the real ones do."""

    def __init__(self, code: str, message: str, *, status: int = 400, fields: tuple[str, ...] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields

    def rest(self) -> dict[str, Any]:
        """Shape it as plain REST does: `errorCode`."""
        body: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            body["fields"] = list(self.fields)
        return body

    def dml(self) -> dict[str, Any]:
        """Shape it as sObject Collections do: `statusCode`."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields or ())}


class SessionRefused(SalesforceError):
    """The session is unknown, revoked or over."""

    def __init__(self) -> None:
        super().__init__("INVALID_SESSION_ID", "Session expired or invalid", status=401)


class PasswordExpired(SalesforceError):
    """The session's user must set a new password first."""

    def __init__(self) -> None:
        message = "The users password has expired, you must call SetPassword before attempting any other API operations"
        super().__init__("INVALID_OPERATION_WITH_EXPIRED_PASSWORD", message, status=403)


class NotThere(SalesforceError):
    """No such resource, or no such record for this user."""

    def __init__(self, message: str = "The requested resource does not exist") -> None:
        super().__init__("NOT_FOUND", message, status=404)


class LoadRefused(Exception):
    """A load folder cannot become an org. The message names the file, the line, why, and what to change."""


class StateRefused(Exception):
    """A state file cannot be used or written. The message names the file, why, and what to do."""


class ControlRefused(Exception):
    """A request to the control endpoint makes no sense. The message says what it expects."""


def method_not_allowed(method: str, allowed: str) -> SalesforceError:
    """Say that a resource exists but not for this HTTP method."""
    message = f"HTTP Method '{method}' not allowed. Allowed are {allowed}"
    return SalesforceError("METHOD_NOT_ALLOWED", message, status=405)


def json_type_error(wanted: str, value: object) -> SalesforceError:
    """Say that a JSON value has the wrong type, in the parser's own words."""
    kinds = {
        bool: "VALUE_TRUE" if value is True else "VALUE_FALSE",
        str: "VALUE_STRING",
        int: "VALUE_NUMBER_INT",
        float: "VALUE_NUMBER_FLOAT",
        list: "START_ARRAY",
        dict: "START_OBJECT",
        type(None): "VALUE_NULL",
    }
    message = (
        f"Cannot deserialize instance of {wanted} from {kinds.get(type(value), 'VALUE_STRING')} value "
        f"{value} or request may be missing a required field at [line:1, column:2]"
    )
    return SalesforceError("JSON_PARSER_ERROR", message)
