"""The bank directory holds exactly the documented bank codes, in the documented order."""

import re

import pytest

from gerbang.domain.bank_directory import BANKS, Bank

# The bank codes of the disbursement reference, section 7.2.
DOCUMENTED = """
BCA MANDIRI BNI PERMATA BRI CIMB_NIAGA DANAMON PANIN BII ANGLOMAS BANGKOK AGRIS SINARMAS AGRONIAGA ANDARA ANTAR_DAERAH
ANZ ARTHA ARTOS BISNIS BJB BNP BUKOPIN BUMI_ARTA CAPITAL BCA_SYR CHINATRUST CIMB_UUS COMMONWEALTH DANAMON_UUS DBS
DINAR_INDONESIA DKI DKI_UUS EKONOMI_RAHARJA FAMA GANESHA HANA HARDA_INTERNASIONAL HIMPUNAN_SAUDARA ICBC INA_PERDANA
INDEX_SELINDO JASA_JAKARTA KESEJAHTERAAN_EKONOMI MASPION MAYAPADA MAYBANK_SYR MAYORA MEGA MESTIKA_DHARMA METRO_EXPRESS
MIZUHO MNC_INTERNASIONAL MUAMALAT MULTI_ARTA_SENTOSA MUTIARA NATIONALNOBU NUSANTARA_PARAHYANGAN OCBC OCBC_UUS BAML BOC
INDIA TOKYO PANIN_SYR PERMATA_UUS PUNDI_INDONESIA QNB_KESAWAN RABOBANK RESONA ROYAL SAHABAT_PURBA_DANARTA
SAHABAT_SAMPOERNA SBI_INDONESIA SINAR_HARAPAN_BALI MITSUI BRI_SYR BUKOPIN_SYR MANDIRI_SYR MEGA_SYR BTN BTN_UUS
TABUNGAN_PENSIUNAN_NASIONAL TABUNGAN_PENSIUNAN_NASIONAL_UUS UOB VICTORIA_INTERNASIONAL VICTORIA_SYR WINDU WOORI
YUDHA_BHAKTI ACEH ACEH_UUS BALI BENGKULU BPD_DIY BPD_DIY_SYR JAMBI JAMBI_UUS JAWA_TENGAH JAWA_TENGAH_UUS JAWA_TIMUR
JAWA_TIMUR_UUS KALIMANTAN_BARAT KALIMANTAN_BARAT_UUS KALIMANTAN_SELATAN KALIMANTAN_SELATAN_UUS KALIMANTAN_TENGAH
KALIMANTAN_TIMUR KALIMANTAN_TIMUR_UUS LAMPUNG MALUKU NUSA_TENGGARA_BARAT NUSA_TENGGARA_BARAT_UUS NUSA_TENGGARA_TIMUR
PAPUA RIAU_DAN_KEPRI RIAU_DAN_KEPRI_UUS SULAWESI SULAWESI_TENGGARA SULSELBAR SULSELBAR_UUS SULUT SUMATERA_BARAT
SUMATERA_BARAT_UUS SUMSEL_DAN_BABEL SUMSEL_DAN_BABEL_UUS SUMUT SUMUT_UUS CENTRATAMA CITIBANK DEUTSCHE HSBC HSBC_UUS
JPMORGAN PRIMA_MASTER STANDARD_CHARTERED MITRA_NIAGA EKSPOR_INDONESIA ARTA_NIAGA_KENCANA BJB_SYR BNI_SYR
"""

BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}")


def test_the_banks_are_those_of_the_reference_in_its_order() -> None:
    assert list(BANKS) == DOCUMENTED.split()
    assert len(BANKS) == 142


def test_every_bank_is_found_by_its_own_code() -> None:
    assert all(bank.code == code for code, bank in BANKS.items())


@pytest.mark.parametrize(
    ("code", "name", "swift", "clearing"),
    [
        ("BCA", "Bank Central Asia", "CENAIDJA", "014"),
        ("BRI", "Bank Rakyat Indonesia", "BRINIDJA", "002"),
        ("MANDIRI", "Bank Mandiri", "BMRIIDJA", "008"),
        ("BNI", "Bank Negara Indonesia", "BNINIDJA", "009"),
        ("CIMB_NIAGA", "Bank CIMB Niaga", "BNIAIDJA", "022"),
        ("SAHABAT_SAMPOERNA", "Bank Sahabat Sampoerna", "BDIPIDJ1", "523"),
    ],
)
def test_a_well_known_bank_is_as_recorded(code: str, name: str, swift: str, clearing: str) -> None:
    assert BANKS[code] == Bank(code=code, name=name, swift=swift, clearing=clearing)


def test_no_two_banks_have_the_same_name() -> None:
    names = {bank.name.casefold() for bank in BANKS.values()}
    assert len(names) == len(BANKS)
    assert all(name == " ".join(name.split()) for name in names)


def test_every_swift_code_is_an_indonesian_bic_and_belongs_to_one_bank() -> None:
    known = [bank.swift for bank in BANKS.values() if bank.swift is not None]
    assert all(BIC.fullmatch(swift) and swift[4:6] == "ID" for swift in known)
    assert len(set(known)) == len(known) > 100


def test_every_clearing_code_has_three_digits_and_belongs_to_one_bank() -> None:
    services: dict[str, set[str]] = {}
    for bank in BANKS.values():
        if bank.clearing is not None:
            assert re.fullmatch(r"\d{3}", bank.clearing), bank
            services.setdefault(bank.clearing, set()).add(bank.code.removesuffix("_UUS").removesuffix("_SYR"))
    shared = {clearing: codes for clearing, codes in services.items() if len(codes) > 1}
    # Bank Ekonomi Raharja became HSBC Indonesia and took its clearing code along; CIMB's codes are spelt in two ways.
    assert shared == {"087": {"EKONOMI_RAHARJA", "HSBC"}, "022": {"CIMB_NIAGA", "CIMB"}}


def test_a_sharia_unit_is_named_as_one_and_has_the_clearing_code_of_its_parent_bank() -> None:
    units = [bank for code, bank in BANKS.items() if code.endswith("_UUS")]
    assert units
    for unit in units:
        assert unit.name.endswith(" Unit Usaha Syariah")
        parent_name = unit.name.removesuffix(" Unit Usaha Syariah")
        parents = [bank for bank in BANKS.values() if bank.name.split(" (")[0] == parent_name]
        assert len(parents) == 1, unit
        assert unit.clearing in {parents[0].clearing, None}
        assert unit.swift is None or unit.swift != parents[0].swift


def test_a_sharia_bank_is_named_as_one() -> None:
    assert all("Syariah" in bank.name for code, bank in BANKS.items() if code.endswith("_SYR"))


def test_a_bank_is_immutable() -> None:
    bank = BANKS["BCA"]
    with pytest.raises(AttributeError):
        bank.name = "Bank Lain"  # pyright: ignore[reportAttributeAccessIssue]  that is what is tested
