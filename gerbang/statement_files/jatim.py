"""Bank Jatim's CSV: each row names its account and its currency."""

from gerbang.statement_files.tables import Form

FORM = Form(
    columns={
        "day": ("Post Date",),
        "value": ("Effective Date",),
        "account": ("Account",),
        "text": ("Description",),
        "currency": ("Currency",),
        "debit": ("Debit",),
        "credit": ("Credit",),
        "balance": ("Balance",),
        "reference": ("Reference No",),
    },
    by=("day", "account", "text", "debit", "credit", "balance"),
)
