"""Does the org's own record of what syncd wrote agree with syncd's ledger? Nothing here uses the product's code.

`wire` reads the emulated org's request log, `book` the database with plain SQL, `join` holds the two against each other both
ways, `watch` does so after every test that runs a cycle.
"""
