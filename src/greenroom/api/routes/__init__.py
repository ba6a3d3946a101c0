"""One file per noun. Each has a `router`; a new file is found by itself."""
