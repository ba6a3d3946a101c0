"""The demonstration: a published application, real visitors, and every environment of the path on one machine."""
