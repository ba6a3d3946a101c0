"""Looking at a repository: one file for each thing that tells something. `greenroom.config.detect` asks them all."""
