"""Why did Salesforce refuse the login, and which setting is to be changed?"""

from __future__ import annotations

from syncd.errors import LoginRefused, SyncdError
from syncd.salesforce.access import JwtBearer, OrgAccess, Password, RefreshToken

_PERMITTED = (
    "Setup > External Client App Manager > the app > Policies: set Permitted Users to admin-approved users, and add {user}'s "
    "profile or a permission set of theirs."
)
_REPLACED = "No answer came to the login of {at}; if Salesforce replaced the token then, nobody has the new one. "


def login_refusal(access: OrgAccess, status: int, code: str, text: str, *, lost_at: str | None = None) -> SyncdError:
    """Translate the token endpoint's refusal into the error to raise, with the setting to change.

    `lost_at`: since when the answer to an earlier refresh is missing.
    """
    lowered = f"{code} {text}".lower()
    where = f"Salesforce refused the login at {access.login_url}: {code} {text}".rstrip()
    if "installed" in lowered:
        return LoginRefused(
            f"{where}. The app is not installed in this org.",
            hint="In Setup, open Connected Apps OAuth Usage, choose Install for the app that owns client_id, then: syncd check",
        )
    hint = _about_the_app(code, lowered) or _about_the_method(access, code, lowered, lost_at)
    if hint is None and status == 404:
        hint = "login_url under [org] must be the org's My Domain, such as https://acme.my.salesforce.com"
    return LoginRefused(f"{where} (HTTP {status}).") if hint is None else LoginRefused(f"{where}.", hint=hint)


def _about_the_app(code: str, lowered: str) -> str | None:
    if "client_id" in lowered or "client identifier" in lowered or "identifier invalid" in lowered:
        return "Copy the consumer key of the External Client App into client_id under [org] in config.toml."
    if code == "invalid_client":
        return "The secret is wrong or was rotated: copy the consumer secret again to where client_secret points."
    return None


def _about_the_method(access: OrgAccess, code: str, lowered: str, lost_at: str | None) -> str | None:
    method = access.method
    if code == "inactive_user":
        return "Activate the integration user in Salesforce: it is deactivated or frozen."
    if code == "unsupported_grant_type":
        return f'Enable the flow of login = "{method.name}" in the OAuth settings of the app.'
    if code not in {"invalid_grant", "invalid_app_access"} and "no client credentials user" not in lowered:
        return None
    if isinstance(method, JwtBearer):
        return _about_the_assertion(method, lowered)
    if isinstance(method, RefreshToken):
        lost = "" if lost_at is None else _REPLACED.format(at=lost_at)
        return (
            f"{lost}The token expired, was revoked or was replaced: allow the app once more as the integration user, and put "
            f"the new refresh token alone into {method.token_file} (chmod 600)."
        )
    if isinstance(method, Password):
        return (
            "Either user name, password or security token is wrong, or the org no longer offers login with a password (newer "
            'orgs do not): set up login = "client-credentials" or "jwt-bearer" as config.example.toml shows.'
        )
    return (
        "Enable the client credentials flow for the app and choose its Run As user; the user must be active, hold the "
        "API Enabled permission, and be allowed to log in from this address."
    )


def _about_the_assertion(method: JwtBearer, lowered: str) -> str:
    if "approved" in lowered:
        return _PERMITTED.format(user=method.username)
    if "audience" in lowered:
        return (
            f"The login was signed for {method.audience}: write audience = the login address of the org's kind under [org] in "
            "config.toml (https://login.salesforce.com, or https://test.salesforce.com for a sandbox)."
        )
    if "expired" in lowered:
        return "The signature is good for three minutes: set this host's clock by NTP."
    return (
        f"The certificate in the app's OAuth settings must belong to {method.key_file} and must not have expired, and username "
        "under [org] in config.toml must be that of an active user."
    )
