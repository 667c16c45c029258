"""Paying by card: asking the acquirer, what it answers, captures, and cards that are stored."""
