"""Settings of I Hate Money, all of them taken from the environment (see `config` in greenroom.yaml).

The application reads this file through IHATEMONEY_SETTINGS_FILE_PATH; only names in capitals count.
"""

import os
from urllib.parse import unquote, urlsplit, urlunsplit


def _is_on(name, default):
    return os.environ.get(name, default).strip().lower() in ("1", "yes", "true", "on")


def _database(url):
    """The address without its password, which libpq reads from PGPASSWORD.

    The application hands its address to a reader of ini files, for which every `%` of an escaped
    character would be a syntax error.
    """
    parts = urlsplit(url)
    if parts.password:
        os.environ["PGPASSWORD"] = unquote(parts.password)
    user, _, host = parts.netloc.rpartition("@")
    user = unquote(user.partition(":")[0])
    netloc = f"{user}@{host}" if user else host
    return urlunsplit(("postgresql", netloc, parts.path, unquote(parts.query), ""))


SQLALCHEMY_DATABASE_URI = _database(os.environ["DATABASE_URL"])
# A connection that died with its server is replaced instead of failing a visitor's request.
SQLALCHEMY_ENGINE_OPTIONS = {"pool_pre_ping": True}
SECRET_KEY = os.environ["SECRET_KEY"]
SITE_NAME = os.environ.get("SITE_NAME", "I Hate Money")
ACTIVATE_DEMO_PROJECT = False
ALLOW_PUBLIC_PROJECT_CREATION = _is_on("ALLOW_PUBLIC_PROJECT_CREATION", "yes")
ENABLE_CAPTCHA = _is_on("ENABLE_CAPTCHA", "no")
# Over plain HTTP a browser would drop a cookie marked secure: switch it on where the edge speaks TLS.
SESSION_COOKIE_SECURE = _is_on("SESSION_COOKIE_SECURE", "no")
SESSION_COOKIE_SAMESITE = "Lax"

MAIL_DEFAULT_SENDER = os.environ.get("MAIL_DEFAULT_SENDER", "Budget manager <admin@example.com>")
MAIL_SUPPRESS_SEND = not os.environ.get("MAIL_SERVER")
MAIL_SERVER = os.environ.get("MAIL_SERVER") or "localhost"
MAIL_PORT = int(os.environ.get("MAIL_PORT") or "25")
MAIL_USERNAME = os.environ.get("MAIL_USERNAME") or None
MAIL_PASSWORD = os.environ.get("MAIL_PASSWORD") or None
