"""The standard texts of automatic replies, by language: data, like the keywords that ask for them.

None asks for an answer: from a sender of letters nobody can be answered.
"""

import re
from collections.abc import Mapping
from typing import Final

from accounts.models import Business
from messaging.models import AutoReply

Kind = AutoReply.Kind

_ENGLISH: Final = "en"
_LANGUAGES: Final[Mapping[str, str]] = {"GR": "el", "CY": "el"}  # by the country of the business
_TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    _ENGLISH: {
        Kind.HELP: "%s: you get our offers by SMS. For questions, call us or come by.",
        Kind.STOP: "%s: you will get no more messages from us.",
        Kind.START: "%s: from now on you get our offers by SMS.",
        Kind.OTHER: "%s: replies are seldom read here. Please call us or come by.",
    },
    "el": {
        Kind.HELP: "%s: λαμβάνετε τις προσφορές μας με SMS. Για απορίες, καλέστε μας ή περάστε.",
        Kind.STOP: "%s: δεν θα λάβετε άλλα μηνύματα από εμάς.",
        Kind.START: "%s: από τώρα λαμβάνετε τις προσφορές μας με SMS.",
        Kind.OTHER: "%s: οι απαντήσεις εδώ σπάνια διαβάζονται. Καλέστε μας ή περάστε.",
    },
}
_MAX_NAME: Final = 40


def standard_text(kind: str, business: Business) -> str:
    """In the language of the business's country, where there is one."""
    texts = _TEXTS[_LANGUAGES.get(business.country, _ENGLISH)]
    # Without what a message would take for one of its placeholders, or refuse for a character.
    printable = "".join(each if each.isprintable() else " " for each in business.name)
    name = re.sub(r"[{}\s]+", " ", printable).strip()[:_MAX_NAME]
    return texts[kind] % name
