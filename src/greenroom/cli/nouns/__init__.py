"""One file per noun. Each has `ORDER` (its place in the help) and `commands(app)`; a new file is found by itself."""
