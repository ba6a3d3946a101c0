"""Looking at a repository, and the first file that is written for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from greenroom.config.detect import DirectoryTree, Found, MemoryTree, detect
from greenroom.config.detection.found import FoundMigration, as_command, name_from
from greenroom.config.detection.variables import is_made_up, is_secret
from greenroom.config.load import load
from greenroom.config.template import quoted, render
from greenroom.config.yaml_text import read_yaml
from greenroom.domain.kinds import TEMPLATES
from greenroom.domain.names import NAME
from greenroom.domain.release import Language, Listen, MigrationStyle

DJANGO = {
    "manage.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n',
    "shop/settings.py": (
        "import os\n"
        'SECRET_KEY = os.environ["SECRET_KEY"]\n'
        'EMAIL_HOST = os.getenv("SMTP_HOST", "localhost")\n'
        'STATIC_ROOT = "static"\n'
        'DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql"}}\n'
    ),
    "shop/wsgi.py": "application = get_wsgi_application()\n",
    "shop/urls.py": 'urlpatterns = [path("healthz", ok)]\n',
    "requirements.txt": "Django==5.2 \\\n    --hash=sha256:00\ngunicorn==23.0\npsycopg[binary]==3.2\n",
    ".python-version": "3.12.4\n",
}
FLASK = {
    "src/shop/__init__.py": "def create_app():\n    return Flask(__name__)\n",
    "pyproject.toml": '[project]\nrequires-python = ">=3.11"\ndependencies = ["flask>=3", "flask-migrate"]\n',
    "migrations/env.py": "",
    "uv.lock": '[[package]]\nname = "gunicorn"\nversion = "23.0"\n',
}
FASTAPI = {
    "app/main.py": 'app: FastAPI = FastAPI(title="shop")\n@app.get("/health")\ndef health(): ...\n',
    "requirements.txt": "fastapi==1.0\nuvicorn==1.0\nasyncpg==1.0\npytest==9\n",
    "alembic.ini": "",
}
NODE = {
    "package.json": json.dumps(
        {
            "dependencies": {"express": "5", "pg": "8"},
            "scripts": {"start": "node server.js", "build": "tsc", "test": "node --test"},
            "engines": {"node": ">=22"},
        }
    ),
    "package-lock.json": "{}",
    "server.js": "const port = process.env.PORT;\nconst host = process.env.SMTP_HOST || 'localhost';\n"
    "const { API_TOKEN, RATE = 5 } = process.env;\nspawn('ffmpeg', []);\n",
    "prisma/schema.prisma": "",
}
PROCFILE = {
    "Procfile": "web: gunicorn app:app --bind 0.0.0.0:${PORT:-5000}\nworker: python worker.py && echo done\n"
    "release: flask db upgrade\n",
    "requirements.txt": "flask==3.1\ngunicorn==23.0\n",
    "app.py": "app = Flask(__name__)\n",
}
DOCKER = {
    "Dockerfile": "FROM node:22-slim\nRUN apt-get update && apt-get install -y \\\n  ffmpeg git\n"
    'ENTRYPOINT ["node"]\nCMD ["index.js"]\n',
    "package.json": "{}",
}
PROGRAM = {"bin/server": "#!/bin/sh\nexec ./it --socket $GREENROOM_SOCKET\n", "bin/tool": "#!/bin/sh\n"}
EMPTY: dict[str, str] = {"README.md": "# nothing\n"}

KINDS = {
    "django": DJANGO,
    "flask": FLASK,
    "fastapi": FASTAPI,
    "node": NODE,
    "procfile": PROCFILE,
    "docker": DOCKER,
    "program": PROGRAM,
    "empty": EMPTY,
}


def look(files: dict[str, str]) -> Found:
    return detect(MemoryTree(files, frozenset(p for p in files if p.startswith("bin/"))), "Shop")


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_loads(kind: str, template: str) -> None:
    """For each kind of repository and each template the first file has no problems, and its path is the template's."""
    project = load(render(look(KINDS[kind]), template))
    assert tuple(e.kind for e in project.environments) == TEMPLATES[template]
    assert project.described.web.command


