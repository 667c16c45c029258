"""Everything that the gateway does, as functions. The only layer that opens transactions."""
