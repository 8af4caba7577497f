"""Every public page is there in Greek, and in the form that Django reads."""

import re

from config.tests import catalogs

REMEDY = "Make it anew: msgfmt locale/el/LC_MESSAGES/django.po -o locale/el/LC_MESSAGES/django.mo"


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"%(?:\(\w+\))?[a-z]|\{\w*\}", text))


def test_the_compiled_catalog_says_what_the_readable_one_says() -> None:
    assert catalogs.messages_of_mo() == catalogs.messages_of_po(), REMEDY


def test_everything_on_public_pages_has_its_greek() -> None:
    greek = catalogs.messages_of_po()
    untranslated = {
        msgid: place
        for msgid, place in catalogs.messages_of_sources().items()
        if not greek.get(msgid)
    }
    assert untranslated == {}


def test_no_translation_is_of_a_text_that_is_gone() -> None:
    assert set(catalogs.messages_of_po()) - set(catalogs.messages_of_sources()) == {""}


def test_names_and_numbers_stand_in_the_greek_too() -> None:
    for english, greek in catalogs.messages_of_po().items():
        if english:
            assert placeholders(english) == placeholders(greek), english
