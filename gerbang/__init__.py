"""Gerbang, an open, self-hosted payment gateway for Indonesia."""

__version__ = "0.1.0"
