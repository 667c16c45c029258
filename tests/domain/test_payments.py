"""Another engineer writes this file right now (since 03:55): leave it to them."""
