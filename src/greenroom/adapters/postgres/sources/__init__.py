"""A logical copy of a server that somebody else manages, by the machinery of the masked copy with nothing masked.

reading.py    sessions that do it no harm, what it is, why it cannot be read
sessions.py   one snapshot, and sessions that may be lost
tunnel.py     TLS for programs of PostgreSQL that were built without
copying.py    the whole procedure
fetching.py   the cluster it is copied into; fulfils the port
"""
