"""QR texts as pictures: SVG for the payer's page, PNG for shops that show an image address.

Error correction is M, as EMVCo advises for codes that payers scan, with the standard's four white modules around.
"""

from functools import lru_cache
from io import BytesIO

import segno

QUIET_ZONE = 4
PNG_SCALE_MAX = 40


def svg(text: str) -> str:
    """An `<svg>` element to stand inside HTML, without a size of its own: the page's CSS gives it one.

    It paints its own white ground and black modules, so that a page in dark mode does not turn it into a negative,
    which many banking apps cannot read. It carries no words: the page labels it in the payer's language. Raises
    ValueError for a text that fits no QR code.
    """
    drawing = _code(text).svg_inline(
        border=QUIET_ZONE, omitsize=True, dark="#000", light="#fff", svgclass=None, lineclass=None
    )
    # Smoothed edges leave hairlines between rows at odd zoom levels.
    return drawing.replace("<svg ", '<svg shape-rendering="crispEdges" ', 1)


def png(text: str, scale: int = 8) -> bytes:
    """A black and white PNG file of `scale` pixels a module (1 to 40). Raises ValueError for what cannot be drawn."""
    if not 1 <= scale <= PNG_SCALE_MAX:
        raise ValueError(f"a module is 1 to {PNG_SCALE_MAX} pixels wide, not {scale}")
    file = BytesIO()
    _code(text).save(file, kind="png", scale=scale, border=QUIET_ZONE, dark="#000", light="#fff")
    return file.getvalue()


@lru_cache(maxsize=256)
def _code(text: str) -> segno.QRCode:
    # Placing the modules takes about 10 ms, and a payer's page is loaded more than once.
    # Micro QR is refused by payment apps. Exactly M, so that the same text is the same picture in every release.
    return segno.make(text, error="m", micro=False, boost_error=False, encoding="utf-8")
