"""House rules as tests: which floor may lean on which, which doors lead outside, which words are used.

Each rule is a function over source text that answers with a list of breaches, so that it can be shown to fail
on a small bad snippet as well as be held over the whole house.
"""
