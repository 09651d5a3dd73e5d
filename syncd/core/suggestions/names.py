"""How much does the name of an export's column say about what it holds?"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

Alike = Callable[[str, str], float]
"""How alike two words are, from 0 to 100."""

VENDOR, SAME, KNOWN, CLOSE, PART, FAR = 0.97, 0.95, 0.85, 0.6, 0.4, 0.0
_CLOSE_FROM, _LENGTH_FROM = 88.0, 5
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+")
_ENDS = re.compile(r"__[A-Za-z]+$|^C_(?=[A-Z])")
_OWN = ("lead", "contact", "person", "prospect")

# What people call a field besides its own name, written without blanks and in small letters.
_SYNONYMS = {
    "Salutation": "salutation prefix anrede civilite nametitle",
    "FirstName": "firstname givenname forename fname first vorname prenom nombre",
    "MiddleName": "middlename secondname",
    "LastName": "lastname surname familyname lname last nachname nomdefamille apellido",
    "Company": "company companyname organization organisation organizationname account accountname employer firma unternehmen",
    "Title": "title jobtitle position jobrole jobfunction stelle poste",
    "Department": "department dept abteilung",
    "Phone": "phone telephone phonenumber workphone businessphone officephone tel telefon",
    "MobilePhone": "mobile mobilephone mobilephonenumber mobilenumber cell cellphone cellphonenumber handy portable",
    "Fax": "fax faxnumber",
    "Street": "street address streetaddress address1 addressline1 strasse straße rue",
    "City": "city town ort stadt ville",
    "State": "state province region stateregion stateprovince bundesland",
    "PostalCode": "postalcode postcode zip zipcode zippostal zippostalcode plz codepostal",
    "Country": "country countryregion countryname land pays",
    "Website": "website websiteurl companywebsite homepage web webpage",
    "Industry": "industry sector branche",
    "NumberOfEmployees": "numberofemployees employees employeecount companysize headcount noofemployees",
    "AnnualRevenue": "annualrevenue revenue turnover umsatz jahresumsatz chiffredaffaires",
    "LeadSource": "leadsource source leadorigin originalsource",
    "Birthdate": "birthdate birthday dateofbirth dob geburtsdatum",
    "Description": "description comment comments",
    "Rating": "rating leadrating",
    "DoNotCall": "donotcall dnc donotphone",
    "Status": "status leadstatus",
    "OwnerId": "owner ownerid ownername contactowner leadowner",
    "CreatedDate": "createddate createdate createdat created datecreated creationdate dateadded",
}
_WORDS = {name: frozenset(words.split()) for name, words in _SYNONYMS.items()}
_WORDS |= {f"Mailing{part}": _WORDS[part] for part in ("Street", "City", "State", "PostalCode", "Country")}


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """Split a column's or a field's name into words in small letters: `MA_Person_Id__c` gives ma, person, id."""
    return tuple(word.casefold() for word in _WORD.findall(_ENDS.sub("", name.strip())))


@lru_cache(maxsize=4096)
def joined(name: str) -> str:
    """Return a name's words without anything between them."""
    return "".join(words_of(name))


def name_score(column: str, api_name: str, label: str, alike: Alike) -> tuple[float, str]:
    """Say how sure a column's name makes it that it holds a field, and why.

    Units: from 0 (says nothing) to 1.
    """
    written, api = joined(column), joined(api_name)
    if not written or not api:
        return FAR, ""
    bare = "".join(words_of(column)[1:]) if words_of(column)[0] in _OWN else ""
    if written == api:
        return SAME, f"it is called like the field {api_name}"
    if label and written == joined(label):
        return SAME, f"it is called like the field's label, {label!r}"
    if written in _WORDS.get(api_name, ()) or (bare and (bare == api or bare in _WORDS.get(api_name, ()))):
        return KNOWN, f"{column!r} is another word for {api_name}"
    for known in (api, joined(label)):
        if min(len(known), len(written)) >= _LENGTH_FROM and alike(written, known) >= _CLOSE_FROM:
            return CLOSE, f"its name is close to {api_name}"
    inner, outer = sorted((set(words_of(column)), set(words_of(api_name))), key=len)
    if inner and inner < outer and max(map(len, inner)) >= _LENGTH_FROM:
        return PART, f"its name and {api_name} share {' '.join(sorted(inner))!r}"
    return FAR, ""


