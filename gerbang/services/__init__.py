"""What can be done with the house. The only floor that opens a transaction."""
