"""What PostgreSQL cannot do just now is answered with 503 in every dialect, to be tried again; it is nobody's fault of ours."""

import pytest
from structlog.testing import capture_logs

from tests.support.gateways import Gateway, V4Shop
from tests.support.services import connected, run

NOT_NOW = {
    "its disk is full": ("53100", "cannot be written to"),
    "it only reads": ("25006", "cannot be written to"),
    "the statement was cancelled": ("57014", "does not answer in time"),
    "a lock was not had": ("55P03", "does not answer in time"),
}
TABLES = ("payments", "inbox", "payouts")
ORDER = {
    "clientReferenceId": "order",
    "amount": {"value": 20_000, "currency": "IDR"},
    "mode": "API",
    "paymentMethod": {"type": "VIRTUAL_ACCOUNT"},
    "paymentMethodOptions": {"virtualAccount": {"channel": "BRI", "virtualAccountName": "Budi"}},
}


def change(gateway: Gateway, statements: str) -> None:
    async def story() -> None:
        assert gateway.settings.database_url is not None
        async with connected(gateway.settings.database_url) as connection:
            await connection.execute(statements)

    run(story)


@pytest.mark.parametrize(("said", "what"), NOT_NOW.values(), ids=NOT_NOW)
def test_what_cannot_be_written_now_is_unavailable_and_says_why_in_every_dialect(
    gateway: Gateway, said: str, what: str
) -> None:
    shop = gateway.shop
    v4 = V4Shop(shop)
    shop.get("/v2/payments")  # it has signed in
    refuse = f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE '{said}'; END $$;"
    for table in TABLES:
        refuse += f"CREATE TRIGGER refuse BEFORE INSERT OR DELETE ON {table} EXECUTE FUNCTION refuse();"
    change(gateway, refuse)
    v4_order = {
        "paymentMethodType": "virtual_bank_account",
        "amount": 20_000,
        "referenceId": "order",
        "paymentMethodOptions": {"bankShortCode": "BCA", "displayName": "Budi"},
    }
    with capture_logs() as log:
        answered = [
            shop.call("POST", "/v2/payments", ORDER),
            v4.call("POST", "/api/v4/payments", {"data": {"attributes": v4_order}}),
            shop.call("DELETE", "/sandbox/inbox"),
        ]
    logged = [(line["log_level"], line["sqlstate"]) for line in log if line["event"].startswith("the database cannot")]
    assert logged == [("warning", said)]
    sentence = f"The database {what} right now. Send the same request again in a moment."
    assert [(one.status_code, one.headers.get("retry-after")) for one in answered] == [(503, "1")] * 3
    assert answered[0].json()["code"] == "service_unavailable"
    assert answered[1].json()["errors"][0]["code"] == "010"
    assert answered[2].json()["error"]["code"] == "unavailable"
    assert [sentence in one.text for one in answered] == [True] * 3
    assert [said in one.text for one in answered] == [False] * 3
    change(gateway, "DROP FUNCTION refuse CASCADE")
    assert shop.call("POST", "/v2/payments", ORDER).status_code == 200
