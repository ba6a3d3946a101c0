"""How answers look in a terminal. Pure: what a service or the API answered goes in, text comes out.

The command line draws with it, and the API does where the client should stay light.
"""
