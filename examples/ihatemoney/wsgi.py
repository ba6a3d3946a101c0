"""The application, ready to serve: `gunicorn wsgi`.

Creating I Hate Money brings its schema up to date first; it has no switch for that. After the migration
step of a promotion it finds nothing to do, which costs milliseconds.
"""

import gc
import logging.config
import os
from functools import partial
from pathlib import Path

gc.disable()  # what is imported here stays: looking for garbage meanwhile finds none

# The application's migrations read a logging configuration, which by default would silence every logger there was:
# gunicorn's, the tracebacks of the application, and the reason when a schema is not one of this release's.
logging.config.fileConfig = partial(logging.config.fileConfig, disable_existing_loggers=False)
os.environ.setdefault("IHATEMONEY_SETTINGS_FILE_PATH", str(Path(__file__).resolve().with_name("settings.py")))

from ihatemoney.models import db  # noqa: E402 - the path of the settings comes first
from ihatemoney.run import create_app  # noqa: E402

application = create_app()

with application.app_context():
    # gunicorn forks its workers from here (preload): a connection that two of them share would mix up their answers.
    db.engine.dispose()

# What exists now is never garbage, so no collection looks at it again: workers share its memory for longer, and
# processes end at once instead of taking it apart piece by piece (0.4 s where it was 1 s; the migration in half).
gc.freeze()
gc.enable()
