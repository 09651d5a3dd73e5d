"""Which fields do users, queues, campaigns, activities and the org's own tables have?"""

from __future__ import annotations

from syncd.sandbox.schema import SObject, sobject

_READ: tuple[str, ...] = ("replicate",)

ORGANIZATION = sobject(
    "Organization",
    "00D",
    """
Name string 80 U
InstanceName string 5 N
IsSandbox boolean
OrganizationType picklist 40 restricted | Developer Edition | Enterprise Edition | Unlimited Edition
LanguageLocaleKey picklist 40 | en_US
TimeZoneSidKey picklist 40 | UTC
FiscalYearStartMonth int
UsesStartDateAsFiscalYearName boolean D
TrialExpirationDate datetime N
NamespacePrefix string 15 N
""",
    verbs=(),
    deletable_flag=False,
)
PROFILE = sobject(
    "Profile",
    "00e",
    """
Name string 255 CU
UserType picklist 40 N restricted | Standard | PowerPartner | PowerCustomerSuccess | CspLitePortal | Guest
Description string 255 CUN
""",
    verbs=(),
    deletable_flag=False,
)
USER_ROLE = sobject(
    "UserRole",
    "00E",
    """
Name string 80 CU required
DeveloperName string 80 CUN
ParentRoleId reference CUN -> UserRole
""",
    verbs={"create", "update", "delete", "replicate", "search"},
    deletable_flag=False,
)
USER = sobject(
    "User",
    "005",
    """
Username string 80 CU required unique idlookup
LastName string 80 CU required in:Name
FirstName string 40 CUN in:Name
Name string 121
CompanyName string 80 CUN
Department string 80 CUN
Division string 80 CUN
EmployeeNumber string 20 CUN
Title string 80 CUN
Email email 128 CU required idlookup
Phone phone 40 CUN
Alias string 8 CU
CommunityNickname string 40 CUN
IsActive boolean CUD =true
UserRoleId reference CUN -> UserRole/UserRole
ProfileId reference CU -> Profile/Profile/Users
ManagerId reference CUN -> User/Manager
UserType picklist 40 N restricted | Standard | PowerPartner | PowerCustomerSuccess | CspLitePortal | AutomatedProcess | Guest
TimeZoneSidKey picklist 40 CU restricted =UTC | UTC | America/New_York | America/Los_Angeles | Europe/Berlin | Europe/London
LocaleSidKey picklist 40 CU restricted =en_US | en_US | en_GB | de_DE
LanguageLocaleKey picklist 40 CU restricted =en_US | en_US | de
EmailEncodingKey picklist 40 CU restricted =UTF-8 | UTF-8 | ISO-8859-1
LastLoginDate datetime N
""",
    verbs={"create", "update", "replicate", "search"},
    deletable_flag=False,
)
GROUP = sobject(
    "Group",
    "00G",
    """
Name string 40 CU required
DeveloperName string 80 CU idlookup
RelatedId reference N -> User,UserRole,Territory2/Related
Type picklist 40 CN restricted =Regular | Regular | Role | RoleAndSubordinates | Organization | Queue
Email email 255 CUN
OwnerId reference N -> Organization,User/Owner
DoesSendEmailToMembers boolean CUD
DoesIncludeBosses boolean CUD
""",
    verbs={"create", "update", "delete", "replicate", "search"},
    deletable_flag=False,
)
GROUP_MEMBER = sobject(
    "GroupMember",
    "011",
    """
GroupId reference C required -> Group/Group/GroupMembers
UserOrGroupId reference C required -> Group,User
SystemModstamp datetime D
""",
    verbs={"create", "delete", "replicate"},
    deletable_flag=False,
    audit=False,
)
QUEUE_SOBJECT = sobject(
    "QueueSobject",
    "03g",
    """
QueueId reference C required -> Group/Queue/QueueSobjects
SobjectType picklist 255 C required | Lead | Case
CreatedById reference D -> User/CreatedBy
SystemModstamp datetime D
""",
    verbs={"create", "delete"},
    deletable_flag=False,
    audit=False,
)
RECORD_TYPE = sobject(
    "RecordType",
    "012",
    """
Name string 80 CU required
DeveloperName string 80 CU
NamespacePrefix string 15 N
Description string 255 CUN
IsActive boolean CUD =true
SobjectType picklist 255 C | Lead | Contact | Account | Opportunity
""",
    verbs={"create", "update"},
    deletable_flag=False,
)

LEAD_STATUS = sobject(
    "LeadStatus",
    "01J",
    """
MasterLabel string 255 N
ApiName string 255 N
SortOrder int N
IsDefault boolean D
IsConverted boolean D
""",
    verbs=_READ,
    deletable_flag=False,
    plural="Lead Status Values",
)
OPPORTUNITY_STAGE = sobject(
    "OpportunityStage",
    "01J",
    """
MasterLabel string 255 N
ApiName string 255 N
IsActive boolean D =true
SortOrder int N
IsClosed boolean D
IsWon boolean D
ForecastCategory picklist 40 restricted | Omitted | Pipeline | BestCase | MostLikely | Forecast | Closed
ForecastCategoryName picklist 255 restricted | Omitted | Pipeline | Best Case | Most Likely | Commit | Closed
DefaultProbability percent 3.0 N
Description string 255 N
""",
    verbs=_READ,
    deletable_flag=False,
)
ASSIGNMENT_RULE = sobject(
    "AssignmentRule",
    "01Q",
    """
Name string 120 N
SobjectType picklist 40 N restricted | Lead | Case
Active boolean D
""",
    verbs=(),
    deletable_flag=False,
)

