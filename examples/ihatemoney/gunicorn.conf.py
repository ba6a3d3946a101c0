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


def when_ready(server):
    """Compile the pages that visitors see first, once and before the workers are forked.

    Otherwise every worker would do it again while the first visitors after a switch wait.
    """
    application = server.app.wsgi()
    visitor = application.test_client()
    for path in ("/", "/authenticate", "/create"):
        visitor.get(path)
    for template in ("list_bills.html", "add_bill.html", "add_member.html"):
        application.jinja_env.get_template(template)
