"""Which objects hold what a person said about data and mail? An org has them where data protection and privacy is switched on."""

from __future__ import annotations

from collections.abc import Mapping

from syncd.sandbox.schema import SObject, sobject

_STATUS = "PrivacyConsentStatus picklist 255 CUN restricted =NotSeen | NotSeen | Seen | OptIn | OptOut"
_POINTS = "| Email | MailingAddress | Phone | Social | Web"
_CONSENT = f"""
Name string 255 CU required
{{0}}
CaptureContactPointType picklist 255 CUN restricted required {_POINTS}
CaptureDate datetime CUN required
CaptureSource string 255 CUN required
DataUsePurposeId reference CUN -> DataUsePurpose/DataUsePurpose
DoubleConsentCaptureDate datetime CUN
EffectiveFrom datetime CUN
EffectiveTo datetime CUN
OwnerId reference CUD -> Group,User/Owner
{_STATUS}
LastViewedDate datetime N
LastReferencedDate datetime N
"""

INDIVIDUAL = sobject(
    "Individual",
    "0PK",
    """
LastName string 80 CU required in:Name
FirstName string 40 CUN in:Name
Name string 121
OwnerId reference CUD -> User/Owner
BirthDate date CUN
CanStorePiiElsewhere boolean CUD
HasOptedOutGeoTracking boolean CUD
HasOptedOutProcessing boolean CUD
HasOptedOutProfiling boolean CUD
HasOptedOutSolicit boolean CUD
HasOptedOutTracking boolean CUD
SendIndividualData boolean CUD
ShouldForget boolean CUD
IndividualsAge picklist 40 CUN restricted | 13 or Older | 16 or Older
LastViewedDate datetime N
""",
)
DATA_USE_PURPOSE = sobject(
    "DataUsePurpose",
    "0ZW",
    """
Name string 255 CU required
Description string 255 CUN
CanDataSubjectOptOut boolean CUD
OwnerId reference CUD -> Group,User/Owner
""",
)
CONTACT_POINT_EMAIL = sobject(
    "ContactPointEmail",
    "9Vl",
    """
Name string 255 N
ParentId reference CUN -> Account,Individual/Parent/ContactPointEmails
EmailAddress email 80 CU required
EmailDomain string 250 CUN
ActiveFromDate date CUN
ActiveToDate date CUN
IsPrimary boolean CUD
OwnerId reference CUD -> Group,User/Owner
""",
)
CONTACT_POINT_TYPE_CONSENT = sobject(
    "ContactPointTypeConsent",
    "0ZY",
    _CONSENT.format(
        "PartyId reference CUN required -> Individual/Party/ContactPointTypeConsents\n"
        f"ContactPointType picklist 255 CUN restricted required {_POINTS}"
    ),
)
CONTACT_POINT_CONSENT = sobject(
    "ContactPointConsent",
    "0ZX",
    _CONSENT.format("ContactPointId reference CU required -> ContactPointEmail/ContactPoint/ContactPointConsents"),
)
PRIVACY: tuple[SObject, ...] = (
    INDIVIDUAL,
    DATA_USE_PURPOSE,
    CONTACT_POINT_EMAIL,
    CONTACT_POINT_TYPE_CONSENT,
    CONTACT_POINT_CONSENT,
)
OBJECTS = frozenset(each.name.lower() for each in PRIVACY)
FIELDS: Mapping[str, frozenset[str]] = dict.fromkeys(("Lead", "Contact"), frozenset({"IndividualId"}))
"""What there is only where data protection and privacy is switched on."""
