"""The documentation, and the programs that write the parts that are made from the code."""
