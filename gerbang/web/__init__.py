"""Who else comes in by HTTP: payers, operators, and people who read the contract."""
