"""The payment page in a real browser, on a real gateway."""
