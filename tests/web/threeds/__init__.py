"""3-D Secure in a real browser, on a real gateway."""
