"""Gerbang, an open, self-hosted payment gateway for Indonesia."""

__version__ = "0.2.0"
