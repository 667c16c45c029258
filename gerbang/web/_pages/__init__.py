"""What the pages for buyers have in common: how requests are taken and answered, words, amounts, templates."""
