"""From a view to the bytes of a page: templates, one style sheet and one script, all inside the page itself."""

import re
from functools import cache, lru_cache
from importlib import resources
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gerbang.domain.merchants import Look
from gerbang.services import pictures
from gerbang.web.checkout import addresses
from gerbang.web.checkout.colours import palette
from gerbang.web.checkout.views import View
from gerbang.web.checkout.words import LANGUAGES, WORDS


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
) -> bytes:
    """The whole page in UTF-8. `form` is the proof that a form came from it, `shop` the merchant's name."""
    look = look or Look()

    def link(to: str = "", lang: str | None = asked_language, **more: str) -> str:
        query = {"token": token} | ({"lang": lang} if lang else {}) | more
        return f"{root}/detail{to}?{urlencode(query)}"

    return (
        _pages()
        .get_template(f"{view.kind}.html")
        .render(
            view=view,
            icons=_pages().get_template("icons.html").module,
            t=WORDS[language],
            language=language,
            languages=LANGUAGES,
            nonce=nonce,
            root=root,
            link=link,
            shop=shop,
            initial=_initial(shop),
            logo=addresses.logo(look.logo_url),
            palette=palette(look.colour),
            version=version,
            form=form,
            notice=notice,
            css=_asset("page.css"),
            js=_asset("page.js"),
            qr=Markup(qr(view.code.content)) if view.code and view.code.content else "",  # noqa: S704  our own drawing, no text in it
        )
        .encode()
    )


@lru_cache(maxsize=1024)
def qr(text: str) -> str:
    """The picture of a QR text. Drawing one takes about 15 ms, and a page is loaded more than once."""
    return pictures.svg(text)


@cache
def _pages() -> Environment:
    return Environment(
        loader=PackageLoader("gerbang.web.checkout", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@cache
def _asset(name: str) -> Markup:
    """A style sheet or script of ours, without its indentation and the comments that have a line of their own."""
    text = (resources.files("gerbang.web.checkout") / name).read_text("utf-8")
    text = re.sub(r"^\s*/\*.*?\*/\s*?$", "", text, flags=re.DOTALL | re.MULTILINE)
    return Markup("\n".join(line.strip() for line in text.splitlines() if line.strip()))  # noqa: S704  files of ours alone


def _initial(name: str) -> str:
    """The letter that stands for a merchant without a logo."""
    return next((char.upper() for char in name if char.isalnum()), "•")