def test_django() -> None:
    """manage.py gives server, migration, static files; settings database and variables; a route the health path."""
    found = look(DJANGO)
    assert (found.language, found.framework, found.runtime, found.lock) == (
        Language.PYTHON,
        "Django",
        "3.12",
        "requirements.txt",
    )
    assert found.processes["web"].command == "gunicorn --bind unix:$GREENROOM_SOCKET shop.wsgi:application"
    assert found.migration == FoundMigration("python manage.py migrate --noinput")
    assert found.build == ["python manage.py collectstatic --noinput"]
    assert found.health_path == "/healthz"
    assert found.postgres
    assert "found manage.py: Django" in found.reasons
    assert found.advice == []
    assert set(found.variables) == {"SECRET_KEY", "SMTP_HOST"}
    assert found.variables["SMTP_HOST"].default == "localhost"


def test_flask_factory() -> None:
    """A factory below src/ is called, and survives the splitting of the command."""
    found = look(FLASK)
    assert (found.framework, found.runtime, found.lock) == ("Flask", "3.11", "uv.lock")
    project = load(render(found, "small"))
    assert project.described.web.command[-1] == "shop:create_app()"
    assert project.described.migration.command == ("flask", "db", "upgrade")


def test_fastapi() -> None:
    """An annotated application is found; alembic migrates; pytest among the locked packages makes a check."""
    found = look(FASTAPI)
    assert found.processes["web"].command == "uvicorn --uds $GREENROOM_SOCKET app.main:app"
    assert found.migration == FoundMigration("alembic upgrade head")
    assert found.health_path == "/health"
    assert found.checks == {"tests": "python -m pytest -q"}


def test_node() -> None:
    """The start script's own program, so that signals reach it; prisma; variables with their defaults; programs."""
    found = look(NODE)
    assert (found.language, found.framework, found.runtime) == (Language.NODE, "Express", "22")
    assert found.processes["web"].command == "node server.js"
    assert found.processes["web"].listen is Listen.PORT
    assert found.migration == FoundMigration("npx prisma migrate deploy")
    assert found.variables["SMTP_HOST"].default == "localhost"
    assert {"API_TOKEN", "RATE"} <= set(found.variables)
    assert found.executables == {"ffmpeg"}
    assert found.checks == {"tests": "npm test"}


def test_procfile() -> None:
    """It says more than the framework's custom; what needs a shell gets one; `release` migrates."""
    found = look(PROCFILE)
    assert found.processes["web"].command == "gunicorn app:app --bind 0.0.0.0:$PORT"
    assert found.processes["web"].listen is Listen.PORT
    assert found.processes["worker"].command == ["sh", "-c", "python worker.py && echo done"]
    assert found.migration == FoundMigration("flask db upgrade", style=MigrationStyle.COMMAND)


def test_dockerfile() -> None:
    """ENTRYPOINT and CMD are one command; packages name programs; the base image names the version."""
    found = look(DOCKER)
    assert found.processes["web"].command == ["node", "index.js"]
    assert found.executables == {"ffmpeg", "git"}
    assert found.runtime == "22"


def test_program() -> None:
    """An executable in bin/ that is named like a server."""
    found = look(PROGRAM)
    assert found.language is Language.NONE
    assert found.processes["web"].command == "./bin/server"
    assert found.processes["web"].listen is Listen.SOCKET


def test_nothing_found_is_said() -> None:
    """Where nothing says how it starts, the person is asked, in the answer and in the file."""
    found = look(EMPTY)
    assert any("how the application starts" in a for a in found.advice)
    assert "put its command here" in render(found, "small")


def test_server_and_lock_that_are_missing_are_named() -> None:
    """What a release would fail for later is said at once."""
    found = look({"app.py": "app = Flask(__name__)\n", "pyproject.toml": '[project]\ndependencies = ["flask"]\n'})
    assert any("gunicorn" in a for a in found.advice)
    assert any("uv lock" in a for a in found.advice)


@pytest.mark.parametrize("name", ["SECRET_KEY", "API_KEY", "STRIPE_TOKEN", "DB_PASSWORD", "AWS_ACCESS_KEY_ID", "KEY"])
def test_secret_names(name: str) -> None:
    """Names that sound like secrets are secrets."""
    assert is_secret(name)


