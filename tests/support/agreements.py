"""Agreements that differ from a given one in what a channel's settings say."""

from msgspec.structs import replace

from gerbang import channels
from gerbang.channels.virtual_account import BankAgreement, VirtualAccountAgreement
from gerbang.domain.merchants import Agreement


def with_changes(agreement: Agreement, channel: str, **changes: object) -> Agreement:
    """The agreement with these members of a channel's settings changed."""
    settings = agreement.settings(channel, channels.found()[channel].spec.agreement)
    assert settings is not None
    return agreement.with_settings(channel, replace(settings, **changes))


def without(agreement: Agreement, *names: str) -> Agreement:
    """The agreement without these channels."""
    for name in names:
        agreement = agreement.with_settings(name, None)
    return agreement


def only(agreement: Agreement, *names: str) -> Agreement:
    """The agreement with no other channels than these."""
    return without(agreement, *(name for name in agreement.channels if name not in names))


def banks_of(agreement: Agreement) -> dict[str, BankAgreement]:
    """What was agreed for each bank of virtual accounts."""
    settings = agreement.settings("virtual_account", VirtualAccountAgreement)
    assert settings is not None
    return settings.banks


def with_bank(agreement: Agreement, code: str, **changes: object) -> Agreement:
    """The agreement with these members of one bank's settings changed."""
    banks = banks_of(agreement)
    return with_changes(agreement, "virtual_account", banks=banks | {code: replace(banks[code], **changes)})


def bri_alone(bank: BankAgreement) -> Agreement:
    """An agreement on virtual accounts of BRI and nothing else."""
    return Agreement().with_settings("virtual_account", VirtualAccountAgreement({"BRI": bank}))
