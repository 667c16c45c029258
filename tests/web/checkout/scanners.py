"""A barcode scanner for pages: it reads a screenshot, so it sees only what the browser paints."""

import base64

import zxingcpp
from playwright.sync_api import Page

# The picture is made from bytes and drawn out of sight: neither the page nor its policy has anything to do with it.
GREYS = """async (picture) => {
  const bytes = Uint8Array.from(atob(picture), (each) => each.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], {type: "image/png"})), {width, height} = image;
  const pen = new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true});
  pen.drawImage(image, 0, 0);
  const colours = pen.getImageData(0, 0, width, height).data, rows = [];
  for (let y = 0, at = 0; y < height; y += 1) {
    const greys = new Uint8Array(width);
    for (let x = 0; x < width; x += 1, at += 4)
      greys[x] = Math.round((colours[at] * 3 + colours[at + 1] * 6 + colours[at + 2]) / 10);
    rows.push(String.fromCharCode(...greys));
  }
  return [width, height, btoa(rows.join(""))];
}"""


def scanned(page: Page) -> list[tuple[str, str]]:
    """Kind and text of every code in the window, as a scanner at a counter reads them: upright, black on white."""
    picture = page.screenshot()
    width, height, greys = page.evaluate(GREYS, base64.b64encode(picture).decode())
    view = memoryview(base64.b64decode(greys)).cast("B", (height, width))
    kinds = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.Code128])
    found = zxingcpp.read_barcodes(view, kinds, try_invert=False, try_rotate=False)
    return [(str(each.format), each.text) for each in found]
