"""One Protocol per outside thing. Each method says what it promises; adapters and their memory twins keep
the promises, and one contract suite in `tests/contracts` holds all of them to it."""
