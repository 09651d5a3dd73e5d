"""Which deals have stalled, who of their people goes to which nurture campaign, and why does somebody not?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo

from syncd.core.consent import KINDS
from syncd.core.fence_file.conditions import Compile, Conditions
from syncd.core.flags import OptOutFields
from syncd.core.holds import Hold
from syncd.core.nurture_conditions import EVERYTHING, Screen, ScreenReader
from syncd.core.nurture_consent import opt_outs, privacy_sources, track_scopes
from syncd.core.privacy import PrivacySources
from syncd.core.reading import Reader
from syncd.core.tables import Table
from syncd.core.values import OrgRecord, Problem, Rule

MODES = ("observe", "ask", "enroll")
HOLD_OBJECTS = ("Opportunity", "Contact", "Lead")
PARTS = ("version", "mode", "scope", "activity", "hold", "never", "opt_out", "stall", "track")
ACTIVITY_KEYS = ("by", "ignore", "booked_days_max")
STALL_KEYS = ("in_stage_days", "quiet_days")
TRACK_KEYS = ("stages", "campaign", "member_status", *KINDS)


@dataclass(frozen=True, slots=True)
class StallRule:
    """When an open deal in `stage` has stalled: more than so many whole days in the stage and, if given, without activity."""

    stage: str
    in_stage_days: int
    quiet_days: int | None
    rule: Rule


@dataclass(frozen=True, slots=True)
class Track:
    """Where the people of a stalled deal go: a campaign by its name, and the member status they get there. `scopes` are the
    brand and the topic of its mail."""

    name: str
    stages: frozenset[str]
    campaign: str
    member_status: str | None
    rule: Rule
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Activity:
    """What counts as somebody in sales being on it. Empty `by`: anybody's tasks count."""

    by: frozenset[str] = frozenset()
    ignore: tuple[str, ...] = ()
    booked_days_max: int = 30


@dataclass(frozen=True, slots=True)
class Nurture:
    """The whole of nurture.toml. `hold_field` names the date field by object that keeps a deal or person out, `screen` holds the
    formulas, `opt_outs` the org's own opt-out fields besides HasOptedOutOfEmail, `privacy` the data privacy records
    that count."""

    version: str
    policy_hash: str
    mode: str
    stall: Mapping[str, StallRule]
    tracks: tuple[Track, ...]
    activity: Activity
    hold_field: Mapping[str, str] = field(default_factory=dict)
    screen: Screen = EVERYTHING
    opt_outs: OptOutFields = field(default_factory=dict)
    privacy: PrivacySources = field(default_factory=PrivacySources)

    def track_of(self, stage: str) -> Track:
        """Return the track of a stage; parsing made sure that each stalled stage has one."""
        return next(track for track in self.tracks if stage in track.stages)


@dataclass(frozen=True, slots=True)
class Deal:
    """An open opportunity as far as stalling is concerned. Days are dates in the configured zone."""

    id: str
    stage: str
    stage_entered_on: date
    last_activity_on: date | None
    hold_until: date | None


def parse_nurture(table: Table, compile_condition: Compile | None = None) -> tuple[Nurture | None, list[Problem]]:
    """Read nurture.toml. `compile_condition` makes conditions of texts; without it a file that holds one is refused.

    Shapes: (Nurture, []) or (None, every problem of the file).
    Source: practices 4, 6, 14 and 15 (docs/practices.md).
    """
    read = Reader(table)
    read.known_keys((), PARTS)
    version = read.text(("version",), required=True)
    mode = read.choice(("mode",), MODES, default="observe") or "observe"
    read.known_keys(("activity",), ACTIVITY_KEYS)
    booked = read.whole(("activity", "booked_days_max"))
    is_formula = isinstance(read.value(("activity", "ignore")), str)
    activity = Activity(
        frozenset(read.texts(("activity", "by"))),
        () if is_formula else tuple(read.texts(("activity", "ignore"))),
        30 if booked is None else booked,
    )
    read.known_keys(("hold",), HOLD_OBJECTS)
    holds = {name: api_name for name in HOLD_OBJECTS if (api_name := read.text(("hold", name)))}
    screen = ScreenReader(read, Conditions(read, compile_condition)).screen()
    more, privacy = opt_outs(read), privacy_sources(read)
    stall, tracks = _stall(read), _tracks(read)
    for stage in stall:
        named = [track.name for track in tracks if stage in track.stages]
        if len(named) != 1:
            text = f"stage {stage!r} may stall, but is named by " + (" and ".join(named) if named else "no track") + "."
            read.refuse(("stall", stage), "MAP-061", text, "Name it in the stages of exactly one [track].")
    if read.problems:
        return None, read.problems
    return Nurture(version or "", table.sha256, mode, stall, tuple(tracks), activity, holds, screen, more, privacy), []


