"""What a release uses and does not declare: seen while it starts in the clean room, and read in its files.

names.py         what nobody has to declare
shims.py         a PATH on which every undeclared program of this machine leaves its name
python_hook.py, node_hook.js    loaded into the interpreter: failed imports, programs, files, variables
python_scan.py, node_scan.py, elf.py    read in the files themselves
report.py        one list of findings out of all of it
"""
