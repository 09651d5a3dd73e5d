"""Which fields do leads, contacts, accounts and opportunities have?"""

from __future__ import annotations

from syncd.sandbox.schema import SObject, sobject

_READ = ("replicate",)
_ADDRESS = """
{0}Street textarea 255 CUN in:{0}Address
{0}City string 40 CUN in:{0}Address
{0}State string 80 CUN in:{0}Address
{0}PostalCode string 20 CUN in:{0}Address
{0}Country string 80 CUN in:{0}Address
{0}Latitude double 18.15 CUN in:{0}Address
{0}Longitude double 18.15 CUN in:{0}Address
{0}GeocodeAccuracy picklist 40 CUN restricted in:{0}Address | Address | Zip | City | State | Unknown
{0}Address address N
"""
_PERSON = """
LastName string 80 CU required in:Name
FirstName string 40 CUN in:Name
Salutation picklist 40 CUN in:Name | Mr. | Ms. | Mrs. | Dr. | Prof. | Mx.
Name string 121
Title string 128 CUN
Phone phone 40 CUN
MobilePhone phone 40 CUN
Fax phone 40 CUN
Email email 80 CUN idlookup
Description textarea 32000 CUN nofilter
LeadSource picklist 255 CUN | Web | Phone Inquiry | Partner Referral | Purchased List | Other
HasOptedOutOfEmail boolean CUD
HasOptedOutOfFax boolean CUD
IndividualId reference CUN -> Individual/Individual
DoNotCall boolean CUD
EmailBouncedReason string 255 UN
EmailBouncedDate datetime UN
LastActivityDate date N
LastViewedDate datetime N
LastReferencedDate datetime N
RecordTypeId reference CUN -> RecordType/RecordType
"""

LEAD = sobject(
    "Lead",
    "00Q",
    """
MasterRecordId reference N -> Lead/MasterRecord
Company string 255 CU required
Website url 255 CUN
Status picklist 255 CUD
Industry picklist 255 CUN | Banking | Consulting | Education | Energy | Healthcare | Manufacturing | Retail | Technology
Rating picklist 255 CUN | Hot | Warm | Cold
AnnualRevenue currency 18.0 CUN
NumberOfEmployees int CUN
OwnerId reference CUD -> Group,User/Owner
IsConverted boolean CD
ConvertedDate date N
ConvertedAccountId reference N -> Account/ConvertedAccount
ConvertedContactId reference N -> Contact/ConvertedContact
ConvertedOpportunityId reference N -> Opportunity/ConvertedOpportunity
IsUnreadByOwner boolean CUD =true
"""
    + _PERSON
    + _ADDRESS.format(""),
    verbs={"create", "update", "delete", "undelete", "merge", "replicate", "search"},
    history="LeadHistory",
)

CONTACT = sobject(
    "Contact",
    "003",
    """
MasterRecordId reference N -> Contact/MasterRecord
AccountId reference CUN -> Account/Account/Contacts
Department string 80 CUN
ReportsToId reference CUN -> Contact/ReportsTo
OwnerId reference CUD -> User/Owner
HomePhone phone 40 CUN
Birthdate date CUN
IsEmailBounced boolean D
IsPersonAccount boolean D
"""
    + _PERSON
    + _ADDRESS.format("Mailing"),
    verbs={"create", "update", "delete", "undelete", "merge", "replicate", "search"},
    history="ContactHistory",
)

ACCOUNT = sobject(
    "Account",
    "001",
    """
MasterRecordId reference N -> Account/MasterRecord
Name string 255 CU required
Type picklist 255 CUN | Prospect | Customer | Partner | Other
ParentId reference CUN -> Account/Parent/ChildAccounts
Phone phone 40 CUN
Website url 255 CUN
Industry picklist 255 CUN | Banking | Consulting | Education | Energy | Healthcare | Manufacturing | Retail | Technology
AnnualRevenue currency 18.0 CUN
NumberOfEmployees int CUN
Description textarea 32000 CUN nofilter
Rating picklist 255 CUN | Hot | Warm | Cold
AccountNumber string 40 CUN
AccountSource picklist 255 CUN | Web | Phone Inquiry | Partner Referral | Purchased List | Other
IsPersonAccount boolean D
PersonContactId reference N -> Contact/PersonContact
FirstName string 40 CUN
LastName string 80 CUN
PersonEmail email 80 CUN
PersonLeadSource picklist 255 CUN | Web | Phone Inquiry | Partner Referral | Purchased List | Other
PersonHasOptedOutOfEmail boolean CUD
OwnerId reference CUD -> User/Owner
LastActivityDate date N
LastViewedDate datetime N
LastReferencedDate datetime N
RecordTypeId reference CUN -> RecordType/RecordType
"""
    + _ADDRESS.format("Billing"),
    verbs={"create", "update", "delete", "undelete", "merge", "replicate", "search"},
)