CAMPAIGN = sobject(
    "Campaign",
    "701",
    """
Name string 80 CU required
ParentId reference CUN -> Campaign/Parent/ChildCampaigns
Type picklist 40 CUN | Conference | Webinar | Email | Advertisement | Nurture | Other
RecordTypeId reference CUN -> RecordType/RecordType
Status picklist 40 CUND =Planned | Planned | In Progress | Completed | Aborted
StartDate date CUN
EndDate date CUN
ExpectedRevenue currency 18.0 CUN
BudgetedCost currency 18.0 CUN
ActualCost currency 18.0 CUN
IsActive boolean CUD
Description textarea 32000 CUN nofilter
NumberOfLeads int sql:campaign_leads nofilter
NumberOfContacts int sql:campaign_contacts nofilter
NumberOfResponses int sql:campaign_responses nofilter
OwnerId reference CUD -> User/Owner
LastActivityDate date N
LastViewedDate datetime N
LastReferencedDate datetime N
CampaignMemberRecordTypeId reference CUN -> RecordType/CampaignMemberRecordType
""",
)
CAMPAIGN_MEMBER_STATUS = sobject(
    "CampaignMemberStatus",
    "01Y",
    """
CampaignId reference C required -> Campaign/Campaign/CampaignMemberStatuses
Label string 765 CU required
SortOrder int CUN
IsDefault boolean CUD
HasResponded boolean CUD
""",
    verbs={"create", "update", "delete", "replicate"},
    plural="Campaign Member Statuses",
)
CAMPAIGN_MEMBER = sobject(
    "CampaignMember",
    "00v",
    """
CampaignId reference C required -> Campaign/Campaign/CampaignMembers
LeadId reference CN -> Lead/Lead/CampaignMembers
ContactId reference CN -> Contact/Contact/CampaignMembers
Status picklist 40 CUN
HasResponded boolean D
FirstRespondedDate date N
Type picklist 40 N sql:member_type | Lead | Contact
LeadOrContactId reference N sql:member_person -> Contact,Lead
LeadOrContactOwnerId reference N sql:member_owner -> Group,User
Salutation string 40 N sql:member_salutation
Name string 121 N sql:member_name
FirstName string 40 N sql:member_first_name
LastName string 80 N sql:member_last_name
Title string 128 N sql:member_title
Email email 80 N sql:member_email
Phone phone 40 N sql:member_phone
CompanyOrAccount string 255 N sql:member_company
LeadSource picklist 255 N sql:member_source
HasOptedOutOfEmail boolean D sql:member_opt_out
DoNotCall boolean D sql:member_do_not_call
RecordTypeId reference CUN -> RecordType/RecordType
""",
    verbs={"create", "update", "delete", "replicate"},
)

_ACTIVITY = """
WhoId reference CUN -> Contact,Lead/Who/{0}
WhatId reference CUN -> Account,Campaign,Case,Opportunity/What/{0}
Subject combobox 255 CUN | Call | Email | Send Letter | Other
OwnerId reference CUD -> User/Owner
Description textarea 32000 CUN nofilter
IsArchived boolean D
AccountId reference N -> Account/Account
"""
TASK = sobject(
    "Task",
    "00T",
    """
ActivityDate date CUN
Status picklist 255 CUD =Not~Started | Not Started | In Progress | Completed | Waiting on someone else | Deferred
Priority picklist 255 CUD =Normal | High | Normal | Low
IsHighPriority boolean D
IsClosed boolean D
TaskSubtype picklist 40 CN restricted =Task | Task | Email | ListEmail | Cadence | Call | LinkedIn
CompletedDateTime datetime N
CallType picklist 40 CUN restricted | Internal | Inbound | Outbound
CallDurationInSeconds int CUN
"""
    + _ACTIVITY.format("Tasks"),
)
EVENT = sobject(
    "Event",
    "00U",
    """
ActivityDate date CUN
ActivityDateTime datetime CUN
StartDateTime datetime CUN
EndDateTime datetime CUN
DurationInMinutes int CUN
IsAllDayEvent boolean CUD
Location string 255 CUN
EventSubtype picklist 40 CN restricted =Event | Event
"""
    + _ACTIVITY.format("Events"),
)

PEOPLE: tuple[SObject, ...] = (
    ORGANIZATION,
    PROFILE,
    USER_ROLE,
    USER,
    GROUP,
    GROUP_MEMBER,
    QUEUE_SOBJECT,
    RECORD_TYPE,
    LEAD_STATUS,
    OPPORTUNITY_STAGE,
    ASSIGNMENT_RULE,
)
MARKETING: tuple[SObject, ...] = (CAMPAIGN, CAMPAIGN_MEMBER_STATUS, CAMPAIGN_MEMBER, TASK, EVENT)
