"""Which objects tell of permission sets, territories, the setup's own log and the feed?"""

from __future__ import annotations

from syncd.sandbox.schema import SObject, sobject

PERMISSION_SET = sobject(
    "PermissionSet",
    "0PS",
    """
Name string 80 CU required
Label string 80 CU required
Description string 255 CUN
IsOwnedByProfile boolean D
IsCustom boolean D =true
ProfileId reference N -> Profile/Profile
Type picklist 40 restricted =Regular | Regular | Profile | Group | Session
""",
    verbs={"create", "update", "delete"},
    deletable_flag=False,
)
PERMISSION_SET_ASSIGNMENT = sobject(
    "PermissionSetAssignment",
    "0Pa",
    """
PermissionSetId reference C required -> PermissionSet/PermissionSet/Assignments
PermissionSetGroupId reference CN
AssigneeId reference C required -> User/Assignee/PermissionSetAssignments
ExpirationDate datetime CUN
IsActive boolean D =true
SystemModstamp datetime D
""",
    verbs={"create", "update", "delete"},
    deletable_flag=False,
    audit=False,
)
SETUP_AUDIT_TRAIL = sobject(
    "SetupAuditTrail",
    "0Ym",
    """
Action string 30
Section string 255 N
Display string 1000 N nogroup
DelegateUser string 80 N
ResponsibleNamespacePrefix string 15 N
CreatedByContext string 80 N
CreatedByIssuer string 80 N
CreatedById reference D -> User/CreatedBy
CreatedDate datetime D
""",
    verbs=(),
    deletable_flag=False,
    audit=False,
)
FLOW_DEFINITION_VIEW = sobject(
    "FlowDefinitionView",
    "3dd",
    """
DurableId string 255
ApiName string 255
Label string 255 N
ProcessType picklist 40 N | Flow | AutoLaunchedFlow | Workflow
TriggerType picklist 40 N | RecordBeforeSave | RecordAfterSave | Scheduled
RecordTriggerType picklist 40 N | Create | Update | CreateAndUpdate | Delete
TriggerObjectOrEventLabel string 255 N
TriggerObjectOrEventId string 255 N
IsActive boolean D
LastModifiedBy string 255 N
LastModifiedDate datetime D
""",
    verbs=(),
    deletable_flag=False,
    audit=False,
)
FEED_ITEM = sobject(
    "FeedItem",
    "0D5",
    """
ParentId reference C required -> Account,Campaign,Contact,Lead,Opportunity,User/Parent
Type picklist 40 CN restricted =TextPost | TextPost | LinkPost | ContentPost | TrackedChange | CallLogPost
Title string 255 CUN
Body textarea 10000 CU required nofilter
LinkUrl url 1000 CN
IsRichText boolean CUD
InsertedById reference N -> User/InsertedBy
CreatedById reference D -> User/CreatedBy
CreatedDate datetime D
LastModifiedDate datetime D
SystemModstamp datetime D
""",
    verbs={"create", "update", "delete"},
    audit=False,
)
TEAMS: tuple[SObject, ...] = (PERMISSION_SET, PERMISSION_SET_ASSIGNMENT, SETUP_AUDIT_TRAIL, FLOW_DEFINITION_VIEW)

# An org has these only where sales territories are switched on.
TERRITORY_MODEL = sobject(
    "Territory2Model",
    "0MA",
    """
Name string 80 CU required
DeveloperName string 80 CU
Description string 1000 CUN
State picklist 40 restricted =Planning | Planning | Active | Archived
ActivatedDate datetime N
""",
    verbs={"create", "update", "delete", "replicate"},
    deletable_flag=False,
)
TERRITORY = sobject(
    "Territory2",
    "0MI",
    """
Name string 80 CU required
DeveloperName string 80 CU
Description string 1000 CUN
ParentTerritory2Id reference CUN -> Territory2/ParentTerritory2
Territory2ModelId reference C required -> Territory2Model/Territory2Model/Territories
ForecastUserId reference UN -> User/ForecastUser
""",
    verbs={"create", "update", "delete", "replicate", "search"},
    deletable_flag=False,
)
USER_TERRITORY = sobject(
    "UserTerritory2Association",
    "0MU",
    """
UserId reference C required -> User/User
Territory2Id reference C required -> Territory2/Territory2
RoleInTerritory2 picklist 255 CUN | Owner | Sales Engineer
IsActive boolean D =true
LastModifiedDate datetime D
LastModifiedById reference D -> User/LastModifiedBy
SystemModstamp datetime D
""",
    verbs={"create", "update", "delete", "replicate"},
    deletable_flag=False,
    audit=False,
)
TERRITORIES: tuple[SObject, ...] = (TERRITORY_MODEL, TERRITORY, USER_TERRITORY)
