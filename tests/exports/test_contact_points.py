"""Are two spellings of one address or number one, and is what is neither refused with its reason?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncd.core.cells import AS_WRITTEN, digits_of, normal_address, spellings
from syncd.core.kin import handles_of
from syncd.core.unreadable import Unreadable
from syncd.core.values import OrgRecord
from syncd.exports.contact_points import ContactPoints, region_of

POINTS = ContactPoints()


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("Max@Müller.de", "max@xn--mller-kva.de"),
        (" LEA@EXAMPLE.COM ", "lea@example.com"),
        ("jose\u0301@example.com", "josé@example.com"),
        ("a@sub.XN--MLLER-KVA.de", "a@sub.mu\u0308ller.de"),
    ],
)
def test_one_address_in_two_forms_is_one_key(here: str, there: str) -> None:
    assert normal_address(here) == normal_address(there)


def test_an_address_is_looked_up_in_every_form_that_a_record_may_hold() -> None:
    assert set(spellings(normal_address("Max@Müller.de"))) >= {"max@müller.de", "max@xn--mller-kva.de"}
    assert spellings("lea@example.com") == ("lea@example.com",)


@pytest.mark.parametrize("broken", ["x@xn--", "x@xn--zz\u00fc.de", "xn--@@xn--a", "x@" + "a" * 70 + ".ü", "a@.ü"])
def test_an_address_that_no_form_fits_stays_as_it_is(broken: str) -> None:
    once = normal_address(broken)
    assert normal_address(once) == once
    assert once in spellings(once)


def test_an_address_keeps_its_capitals_and_gets_the_form_that_salesforce_takes() -> None:
    assert POINTS.email(" Max.Muster@Müller.de ") == "Max.Muster@xn--mller-kva.de"


@pytest.mark.parametrize("broken", ["a..b@example.com", "a@-x.de", "a b@example.com", "nobody", "a@localhost@b"])
def test_no_address_is_refused_with_the_reason(broken: str) -> None:
    with pytest.raises(Unreadable, match="is no e-mail address: "):
        POINTS.email(broken)


@pytest.mark.parametrize(
    ("written", "region", "stored"),
    [
        ("030 901820", "DE", "+4930901820"),
        ("+49 (30) 901820", "", "+4930901820"),
        ("0049 30 901820", "Germany", "+4930901820"),
        ("(415) 555-2671 ext. 12", "usa", "+14155552671 x12"),
        ("020 7946 0958", "Vereinigtes Königreich", "+442079460958"),
    ],
)
def test_a_number_is_stored_with_the_code_of_its_country(written: str, region: str, stored: str) -> None:
    assert POINTS.phone(written, region) == stored


@pytest.mark.parametrize(
    ("broken", "region", "words"),
    [
        ("030 901820", "", "no region says"),
        ("call me", "DE", "is no phone number"),
        ("+1 415 555 267", "DE", "too few or too many digits"),
    ],
)
def test_no_number_is_refused_with_the_reason(broken: str, region: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        POINTS.phone(broken, region)


@pytest.mark.parametrize(
    ("here", "there", "is_same"),
    [
        ("(030) 90-18 20", "030 901820", True),
        ("+49 30 901820", "030 901820", True),
        ("030 901820 x5", "030 901820 ext. 5", True),
        ("030 901820 x5", "030 9018205", False),
        ("030 901820", "030 901821", False),
        ("1-800-FLOWERS", "1-800-356-9377", True),
        ("garbage", "030 901820", False),
    ],
)
def test_two_spellings_of_a_number_are_compared_by_what_they_ring(here: str, there: str, is_same: bool) -> None:
    assert POINTS.is_same_phone(here, there, "DE") is is_same


def test_words_in_a_number_are_never_taken_for_its_digits() -> None:
    assert digits_of("1-800-FLOWERS") != digits_of("1-800-CHOCOLATE")
    assert not AS_WRITTEN.is_same_phone("1-800-FLOWERS", "1-800", "")


def test_a_country_is_known_by_its_letters_and_its_names() -> None:
    assert [region_of(name) for name in ("de", "Germany", "Deutschland", "Atlantis", "")] == ["DE", "DE", "DE", None, None]


def test_an_opt_out_of_either_form_of_an_address_is_the_persons() -> None:
    for held in ("Max@Müller.de", "max@xn--mller-kva.de"):
        person = OrgRecord("Lead", "00Q5e00000L0000AAA", datetime(2026, 3, 1, tzinfo=UTC), {"Email": held})
        assert {"max@müller.de", "max@xn--mller-kva.de"} <= set(handles_of(person, []))
