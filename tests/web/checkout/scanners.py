"""A barcode scanner for pages: it reads a screenshot, so it sees only what the browser paints."""

import base64

import zxingcpp
from playwright.sync_api import Page

GREYS = """async (picture) => {
  const image = Object.assign(new Image(), {src: `data:image/png;base64,${picture}`});
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), {width: image.width, height: image.height});
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const colours = pen.getImageData(0, 0, image.width, image.height).data, greys = [];
  for (let at = 0; at < colours.length; at += 4)
    greys.push(String.fromCharCode(Math.round((colours[at] * 3 + colours[at + 1] * 6 + colours[at + 2]) / 10)));
  return [image.width, image.height, btoa(greys.join(""))];
}"""


def scanned(page: Page) -> list[tuple[str, str]]:
    """Kind and text of every code in the window, as a scanner at a counter reads them: upright, black on white."""
    picture = page.screenshot()
    canvas = page.context.new_page()
    width, height, greys = canvas.evaluate(GREYS, base64.b64encode(picture).decode())
    canvas.close()
    view = memoryview(base64.b64decode(greys)).cast("B", (height, width))
    kinds = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.Code128])
    found = zxingcpp.read_barcodes(view, kinds, try_invert=False, try_rotate=False)
    return [(str(each.format), each.text) for each in found]
