"""Release and seal: from a git commit to signed bytes, and from signed bytes to files that may run.

fetch       source.py (commit → files), languages/ (what the lock file names)
build       rooms.py, inside.py (no network, empty home, own user), languages/, files.py (same bytes twice)
clean room  cleanroom.py, observe/ (what it uses and does not declare)
seal        oci.py (image layout), documents.py (SBOM, provenance), signing.py (DSSE)
start       store.py (verify), unpack.py (lay out, verify byte for byte)
"""
