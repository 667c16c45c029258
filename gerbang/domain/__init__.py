"""What is true: the nouns of the trade and their rules. Pure: nothing here waits, reads a clock or knows SQL."""
