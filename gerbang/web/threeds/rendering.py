"""Renders a view of the bank's page as HTML, with its style sheet inline and without a script."""

from urllib.parse import urlencode

from gerbang.web._pages import templates, translations
from gerbang.web._pages.translations import LANGUAGES
from gerbang.web.threeds.views import View

PACKAGE = "gerbang.web.threeds"
LOOK = "gerbang.web.wallet"
"""Whose style sheet it shares: both play something on the buyer's phone."""
TEXTS = translations.texts(PACKAGE)
CLOSED = ("unknown", "refused", "busy", "down")


def page(
    view: View,
    *,
    language: str,
    nonce: str,
    root: str,
    token: str,
    asked_language: str | None,
    form: str = "",
    path: str = "",
) -> bytes:
    """The page in UTF-8. `form` is the CSRF token of its forms, `path` the page's own below /threeds."""

    def link(to: str = path, lang: str | None = asked_language, **more: str) -> str:
        return f"{root}/threeds{to}?{urlencode({'token': token} | ({'lang': lang} if lang else {}) | more)}"

    name = {"open": "ask.html", "asking": "asking.html"}.get(view.state, "result.html")
    return (
        templates.environment(PACKAGE)
        .get_template("asking.html" if path == "/return" and name == "ask.html" else name)
        .render(
            view=view,
            plays=not path and view.state not in CLOSED,
            closed=view.state in CLOSED,
            t=TEXTS[language],
            language=language,
            languages=LANGUAGES,
            nonce=nonce,
            link=link,
            form=form,
            css=templates.asset(LOOK, "page.css") + "\n" + templates.asset(PACKAGE, "page.css"),
        )
        .encode()
    )
