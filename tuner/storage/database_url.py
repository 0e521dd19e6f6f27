"""URLs of databases: made from paths, read, and shown without what is secret in them."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from tuner.errors import StorageError
from tuner.text import install_text

_SQLITE = "sqlite:///"
_POSTGRESQL = ("postgresql", "postgres")
_HIDDEN = "***"

_SCHEME = re.compile(r"[\w.+-]*:?/{0,2}")
_PLAIN_SQLITE = re.compile(r"sqlite:///((?!file:|:memory:)[\w/. -]+)", re.ASCII)
"""A file whose path needs no quoting in a URL."""
_QUERY = re.compile(r"\?(?=[^?&=@]*=)")
_HARMLESS = (
    "application_name",
    "cache",
    "charset",
    "connect_timeout",
    "host",
    "mode",
    "port",
    "sslmode",
    "timeout",
    "uri",
)
"""Options that are shown; of all others the value may be a password."""
_LOGIN = re.compile(r"(\w://[^\s:/@'\"]*):[^\s/'\"]*@")
_SETTING = re.compile(
    r"(?i)\b(\w*(?:pass(?:word|wd|phrase)?|pwd|secret|token))(\s*=\s*)(?:'[^']*'|\"[^\"]*\"|[^\s'\"&;,)]+)"
)


def sqlite_url(file: Path) -> str:
    """Return the URL of a SQLite file, whatever is in its path.

    Raises:
        StorageError: The path is not in UTF-8.
    """
    plain = f"{_SQLITE}{file.absolute().as_posix()}"
    if _PLAIN_SQLITE.fullmatch(plain):
        return plain
    from sqlalchemy import URL

    try:
        return URL.create("sqlite", database=file.absolute().as_posix()).render_as_string(hide_password=False)
    except UnicodeEncodeError as error:
        raise StorageError(
            f"The path of a database must be in UTF-8, but got {str(file)!r}. Rename the folder, or name another "
            "database with --storage."
        ) from error


def default_url(project: Path) -> str:
    """Return the URL of the database of a project: `runs/tuner.db` next to its `studies/`."""
    return sqlite_url((project / "runs" / "tuner.db").resolve())


def project_of_database(url: str) -> Path:
    """Return the folder of the project whose database this is by default, else the current folder."""
    path = absolute(url)[1]
    if path is not None and (path.parent.name, path.name) == ("runs", "tuner.db"):
        return path.parent.parent
    return Path.cwd()


def absolute(url: str) -> tuple[str, Path | None]:
    """Return the URL with the path of a SQLite file made absolute, and this path, or None for another database.

    Raises:
        StorageError: It is no URL, or names no file.
        ArgumentError: SQLAlchemy cannot read it.
    """
    if not url.isprintable():
        raise StorageError(
            f"A storage must be an SQLAlchemy URL without control characters, but got {hidden(url)!r}. Correct "
            "--storage or TUNER_STORAGE."
        )
    if "://" not in url:
        step = (
            f"Did you mean '{_SQLITE}{url}'?" if hidden(url) == url else "Begin with postgresql:// or another driver."
        )
        raise StorageError(f"A storage must be an SQLAlchemy URL, but got {hidden(url)!r}. {step}")
    plain = _PLAIN_SQLITE.fullmatch(url)
    if plain is not None:  # as below, without the 0.2 s that the import of SQLAlchemy takes
        file = Path(plain[1]).absolute()
        return sqlite_url(file), file
    if not url.startswith("sqlite") and "@" in _login(url.partition("://")[2])[1]:
        raise StorageError(  # SQLAlchemy would take what follows the first @ for host and database
            f"In a storage one @ must stand between password and host, but got {hidden(url)!r}. Write %40 for each @ "
            "of user name, password, database or options."
        )
    from sqlalchemy import make_url

    try:
        parsed = make_url(url)
        url.encode()
    except ValueError as error:  # a port that is no number, half a character
        raise StorageError(
            f"A storage must be an SQLAlchemy URL, but got {hidden(url)!r} ({redacted(str(error), url)}). Correct "
            "--storage or TUNER_STORAGE."
        ) from error
    if parsed.drivername in _POSTGRESQL:
        parsed = parsed.set(drivername=_postgres_driver())
    if parsed.get_backend_name() != "sqlite":
        return parsed.render_as_string(hide_password=False), None
    if parsed.database in (None, "", ":memory:") or str(parsed.database).startswith("file:"):
        raise StorageError(
            f"A SQLite storage must name a file, as in 'sqlite:///runs/tuner.db', but got {hidden(url)!r}; "
            "trials in memory would be lost at the end. Name a file."
        )
    file = Path(str(parsed.database)).absolute()
    return parsed.set(database=file.as_posix()).render_as_string(hide_password=False), file


def same_database(url: str, other: str) -> bool:
    """Return whether two URLs that can be read are of one database, however they are written."""
    one, two = (file.resolve() if file else text for text, file in map(absolute, (url, other)))
    return one == two


def hidden(url: str) -> str:
    """Return a URL, or what was meant to be one, without what may be secret in it: for every message and page."""
    return _split(url)[0]


def redacted(text: str, url: str = "") -> str:
    """Return a message of a library without the secrets of this URL, and without any that looks like one."""
    for secret in sorted(_split(url)[1], key=len, reverse=True):
        for form in {
            secret,
            unquote(secret),
            unquote_plus(secret),
            quote(unquote(secret), errors="replace"),
            quote_plus(unquote(secret), errors="replace"),
        }:
            bounds = ("", "") if len(form) > 3 else (r"(?<!\w)", r"(?!\w)")
            if form and form != _HIDDEN:
                text = re.sub(f"{bounds[0]}{re.escape(form)}{bounds[1]}", _HIDDEN, text)
    text = _LOGIN.sub(rf"\1:{_HIDDEN}@", text)
    return _SETTING.sub(rf"\1\2{_HIDDEN}", text)


def _login(rest: str) -> tuple[str, str]:
    """Return user name and password of what follows the scheme; all up to the last @ may belong to the password."""
    user, _, password = rest.rpartition("@")[0].partition(":")
    return user, password


def _split(url: str) -> tuple[str, set[str]]:
    """Return the URL as it is shown, and the secrets in it as they are written.

    Passwords hold any character, as people do not quote them: what is doubtful counts as secret.
    """
    scheme = _SCHEME.match(url)
    start = 0 if scheme is None or "/" not in scheme[0] else scheme.end()
    beginning, rest = url[:start], url[start:]
    secrets: set[str] = set()
    query = _QUERY.search(rest)
    head, options = (rest, "") if query is None else (rest[: query.start()], rest[query.end() :])
    if beginning.startswith("sqlite") and head.startswith("/"):
        pass  # a path
    elif "@" in options and ":" in head and ("@" not in head or "@" in _login(rest)[1]):
        user, password = _login(rest)  # a password with a question mark
        return f"{beginning}{user}:{_HIDDEN}?{_HIDDEN}", {password, *re.split("[@/?]", password)} - {""}
    elif "@" in head:
        login, _, place = head.rpartition("@")
        user, colon, password = login.partition(":")
        secrets |= {password}
        if "@" in password:  # SQLAlchemy takes what follows the first one for host and database
            secrets |= set(re.split("[@/]", password))
        head = f"{user}{colon and ':' + _HIDDEN}@{place}"
    shown = []
    for option in options.split("&") if options else ():
        name, equal, value = option.partition("=")
        harmless = name in _HARMLESS and "@" not in value
        secrets |= set() if harmless else {value if equal else name}
        shown.append(option if harmless else f"{name if equal else ''}{equal}{_HIDDEN}")
    return beginning + head + ("?" + "&".join(shown) if options else ""), secrets - {""}


def _postgres_driver() -> str:
    """Return the scheme to use for `postgresql://`: SQLAlchemy means psycopg2, which is rarely installed today."""
    if importlib.util.find_spec("psycopg2") is not None:
        return "postgresql+psycopg2"
    if importlib.util.find_spec("psycopg") is not None:
        return "postgresql+psycopg"
    raise StorageError(
        f"A study in PostgreSQL needs the driver psycopg, which is not installed: {install_text('postgres')}."
    )
