"""Pictures of the payment page, made by `make screenshots`."""
