"""Pictures of QR texts and barcodes, read back by a reader that knows nothing of how they were drawn."""

import math
import re
import struct
import xml.etree.ElementTree as ET
import zlib

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from gerbang.services.pictures import QUIET_ZONE, barcode_svg, png, svg

QRIS = (
    "00020101021226650016ID.CO.CONTOH.WWW01189360099000000123450212MID0000123450303UMI51440014ID.CO.QRIS.WWW0215"
    "ID10990000123450303UMI5204581453033605405275005802ID5913WARUNG CONTOH6007BANDUNG61054011162240513INV20250701A1"
    "0703T016304D4BA"
)
LONG_PAN = (
    "00020101021126620014COM.GO-JEK.WWW011993600914123456789010210G1234567890303UMI51440014ID.CO.QRIS.WWW0215"
    "ID10200123456780303UMI5204581253033605802ID5911TOKO CONTOH6007JAKARTA61051011062120708KASIR-0163043ACC"
)
# The sample of the EMVCo specification, which leaves ASCII.
EMVCO = (
    "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN5914BEST TRANSPORT"
    "6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233030412340603***0708A60086670902ME91320016"
    "A0112233449988770708123456786304A13A"
)

QR_CODES = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
BARCODES = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.Code128)
Rows = list[bytes]
"""One byte a pixel, 0 is black and 255 is white."""
BITS = [bytes(255 * int(bit) for bit in f"{byte:08b}") for byte in range(256)]
"""The eight pixels that a byte of a PNG holds."""


def pixels_of_png(file: bytes) -> Rows:
    """Unpack a PNG of one grey bit a pixel, whose rows are whole or written as what differs from the row above."""
    assert file.startswith(b"\x89PNG\r\n\x1a\n")
    chunks: dict[bytes, bytes] = {}
    at = 8
    while at < len(file):
        size, kind = struct.unpack(">I4s", file[at : at + 8])
        body = file[at + 8 : at + 8 + size]
        assert struct.unpack(">I", file[at + 8 + size : at + 12 + size]) == (zlib.crc32(kind + body),)
        chunks[kind] = chunks.get(kind, b"") + body
        at += 12 + size
    width, height, depth, theme = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, theme) == (1, 0), "one bit of grey a pixel"
    packed = zlib.decompress(chunks[b"IDAT"])
    stride = 1 + (width + 7) // 8
    assert len(packed) == stride * height
    rows: Rows = []
    row = bytes(stride - 1)
    for y in range(height):
        filtered, *written = packed[y * stride : (y + 1) * stride]
        assert filtered in {0, 2}, "none or up"
        above = row if filtered else bytes(stride - 1)
        row = bytes((byte + over) % 256 for byte, over in zip(written, above, strict=True))
        rows.append(b"".join(BITS[byte] for byte in row)[:width])
    return rows


def pixels_of_svg(drawing: str, scale: int) -> Rows:
    """Paint the strokes of the drawing: moves (M, m) and lines to the right (h), each one module high."""
    root = ET.fromstring(drawing)
    side = int(root.attrib["viewBox"].split()[2])
    modules = [bytearray(b"\xff" * side) for _ in range(side)]
    path = next(path for path in root.iter() if "stroke" in path.attrib)
    x = y = 0.0
    for command, said in re.findall("([Mmh])([-0-9. ]+)", path.attrib["d"]):
        numbers = [float(number) for number in said.split()]
        if command == "h":
            modules[int(y - 0.5)][int(x) : int(x + numbers[0])] = bytes(int(numbers[0]))
            x += numbers[0]
        elif command == "m":
            x, y = x + numbers[0], y + numbers[1]
        else:
            x, y = numbers
    return [bytes(pixel for pixel in row for _ in range(scale)) for row in modules for _ in range(scale)]


def read(rows: Rows) -> tuple[str, str]:
    """What a scanner makes of the picture: the text and the level of error correction."""
    view = memoryview(b"".join(rows)).cast("B", (len(rows), len(rows[0])))
    # Many banking apps cannot read negatives; and in a code made by chance other kinds of barcode can be seen at times.
    (found,) = zxingcpp.read_barcodes(view, QR_CODES, try_invert=False)
    return found.text, found.ec_level


@pytest.mark.parametrize("text", [QRIS, LONG_PAN, EMVCO])
def test_a_scanner_reads_the_png(text: str) -> None:
    assert read(pixels_of_png(png(text))) == (text, "M")


@pytest.mark.parametrize("text", [QRIS, LONG_PAN, EMVCO])
def test_a_scanner_reads_the_svg(text: str) -> None:
    assert read(pixels_of_svg(svg(text), scale=3)) == (text, "M")


def test_the_png_and_the_svg_show_the_same_modules() -> None:
    assert pixels_of_png(png(QRIS, scale=5)) == pixels_of_svg(svg(QRIS), scale=5)


@pytest.mark.parametrize("scale", [1, 8, 40])
def test_every_png_has_a_quiet_zone_of_four_modules(scale: int) -> None:
    rows = pixels_of_png(png(QRIS, scale))
    margin = QUIET_ZONE * scale
    dark = {y: (row.index(0), row.rindex(0)) for y, row in enumerate(rows) if 0 in row}
    assert min(first for first, _ in dark.values()) == min(dark) == margin == 4 * scale
    assert len(rows) == len(rows[0])
    # The lower right corner has no finder pattern, so only the two edges that have one are exact.
    assert max(last for _, last in dark.values()) == max(dark) == len(rows) - margin - 1


