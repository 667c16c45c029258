"""The documentation, and the programs that write the parts of it which come from the code."""
