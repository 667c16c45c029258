"""The life of a payment: created, confirmed, ended, read and searched for."""
