"""From a view to the bytes of a page: templates, one style sheet and one script, all inside the page itself."""

from functools import lru_cache
from urllib.parse import urlencode

from markupsafe import Markup

from gerbang.domain.merchants import Look
from gerbang.services import pictures
from gerbang.web._pages import templates, urls
from gerbang.web._pages.translations import LANGUAGES
from gerbang.web.checkout.theme import palette
from gerbang.web.checkout.translations import WORDS
from gerbang.web.checkout.views import Code, View

PACKAGE = "gerbang.web.checkout"


def page(
    view: View,
    *,
    language: str,
    nonce: str,
    root: str = "",
    token: str = "",
    asked_language: str | None = None,
    shop: str = "",
    look: Look | None = None,
    version: str = "",
    form: str = "",
    notice: str = "",
    wallet: str = "",
) -> bytes:
    """The whole page in UTF-8. `form` is the proof that a form came from it, `shop` the merchant's name.

    `wallet` is the address of the wallet's page, for a code that is paid there.
    """
    look = look or Look()

    def link(to: str = "", lang: str | None = asked_language, **more: str) -> str:
        query = {"token": token} | ({"lang": lang} if lang else {}) | more
        return f"{root}/detail{to}?{urlencode(query)}"

    return (
        templates.of(PACKAGE)
        .get_template(f"{view.kind}.html")
        .render(
            view=view,
            icons=templates.of(PACKAGE).get_template("icons.html").module,
            t=WORDS[language],
            language=language,
            languages=LANGUAGES,
            nonce=nonce,
            root=root,
            link=link,
            shop=shop,
            initial=_initial(shop),
            logo=urls.logo(look.logo_url),
            palette=palette(look.colour),
            version=version,
            form=form,
            notice=notice,
            css=templates.asset(PACKAGE, "page.css"),
            js=templates.asset(PACKAGE, "page.js"),
            drawing=drawing(view.code),
            wallet=wallet,
        )
        .encode()
    )


def drawing(code: Code | None) -> Markup:
    """What a machine reads of a code: the QR picture or the barcode, as our own drawing with no text in it."""
    if code is not None and code.shown == "picture":
        return Markup(qr(code.content))  # noqa: S704  our own drawing, no text in it
    if code is not None and code.shown == "barcode":
        return Markup(pictures.barcode_svg(code.number))  # noqa: S704  our own drawing, no text in it
    return Markup("")


@lru_cache(maxsize=1024)
def qr(text: str) -> str:
    """The picture of a QR text. Drawing one takes about 15 ms, and a page is loaded more than once."""
    return pictures.svg(text)


def _initial(name: str) -> str:
    """The letter that stands for a merchant without a logo."""
    return next((char.upper() for char in name if char.isalnum()), "•")
