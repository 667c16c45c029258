"""Mandiri's statements: the spreadsheet of the retail internet banking, and two CSVs of the corporate one."""

from gerbang.statement_files.tables import Form

RETAIL = Form(
    columns={
        "day": ("Tanggal", "Tanggal Transaksi"),
        "text": ("Keterangan",),
        "credit": ("Dana Masuk (IDR)", "Dana Masuk"),
        "debit": ("Dana Keluar (IDR)", "Dana Keluar"),
        "balance": ("Saldo (IDR)", "Saldo"),
    },
    by=("day", "text", "credit", "debit", "balance"),
    decimal=",",
)
CORPORATE = Form(
    columns={
        "account": ("Account No", "Account Number"),
        "day": ("Posting Date",),
        "text": ("Remark", "Remarks"),
        "reference": ("Reference No",),
        "debit": ("Debit",),
        "credit": ("Credit",),
        "balance": ("Balance",),
    },
    by=("day", "text", "reference", "debit", "credit", "balance"),
)
CORPORATE_INDONESIAN = Form(
    columns={
        "account": ("No. Rekening",),
        "day": ("Tgl.",),
        "value": ("Tgl. Val.",),
        "text": ("Rincian Transaksi",),
        "reference": ("No. Referensi",),
        "debit": ("Debit", "Debet"),
        "credit": ("Kredit",),
        "balance": ("Saldo",),
        "branch": ("Branch", "Cabang"),
    },
    by=("day", "text", "reference", "debit", "credit", "balance"),
)