def test_the_svg_stands_inside_html_and_leaves_its_size_to_the_page() -> None:
    drawing = svg(QRIS)
    root = ET.fromstring(drawing)
    assert drawing.startswith("<svg ")
    assert drawing.endswith("</svg>")
    assert not {"width", "height", "class", "style", "id"} & root.attrib.keys()
    assert "shape-rendering" not in root.attrib
    assert root.attrib["viewBox"] == "0 0 61 61"  # version 9 is 53 modules wide, and 4 on each side


def test_the_svg_brings_its_own_white_ground_into_dark_mode() -> None:
    ground, modules = ET.fromstring(svg(QRIS))
    assert ground.attrib["fill"] == "#fff"
    assert ground.attrib["d"] == "M0 0h61v61h-61z"
    assert modules.attrib["stroke"] == "#000"
    assert "currentColor" not in svg(QRIS)


def test_nothing_of_the_text_reaches_the_markup() -> None:
    drawing = svg("<script>alert(1)</script>")
    assert "script" not in drawing
    assert read(pixels_of_svg(drawing, scale=3))[0] == "<script>alert(1)</script>"


def test_the_same_text_is_the_same_picture() -> None:
    assert png(QRIS) == png(QRIS)
    assert svg(QRIS) == svg(QRIS)


@pytest.mark.parametrize("scale", [0, -1, 41])
def test_a_scale_that_cannot_be_drawn_is_refused(scale: int) -> None:
    with pytest.raises(ValueError, match="1 to 40"):
        png(QRIS, scale)


def test_a_text_too_long_for_any_qr_code_is_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        svg("x" * 3000)


def bars_of(drawing: str) -> tuple[int, list[tuple[int, int]]]:
    """How many modules wide the drawing is, and where each bar begins and ends. All bars are equally high."""
    root = ET.fromstring(drawing)
    ground, bars = root
    x, y, width, height = map(int, root.attrib["viewBox"].split())
    assert (x, y) == (0, 0)
    assert ground.attrib == {"fill": "#fff", "d": f"M0 0h{width}v{height}h-{width}z"}
    assert bars.attrib["fill"] == "#000"
    drawn = re.findall(r"M(\d+) 10h(\d+)v40h-(\d+)z", bars.attrib["d"])
    assert "".join(f"M{start} 10h{wide}v40h-{back}z" for start, wide, back in drawn) == bars.attrib["d"]
    assert all(wide == back for _, wide, back in drawn)
    return width, [(int(start), int(start) + int(wide)) for start, wide, _ in drawn]


def pixels_of_bars(drawing: str, scale: float) -> Rows:
    """Paint the bars as a browser does: a pixel that a bar covers in part is grey."""
    width, bars = bars_of(drawing)
    covered = [0.0] * round(width * scale)
    for start, end in bars:
        for pixel in range(int(start * scale), min(len(covered), math.ceil(end * scale))):
            covered[pixel] += max(0.0, min(pixel + 1, end * scale) - max(pixel, start * scale))
    return [bytes(round(255 * (1 - part)) for part in covered)] * round(60 * scale)


def scanned(drawing: str, scale: float = 3) -> str:
    rows = pixels_of_bars(drawing, scale)
    view = memoryview(b"".join(rows)).cast("B", (len(rows), len(rows[0])))
    (found,) = zxingcpp.read_barcodes(view, BARCODES, try_invert=False, try_rotate=False)
    return found.text


@pytest.mark.parametrize("code", ["8887322", "12345678", "0000000", "ALFA-8887322", "A" * 48])
def test_a_cashier_scans_the_payment_code(code: str) -> None:
    assert scanned(barcode_svg(code)) == code


@pytest.mark.parametrize("scale", [1.7, 2.6, 3.3])
def test_a_cashier_scans_a_barcode_whose_bars_end_between_pixels(scale: float) -> None:
    assert scanned(barcode_svg("8887322"), scale) == "8887322"


@pytest.mark.parametrize("code", ["99", "999", "9912345", "99123456", "9999999", "99A", "9A9", "1A9912", "0099"])
def test_no_pair_of_digits_is_taken_for_a_switch_of_symbols(code: str) -> None:
    assert scanned(barcode_svg(code)) == code


@given(st.text(st.sampled_from("0123456789"), min_size=1, max_size=20))
def test_a_barcode_of_digits_keeps_them_all(digits: str) -> None:
    assert scanned(barcode_svg(digits)) == digits


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=48))
def test_a_barcode_says_what_was_asked_of_it(text: str) -> None:
    assert scanned(barcode_svg(text)) == text


def test_every_barcode_has_a_quiet_zone_of_ten_modules() -> None:
    width, bars = bars_of(barcode_svg("8887322"))
    assert bars[0][0] == 10
    assert width - bars[-1][1] == 10


def test_the_barcode_stands_inside_html_and_leaves_its_size_to_the_page() -> None:
    drawing = barcode_svg("8887322")
    assert drawing.startswith("<svg ")
    assert drawing.endswith("</svg>")
    assert ET.fromstring(drawing).attrib == {"viewBox": "0 0 110 60"}  # seven symbols of 11, a stop of 13, twice 10
    assert len(drawing) < 1000
    assert "style" not in drawing, "the page's policy for content forbids inline styles"


def test_nothing_of_the_code_reaches_the_markup() -> None:
    drawing = barcode_svg("<b>8887322</b>")
    assert "<b>" not in drawing
    assert "8887322" not in drawing
    assert scanned(drawing) == "<b>8887322</b>"


@pytest.mark.parametrize("text", ["", "A" * 49, "8887322\n", "kopi ☕", "é"])
def test_a_text_that_no_barcode_holds_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="1 to 48 printable ASCII"):
        barcode_svg(text)
