"""What a reply asks for, if it is one of the keywords, whole. Pure; the words are data.

Compared is a skeleton: upper case, without accents, spaces and punctuation, and with the Greek and
Cyrillic letters that look like Latin ones taken for those: a phone's keyboard writes ΣTOΠ in any
mixture, and so do people.
"""

import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Keyword(StrEnum):
    STOP = "stop"
    HELP = "help"
    START = "start"
    YES = "yes"


# By language, as people write them: in English what the CTIA's guidelines name, elsewhere the plain
# words for the same. Left out is what people also write for other reasons: "no", "fine"
# (an Italian end), or words that cancel an appointment.
WORDS: Final[Mapping[str, Mapping[Keyword, tuple[str, ...]]]] = {
    "en": {
        Keyword.STOP: (
            "stop", "stop all", "unsubscribe", "end", "quit", "cancel", "revoke", "opt out",
        ),
        Keyword.HELP: ("help", "info"),
        Keyword.START: ("start", "unstop", "subscribe", "opt in"),
        Keyword.YES: ("yes",),
    },
    "el": {
        Keyword.STOP: (
            "στοπ", "διαγραφή", "τέλος", "διακοπή", "stop sms", "diagrafi", "telos",
        ),
        Keyword.HELP: ("βοήθεια", "πληροφορίες", "voithia", "voitheia"),
        Keyword.START: ("έναρξη", "εγγραφή", "enarxi"),
        Keyword.YES: ("ναι", "nai"),
    },
    "fr": {
        Keyword.STOP: ("stop", "arrêt", "arrêter", "fin", "désabonner", "désinscription"),
        Keyword.HELP: ("aide",),
        Keyword.START: ("début", "commencer", "réabonner"),
        Keyword.YES: ("oui",),
    },
    "de": {
        Keyword.STOP: ("stopp", "abmelden", "ende"),
        Keyword.HELP: ("hilfe",),
        Keyword.START: ("anmelden",),
        Keyword.YES: ("ja",),
    },
    "it": {
        Keyword.STOP: ("basta", "disiscrivimi"),
        Keyword.HELP: ("aiuto",),
        Keyword.START: ("inizia", "iscrivimi"),
        Keyword.YES: ("sì",),
    },
    "es": {
        Keyword.STOP: ("alto", "baja", "parar"),
        Keyword.HELP: ("ayuda",),
        Keyword.START: ("alta", "comenzar"),
        Keyword.YES: ("sí",),
    },
    "pt": {
        Keyword.STOP: ("parar", "sair"),
        Keyword.HELP: ("ajuda",),
        Keyword.START: ("começar", "iniciar"),
        Keyword.YES: ("sim",),
    },
    "bg": {
        Keyword.STOP: ("стоп", "край", "отказ"),
        Keyword.HELP: ("помощ",),
        Keyword.START: ("старт",),
        Keyword.YES: ("да",),
    },
    "ro": {
        Keyword.STOP: ("oprire", "dezabonare"),
        Keyword.HELP: ("ajutor",),
        Keyword.START: ("abonare",),
        Keyword.YES: ("da",),
    },
    "tr": {
        Keyword.STOP: ("iptal", "ret"),
        Keyword.HELP: ("yardım",),
        Keyword.START: ("başla",),
        Keyword.YES: ("evet",),
    },
}  # fmt: skip

# What a machine on the other side says of itself: it is never answered.
MACHINES: Final = (
    "auto reply", "automatic reply", "automated response", "automated message", "out of office",
    "do not reply", "αυτόματη απάντηση", "αυτόματο μήνυμα", "εκτός γραφείου",
    "réponse automatique", "automatische antwort", "abwesenheitsnotiz", "risposta automatica",
    "respuesta automática", "resposta automática",
)  # fmt: skip

_LOOK_ALIKES: Final = str.maketrans(
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ" + "АВЕЅІЈКМНОРСТУХ",  # Greek, then Cyrillic
    "ABEZHIKMNOPTYX" + "ABESIJKMHOPCTYX",
)
_MAX_LENGTH: Final = 60  # characters: whatever is longer is a sentence


def skeleton(text: str) -> str:
    """
    >>> skeleton(" «Στοπ»! ") == skeleton("ΣTOΠ")  # the second with Latin T and O
    True
    """
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    # A final sigma and every other lower-case form come to the same capital.
    capitals = unicodedata.normalize("NFKD", bare.upper())
    return "".join(filter(str.isalnum, capitals)).translate(_LOOK_ALIKES)


_MEANINGS: Final[Mapping[str, Keyword]] = {
    skeleton(word): keyword
    for words in WORDS.values()
    for keyword, spellings in words.items()
    for word in spellings
}
_MACHINES: Final = tuple(skeleton(words) for words in MACHINES)


def read_keyword(text: str) -> Keyword | None:
    """The keyword that the text is, and nothing else; None for everything that says more."""
    if len(text) > _MAX_LENGTH:
        return None
    return _MEANINGS.get(skeleton(text))


def is_by_machine(text: str) -> bool:
    """Whether a text says of itself that no person wrote it."""
    bare = skeleton(text)
    return any(words in bare for words in _MACHINES)
