"""Whatever colour a business chooses, its pages can be read."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tracking import colours

CSS = Path(__file__).parents[1] / "static" / "tracking"
any_colour = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_contrast_is_that_of_wcag() -> None:
    assert colours.contrast("#000000", "#ffffff") == 21
    assert colours.contrast("#777777", "#777777") == 1
    # The examples of https://www.w3.org/WAI/WCAG22/Techniques/general/G18 and common checkers.
    assert round(colours.contrast("#767676", "#ffffff"), 2) == 4.54
    assert round(colours.contrast("#0000ff", "#ffffff"), 2) == 8.59
    assert round(colours.contrast("#ff0000", "#ffffff"), 2) == 4.0


@given(any_colour)
def test_text_on_a_button_can_be_read(colour: str) -> None:
    assert colours.contrast(colours.text_on(colour), colour) >= colours.TEXT_CONTRAST


@given(any_colour)
def test_links_and_edges_can_be_seen_in_both_schemes(colour: str) -> None:
    for surfaces in (colours.LIGHT_SURFACES, colours.DARK_SURFACES):
        toned = colours.legible(colour, surfaces)
        assert re.fullmatch("#[0-9a-f]{6}", toned)
        assert min(colours.contrast(toned, ground) for ground in surfaces) >= colours.TEXT_CONTRAST


def test_a_colour_that_can_be_read_is_left_as_it_is() -> None:
    assert colours.legible("#1a4f8a", colours.LIGHT_SURFACES) == "#1a4f8a"


def scheme(number: int) -> dict[str, str]:
    """The variables of page.css: 0 light, 1 dark."""
    blocks = re.findall(r":root \{([^}]*)\}", (CSS / "page.css").read_text(encoding="utf-8"))
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", blocks[number]))


def test_surfaces_are_those_of_the_style_sheet() -> None:
    for number, surfaces in enumerate((colours.LIGHT_SURFACES, colours.DARK_SURFACES)):
        assert {scheme(number)["card"], scheme(number)["ground"]} == set(surfaces)


def test_texts_of_the_style_sheet_can_be_read_and_edges_seen() -> None:
    for variables in (scheme(0), scheme(1)):
        for ground in (variables["card"], variables["ground"]):
            for name in ("ink", "soft", "bad", "good"):
                assert colours.contrast(variables[name], ground) >= 4.5, name
            assert colours.contrast(variables["edge"], ground) >= 3
