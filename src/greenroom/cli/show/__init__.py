"""How answers look in a terminal. Pure: what the API answered goes in, text comes out."""
