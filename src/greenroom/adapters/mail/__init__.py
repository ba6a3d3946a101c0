"""Mail that does not leave: a server that keeps what it is given, and the mailboxes it fills."""
