"""What tests share: gateways, services, shops, invariants of money."""
