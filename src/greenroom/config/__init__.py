"""The configuration: `greenroom.yaml` read, checked, and turned into values of the core.

`load` reads a file into a `ProjectConfig`; `detect` looks at a repository and `template` writes a first file.
"""