def _stall(read: Reader) -> dict[str, StallRule]:
    rules = {}
    entries = read.table(("stall",), required=True)
    if read.value(("stall",)) == {}:
        read.refuse(("stall",), "MAP-060", "no stage may stall.", 'Name one, such as: "Proposal" = { in_stage_days = 60 }')
    for stage in entries:
        path = ("stall", stage)
        read.plain_text(path, stage)
        read.known_keys(path, STALL_KEYS)
        days = read.whole((*path, "in_stage_days"), required=True)
        rules[stage] = StallRule(stage, days or 0, read.whole((*path, "quiet_days")), read.rule(f"stall {stage}", *path))
    return rules


def _tracks(read: Reader) -> list[Track]:
    tracks = []
    for name in read.table(("track",), required=True):
        path = ("track", name)
        read.known_keys(path, TRACK_KEYS)
        stages = frozenset(read.texts((*path, "stages"), required=True))
        campaign = read.text((*path, "campaign"), required=True) or ""
        status = read.text((*path, "member_status"))
        tracks.append(Track(name, stages, campaign, status, read.rule(f"track {name}", *path), track_scopes(read, path)))
    return tracks


def stalled_because(deal: Deal, rules: Mapping[str, StallRule], today: date) -> str | None:
    """Say why a deal has stalled, or None when it has not.

    Units: whole calendar days in the configured zone; a limit of 138 is passed on the 139th day.
    Source: practice 15: stage age against the stage's norm, and no activity.
    """
    rule = rules.get(deal.stage)
    if rule is None or (deal.hold_until is not None and deal.hold_until >= today):
        return None
    in_stage = (today - deal.stage_entered_on).days
    if in_stage <= rule.in_stage_days:
        return None
    reason = f"{in_stage} days in {deal.stage}, limit {rule.in_stage_days}"
    if rule.quiet_days is None:
        return reason
    quiet = (today - max(deal.stage_entered_on, deal.last_activity_on or deal.stage_entered_on)).days
    if quiet <= rule.quiet_days:
        return None
    return f"{reason}; {quiet} days without activity, limit {rule.quiet_days}"


def local_day(moment: datetime, zone: tzinfo) -> date:
    """Return the calendar day of a moment in the configured zone."""
    return moment.astimezone(zone).date()


def stage_entered_on(opportunity: OrgRecord, history: Iterable[OrgRecord], zone: tzinfo) -> date:
    """Return the day on which an opportunity entered its present stage.

    LastStageChangeDate may be empty on old rows; then the start of the latest unbroken run of OpportunityHistory rows
    with the present stage counts, then CreatedDate.
    Source: Object Reference, Opportunity.LastStageChangeDate and OpportunityHistory.
    """
    changed_at = opportunity.moment("LastStageChangeDate")
    if changed_at is not None:
        return local_day(changed_at, zone)
    entered_at = opportunity.moment("CreatedDate") or opportunity.modified_at
    before: str | None = None
    for row in sorted(history, key=lambda row: (row.moment("CreatedDate") or row.modified_at, row.id)):
        stage = row.text("StageName")
        if stage == opportunity.text("StageName") != before:
            entered_at = row.moment("CreatedDate") or row.modified_at
        before = stage
    return local_day(entered_at, zone)


def activity_on(
    task: OrgRecord, by_sales: bool, rule: Activity, today: date, zone: tzinfo, screen: Screen = EVERYTHING
) -> date | None:
    """Return the day on which a task shows that somebody is on the deal, or None when it shows nothing.

    Done work counts on its day, which is the due date unless it was done early; an open task counts as of today when it
    is due within `booked_days_max` days, since somebody has booked the next step. Due dates far ahead or in the past, and
    mails that a tool logged, show nothing.
    Source: real orgs, demand 9: LastActivityDate is the furthest due date and does not mean that somebody worked.
    """
    subject = task.text("Subject") or ""
    is_ignored = any(subject.startswith(prefix) for prefix in rule.ignore)
    if (rule.by and not by_sales) or is_ignored or screen.is_ignored(task.fields):
        return None
    due = task.day("ActivityDate")
    if task.fields.get("IsClosed"):
        done_at = task.moment("CompletedDateTime") or task.moment("CreatedDate") or task.modified_at
        return due if due is not None and due <= today else min(local_day(done_at, zone), today)
    if due is not None and 0 <= (due - today).days <= rule.booked_days_max:
        return today
    return None


@dataclass(frozen=True, slots=True)
class Person:
    """A contact of a stalled deal. `flags` are the reasons of the three flags, `active_deals` the names of other open
    deals of this person that have not stalled, `is_member` whether the campaign has this person already."""

    id: str
    flags: Sequence[str]
    hold: Hold | None
    active_deals: Sequence[str]
    is_member: bool
    is_deleted: bool = False
    never: Sequence[str] = ()


def kept_out_because(person: Person, today: date) -> list[str]:
    """List every reason why a person is not enrolled; empty when the person may be.

    Source: practices 6 and 14; promise 4: what cannot be read counts as opted out.
    """
    reasons = ["contact is deleted"] if person.is_deleted else []
    reasons += person.flags
    reasons += person.never
    if person.hold is not None and person.hold.until >= today:
        reasons.append(person.hold.text)
    if person.active_deals:
        reasons.append("on an active opportunity: " + ", ".join(sorted(person.active_deals)))
    return reasons
