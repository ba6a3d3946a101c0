"""The control plane's HTTP API: requests in, services called, answers and errors out. It decides nothing itself."""