_FORECAST = "Omitted | Pipeline | BestCase | MostLikely | Forecast | Closed"
_FORECAST_NAMES = "Omitted | Pipeline | Best Case | Most Likely | Commit | Closed"

OPPORTUNITY = sobject(
    "Opportunity",
    "006",
    f"""
AccountId reference CUN -> Account/Account/Opportunities
IsPrivate boolean CUD
Name string 120 CU required idlookup
Description textarea 32000 CUN nofilter
StageName picklist 255 CU required
Amount currency 18.2 CUN
Probability percent 3.0 CUND
ExpectedRevenue currency 18.2 N
TotalOpportunityQuantity double 18.2 CUN
CloseDate date CU required
Type picklist 255 CUN | Existing Business | New Business
NextStep string 255 CUN
LeadSource picklist 255 CUN | Web | Phone Inquiry | Partner Referral | Purchased List | Other
IsClosed boolean D
IsWon boolean D
ForecastCategory picklist 40 restricted | {_FORECAST}
ForecastCategoryName picklist 255 CUND restricted | {_FORECAST_NAMES}
CampaignId reference CUN -> Campaign/Campaign/Opportunities
HasOpportunityLineItem boolean D
Pricebook2Id reference CUN
OwnerId reference CUD -> User/Owner
LastActivityDate date N
LastStageChangeDate datetime N
PushCount int N
FiscalQuarter int N in:Fiscal
FiscalYear int N in:Fiscal
Fiscal string 6 N
ContactId reference CN -> Contact
LastViewedDate datetime N
LastReferencedDate datetime N
HasOpenActivity boolean D nofilter sql:open_activity
HasOverdueTask boolean D nofilter sql:overdue_task
LastAmountChangedHistoryId reference N -> OpportunityHistory/LastAmountChangedHistory
LastCloseDateChangedHistoryId reference N -> OpportunityHistory/LastCloseDateChangedHistory
RecordTypeId reference CUN -> RecordType/RecordType
""",
    history="OpportunityFieldHistory",
    plural="Opportunities",
)

OPPORTUNITY_CONTACT_ROLE = sobject(
    "OpportunityContactRole",
    "00K",
    """
OpportunityId reference C required -> Opportunity/Opportunity/OpportunityContactRoles
ContactId reference CU required -> Contact/Contact/OpportunityContactRoles
Role picklist 40 CUN | Business User | Decision Maker | Economic Buyer | Evaluator | Executive Sponsor | Influencer | Other
IsPrimary boolean CUD
""",
    verbs={"create", "update", "delete", "replicate"},
)

OPPORTUNITY_HISTORY = sobject(
    "OpportunityHistory",
    "008",
    f"""
OpportunityId reference -> Opportunity/Opportunity/OpportunityHistories
CreatedById reference D -> User/CreatedBy
CreatedDate datetime D
StageName picklist 255
Amount currency 18.2 N
ExpectedRevenue currency 18.2 N
CloseDate date N
Probability percent 3.0 N
ForecastCategory picklist 40 N restricted | {_FORECAST}
PrevAmount currency 18.2 N
PrevCloseDate date N
SystemModstamp datetime D
""",
    verbs=_READ,
    audit=False,
    plural="Opportunity Histories",
)

_HISTORY = """
{0}Id reference -> {0}/{0}/{1}
CreatedById reference D -> User/CreatedBy
CreatedDate datetime D
Field picklist 255 restricted
DataType picklist 40 N
OldValue anyType N
NewValue anyType N
"""
LEAD_HISTORY = sobject(
    "LeadHistory", "017", _HISTORY.format("Lead", "Histories"), verbs=_READ, audit=False, plural="Lead Histories"
)
CONTACT_HISTORY = sobject(
    "ContactHistory", "017", _HISTORY.format("Contact", "Histories"), verbs=_READ, audit=False, plural="Contact Histories"
)
OPPORTUNITY_FIELD_HISTORY = sobject(
    "OpportunityFieldHistory",
    "017",
    _HISTORY.format("Opportunity", "Histories"),
    verbs=_READ,
    audit=False,
    plural="Opportunity Field Histories",
)

CASE = sobject(
    "Case",
    "500",
    """
CaseNumber string 30 idlookup
ContactId reference CUN -> Contact/Contact/Cases
AccountId reference CUN -> Account/Account/Cases
Status picklist 255 CUND | New | Working | Escalated | Closed
Origin picklist 255 CUN | Phone | Email | Web
Priority picklist 255 CUND =Medium | High | Medium | Low
Subject string 255 CUN
Description textarea 32000 CUN nofilter
IsClosed boolean D
OwnerId reference CUD -> Group,User/Owner
""",
)

SALES: tuple[SObject, ...] = (
    ACCOUNT,
    CONTACT,
    LEAD,
    OPPORTUNITY,
    OPPORTUNITY_CONTACT_ROLE,
    OPPORTUNITY_HISTORY,
    LEAD_HISTORY,
    CONTACT_HISTORY,
    OPPORTUNITY_FIELD_HISTORY,
    CASE,
)
