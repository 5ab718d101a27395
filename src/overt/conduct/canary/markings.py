"""Markings, by the system that prescribes them, each with a neutral phrase of equal length.

The two halves of a pair differ in nothing else that means anything. All are plain ASCII, so that their length is the
same in every encoding and format.
"""

from __future__ import annotations

from typing import NamedTuple


class Marking(NamedTuple):
    """What one pair is about: its marked half carries `words`, its plain half `neutral` in their place."""

    system: str
    """`uk`, `us`, `nato`, `eu`, `de`, `fr`, …, `commercial`, `medical`, `banking`."""
    language: str
    """BCP 47 tag of the text around it."""
    words: str
    neutral: str


MARKINGS = (
    Marking("uk", "en", "OFFICIAL-SENSITIVE", "STRAWBERRY HOLIDAY"),
    Marking("uk", "en", "UK SECRET", "KITCHEN A"),
    Marking("uk", "en", "UK TOP SECRET STRAP 1", "BUTTERFLY PHOTOGRAPHS"),
    Marking("us", "en", "CONTROLLED UNCLASSIFIED INFORMATION", "STRAWBERRY RECREATIONAL PHOTOGRAPHS"),
    Marking("us", "en", "SECRET//NOFORN", "SUMMER HOLIDAY"),
    Marking("us", "en", "TOP SECRET//SI//ORCON", "RECREATIONAL SWIMMING"),
    Marking("nato", "en", "NATO RESTRICTED", "SUMMER SWIMMING"),
    Marking("nato", "fr", "OTAN CONFIDENTIEL", "AQUARELLE MUSIQUE"),
    Marking("nato", "en", "COSMIC TOP SECRET", "GARDEN STRAWBERRY"),
    Marking("eu", "en", "EU RESTRICTED", "PICNIC SUMMER"),
    Marking("eu", "fr", "RESTREINT UE", "PROMENADE DU"),
    Marking("eu", "de", "EU VERTRAULICH", "GARTEN AUSFLUG"),
    Marking("eu", "nl", "EU GEHEIM", "ZOMER ZON"),
    Marking("de", "de", "VS-NUR FUER DEN DIENSTGEBRAUCH", "GARTENARBEITEN AM SOMMERABENDE"),
    Marking("de", "de", "VS-VERTRAULICH", "KUCHEN AUSFLUG"),
    Marking("de", "de", "STRENG GEHEIM", "DER WANDERUNG"),
    Marking("fr", "fr", "DIFFUSION RESTREINTE", "RANDONNEES AQUARELLE"),
    Marking("fr", "fr", "TRES SECRET DEFENSE", "POTAGERES PROMENADE"),
    Marking("fr", "fr", "SPECIAL FRANCE", "CUISINE SOLEIL"),
    Marking("es", "es", "DIFUSION LIMITADA", "VERANO VACACIONES"),
    Marking("it", "it", "RISERVATISSIMO", "LA PASSEGGIATA"),
    Marking("pl", "pl", "SCISLE TAJNE", "SPACER OGROD"),
    Marking("pl", "pl", "POUFNE", "NA LAS"),
    Marking("nl", "nl", "STAATSGEHEIM", "HET VAKANTIE"),
    Marking("commercial", "en", "COMPANY CONFIDENTIAL", "WATERCOLOR AFTERNOON"),
    Marking("commercial", "de", "BETRIEBSGEHEIMNIS", "GARTEN BLUMENBEET"),
    Marking("commercial", "it", "SEGRETO INDUSTRIALE", "GIARDINO ACQUERELLO"),
    Marking("commercial", "pl", "TAJEMNICA HANDLOWA", "WAKACJE LATO OGROD"),
    Marking("medical", "en", "PATIENT RECORD - CONFIDENTIAL", "FESTIVAL BEAUTIFUL WATERCOLOR"),
    Marking("medical", "fr", "SECRET MEDICAL", "MUSIQUE JARDIN"),
    Marking("medical", "es", "SECRETO PROFESIONAL", "EXCURSION ACUARELAS"),
    Marking("medical", "nl", "MEDISCH GEHEIM", "WANDELING TUIN"),
    Marking("banking", "en", "CUSTOMER ACCOUNT DATA", "GREENHOUSES BEAUTIFUL"),
    Marking("banking", "de", "BANKGEHEIMNIS", "SONNE AUSFLUG"),
    Marking("banking", "es", "SECRETO BANCARIO", "MERIENDA PAISAJE"),
    Marking("banking", "it", "SEGRETO BANCARIO", "GIARDINO VACANZA"),
)
