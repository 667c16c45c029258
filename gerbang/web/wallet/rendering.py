"""Renders a view of the wallet's page as HTML, with its style sheet inline and without a script."""

from urllib.parse import urlencode

from gerbang.services.simulated_wallet import OTP
from gerbang.web._pages import templates, translations
from gerbang.web._pages.translations import LANGUAGES
from gerbang.web.wallet.views import View

PACKAGE = "gerbang.web.wallet"
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
    wrong: str = "",
) -> bytes:
    """The page in UTF-8. `form` is the CSRF token of its forms, `wrong` what was wrong with the last one."""

    def link(to: str = "", lang: str | None = asked_language) -> str:
        return f"{root}/wallet{to}?{urlencode({'token': token} | ({'lang': lang} if lang else {}))}"

    name = "ask.html" if view.state == "open" else "result.html"
    return (
        templates.environment(PACKAGE)
        .get_template(name)
        .render(
            view=view,
            closed=view.state in CLOSED,
            t=TEXTS[language],
            language=language,
            languages=LANGUAGES,
            nonce=nonce,
            link=link,
            form=form,
            wrong=wrong,
            password=OTP,
            css=templates.asset(PACKAGE, "page.css"),
        )
        .encode()
    )
