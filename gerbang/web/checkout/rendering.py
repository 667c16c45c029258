"""Renders a view of the payment page as HTML, with its style sheet, its script and its pictures inline."""

from functools import lru_cache
from urllib.parse import urlencode

from markupsafe import Markup

from gerbang.domain.merchants import Look
from gerbang.services import pictures
from gerbang.web._pages import templates, urls
from gerbang.web._pages.translations import LANGUAGES
from gerbang.web.checkout.theme import palette
from gerbang.web.checkout.translations import TEXTS
from gerbang.web.checkout.view_shapes import Code, View

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
    bank: str = "",
) -> bytes:
    """The page in UTF-8. `form` is the CSRF token of its forms, `shop` the merchant's name.

    `wallet` is the URL of the wallet's page, for a charge that is paid there, `bank` that of the card's bank, for one that it asks about.
    """
    look = look or Look()

    def link(to: str = view.path, lang: str | None = asked_language, **more: str) -> str:
        query = {"token": token} | ({"lang": lang} if lang else {}) | more
        return f"{root}/detail{to}?{urlencode(query)}"

    return (
        templates.environment(PACKAGE)
        .get_template(f"{view.kind}.html")
        .render(
            view=view,
            icons=templates.environment(PACKAGE).get_template("icons.html").module,
            t=TEXTS[language],
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
            bank=bank,
        )
        .encode()
    )


def drawing(code: Code | None) -> Markup:
    """The QR code or the barcode of a code as SVG; empty for a code that is shown otherwise."""
    if code is not None and code.shown == "picture":
        return Markup(qr(code.content))  # noqa: S704  our own drawing, no text in it
    if code is not None and code.shown == "barcode":
        return Markup(pictures.barcode_svg(code.number))  # noqa: S704  our own drawing, no text in it
    return Markup("")


@lru_cache(maxsize=1024)
def qr(text: str) -> str:
    """The QR code of a text as SVG. Cached, since drawing one takes about 15 ms and a page is loaded more than once."""
    return pictures.svg(text)


def _initial(name: str) -> str:
    """The letter shown in place of a missing logo: the first letter or digit of the name."""
    return next((char.upper() for char in name if char.isalnum()), "•")
