"""The client libraries of strangers, played by order: a line of JSON says what one of them shall do, a line answers.

It runs with the Python of .venv/strangers, so it imports nothing of ours. What signs, sends and reads is the libraries' own code;
only where they send it is said here.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ["DANA_ENV"] = "production"  # for its sandbox, the library verifies with a key that is written into it

# The libraries are not installed where types are checked, so they are loaded by name and everything of theirs is Any.
bni = importlib.import_module("bnipython")
bni_http = importlib.import_module("bnipython.lib.net.httpClient")
bni_signing = importlib.import_module("bnipython.lib.util.utils")
dana = importlib.import_module("dana.api_client")
dana_configuration = importlib.import_module("dana.utils.snap_configuration")
dana_gateway = importlib.import_module("dana.payment_gateway.v1")
dana_signing = importlib.import_module("dana.utils.snap_header")
dana_webhook = importlib.import_module("dana.webhook.webhook")

Members = dict[str, Any]


# BNI's: a token by the private key, every call by a secret over the token


def bni_token(url: str, client_id: str, key_file: str) -> Any:
    """Asks for a token (73), and gives the whole answer."""
    return bni_http.HttpClient().tokenRequestSnapBI({"url": url, "clientId": client_id, "privateKeyPath": key_file})


def bni_call(
    base_url: str, path: str, partner_id: str, secret: str, token: str, body: Members, sent: Members | None = None
) -> Any:
    """Signs `body` for a path and sends it, or in its place `sent`, with the headers that the library's own calls have."""
    at = bni_signing.getTimestamp()
    signed = {"body": body, "method": "POST", "url": path, "accessToken": token, "timeStamp": at, "apiSecret": secret}
    headers = {
        "X-SIGNATURE": bni_signing.generateSignatureServiceSnapBI(signed),
        "X-TIMESTAMP": at,
        "X-PARTNER-ID": partner_id,
        "X-IP-Address": "",
        "X-DEVICE-ID": "bni-python/0.1.0",
        "X-EXTERNAL-ID": bni_signing.randomNumber(),
        "CHANNEL-ID": "95051",
        "X-LATITUDE": "",
        "X-LONGITUDE": "",
    }
    request = {"method": "POST", "apiKey": partner_id, "accessToken": token, "url": base_url + path}
    request |= {"data": body if sent is None else sent, "additionalHeader": headers}
    return bni_http.HttpClient().requestSnapBI(request)


def bni_client(base_url: str, ids: Members, key_file: str, method: str, asked: Members) -> Any:
    """One method of the library's client, as a partner of the bank uses it."""
    client = bni.BNIClient({"env": "sandbox", "appName": "shop", **ids})
    snap = bni.SnapBI(client, {"privateKeyPath": key_file, "channelId": "95051"})
    snap.baseUrl = base_url  # instead of BNI's own
    return getattr(snap, method)(asked)


# DANA's: every call by the private key, without a token


def _dana_client(base_url: str, partner_id: str, key: str) -> Any:
    production = dana_configuration.Env.PRODUCTION
    settings = {"PRIVATE_KEY": key, "X_PARTNER_ID": partner_id, "DANA_ENV": production, "ENV": production}
    configuration = dana_configuration.SnapConfiguration(api_key=settings)
    configuration.host = base_url  # instead of DANA's own
    return dana.ApiClient(configuration)


def dana_call(
    base_url: str, path: str, partner_id: str, key: str, body: Members, sent: Members | None = None
) -> Members:
    """Signs `body` for a path and sends it, or in its place `sent`, as each method of the library's client does."""
    client, signing = _dana_client(base_url, partner_id, key), dana_signing.SnapHeader
    signed = json.dumps(body, separators=(",", ":"))
    request = client.param_serialize(
        method="POST",
        resource_path=path,
        header_params={"Content-Type": "application/json"},
        body=body if sent is None else sent,
        auth_settings=signing.merge_with_snap_runtime_headers(["X_PARTNER_ID"]),
        _generated_auth=signing.get_snap_generated_auth("POST", path, signed, private_key=key),
    )
    answer = client.call_api(*request)
    answer.read()
    return json.loads(answer.data)


def dana_client(base_url: str, partner_id: str, key: str, method: str, model: str, asked: Members) -> Any:
    """One method of the library's client, as a merchant uses it; `model` is the class of what it asks for."""
    request = getattr(dana_gateway, model).from_dict(asked)
    client = dana_gateway.PaymentGatewayApi(_dana_client(base_url, partner_id, key))
    return getattr(client, method)(request).to_dict()


def dana_notification(public_key: str, path: str, headers: Members, body: str) -> Any:
    """What the library reads in a notification, if it finds the signature good."""
    return dana_webhook.WebhookParser(public_key=public_key).parse_webhook("POST", path, headers, body).to_dict()


ORDERS: dict[str, Callable[..., Any]] = {
    each.__name__: each for each in (bni_token, bni_call, bni_client, dana_call, dana_client, dana_notification)
}


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    for line in sys.stdin:
        order = json.loads(line)
        with ThreadPoolExecutor(1) as alone:  # each library has errors of its own, and the test reads them
            done = alone.submit(ORDERS[order["do"]], **order["with"])
        refused = done.exception()
        said: Members = (
            {"gives": done.result()} if refused is None else {"raises": f"{type(refused).__name__}: {refused}"}
        )
        print(json.dumps(said), file=answers, flush=True)


if __name__ == "__main__":
    main()
