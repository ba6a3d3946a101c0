"""The outgoing network of applications, limited by nftables: one table of this home's own, by operating-system user."""
