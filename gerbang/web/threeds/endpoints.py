"""The endpoints of 3-D Secure: the played page of a card's bank, its answers, and the way back to where the buyer belongs."""

from functools import partial
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from gerbang import ids
from gerbang.services.cards import challenges
from gerbang.services.cards.challenges import BankAnswer
from gerbang.services.checkout import Visit
from gerbang.web._pages import responses, urls
from gerbang.web._pages.endpoints import Answer, Context, Endpoints, language
from gerbang.web.threeds import rendering
from gerbang.web.threeds.views import State, View, return_url, state_of, view_of

RETURN = "/return"


class ThreeDs(Endpoints):
    """The endpoints of /threeds."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "/threeds")

    async def page(self, request: Request) -> Response:
        return await self.safely(request, self._page)

    async def returned(self, request: Request) -> Response:
        """Where buyers come back from their bank: asks the acquirer what it said, and sends them on once that is known."""
        return await self.safely(request, self._returned)

    def posted(self, answer: BankAnswer) -> Answer:
        """The endpoint of a form: answers the bank and redirects to where the buyer belongs."""

        async def endpoint(request: Request) -> Response:
            return await self.safely(request, partial(self._submit, answer))

        return endpoint

    # -- what they share -----------------------------------------------------------------------------------------------

    async def _visit(self, request: Request) -> tuple[Visit, UUID]:
        """The payment and the charge id that the link opens. Raises CredentialsWrong, TooOften or PaymentUnknown."""
        payment_id, charge_id = self.pages.challenged_charge_of(request.query_params.get("token", ""))
        self.admit(charge_id)
        return await self.batches.visit(payment_id), charge_id

    async def _page(self, request: Request) -> Response:
        visit, charge_id = await self._visit(request)
        state = state_of(visit, charge_id)
        if state == "open" and visit.charge is not None and request.method == "GET":
            await challenges.begun(self.world, visit.charge)
        return self._shown(request, visit, charge_id, state)

    async def _submit(self, answer: BankAnswer, request: Request) -> Response:
        visit, charge_id = await self._visit(request)
        await self.form(request, charge_id.bytes)
        if state_of(visit, charge_id) == "open" and visit.charge is not None:
            await challenges.answered(self.world, self.batches, visit.charge, answer)
            visit = await self.batches.visit(visit.payment.id)
        state = state_of(visit, charge_id)
        if state in ("open", "asking"):
            return responses.redirect(self._again(request, 0))
        return self._shown(request, visit, charge_id, state)

    async def _returned(self, request: Request) -> Response:
        visit, charge_id = await self._visit(request)
        state = state_of(visit, charge_id)
        if state in ("open", "asking") and visit.charge is not None:
            await challenges.came_back(self.world, self.batches, visit.charge)
            visit = await self.batches.visit(visit.payment.id)
            state = state_of(visit, charge_id)
        return self._shown(request, visit, charge_id, state, RETURN)

    def _shown(self, request: Request, visit: Visit, charge_id: UUID, state: State, path: str = "") -> Response:
        """The page of a charge that is not decided; otherwise the way to where its buyer belongs, or that there is none."""
        spoken, asked = language(request)
        if state not in ("open", "asking") and (onward := self._onward(visit, state, asked)) is not None:
            return responses.redirect(onward)
        path = path or ("" if state == "open" else RETURN)
        tries = request.query_params.get("tries", "0")
        view = view_of(visit, state, spoken, int(tries[:3]) if tries.isascii() and tries.isdigit() else 0)
        nonce = ids.secret(16)
        body = rendering.page(
            view,
            language=spoken,
            nonce=nonce,
            root=self.root,
            token=request.query_params["token"],
            asked_language=asked,
            form=self.form_token(charge_id.bytes),
            path=path,
        )
        # Where a shop frames its payment page, it frames what that page leads to as well.
        frames = urls.framing(visit.merchant.agreement.look.frame_ancestors)
        shown = responses.page(body, 200, nonce, frames=frames, leaves_to=_leaves_to(visit))
        if path == RETURN and state in ("open", "asking"):
            # The page has no script: the browser itself loads it again.
            shown.headers["refresh"] = f"{view.refresh};url={self._again(request, view.tries + 1)}"
        return shown

    def _again(self, request: Request, tries: int) -> str:
        """The address at which a page that waits for the bank is loaded the next time."""
        _, asked = language(request)
        query = {"token": request.query_params["token"]} | ({"lang": asked} if asked else {}) | {"tries": str(tries)}
        return f"{self.path}{RETURN}?{urlencode(query)}"

    def _onward(self, visit: Visit, state: State, asked_language: str | None) -> str | None:
        """Where the buyer belongs: the payment page if there is one and it has something to say, else the merchant's URL."""
        payment = visit.payment
        url, choosing = return_url(payment, state), payment.state in ("needs_method", "needs_confirmation", "awaiting")
        if payment.details.redirect and (choosing or url is None or not payment.details.skip_result_page):
            return self.pages.payment_url(payment) + (f"&lang={asked_language}" if asked_language else "")
        return url

    def closed(self, request: Request, state: str, status: int) -> Response:
        spoken, asked = language(request)
        nonce = ids.secret(16)
        token = request.query_params.get("token", "") if state != "unknown" else ""
        path = RETURN if request.url.path.endswith(RETURN) else ""
        body = rendering.page(
            View(state), language=spoken, nonce=nonce, root=self.root, token=token, asked_language=asked, path=path
        )
        return responses.page(body, status, nonce)


def _leaves_to(visit: Visit) -> list[str]:
    """The origins that a form may be redirected to, where its buyer does not go to the payment page."""
    details = visit.payment.details
    if details.redirect and not details.skip_result_page:
        return []
    return urls.origins([details.success_url, details.failure_url, details.expiration_url])
