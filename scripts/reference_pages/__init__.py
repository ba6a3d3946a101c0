"""One module per page of the reference; `scripts/generate_docs.py` finds them."""
