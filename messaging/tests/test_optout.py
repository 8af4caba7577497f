import pytest
from pytest_django import Settings

from messaging import optout
from messaging.models import new_public_id, new_public_ids


def test_a_token_names_its_message() -> None:
    public_id = new_public_id()
    assert optout.read_token(optout.make_token(public_id)) == public_id


@pytest.mark.parametrize("position", range(optout.TOKEN_LENGTH))
def test_a_token_that_was_changed_anywhere_is_none_of_ours(position: int) -> None:
    token = optout.make_token(new_public_id())
    other = "A" if token[position] != "A" else "B"
    assert optout.read_token(token[:position] + other + token[position + 1 :]) is None


@pytest.mark.parametrize("token", ["", "x", "Ω" * 20, "a" * 19, "a" * 21, "a" * 20])
def test_strange_tokens_are_none_of_ours(token: str) -> None:
    assert optout.read_token(token) is None


def test_links_outlive_a_rotation_of_the_key(settings: Settings) -> None:
    public_id = new_public_id()
    token = optout.make_token(public_id)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-of-at-least-fifty-characters-0123456789abcdef"

    assert optout.make_token(public_id) != token
    assert optout.read_token(token) == public_id


def test_links_made_together_are_those_made_one_by_one() -> None:
    public_ids = new_public_ids(500)
    assert len(set(public_ids)) == 500
    assert {len(public_id) for public_id in public_ids} == {12}
    assert optout.make_tokens(public_ids) == [optout.make_token(each) for each in public_ids]
    assert optout.make_tokens([]) == []


def test_the_last_link_of_a_text_tells_its_message() -> None:
    own, other = optout.link("abcdefghijkl", "https://a.example"), optout.link("mnopqrstuvwx", "")
    assert optout.find_public_id(f"Hello\nStop: {own}") == "abcdefghijkl"
    assert optout.find_public_id(f"My name is {other}\nStop: {own}") == "abcdefghijkl"
    assert optout.find_public_id(f"{own} {other}z") == "abcdefghijkl"
    for text in ("", "Hello", own[:-1], f"{own[:-1]}!", own.replace("/u/", "/v/"), f"{own}-"):
        assert optout.find_public_id(text) is None


def test_links_end_as_they_may() -> None:
    for number in range(500):
        public_id = f"{number:012}"
        assert optout.find_public_id(optout.link(public_id, "")) == public_id
