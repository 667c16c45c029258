"""The contract with the banks and channels that are sold and that openapi.yaml does not name."""

from gerbang.api._contracts import inserted, listed
from gerbang.api.v2_sessions.events import PRODUCT
from gerbang.api.v2_sessions.methods import OTHERS, block_of, type_of
from gerbang.channels.virtual_account import BANKS, banks_of

CHOSEN = (
    "      description: The chosen payment method. For a confirmed `MULTIPLE` payment it includes the number or QR.\n"
)
OPTIONS = '{anyOf: [{$ref: "#/components/schemas/OtherOptions"}, {type: "null"}]}'
BLOCK = '{$ref: "#/components/schemas/Other"}'
QR = '        qr: {$ref: "#/components/schemas/Qr"}\n'
INSTALLMENT = "            installment:\n              type: object\n"
SCHEMAS = """
    OtherOptions:
      type: object
      properties:
        channel: {type: [string, "null"], maxLength: 100, pattern: '^[^\\x00-\\x1f\\x7f-\\x9f]*$'}
        name: {type: [string, "null"], maxLength: 100, pattern: '^[^\\x00-\\x1f\\x7f-\\x9f]*$'}
        expiryAt: {type: [string, "null"], format: date-time, examples: ["2025-03-31T23:59:05Z"]}
    Other:
      type: object
      description: How to pay by a channel that the vendor's API does not have. Ours.
      required: [channel, paymentCode, name, expiryAt]
      additionalProperties: false
      properties:
        channel: {type: [string, "null"]}
        paymentCode: {type: string, minLength: 1}
        name: {type: string}
        expiryAt: {type: [string, "null"], format: date-time}
        qrContent: {type: string}
        qrUrl: {type: string, format: uri}
"""
CONFIG = """
              type: object
              required: [enabled]
              additionalProperties: false
              properties:
                enabled: {type: boolean}
                acceptedChannels: {type: array, uniqueItems: true, items: {type: string}}
                minimumAmount: {$ref: "#/components/schemas/Amount"}
                maximumAmount: {$ref: "#/components/schemas/Amount"}
                maximumExpiry: {$ref: "#/components/schemas/Period"}
              if: *enabled
              then: *limited"""


def completed(text: str) -> str:
    text = listed(text, "    Channel:\n      type: string\n      ", banks_of(PRODUCT))
    text = listed(text, "        channel: {type: string, ", BANKS)
    if not OTHERS:
        return text
    types, blocks = list(map(type_of, OTHERS)), list(map(block_of, OTHERS))
    typed = "      required: [type]\n      properties:\n        type: {type: string, "
    text = listed(text, typed, types)
    typed = typed.replace("[type]\n", "[type]\n      additionalProperties: false\n")
    text = listed(text, CHOSEN + typed, types)
    text = inserted(text, "  schemas:", SCHEMAS.rstrip("\n"))
    options = "".join(f"        {block}: {OPTIONS}\n" for block in blocks)
    card = '        card: {anyOf: [{$ref: "#/components/schemas/CardOptions"}, {type: "null"}]}\n'
    text = inserted(text, card, options)
    shown = "".join(f"        {block}: {BLOCK}\n" for block in blocks)
    text = inserted(text, '        retailOutlet: {$ref: "#/components/schemas/RetailOutlet"}\n', shown)
    text = text.replace(f"{QR}    PaymentStatus:", f"{QR}{shown}    PaymentStatus:")
    text = inserted(
        text, "{required: [ewallet]}, {required: [retailOutlet]}", "".join(f", {{required: [{b}]}}" for b in blocks)
    )
    nulls = 'virtualAccount: {type: "null"}, qr: {type: "null"}, ewallet: {type: "null"}'
    alone = f"              - {{required: [retailOutlet], properties: {{{nulls}}}}}\n"
    others = (
        f"              - {{required: [{b}], properties: {{{nulls}, retailOutlet: {{not: {{}}}}}}}}\n" for b in blocks
    )
    text = inserted(text, alone, "".join(others))
    configs = "".join(f"            {block}:{CONFIG}\n" for block in blocks)
    return text.replace(INSTALLMENT, configs + INSTALLMENT)