_OUT = re.compile(
    r"unsub|opt(ed)?out|donot(e?mail|contact|send)|no(e?mail|contact)$|^no(e?mail)|suppress|blacklist|blocklist"
    r"|abgemeldet|abmeldung|widerruf|d[ée]sinscri|d[ée]sabonn|cancel[óo]suscripci[óo]n|disiscri|uitgeschreven|afgemeld"
)
_IN = re.compile(r"subscri(bed|ption)|opt(ed)?in|consent|permission|einwilligung|canemail|marketable")
_DEAD = re.compile(r"bounce|invalidemail|emailinvalid|undeliver|unreachable|emailvalid|deliverab")
_ALIVE = re.compile(r"^(is)?(email)?(valid|deliverable)|emailvalid(?!ation)|isdeliverable")
_DETAIL = frozenset(
    (
        "reason",
        "cause",
        "date",
        "time",
        "at",
        "on",
        "campaign",
        "id",
        "ip",
        "title",
        "source",
        "timestamp",
        "comment",
        "note",
        "notes",
        "type",
        "count",
        "am",
        "datum",
        "zeitpunkt",
        "grund",
    )
)
_OTHER_CHANNELS = frozenset(("sms", "mms", "mobile", "phone", "call", "calls", "calling", "fax", "whatsapp", "push", "postal"))
_CHANGED = re.compile(r"(updat|modif|chang).*|last(activ|update|change|modif).*")


def sounds_opted_out(column: str) -> bool:
    """Tell whether a column seems to say who has opted out of mail."""
    return _OUT.search(joined(column)) is not None


def sounds_opted_in(column: str) -> bool:
    """Tell whether a column seems to say who may get mail, which is an opt-out the other way round."""
    return not sounds_opted_out(column) and _IN.search(joined(column)) is not None


def other_channel(column: str) -> str:
    """Return the word of a column that speaks of texts, calls or letters where none speaks of mail; nothing without one."""
    words = words_of(column)
    is_mail = any("mail" in word for word in words)
    return "" if is_mail else next((word for word in words if word in _OTHER_CHANNELS), "")


def sounds_unreachable(column: str) -> bool:
    """Tell whether a column seems to say that an address takes no mail."""
    return _DEAD.search(joined(column)) is not None and not sounds_reachable(column)


def sounds_reachable(column: str) -> bool:
    """Tell whether a column seems to say that an address does take mail."""
    return _ALIVE.search(joined(column)) is not None and "invalid" not in joined(column)


def is_detail(column: str) -> bool:
    """Tell whether a column seems to say when or why something happened, not whether."""
    return words_of(column)[-1:] != () and words_of(column)[-1] in _DETAIL and len(words_of(column)) > 1


def sounds_changed_at(column: str) -> bool:
    """Tell whether a column seems to hold the time of a row's last change."""
    return any(_CHANGED.fullmatch(word) for word in (joined(column), *words_of(column)))


def sounds_like_id(column: str) -> bool:
    """Tell whether a column seems to hold the marketing tool's id of a person."""
    words = words_of(column)
    return words[-1:] in (("id",), ("guid",), ("uuid",), ("number",)) or joined(column) in ("leid", "euid")


def sounds_like_email(column: str) -> bool:
    """Tell whether a column seems to hold a person's e-mail address."""
    return joined(column) in _EMAILS


_EMAILS = frozenset(
    (
        "email",
        "emailaddress",
        "mail",
        "mailaddress",
        "emailid",
        "primaryemail",
        "workemail",
        "businessemail",
        "personemail",
        "contactemail",
        "leademail",
        "emailadresse",
        "mailadresse",
        "adresseemail",
        "adressemail",
        "courriel",
        "correo",
        "correoelectrónico",
        "correoelectronico",
        "indirizzoemail",
        "emailadres",
        "epost",
        "epostadress",
    )
)
