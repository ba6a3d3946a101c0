"""The pure rules. Nothing here reads a clock, a file, a socket or a random number: all of it is passed in."""
