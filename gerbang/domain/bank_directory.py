"""The directory of banks that money can be sent to, in the order in which a merchant's drop-down shows it.

The codes are those of the disbursement reference, section 7.2, and never change, not even when a bank takes another
name or joins another: merchants store them.
"""

import msgspec


class Bank(msgspec.Struct, frozen=True):
    """One bank as merchants name it.

    `name` is the trade name that belongs to the code; in brackets is the name that people look for today, where it is
    another one. `swift` is the BIC of eight characters in the national payment system's lists of participants; the last
    one is a 1 where the bank is not on SWIFT's own network. `clearing` is the bank's three digits in the national
    clearing, which a sharia unit shares with its bank. Either is None where the published lists disagree or fall
    silent: a transfer that is refused does less harm than one that goes astray.
    """

    code: str
    name: str
    swift: str | None = None
    clearing: str | None = None


_LISTED = (
    Bank("BCA", "Bank Central Asia", "CENAIDJA", "014"),
    Bank("MANDIRI", "Bank Mandiri", "BMRIIDJA", "008"),
    Bank("BNI", "Bank Negara Indonesia", "BNINIDJA", "009"),
    Bank("PERMATA", "Bank Permata", "BBBAIDJA", "013"),
    Bank("BRI", "Bank Rakyat Indonesia", "BRINIDJA", "002"),
    Bank("CIMB_NIAGA", "Bank CIMB Niaga", "BNIAIDJA", "022"),
    Bank("DANAMON", "Bank Danamon Indonesia", "BDINIDJA", "011"),
    Bank("PANIN", "Bank Panin", "PINBIDJA", "019"),
    Bank("BII", "Bank Internasional Indonesia (Maybank Indonesia)", "IBBKIDJA", "016"),
    Bank("ANGLOMAS", "Anglomas Internasional Bank (Bank Amar Indonesia)", "LOMAIDJ1", "531"),
    Bank("BANGKOK", "Bangkok Bank", "BKKBIDJA", "040"),
    Bank("AGRIS", "Bank Agris (Bank IBK Indonesia)", None, "945"),
    Bank("SINARMAS", "Bank Sinarmas", "SBJKIDJA", "153"),
    Bank("AGRONIAGA", "Bank BRI Agroniaga (Bank Raya Indonesia)", "AGTBIDJA", "494"),
    Bank("ANDARA", "Bank Andara", "RIPAIDJ1", "466"),
    Bank("ANTAR_DAERAH", "Bank Antardaerah", None, "088"),
    Bank("ANZ", "Bank ANZ Indonesia", "ANZBIDJX", "061"),
    Bank("ARTHA", "Bank Artha Graha Internasional", "ARTGIDJA", "037"),
    Bank("ARTOS", "Bank Artos Indonesia (Bank Jago)", "ATOSIDJ1", "542"),
    Bank("BISNIS", "Bank Bisnis Internasional (Krom Bank Indonesia)", "BUSTIDJ1", "459"),
    Bank("BJB", "Bank Jabar Banten (Bank BJB)", "PDJBIDJA", "110"),
    Bank("BNP", "Bank BNP Paribas Indonesia", "BNPAIDJA", "057"),
    Bank("BUKOPIN", "Bank Bukopin (KB Bank)", "BBUKIDJA", "441"),
    Bank("BUMI_ARTA", "Bank Bumi Arta", "BBAIIDJA", "076"),
    Bank("CAPITAL", "Bank Capital Indonesia", "BCIAIDJA", "054"),
    Bank("BCA_SYR", "Bank BCA Syariah", "SYCAIDJ1", "536"),
    Bank("CHINATRUST", "Bank Chinatrust Indonesia (Bank CTBC Indonesia)", "CTCBIDJA", "949"),
    Bank("CIMB_UUS", "Bank CIMB Niaga Unit Usaha Syariah", "SYNAIDJ1", "022"),
    Bank("COMMONWEALTH", "Bank Commonwealth", "BICNIDJA", "950"),
    Bank("DANAMON_UUS", "Bank Danamon Indonesia Unit Usaha Syariah", "SYBDIDJ1", "011"),
    Bank("DBS", "Bank DBS Indonesia", "DBSBIDJA", "046"),
    Bank("DINAR_INDONESIA", "Bank Dinar Indonesia (Bank Oke Indonesia)", "LMANIDJ1", "526"),
    Bank("DKI", "Bank DKI (Bank Jakarta)", None, "111"),
    Bank("DKI_UUS", "Bank DKI Unit Usaha Syariah", None, "111"),
    Bank("EKONOMI_RAHARJA", "Bank Ekonomi Raharja (HSBC Indonesia)", None, "087"),
    Bank("FAMA", "Bank Fama Internasional (Superbank)", "FAMAIDJ1", "562"),
    Bank("GANESHA", "Bank Ganesha", "GNESIDJA", "161"),
    Bank("HANA", "Bank KEB Hana Indonesia", "HNBNIDJA", "484"),
    Bank("HARDA_INTERNASIONAL", "Bank Harda Internasional (Allo Bank Indonesia)", "HRDAIDJ1", "567"),
    Bank("HIMPUNAN_SAUDARA", "Bank Himpunan Saudara 1906 (Bank Woori Saudara)", None, "212"),
    Bank("ICBC", "Bank ICBC Indonesia", "ICBKIDJA", "164"),
    Bank("INA_PERDANA", "Bank Ina Perdana", None, "513"),
    Bank("INDEX_SELINDO", "Bank Index Selindo", "BIDXIDJA", "555"),
    Bank("JASA_JAKARTA", "Bank Jasa Jakarta (Bank Saqu)", None, "472"),
    Bank("KESEJAHTERAAN_EKONOMI", "Bank Kesejahteraan Ekonomi (SeaBank Indonesia)", None, "535"),
    Bank("MASPION", "Bank Maspion Indonesia", None, "157"),
    Bank("MAYAPADA", "Bank Mayapada Internasional", "MAYAIDJA", "097"),
    Bank("MAYBANK_SYR", "Bank Maybank Syariah Indonesia (Bank Aladin Syariah)", None, "947"),
    Bank("MAYORA", "Bank Mayora (Hibank)", "MAYOIDJA", "553"),
    Bank("MEGA", "Bank Mega", "MEGAIDJA", "426"),
    Bank("MESTIKA_DHARMA", "Bank Mestika Dharma", "MEDHIDS1", "151"),
    Bank("METRO_EXPRESS", "Bank Metro Express (Bank Shinhan Indonesia)", "MEEKIDJ1", "152"),
    Bank("MIZUHO", "Bank Mizuho Indonesia", "MHCCIDJA", "048"),
    Bank("MNC_INTERNASIONAL", "Bank MNC Internasional", "BUMIIDJA", "485"),
    Bank("MUAMALAT", "Bank Muamalat Indonesia", "MUABIDJA", "147"),
    Bank("MULTI_ARTA_SENTOSA", "Bank Multiarta Sentosa", "BMSEIDJA", "548"),
    Bank("MUTIARA", "Bank Mutiara (Bank JTrust Indonesia)", "CICTIDJA", "095"),
    Bank("NATIONALNOBU", "Bank Nationalnobu", "LFIBIDJ1", "503"),
    Bank("NUSANTARA_PARAHYANGAN", "Bank Nusantara Parahyangan", "NUPAIDJ6", "145"),
    Bank("OCBC", "Bank OCBC NISP", "NISPIDJA", "028"),
    Bank("OCBC_UUS", "Bank OCBC NISP Unit Usaha Syariah", "SYONIDJ1", "028"),
    Bank("BAML", "Bank of America", "BOFAID2X", "033"),
    Bank("BOC", "Bank of China", "BKCHIDJA", "069"),
    Bank("INDIA", "Bank of India Indonesia", None, "146"),
    Bank("TOKYO", "Bank of Tokyo-Mitsubishi UFJ (MUFG Bank)", "BOTKIDJX", "042"),
    Bank("PANIN_SYR", "Bank Panin Dubai Syariah", "ARFAIDJ1", "517"),
    Bank("PERMATA_UUS", "Bank Permata Unit Usaha Syariah", "SYBBIDJ1", "013"),
    Bank("PUNDI_INDONESIA", "Bank Pundi Indonesia (Bank Banten)"),
    Bank("QNB_KESAWAN", "Bank QNB Kesawan (Bank QNB Indonesia)", "AWANIDJA", "167"),
    Bank("RABOBANK", "Rabobank International Indonesia", "RABOIDJA", "089"),
    Bank("RESONA", "Bank Resona Perdania", "BPIAIDJA", "047"),
    Bank("ROYAL", "Bank Royal Indonesia (Bank Digital BCA)", None, "501"),
    Bank("SAHABAT_PURBA_DANARTA", "Bank Sahabat Purba Danarta (Bank BTPN Syariah)", "PUBAIDJ1", "547"),
    Bank("SAHABAT_SAMPOERNA", "Bank Sahabat Sampoerna", "BDIPIDJ1", "523"),
    Bank("SBI_INDONESIA", "Bank SBI Indonesia", "IDMOIDJ1", "498"),
    Bank("SINAR_HARAPAN_BALI", "Bank Sinar Harapan Bali (Bank Mandiri Taspen)", "SIHBIDJ1", "564"),
    Bank("MITSUI", "Bank Sumitomo Mitsui Indonesia", "SUNIIDJA", "045"),
    Bank("BRI_SYR", "Bank BRI Syariah (Bank Syariah Indonesia)", "DJARIDJ1", "422"),
    Bank("BUKOPIN_SYR", "Bank Syariah Bukopin (KB Bukopin Syariah)", "SDOBIDJ1", "521"),
    Bank("MANDIRI_SYR", "Bank Syariah Mandiri (Bank Syariah Indonesia)", "BSMDIDJA", "451"),
    Bank("MEGA_SYR", "Bank Mega Syariah", "BUTGIDJ1", "506"),
    Bank("BTN", "Bank Tabungan Negara", "BTANIDJA", "200"),
    Bank("BTN_UUS", "Bank Tabungan Negara Unit Usaha Syariah", "SYBTIDJ1", "200"),
    Bank("TABUNGAN_PENSIUNAN_NASIONAL", "Bank Tabungan Pensiunan Nasional (SMBC Indonesia)", None, "213"),
    Bank("TABUNGAN_PENSIUNAN_NASIONAL_UUS", "Bank Tabungan Pensiunan Nasional Unit Usaha Syariah"),
    Bank("UOB", "Bank UOB Indonesia", "BBIJIDJA", "023"),
    Bank("VICTORIA_INTERNASIONAL", "Bank Victoria International", None, "566"),
    Bank("VICTORIA_SYR", "Bank Victoria Syariah", "SWAGIDJ1", "405"),
    Bank("WINDU", "Bank Windu Kentjana International (CCB Indonesia)", "MCORIDJA", "036"),
    Bank("WOORI", "Bank Woori Indonesia", None, "068"),
    Bank("YUDHA_BHAKTI", "Bank Yudha Bhakti (Bank Neo Commerce)", "YUDBIDJ1", "490"),
    Bank("ACEH", "BPD Aceh (Bank Aceh Syariah)", "PDACIDJ1", "116"),
    Bank("ACEH_UUS", "BPD Aceh Unit Usaha Syariah", "SYACIDJ1", "116"),
    Bank("BALI", "BPD Bali", "ABALIDBS", "129"),
    Bank("BENGKULU", "BPD Bengkulu (Bank Bengkulu)", "PDBKIDJ1", "133"),
    Bank("BPD_DIY", "BPD Daerah Istimewa Yogyakarta", "PDYKIDJ1", "112"),
    Bank("BPD_DIY_SYR", "BPD Daerah Istimewa Yogyakarta Syariah", "SYYKIDJ1", "112"),
    Bank("JAMBI", "BPD Jambi (Bank Jambi)", "PDJMIDJ1", "115"),
    Bank("JAMBI_UUS", "BPD Jambi Unit Usaha Syariah", "SYJMIDJ1", "115"),
    Bank("JAWA_TENGAH", "BPD Jawa Tengah (Bank Jateng)", "PDJGIDJ1", "113"),
    Bank("JAWA_TENGAH_UUS", "BPD Jawa Tengah Unit Usaha Syariah", "SYJGIDJ1", "113"),
    Bank("JAWA_TIMUR", "BPD Jawa Timur (Bank Jatim)", "PDJTIDJ1", "114"),
    Bank("JAWA_TIMUR_UUS", "BPD Jawa Timur Unit Usaha Syariah", "SYJTIDJ1", "114"),
    Bank("KALIMANTAN_BARAT", "BPD Kalimantan Barat (Bank Kalbar)", "PDKBIDJ1", "123"),
    Bank("KALIMANTAN_BARAT_UUS", "BPD Kalimantan Barat Unit Usaha Syariah", "SYKBIDJ1", "123"),
    Bank("KALIMANTAN_SELATAN", "BPD Kalimantan Selatan (Bank Kalsel)", "PDKSIDJ1", "122"),
    Bank("KALIMANTAN_SELATAN_UUS", "BPD Kalimantan Selatan Unit Usaha Syariah", "SYKSIDJ1", "122"),
    Bank("KALIMANTAN_TENGAH", "BPD Kalimantan Tengah (Bank Kalteng)", "PDKGIDJ1", "125"),
    Bank("KALIMANTAN_TIMUR", "BPD Kalimantan Timur (Bankaltimtara)", "PDKTIDJ1", "124"),
    Bank("KALIMANTAN_TIMUR_UUS", "BPD Kalimantan Timur Unit Usaha Syariah", "SYKTIDJ1", "124"),
    Bank("LAMPUNG", "BPD Lampung (Bank Lampung)", "PDLPIDJ1", "121"),
    Bank("MALUKU", "BPD Maluku (Bank Maluku Malut)", "PDMLIDJ1", "131"),
    Bank("NUSA_TENGGARA_BARAT", "BPD Nusa Tenggara Barat (Bank NTB Syariah)", "PDNBIDJ1", "128"),
    Bank("NUSA_TENGGARA_BARAT_UUS", "BPD Nusa Tenggara Barat Unit Usaha Syariah", "SYNBIDJ1", "128"),
    Bank("NUSA_TENGGARA_TIMUR", "BPD Nusa Tenggara Timur (Bank NTT)", None, "130"),
    Bank("PAPUA", "BPD Papua (Bank Papua)", "PDIJIDJ1", "132"),
    Bank("RIAU_DAN_KEPRI", "BPD Riau Kepri (BRK Syariah)", "PDRIIDJA", "119"),
    Bank("RIAU_DAN_KEPRI_UUS", "BPD Riau Kepri Unit Usaha Syariah", "SYRIIDJ1", "119"),
    Bank("SULAWESI", "BPD Sulawesi Tengah (Bank Sulteng)", "PDWGIDJ1", "134"),
    Bank("SULAWESI_TENGGARA", "BPD Sulawesi Tenggara (Bank Sultra)", "PDWRIDJ1", "135"),
    Bank("SULSELBAR", "BPD Sulawesi Selatan dan Sulawesi Barat (Bank Sulselbar)", "PDWSIDJ1", "126"),
    Bank("SULSELBAR_UUS", "BPD Sulawesi Selatan dan Sulawesi Barat Unit Usaha Syariah", "SYWSIDJ1", "126"),
    Bank("SULUT", "BPD Sulawesi Utara (Bank SulutGo)", "PDWUIDJ1", "127"),
    Bank("SUMATERA_BARAT", "BPD Sumatera Barat (Bank Nagari)", None, "118"),
    Bank("SUMATERA_BARAT_UUS", "BPD Sumatera Barat Unit Usaha Syariah", "SYSBIDJ1", "118"),
    Bank("SUMSEL_DAN_BABEL", "BPD Sumatera Selatan dan Bangka Belitung (Bank Sumsel Babel)", "BSSPIDSP", "120"),
    Bank("SUMSEL_DAN_BABEL_UUS", "BPD Sumatera Selatan dan Bangka Belitung Unit Usaha Syariah", "SYSSIDJ1", "120"),
    Bank("SUMUT", "BPD Sumatera Utara (Bank Sumut)", "PDSUIDJ1", "117"),
    Bank("SUMUT_UUS", "BPD Sumatera Utara Unit Usaha Syariah", "SYSUIDJ1", "117"),
    Bank("CENTRATAMA", "Centratama Nasional Bank", "CNBAIDJ1", "559"),
    Bank("CITIBANK", "Citibank", "CITIIDJX", "031"),
    Bank("DEUTSCHE", "Deutsche Bank", "DEUTIDJA", "067"),
    Bank("HSBC", "HSBC Indonesia", "HSBCIDJA", "087"),
    Bank("HSBC_UUS", "HSBC Indonesia Unit Usaha Syariah"),
    Bank("JPMORGAN", "JPMorgan Chase Bank", "CHASIDJX", "032"),
    Bank("PRIMA_MASTER", "Prima Master Bank", "PMASIDJ1", "520"),
    Bank("STANDARD_CHARTERED", "Standard Chartered Bank", "SCBLIDJX", "050"),
    Bank("MITRA_NIAGA", "Bank Mitraniaga", "MGABIDJ1", "491"),
    Bank("EKSPOR_INDONESIA", "Bank Ekspor Indonesia (Indonesia Eximbank)", "LPEIIDJ1", "003"),
    Bank("ARTA_NIAGA_KENCANA", "Bank Arta Niaga Kencana", None, "020"),
    Bank("BJB_SYR", "Bank BJB Syariah", "SYJBIDJ1", "425"),
    Bank("BNI_SYR", "Bank BNI Syariah (Bank Syariah Indonesia)", "SYNIIDJ1", "427"),
)

