"""A business's colour made legible: contrast as WCAG 2.2 computes it. No Django in here."""

from functools import lru_cache

BLACK, WHITE = "#000000", "#ffffff"
# What page.css paints behind the text; the test of the style sheet compares them.
LIGHT_SURFACES = (WHITE, "#f5f6f8")
DARK_SURFACES = ("#14171c", "#1e232b")
# WCAG 2.2 AA, 1.4.3, asks for as much between text and what is behind it; ours is more at ease.
TEXT_CONTRAST = 4.5
EASY_CONTRAST = 5.5
_STEPS = 40


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, from 0 to 1."""
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """From 1, the same, to 21, black on white."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def text_on(colour: str) -> str:
    """Black or white, whichever reads better on it: one of the two always has 4.5 and more."""
    return max((WHITE, BLACK), key=lambda text: contrast(text, colour))


@lru_cache(maxsize=1024)
def legible(colour: str, surfaces: tuple[str, ...]) -> str:
    """The colour, darkened or lightened just as far as text of it needs on all these surfaces."""
    end = text_on(surfaces[0])
    for step in range(_STEPS + 1):
        toned = _mix(colour, end, step / _STEPS)
        if all(contrast(toned, surface) >= EASY_CONTRAST for surface in surfaces):
            return toned
    return end


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _mix(one: str, other: str, share: float) -> str:
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
