"""The table of back-ends: a name, the module that holds it, loaded only when asked for.

Each module has `CARD` (or `card()` where it depends on files) and `open(device) -> Backend`.
"""
