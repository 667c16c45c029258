"""The payer's page, looked at as buyers do: through a real browser, on a real gateway."""
