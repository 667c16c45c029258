"""BRI's CSV of the cash management: each row has the balance before it and after it, and an amount for each direction."""

from gerbang.statement_files.tables import Form

FORM = Form(
    columns={
        "account": ("NOREK",),
        "day": ("TGL_TRAN",),
        "value": ("TGL_EFEKTIF",),
        "time": ("JAM_TRAN",),
        "text": ("DESK_TRAN",),
        "before": ("SALDO_AWAL_MUTASI",),
        "debit": ("MUTASI_DEBET",),
        "credit": ("MUTASI_KREDIT",),
        "balance": ("SALDO_AKHIR_MUTASI",),
    },
    by=("account", "day", "text", "before", "debit", "credit", "balance"),
)
