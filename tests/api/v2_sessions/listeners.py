"""A shop's own server: it receives callbacks over a real socket and answers as a test configures it."""

from tests.support.http_servers import HttpAnswer, HttpServer, ReceivedRequest


class Listener(HttpServer):
    """It answers with `status` and `headers`, also where a redirect was followed; 0 closes the connection instead."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.status = 200
        self.headers: dict[str, str] = {}

    def _answer(self, request: ReceivedRequest) -> HttpAnswer | None:
        return HttpAnswer(self.status, headers=self.headers) if self.status else None

    @property
    def url(self) -> str:
        return f"{super().url}/callbacks?shop=1"
