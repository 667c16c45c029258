"""The contract with the banks and channels that are sold and that openapi.yaml does not name."""

from collections.abc import Iterable

from gerbang.api._contracts import inserted, listed
from gerbang.api._spelling import camel
from gerbang.api.v4_documents.events import TERMS
from gerbang.api.v4_documents.shapes import BANK_NAMES, KNOWN, PRODUCT, TYPES
from gerbang.channels.virtual_account import banks_of

OTHERS = tuple(type_ for name, type_ in TYPES.items() if name not in KNOWN and TERMS.sells(name))
SCHEMAS = """
    OtherOptions:
      type: object
      properties:
        providerCode: {type: [string, "null"], maxLength: 255, pattern: '^[^\\x00-\\x1f\\x7f-\\x9f]*$'}
        displayName: {$ref: "#/components/schemas/DisplayName"}
    OtherInstructions:
      type: object
      required: [paymentCode, displayName]
      additionalProperties: false
      properties:
        providerCode: {type: string}
        paymentCode: {type: string, minLength: 1}
        imageUrl: {type: string, format: uri, pattern: '^https?://'}
        displayName: {type: string, minLength: 1}
        qrString: {type: string}
"""
METHOD = """    %s:
      type: object
      description: How to pay by a channel that the vendor's API does not have. Ours.
      required: [id, type, referenceId, instructions]
      additionalProperties: false
      properties:
        id: {type: string, pattern: '^[0-9a-f]{32}$'}
        type: {const: %s}
        referenceId: {type: string, minLength: 1, maxLength: 255}
        instructions: {$ref: "#/components/schemas/OtherInstructions"}
"""


def completed(text: str) -> str:
    banks = [BANK_NAMES.get(bank, bank) for bank in banks_of(PRODUCT)]
    text = listed(text, "    VirtualAccountBank:\n      type: string\n      ", banks)
    if not OTHERS:
        return text
    text = listed(text, "paymentMethodType: {type: string, ", OTHERS)
    schemas = {type_: f"{camel(f'other_{type_}')[5:]}Method" for type_ in OTHERS}
    written = "".join(METHOD % (schema, type_) for type_, schema in schemas.items())
    text = inserted(text, "  schemas:", (SCHEMAS + written).rstrip("\n"))
    text = inserted(
        text, '                    - {$ref: "#/components/schemas/EwalletOptions"}\n', _refs(20, ["OtherOptions"])
    )
    text = inserted(text, '        - {$ref: "#/components/schemas/EwalletMethod"}\n', _refs(8, schemas.values()))
    mapped = "".join(f'          {type_}: "#/components/schemas/{schema}"\n' for type_, schema in schemas.items())
    text = inserted(text, '          e-wallet: "#/components/schemas/EwalletMethod"\n', mapped)
    return inserted(text, "properties: {bankShortCode: {}, accountNo: {}, retailOutletName: {}, ", "providerCode: {}, ")


def _refs(indent: int, schemas: Iterable[str]) -> str:
    return "".join(f'{" " * indent}- {{$ref: "#/components/schemas/{schema}"}}\n' for schema in schemas)