@pytest.mark.parametrize("name", ["SMTP_HOST", "MONKEY", "KEYCLOAK_URL", "BYPASS_CACHE", "KEYBOARD", "COMPASS_URL"])
def test_names_that_only_look_like_it(name: str) -> None:
    """A syllable makes no secret."""
    assert not is_secret(name)


def test_what_is_made_up() -> None:
    """A key only this application uses is generated; one that somebody else gives is asked for."""
    assert is_made_up("DJANGO_SECRET_KEY")
    assert not is_made_up("STRIPE_SECRET_KEY_ID")
    text = render(look({"a.py": 'import os\nos.environ["STRIPE_TOKEN"]\nos.environ["SECRET_KEY"]\n'}), "small")
    assert "STRIPE_TOKEN: {secret: true, required: true}" in text
    assert "SECRET_KEY: {secret: true, generate: true}" in text


def test_no_secret_of_the_code_is_written_down() -> None:
    """A default that stands in the code for a secret is not copied."""
    assert "hunter2" not in render(look({"a.py": 'import os\nos.getenv("DB_PASSWORD", "hunter2")\n'}), "small")


def test_writing_to_the_environment_is_not_reading() -> None:
    """`os.environ[…] = …` declares nothing; neither do tests, nor what Greenroom gives."""
    files = {
        "a.py": 'import os\nos.environ["A"] = "1"\nos.environ["PORT"]\n',
        "tests/b.py": 'import os\nos.environ["B"]\n',
    }
    assert look(files).variables == {}


def test_code_that_cannot_be_parsed_is_named() -> None:
    """It is not passed over in silence."""
    found = look({"old.py": "print 'os.environ'\n", "pyproject.toml": "[[", "package.json": "["})
    assert any("old.py" in a for a in found.advice)
    assert any("pyproject.toml" in a for a in found.advice)


_CONTENT = st.text(max_size=60) | st.sampled_from([t for files in KINDS.values() for t in files.values()])
_PATHS = st.sampled_from(sorted({p for files in KINDS.values() for p in files} | {"a b/x.py", "bin/x y", "wsgi.py"}))


@settings(max_examples=200, deadline=None)
@example({"Procfile": "no: ./x"}, "TRUE", "small")
@given(st.dictionaries(_PATHS, _CONTENT, max_size=6), st.text(max_size=20), st.sampled_from(sorted(TEMPLATES)))
def test_whatever_lies_there_the_file_loads(files: dict[str, str], name: str, template: str) -> None:
    """Any contents in the files that are looked at give a file without problems."""
    files = {p: t.replace("\0", "") for p, t in files.items()}
    load(render(detect(MemoryTree(files, frozenset(files)), name), template))


_LINE = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@given(_LINE)
def test_quoting_is_read_back(text: str) -> None:
    """Any text written into the file is read back as it was."""
    assert read_yaml(f"a: {quoted(text)}\n").data == {"a": text}


@given(_LINE)
def test_names_are_valid(text: str) -> None:
    """Whatever the directory is called, the project's name is one."""
    assert NAME.fullmatch(name_from(text, "project"))


@given(_LINE)
def test_a_line_becomes_a_command_that_is_taken(text: str) -> None:
    """Either it is split without a shell, or it is given to one."""
    assert as_command(f"x{text}")


def test_directory_tree(tmp_path: Path) -> None:
    """Dependencies and version control are left out; links lead nowhere; what is no text tells nothing."""
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "x.js").write_text("x")
    (tmp_path / "app.py").write_text("app = 1")
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\xff")
    (tmp_path / "nul.txt").write_bytes(b"a\0b")
    (tmp_path / "big.txt").write_text("x" * (256 * 1024 + 1))
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "inside").symlink_to("app.py")
    (tmp_path / "run").write_text("#!/bin/sh")
    (tmp_path / "run").chmod(0o755)
    tree = DirectoryTree(tmp_path)
    assert "app.py" in tree.files
    assert not any("node_modules" in p for p in tree.files)
    assert tree.read("app.py") == "app = 1"
    assert [tree.read(p) for p in ("logo.png", "nul.txt", "big.txt", "link", "inside", "missing")] == [None] * 6
    assert tree.read("../" * 20 + "etc/hostname") is None
    assert tree.is_executable("run")
    assert not tree.is_executable("app.py")
