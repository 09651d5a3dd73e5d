"""Does the org keep what people say about their data as Salesforce does, where data protection and privacy is switched on?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.sandbox.local import running
from tests.sandbox.client import Client

FOLDER = {
    "Individual.csv": "FirstName,LastName,HasOptedOutSolicit\nIda,Abel,true\nUwe,Cole,false\n",
    "DataUsePurpose.csv": "Name\nNewsletter\n",
    "ContactPointEmail.csv": "EmailAddress,Parent.Name\nida@x.example,Ida Abel\n",
    "ContactPointTypeConsent.csv": "Name,Party.Name,ContactPointType,PrivacyConsentStatus,DataUsePurpose.Name,EffectiveTo\n"
    "c,Uwe Cole,Email,OptOut,Newsletter,2027-01-01T00:00:00Z\n",
    "ContactPointConsent.csv": "Name,ContactPoint.EmailAddress,PrivacyConsentStatus\np,ida@x.example,OptIn\n",
    "Lead.csv": "LastName,Company,Individual.Name\nAbel,C,Ida Abel\n",
}
CAPTURED = {"CaptureContactPointType": "Web", "CaptureDate": "2026-03-01T00:00:00.000Z", "CaptureSource": "form"}


@pytest.fixture
def privacy(tmp_path: Path) -> Iterator[Client]:
    for name, text in FOLDER.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with running(load=tmp_path, frozen=True) as served, Client(served) as client:
        yield client


def test_privacy_records_stand_in_relation_with_each_other_and_with_leads(privacy: Client) -> None:
    client = privacy
    [lead] = client.rows("SELECT Id, IndividualId, Individual.HasOptedOutSolicit FROM Lead")
    assert (lead["IndividualId"][:3], lead["Individual"]["HasOptedOutSolicit"]) == ("0PK", True)
    [typed] = client.rows(
        "SELECT Party.Name, DataUsePurpose.Name, PrivacyConsentStatus, EffectiveTo FROM ContactPointTypeConsent"
    )
    assert (typed["Party"]["Name"], typed["DataUsePurpose"]["Name"]) == ("Uwe Cole", "Newsletter")
    [point] = client.rows("SELECT ContactPoint.Id, PrivacyConsentStatus FROM ContactPointConsent")
    assert point["PrivacyConsentStatus"] == "OptIn"
    refused = client.call("POST", "/sobjects/ContactPointTypeConsent", {"Name": "x", "PrivacyConsentStatus": "Never"})
    assert refused.status_code == 400
    given = {"Name": "x", "PartyId": lead["IndividualId"], "ContactPointType": "Email", "PrivacyConsentStatus": "OptOut"}
    made = client.create("ContactPointTypeConsent", **given, **CAPTURED)
    assert client.get("ContactPointTypeConsent", made)["DataUsePurposeId"] is None


def test_a_deleted_individual_leaves_its_leads_and_takes_its_consents_along(privacy: Client) -> None:
    client = privacy
    [ida] = client.rows("SELECT Id FROM Individual WHERE Name = 'Ida Abel'")
    client.edit("delete", "Individual", ida["Id"])
    assert client.rows("SELECT IndividualId FROM Lead")[0]["IndividualId"] is None
    assert client.rows("SELECT Id FROM ContactPointEmail") == []
    assert client.rows("SELECT Id FROM ContactPointConsent") == []


def test_an_org_that_has_not_switched_privacy_on_knows_no_individuals(client: Client) -> None:
    assert client.call("GET", "/sobjects/Individual/describe").status_code == 404
    answer = client.call("GET", "/query?q=SELECT+Id+FROM+ContactPointTypeConsent")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_TYPE")
    answer = client.call("GET", "/query?q=SELECT+IndividualId+FROM+Lead")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_FIELD")
    assert "IndividualId" not in [each["name"] for each in client.call("GET", "/sobjects/Contact/describe").json()["fields"]]
