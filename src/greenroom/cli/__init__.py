"""The command line: a client of the HTTP API, one file per noun. Importing it costs nothing."""
