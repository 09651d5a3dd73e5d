"""Which of Salesforce's host names does this org answer to, and what does it call itself there?"""

from __future__ import annotations

LOGIN_HOSTS = ("login.salesforce.com", "test.salesforce.com")
MY_DOMAIN = "syncd.my.salesforce.com"
DOMAINS = (".my.salesforce.com", ".sandbox.my.salesforce.com", ".develop.my.salesforce.com", ".scratch.my.salesforce.com")


def is_org_host(host: str) -> bool:
    """Tell whether a host name is a login host or a My Domain; each label of its own, as in a wildcard certificate."""
    name = host.lower()
    return name in LOGIN_HOSTS or any(
        name.endswith(domain) and name.removesuffix(domain) and "." not in name.removesuffix(domain) for domain in DOMAINS
    )


def instance_url(host: str, own_url: str) -> str:
    """Return the URL that a token answer names as `instance_url`.

    A caller that came by a My Domain goes on there, one that came by a login host goes on at the org's own My Domain,
    and everybody else at `own_url`.
    """
    name = host.lower().removesuffix(":443")
    if not is_org_host(name):
        return own_url
    return f"https://{MY_DOMAIN if name in LOGIN_HOSTS else name}"
