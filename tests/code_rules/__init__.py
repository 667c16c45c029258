"""Rules about the code as tests: which layer may import which, where the outside is accessed, which words are used.

Each rule is a function over source text that returns a list of violations. It is run on the whole repository, and on
small bad snippets to show that it can fail.
"""