WALLETS = ("GOPAY", "OVO", "SHOPEEPAY", "DANA", "LINKAJA")
"""Wallets that money can be sent to where a connection takes them (payment-session reference, 11)."""
OTHER_NAMES = {
    "CIMB": "CIMB_NIAGA",
    "BNC": "YUDHA_BHAKTI",
    "BSI": "MANDIRI_SYR",
    "MAYBANK": "BII",
    "JAGO": "ARTOS",
    "SEABANK": "KESEJAHTERAAN_EKONOMI",
    "ALLO": "HARDA_INTERNASIONAL",
    "SUPERBANK": "FAMA",
}
"""Short names of today, by which the payment-session reference knows banks."""
BANKS: dict[str, Bank] = {bank.code: bank for bank in _LISTED}
"""Every bank by its code."""

_OWN = [bank for bank in _LISTED if bank.clearing and not bank.code.endswith("_UUS")]
_CLEARED = {bank.clearing: bank for bank in (*_LISTED, *reversed(_OWN), BANKS["HSBC"]) if bank.clearing}
"""Banks by their digits in the clearing: a bank before the sharia unit that shares them, and before one that has joined it."""


def named(name: str) -> Bank | None:
    """The bank of a code, a short name ("CIMB") or the digits of the clearing ("014"); None where there is none."""
    name = name.strip().upper()
    return BANKS.get(OTHER_NAMES.get(name, name)) or _CLEARED.get(name)


def destination_of(code: str) -> str | None:
    """The code of a bank or a wallet by that code, a short name of today ("BNC") or three digits ("014"); None if nobody has it."""
    name = code.strip().upper()
    bank = named(name)
    return bank.code if bank is not None else name if name in WALLETS else None
