"""A palette of readable colours made from the merchant's one colour. Contrast is computed as WCAG 2.2 defines it."""

import colorsys
from dataclasses import dataclass
from functools import lru_cache

from gerbang.domain.merchants import COLOUR, Look

Rgb = tuple[int, int, int]
WHITE: Rgb = (255, 255, 255)
BLACK: Rgb = (0, 0, 0)
LIGHT_GROUND: Rgb = (0xF4, 0xF3, 0xEF)
DARK_CARD: Rgb = (0x20, 0x23, 0x25)
"""The background of page.css with the least contrast, in the light and in the dark scheme."""
CONTRAST_MIN = 4.5
"""WCAG 2.2, criterion 1.4.3, for normal text."""


@dataclass(frozen=True)
class Palette:
    """`band` is the background of the header, `accent` that of links and buttons; `on_…` is text on it. "#rrggbb"."""

    band: str
    on_band: str
    accent: str
    on_accent: str
    dark_band: str
    on_dark_band: str
    dark_accent: str
    on_dark_accent: str


@lru_cache(maxsize=256)
def palette(colour: str) -> Palette:
    """The colours of the light and the dark scheme. For a colour that is not "#rrggbb" the default of Look is taken."""
    brand = _rgb(colour) or _rgb(Look().colour) or BLACK
    dark_band = _mixed(brand, BLACK, 0.45)
    accent = _readable(brand, LIGHT_GROUND, BLACK)
    dark_accent = _readable(brand, DARK_CARD, WHITE)
    return Palette(
        *(_hex(each) for each in (brand, _upon(brand), accent, _upon(accent))),
        *(_hex(each) for each in (dark_band, _upon(dark_band), dark_accent, _upon(dark_accent))),
    )


def contrast(one: Rgb, other: Rgb) -> float:
    """The contrast ratio of two colours, from 1 (the same) to 21 (black and white)."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(colour: Rgb) -> float:
    red, green, blue = (part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _upon(ground: Rgb) -> Rgb:
    """White if it is readable on this background, else black: one of the two always reaches 4.5."""
    return WHITE if contrast(WHITE, ground) >= CONTRAST_MIN else BLACK


def _readable(colour: Rgb, ground: Rgb, towards: Rgb) -> Rgb:
    """The colour, darkened or lightened just enough to be readable on a background; the hue is kept."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in colour))
    end = 1.0 if towards == WHITE else 0.0
    for step in range(41):
        level = lightness + (end - lightness) * step / 40
        red, green, blue = (round(part * 255) for part in colorsys.hls_to_rgb(hue, level, saturation))
        if contrast((red, green, blue), ground) >= CONTRAST_MIN:
            return red, green, blue
    return towards


def _mixed(one: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _rgb(text: str) -> Rgb | None:
    if not COLOUR.fullmatch(text):
        return None
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _hex(colour: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
