"""Pictures of the payer's page, taken again by `make screenshots`."""
