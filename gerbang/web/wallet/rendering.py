"""From a view to the bytes of the wallet's page: templates and one style sheet, no script."""

from urllib.parse import urlencode

from gerbang.web._pages import templates, translations
from gerbang.web._pages.translations import LANGUAGES
from gerbang.web.wallet.views import View

PACKAGE = "gerbang.web.wallet"
WORDS = translations.words(PACKAGE)
CLOSED = ("foreign", "refused", "busy", "down")


def page(
    view: View,
    *,
    language: str,
    nonce: str,
    root: str,
    token: str,
    asked_language: str | None,
    form: str = "",
) -> bytes:
    """The whole page in UTF-8. `form` is the proof that a form came from it."""

    def link(to: str = "", lang: str | None = asked_language) -> str:
        return f"{root}/wallet{to}?{urlencode({'token': token} | ({'lang': lang} if lang else {}))}"

    name = "ask.html" if view.state == "open" else "result.html"
    return (
        templates.of(PACKAGE)
        .get_template(name)
        .render(
            view=view,
            closed=view.state in CLOSED,
            t=WORDS[language],
            language=language,
            languages=LANGUAGES,
            nonce=nonce,
            link=link,
            form=form,
            css=templates.asset(PACKAGE, "page.css"),
        )
        .encode()
    )
