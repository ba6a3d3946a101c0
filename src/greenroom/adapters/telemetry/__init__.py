"""What leaves for those who watch: traces and the control plane's own log."""
