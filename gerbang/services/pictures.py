"""Codes as pictures: QR texts as SVG for the payer's page and as PNG for shops that show an image address, and the
retail outlets' payment codes as barcodes that a cashier scans.

QR codes have error correction M, as EMVCo advises for codes that payers scan. Both kinds have the white modules around
that their standards demand: four, and ten.
"""

import re
from functools import lru_cache
from io import BytesIO

import segno
from barcode.codex import Code128  # pyright: ignore[reportMissingTypeStubs]  it is annotated, but has no py.typed

QUIET_ZONE = 4
PNG_SCALE_MAX = 40
BARCODE_QUIET_ZONE = 10
BARCODE_HEIGHT = 40
BARCODE_TEXT_MAX = 48


def svg(text: str) -> str:
    """An `<svg>` element to stand inside HTML, without a size of its own: the page's CSS gives it one.

    It paints its own white ground and black modules, so that a page in dark mode does not turn it into a negative,
    which many banking apps cannot read. It carries no words: the page labels it in the payer's language. Raises
    ValueError for a text that fits no QR code.

    Edges are smoothed: where a module is 1.9 pixels wide, sharp ones make some modules twice as wide as others. All of them
    are one stroke, so that no hairline shows between rows.
    """
    return _code(text).svg_inline(
        border=QUIET_ZONE, omitsize=True, dark="#000", light="#fff", svgclass=None, lineclass=None
    )


def png(text: str, scale: int = 8) -> bytes:
    """A black and white PNG file of `scale` pixels a module (1 to 40). Raises ValueError for what cannot be drawn."""
    if not 1 <= scale <= PNG_SCALE_MAX:
        raise ValueError(f"a module is 1 to {PNG_SCALE_MAX} pixels wide, not {scale}")
    file = BytesIO()
    _code(text).save(file, kind="png", scale=scale, border=QUIET_ZONE, dark="#000", light="#fff")
    return file.getvalue()


@lru_cache(maxsize=256)
def barcode_svg(text: str) -> str:
    """An `<svg>` element with `text` as a Code 128 barcode (ISO/IEC 15417), sized by the page's CSS like `svg`'s.

    Black bars, 40 modules high, on a white ground with 10 modules around. It carries no words: the page prints the code
    beside it. Raises ValueError unless the text is 1 to 48 printable ASCII characters, as many as GS1 allows.
    """
    if not (0 < len(text) <= BARCODE_TEXT_MAX and text.isascii() and text.isprintable()):
        raise ValueError(f"a barcode holds 1 to {BARCODE_TEXT_MAX} printable ASCII characters, not {text!r:.60}")
    (modules,) = _Code128(text).build()
    width, height = len(modules) + 2 * BARCODE_QUIET_ZONE, BARCODE_HEIGHT + 2 * BARCODE_QUIET_ZONE
    bars = "".join(
        f"M{BARCODE_QUIET_ZONE + bar.start()} {BARCODE_QUIET_ZONE}h{len(bar[0])}v{BARCODE_HEIGHT}h-{len(bar[0])}z"
        for bar in re.finditer("1+", modules)
    )
    # Smoothed edges are wanted here: they keep the widths of the bars in proportion when a module is 2.6 pixels wide.
    return (
        f'<svg viewBox="0 0 {width} {height}"><path fill="#fff" d="M0 0h{width}v{height}h-{width}z"/>'
        f'<path fill="#000" d="{bars}"/></svg>'
    )


class _Code128(Code128):
    """The library's Code 128, with a fault of its release 0.16.1 repaired."""

    def _try_to_optimize(self, encoded: list[int]) -> list[int]:
        # A leading pair 99 has the same number as the switch that this step saves; it would be lost, and the cashier
        # would take the money for another payment.
        return encoded if self.code.startswith("99") else super()._try_to_optimize(encoded)


@lru_cache(maxsize=256)
def _code(text: str) -> segno.QRCode:
    # Placing the modules takes about 10 ms, and a payer's page is loaded more than once.
    # Micro QR is refused by payment apps. Exactly M, so that the same text is the same picture in every release.
    return segno.make(text, error="m", micro=False, boost_error=False, encoding="utf-8")
