"""What canaries say besides their marking: harmless sentences, the same in both halves of a pair."""

from __future__ import annotations

SENTENCES = {
    "en": (
        "The working group met on Tuesday and went through the list of open points.",
        "All figures below are those of the second quarter and were checked twice.",
        "The attached picture shows the place as it was found in the morning.",
        "Please send remarks to the author before the end of the month.",
        "The next meeting takes place in the small room on the third floor.",
    ),
    "de": (
        "Die Arbeitsgruppe traf sich am Dienstag und ging die offenen Punkte durch.",
        "Alle Zahlen gelten für das zweite Quartal und wurden doppelt geprüft.",
        "Das beigefügte Bild zeigt den Ort, wie er am Morgen vorgefunden wurde.",
        "Anmerkungen bitte bis Ende des Monats an den Verfasser senden.",
        "Die nächste Sitzung findet im kleinen Saal im dritten Stock statt.",
    ),
    "fr": (
        "Le groupe de travail s'est réuni mardi et a parcouru la liste des points ouverts.",
        "Tous les chiffres sont ceux du deuxième trimestre et ont été vérifiés deux fois.",
        "L'image jointe montre le lieu tel qu'il a été trouvé le matin.",
        "Merci d'envoyer vos remarques à l'auteur avant la fin du mois.",
        "La prochaine réunion aura lieu dans la petite salle du troisième étage.",
    ),
    "es": (
        "El grupo de trabajo se reunió el martes y repasó la lista de puntos abiertos.",
        "Todas las cifras son del segundo trimestre y se comprobaron dos veces.",
        "La imagen adjunta muestra el lugar tal como se encontró por la mañana.",
        "Envíe sus observaciones al autor antes de fin de mes, por favor.",
        "La próxima reunión será en la sala pequeña del tercer piso.",
    ),
    "it": (
        "Il gruppo di lavoro si è riunito martedì e ha scorso l'elenco dei punti aperti.",
        "Tutte le cifre sono del secondo trimestre e sono state controllate due volte.",
        "L'immagine allegata mostra il luogo come è stato trovato al mattino.",
        "Si prega di inviare osservazioni all'autore entro la fine del mese.",
        "La prossima riunione si terrà nella saletta al terzo piano.",
    ),
    "pl": (
        "Grupa robocza spotkała się we wtorek i omówiła listę otwartych spraw.",
        "Wszystkie liczby dotyczą drugiego kwartału i zostały sprawdzone dwukrotnie.",
        "Załączone zdjęcie pokazuje miejsce tak, jak zastano je rano.",
        "Uwagi prosimy przesyłać autorowi do końca miesiąca.",
        "Następne spotkanie odbędzie się w małej sali na trzecim piętrze.",
    ),
    "nl": (
        "De werkgroep kwam dinsdag bijeen en nam de lijst met open punten door.",
        "Alle cijfers gelden voor het tweede kwartaal en zijn twee keer nagekeken.",
        "De bijgevoegde foto toont de plek zoals die 's ochtends werd aangetroffen.",
        "Stuur opmerkingen graag voor het einde van de maand aan de schrijver.",
        "De volgende vergadering is in de kleine zaal op de derde verdieping.",
    ),
}
"""By language (BCP 47 tag)."""

STEM_WORDS = tuple(
    (
        "amber autumn barley beacon birch bramble bridge canyon cedar cinder clover copper coral cotton cradle "
        "delta ember falcon fern flint forest garnet glacier granite harbour hazel heron indigo island ivory jasper "
        "juniper kestrel lantern larch linden lotus maple marble meadow mellow nettle oaken olive onyx orchard otter "
        "pebble pepper pine plover poplar quartz raven river saffron silver spruce sparrow thistle timber topaz "
        "tulip valley velvet violet walnut willow winter wren yarrow zephyr"
    ).split()
)
"""File stems are made of two of these and random letters."""

FOLDERS = (
    "Documents",
    "Documents/Office",
    "Documents/Archive",
    "Desktop",
    "Downloads",
    "Projects",
    "Pictures/Scans",
)
"""Where the pairs lie, below the user's home; both halves in the same one."""
