"""How the application is served. The socket comes from the command line."""

from pathlib import Path

chdir = str(Path(__file__).resolve().parent)
wsgi_app = "wsgi"
# Loaded once and forked: one start, one look at the schema, and a worker that is replaced during a rollback's
# grace period needs no schema of its own release to come up.
preload_app = True
# The same in every environment, so that what is measured in staging holds in production; a second worker that is
# forked costs next to nothing at the start.
workers = 2
threads = 4
# Longer than the edge keeps an idle connection (2 s), so that the edge is always the one who hangs up.
keepalive = 15
graceful_timeout = 25
# It would be $HOME/.gunicorn/gunicorn.ctl, which two environments of one user would share.
control_socket_disable = True
accesslog = None  # the edge keeps the access log
