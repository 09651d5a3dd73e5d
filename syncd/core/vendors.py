"""Where does somebody click so that another machine stops writing a field?

The steps are those of each product's own settings; products move their menus now and then, so each step also says what is meant.
Source: real orgs, demand 4: one card that says what to block at the source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncd.core.values import Actor, ActorKind


@dataclass(frozen=True, slots=True)
class Product:
    """A product that writes to Salesforce. `words` are found in its login's names; `steps` say {field} and {object}."""

    name: str
    words: tuple[str, ...]
    steps: str


PRODUCTS: Sequence[Product] = (
    Product(
        "Marketo",
        ("marketo",),
        "In Marketo: Admin > Field Management > {field} > Field Actions > Block Field Updates, and take {field} out of every "
        '"Change Data Value" and "Change Status in SFDC" step of smart campaigns',
    ),
    Product(
        "HubSpot",
        ("hubspot",),
        "In HubSpot: Settings > Integrations > Connected Apps > Salesforce > {object} field mappings > {field} > "
        'sync rule "Always use Salesforce"',
    ),
    Product(
        "Account Engagement",
        ("pardot", "accountengagement", "account engagement", "b2bma"),
        "In Account Engagement: Settings > Object and Field Configuration > Prospect Fields > {field} > "
        'Sync Behavior "Use Salesforce\'s value", and take {field} out of completion actions and automation rules',
    ),
    Product(
        "Eloqua",
        ("eloqua",),
        "In Eloqua: Apps > Salesforce Integration App > Actions > each update of {object} > Field Mappings: remove {field}",
    ),
    Product(
        "Outreach",
        ("outreach",),
        "In Outreach: Administration > Plugins > Salesforce > {object} > the mapping of {field}: turn Updates Out off, and clear "
        "its stage mapping",
    ),
    Product(
        "Salesloft",
        ("salesloft",),
        "In Salesloft: Settings > CRM > Field Configuration > {object} > {field}: set Update Salesforce to off, and take it out "
        "of automation rules",
    ),
    Product(
        "Apollo",
        ("apollo",),
        "In Apollo: Settings > Integrations > Salesforce > Configure > {object} field mapping > {field}: set it to pull only",
    ),
    Product(
        "LeanData",
        ("leandata",),
        "In LeanData: FlowBuilder > the live graph of {object}: remove {field} from each Update node, then deploy the graph",
    ),
    Product(
        "Chili Piper",
        ("chilipiper", "chili piper"),
        "In Chili Piper: Admin Center > Integrations > Salesforce > update rules: remove {field} of {object}",
    ),
    Product(
        "ZoomInfo",
        ("zoominfo", "openprise"),
        "In its Salesforce integration: field mapping of {object} > {field}: set it to never overwrite",
    ),
    Product(
        "Zapier",
        ("zapier", "workato", "tray.io", "make.com", "mulesoft"),
        'There: open each flow with a step "Update {object}" and take {field} out of the step',
    ),
)
AUTOMATION = (
    "In Salesforce: Setup > Flows and Setup > Apex Triggers, those that run on {object}: take the assignment of {field} out, or "
    "let it run only where its entry condition says so"
)
ANY_TOOL = "Block updates of {field} in that tool's own field settings"
IN_SALESFORCE = (
    "or, in Salesforce: Setup > Users > that tool's login > its permission sets and profile > Object Settings > {object} > "
    "{field}: Read only"
)


def product_of(actor: Actor) -> Product | None:
    """Return the product behind a machine, by the names of its login and of its line under [teams]."""
    names = f"{actor.name} {actor.why}".casefold()
    return next((product for product in PRODUCTS if any(word in names for word in product.words)), None)


def steps(actor: Actor, object: str, field: str) -> str:
    """Say where to block a machine's writes to a field, in the machine and in Salesforce; a sentence without its full stop."""
    product = product_of(actor)
    by_kind = AUTOMATION if actor.kind is ActorKind.AUTOMATION else ANY_TOOL
    where = by_kind if product is None else product.steps
    if where == AUTOMATION:
        return where.format(object=object, field=field)
    return f"{where}; {IN_SALESFORCE}".format(object=object, field=field)
