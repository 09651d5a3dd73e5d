"""How does an org come to an object that not every org has: a custom one with its history, or the territories?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from syncd.sandbox.objects_teams import TERRITORIES
from syncd.sandbox.schema import SObject, sobject

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*__c\Z")
_FIELDS = """
Name string 80 CU idlookup
OwnerId reference CUD -> Group,User/Owner
RecordTypeId reference CUN -> RecordType/RecordType
LastActivityDate date N
"""
_HISTORY = """
ParentId reference -> {0}/Parent/Histories
CreatedById reference D -> User/CreatedBy
CreatedDate datetime D
Field picklist 255 restricted
DataType picklist 40 N
OldValue anyType N
NewValue anyType N
"""


def is_custom(name: str) -> bool:
    """Tell whether this is how a custom object is called: ``Subscription__c``."""
    return NAME.match(name) is not None


def history_of(name: str) -> str:
    """Name the history object of a custom object: ``Subscription__History``."""
    return name.removesuffix("__c") + "__History"


def add_custom_object(org: Org, name: str) -> SObject:
    """Add a custom object with Name, owner and record type, and its history object; its own fields come afterwards.

    History rows name their record in ParentId. Which fields are tracked is a setting, as everywhere.
    """
    found = org.schema.find(name)
    if found is not None:
        return found
    prefix = f"a{sum(each.name.endswith('__c') for each in org.schema.objects.values()):02d}"
    history = history_of(name)
    made = sobject(name, prefix, _FIELDS, history=history)
    told = sobject(history, "017", _HISTORY.format(name), verbs=("replicate",), audit=False)
    add_objects(org, (made, told))
    return made


def add_territories(org: Org) -> None:
    """Switch sales territories on. An org without them answers that their objects are not supported."""
    add_objects(org, (each for each in TERRITORIES if org.schema.find(each.name) is None))


def add_objects(org: Org, objects: Iterable[SObject]) -> None:
    """Give an org more objects, empty."""
    for each in objects:
        org.schema.add(each)
        org.database.create_table(each)
    org.schema_changed_at = org.clock.now()
