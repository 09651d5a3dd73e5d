"""Which words is the demo company made of? All invented; every address ends in .example, which nobody can own."""

from __future__ import annotations

import unicodedata
from random import Random
from typing import Final

from syncd.sandbox.company_tables import words

FIRST_NAMES: Final = words(
    """Aaron Abena Adrián Agnes Ahmed Aiko Alba Alice Amara Amélie Ana Andrea Anika Anton Arjun Astrid Ayşe Beatriz Ben
    Bianca Björn Bo Camille Carla Carlos Chidi Chloé Clara Daan Dana Daniel Deepa Diego Dora Elena Elif Emil Emma Erik
    Esra Eva Farah Felix Fiona François Frida Gabriel Georg Giulia Grace Hana Hannah Henrik Hugo Ida Ines Ingrid Ivan
    Jack Jana Javier Jonas José Julia Jürgen Kai Karin Kofi Lars Laura Léa Leila Liam Lin Linh Lucía Łukasz Magda Maja
    Marco Maria Marta Matteo Maya Mei Mia Milan Mira Mohamed Nadia Nele Nina Noah Nora Olga Oliver Omar Oscar Paula
    Pedro Petra Pia Priya Quentin Rafael Rania Ravi Renée Rosa Ruth Samir Sara Sean Sofia Søren Stefan Tara Thandi
    Theo Tom Uma Valeria Vera Victor Wei Xavier Yara Yusuf Zoë Zuzana"""
)
LAST_NAMES: Final = words(
    """Adeyemi Aguilar Ahlgren Alvarez Andersen Baker Bauer Becker Bianchi Boateng Brandt Brown Campbell Castro Chen
    Cohen Costa Cruz Dahl Davies Diallo Dubois Edwards Eriksson Fernández Ferrari Fischer Flores Fontaine Foster
    Fournier García Gomes Graham Gupta Haddad Hansen Haraldsson Hassan Hoffmann Horvat Hughes Ibrahim Ito Ivanova
    Jackson Jansen Johansson Jones Kamara Kaya Keller Khan Kim Klein Kowalski Krüger Kumar Lambert Larsen Lee Lefèvre
    Lindqvist Lopez Maier Marino Martín Mbeki Meyer Moreau Moreno Müller Murphy Nakamura Nguyen Nilsson Novák O'Brien
    Okafor Olsen Ortiz Patel Pereira Petit Petrov Popescu Quinn Rahman Ramírez Richter Rivera Rossi Roux Ruiz Russo
    Sanders Santos Schmidt Schneider Shah Silva Singh Sørensen Sousa Suzuki Tanaka Taylor Thomas Tran Vargas Vasquez
    Visser Vogel Wagner Walsh Weber Weiß Williams Wójcik Wong Yamamoto Young Zhang Zimmermann"""
)
COMPANY_FIRST: Final = words(
    """Alder Amber Anchor Arbor Aspen Atlas Beacon Birch Bluestone Bright Cedar Clear Cobalt Copper Coral Delta Drift
    Eastgate Echo Elm Ember Evergreen Falcon Fern Field Flint Forge Garnet Granite Grove Harbour Hawthorn Heron Hollow
    Indigo Iron Juniper Keystone Lake Lantern Larch Linden Lumen Maple Meadow Mill North Oak Onyx Orchard Osprey Pine
    Quarry Raven Ridge River Rowan Saffron Sequoia Silver Slate South Spruce Stone Summit Sycamore Tern Thistle Tide
    Timber Umber Vale Violet West Willow Winter Wren Zephyr"""
)
COMPANY_SECOND: Final = words(
    """Analytics Aviation Bearings Biotech Brands Capital Cargo Ceramics Chemicals Cloud Components Controls Dairy Data
    Devices Dynamics Electric Energy Engineering Fabrics Finance Foods Freight Glass Health Hydraulics Instruments
    Insurance Laboratories Leasing Logistics Machines Marine Materials Media Medical Metals Mobility Motors Networks
    Optics Packaging Paper Pharma Plastics Power Press Printing Rail Research Retail Robotics Security Semiconductors
    Sensors Shipping Software Solar Staffing Steel Storage Systems Telecom Textiles Tools Toys Transport Travel Tyres
    Utilities Valves Ventures Water Wind"""
)
COMPANY_FORM: Final = ("Inc", "Inc", "LLC", "Ltd", "Ltd", "GmbH", "AG", "SA", "BV", "AB", "Group", "SpA")
TITLES: Final = (
    "VP Operations",
    "Head of IT",
    "Operations Manager",
    "Director of Finance",
    "CFO",
    "CTO",
    "COO",
    "IT Manager",
    "Plant Manager",
    "Procurement Manager",
    "Head of Purchasing",
    "Data Analyst",
    "Systems Architect",
    "Marketing Director",
    "Head of Sales Operations",
    "Project Manager",
    "Managing Director",
    "Team Lead Logistics",
    "Quality Manager",
    "Business Analyst",
)
INDUSTRIES: Final = ("Manufacturing", "Technology", "Energy", "Healthcare", "Transportation", "Retail", "Finance")
SOURCES: Final = ("Web", "Webinar", "Trade Show", "Content Syndication", "Partner Referral", "Paid Search", "Outbound")
# country, region, dialling code; the region chooses the MQL queue
COUNTRIES: Final = (
    ("United States", "AMER", "+1"),
    ("United States", "AMER", "+1"),
    ("United States", "AMER", "+1"),
    ("Canada", "AMER", "+1"),
    ("Mexico", "AMER", "+52"),
    ("Brazil", "AMER", "+55"),
    ("United Kingdom", "EMEA", "+44"),
    ("Germany", "EMEA", "+49"),
    ("Germany", "EMEA", "+49"),
    ("France", "EMEA", "+33"),
    ("Netherlands", "EMEA", "+31"),
    ("Sweden", "EMEA", "+46"),
    ("Spain", "EMEA", "+34"),
    ("Poland", "EMEA", "+48"),
    ("South Africa", "EMEA", "+27"),
)
_UNDECOMPOSED: Final = str.maketrans({"ł": "l", "ø": "o", "ß": "ss", "'": "", " ": "-"})


def address_part(text: str) -> str:
    """Spell `text` as it stands in an e-mail address: lower case, ASCII, hyphens for spaces."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(_UNDECOMPOSED))
    return plain.encode("ascii", "ignore").decode("ascii")


_ADDRESS_PARTS: Final = {name: address_part(name) for name in {*FIRST_NAMES, *LAST_NAMES, "Null"}}


def company_name(rng: Random) -> str:
    """Invent a company's name."""
    return f"{rng.choice(COMPANY_FIRST)} {rng.choice(COMPANY_SECOND)} {rng.choice(COMPANY_FORM)}"


def domain_of(company: str) -> str:
    """Name the e-mail domain of a company: its name without the legal form, under .example."""
    return f"{address_part(company.rsplit(' ', 1)[0])}.example"


class Addresses:
    """Hands out e-mail addresses, no two alike, so that a doubled address is always one we meant."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def new(self, first: str, last: str, company: str) -> str:
        """Give the next free address of this name at this company."""
        local = f"{_ADDRESS_PARTS[first]}.{_ADDRESS_PARTS[last]}"
        domain = domain_of(company)
        stem = f"{local}@{domain}"
        count = self._given.get(stem, 0) + 1
        self._given[stem] = count
        return stem if count == 1 else f"{local}{count}@{domain}"
