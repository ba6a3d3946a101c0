"""Runs a developer's working tree on their own machine, as their own user: `greenroom dev`.

It knows the project's file and nothing of the control plane; what that gives (a clone's address, a mailbox) is handed
in. Nothing here writes to a terminal.
"""
