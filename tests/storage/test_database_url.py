"""A URL leads to the file that was meant, and shows no secret."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import make_url

from tuner.errors import StorageError
from tuner.storage import database_url, default_url, hidden, open_database, redacted, same_database
from tuner.storage.database_url import _PLAIN_SQLITE, absolute, sqlite_url

NAMES = st.text(st.sampled_from("?#%&=+@: {}[]'\"\\~$;aä日2Fu\n"), min_size=1, max_size=12) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=12
)
SECRET = "S3cret-42"


@given(NAMES.filter(lambda name: name.strip(".")))
def test_a_url_leads_to_the_path_that_it_was_made_of(name: str) -> None:
    file = Path("/projects") / name / "runs" / "tuner.db"
    assert absolute(sqlite_url(file)) == (sqlite_url(file), file)


@given(st.text("ab/.: -_?%+", max_size=8))
@example("file:a")
@example(":memory:")
def test_a_url_that_is_read_without_sqlalchemy_means_the_same(path: str) -> None:
    url = f"sqlite:///{path}"
    if _PLAIN_SQLITE.fullmatch(url):
        assert make_url(url).database == path
        assert make_url(url).render_as_string(hide_password=False) == url
    else:
        assert not path or set(path) & set(":?%+")


@pytest.mark.parametrize("name", ["what? 1", "a%20b%2Fc", "a#b", "{SCHEMA_VERSION}", "%", "file:x", "a&b=c+d", " "])
def test_the_database_of_a_project_lies_in_it_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    project = tmp_path / name
    project.mkdir()
    open_database(default_url(project), create=True).close()
    assert os.listdir(project / "runs") == ["tuner.db"]
    assert os.listdir(tmp_path) == [name], "nothing beside it"


def test_a_path_that_is_not_in_utf_8(tmp_path: Path) -> None:
    project = tmp_path / os.fsdecode(b"\xff")
    with pytest.raises(StorageError, match="must be in UTF-8.*Rename the folder"):
        default_url(project)
    with pytest.raises(StorageError, match="must be an SQLAlchemy URL"):
        open_database(f"sqlite:///{project}/t.db", create=True)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:S3cret-42@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:S3cret-42@ho@st/db", "postgresql://me:***@st/db"),
        ("postgresql://me:x/S3cret-42@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:x:S3cret-42@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:x?S3cret-42@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:x?y=S3cret-42@host/db", "postgresql://me:***?***"),
        ("postgresql://host/db?user=me&password=S3cret-42", "postgresql://host/db?user=***&password=***"),
        (
            "postgresql://host/db?sslpassword=S3cret-42&sslmode=require",
            "postgresql://host/db?sslpassword=***&sslmode=require",
        ),
        ("postgresql://me@host/db?password=a@S3cret-42", "postgresql://me@host/db?password=***"),
        ("postgresql://me@host:5432/db?password=a@S3cret-42", "postgresql://me@host:5432/db?password=***"),
        ("postgresql://me:x@S3cret-42/y?z=1@host/db", "postgresql://me:***?***"),
        ("postgresql://host/db?options=-c%20x=S3cret-42", "postgresql://host/db?options=***"),
        ("mssql+pyodbc:///?odbc_connect=DRIVER=x;PWD=S3cret-42", "mssql+pyodbc:///?odbc_connect=***"),
        ("sqlite+pysqlcipher://:S3cret-42@/t.db", "sqlite+pysqlcipher://:***@/t.db"),
        ("me:S3cret-42@host/db", "me:***@host/db"),
        ("//me:S3cret-42@host/db", "//me:***@host/db"),
        ("postgresql:/me:S3cret-42@host/db", "postgresql:/me:***@host/db"),
        ("host/db?password=S3cret-42", "host/db?password=***"),
        ("sqlite:////home/me:x@y/t.db", "sqlite:////home/me:x@y/t.db"),
        ("sqlite:///runs/t.db?mode=ro", "sqlite:///runs/t.db?mode=ro"),
        ("postgresql://me@host:5432/db", "postgresql://me@host:5432/db"),
        ("runs/tuner.db", "runs/tuner.db"),
        ("", ""),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str) -> None:
    assert hidden(url) == shown
    assert hidden(shown) == shown


@given(st.text(st.sampled_from("aZ9%/:?#[]{} '\"=&;\\"), min_size=4, max_size=12))
@example("100%")
def test_no_part_of_any_password_is_shown(password: str) -> None:
    marked = f"Qx{password}xQ"
    assert "xQ" not in hidden(f"postgresql://me:{marked}@host/db")
    quoted = make_url("postgresql://me@host/db").set(password=marked).render_as_string(hide_password=False)
    assert hidden(quoted) == "postgresql://me:***@host/db"
    for text in (f"cannot log in with {marked}!", f"in {quoted!r}"):
        assert "xQ" not in redacted(text, quoted)


@pytest.mark.parametrize(
    "text",
    [
        "could not connect to postgresql://me:S3cret-42@host/db",
        "bad dsn: host=x password=S3cret-42 dbname=y",
        "bad dsn: password = 'S3cret-42' and more",
        "PWD=S3cret-42;DRIVER=x",
        'invalid connection option "sslpassword=S3cret-42"',
    ],
)
def test_no_message_of_a_library_shows_one(text: str) -> None:
    assert SECRET not in redacted(text)
    assert "***" in redacted(text)


@pytest.mark.parametrize("text", ["password authentication failed for user", "no such table: token", "12:30 a@b.c"])
def test_a_message_without_any_stays_as_it_is(text: str) -> None:
    assert redacted(text, "postgresql://me:S3cret-42@host/db") == text


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("postgresql://admin@server:secret@host.name/db", ("admin@server", "secret", "host.name", "db")),
        ("postgresql://u:p@h/db%40x", ("u", "p", "h", "db@x")),
        ("postgresql://u:p/q@h:5432/db", ("u", "p/q", "h", "db")),
        ("postgresql://u:p%40q@h:5432/db", ("u", "p@q", "h", "db")),
    ],
)
def test_an_at_sign_in_user_name_or_database(url: str, parts: tuple[str, ...]) -> None:
    read = make_url(absolute(url)[0])
    assert (read.username, read.password, read.host, read.database) == parts
    assert absolute(absolute(url)[0]) == absolute(url)


@pytest.mark.parametrize(
    ("url", "other", "same"),
    [
        ("postgresql://u:p@h/db", "postgresql+psycopg://u:p@h/db", True),
        ("postgresql://u:p@h/db", "postgresql+psycopg://u:p@h/other", False),
        ("sqlite:///t.db", "sqlite:///sub/link.db", True),
        ("sqlite:///t.db", "sqlite:///sub/t.db", False),
    ],
)
def test_one_database_is_written_in_several_ways(
    url: str, other: str, same: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_url, "_postgres_driver", lambda: "postgresql+psycopg")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "link.db").symlink_to(tmp_path / "t.db")
    assert same_database(url, other) is same


@pytest.mark.parametrize("place", ["sec@ret:77/word@localhost", "sec@ret/word@localhost", "sec@ret/word@[::1]:5432"])
@pytest.mark.parametrize("options", ["", "?sslmode=require"])
def test_a_database_with_an_at_sign_may_be_the_end_of_a_password(place: str, options: str) -> None:
    """`tuner list` said "failed to resolve host 'ret'" of the password sec@ret:77/word."""
    with pytest.raises(StorageError, match=r"Write %40 for each @ of user name, password, database") as caught:
        absolute(f"postgresql://u:{place}{options}")
    assert not any(part in str(caught.value) for part in ("sec", "ret:", "ret/", "77", "word@"))


@pytest.mark.parametrize("password", ["x@y", "x@y:z", "x@y/z", "@", "x?y@z", "x@y?z=w", "x@y/z?w=1"])
@pytest.mark.parametrize("user", ["me", "me@server"])
def test_an_at_sign_in_a_password(user: str, password: str) -> None:
    with pytest.raises(StorageError, match="one @ must stand between password and host.*Write %40"):
        absolute(f"postgresql://{user}:{password}@host/db")


@pytest.mark.parametrize(
    "url",
    [
        "nosuch://me:S3cret-42@host/db", "me:S3cret-42@host/db", "host/db?password=S3cret-42",
        "postgresql://me:x@S3cret-42@127.0.0.1:1/none", "postgresql://127.0.0.1:1/none?password=S3cret-42",
        "postgresql://127.0.0.1:1/none?nosuchoption=S3cret-42", "postgresql://me:S3cret-42@127.0.0.1:port/none",
        "sqlite:///?password=S3cret-42", "postgresql://me:x@S3cret-42/y@127.0.0.1:1/none",
        "postgresql://me:x%ZZ@127.0.0.1:1/none?sslpassword=S3cret-42&sslkey=/none",
    ],
)  # fmt: skip
def test_no_error_of_ours_shows_one(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StorageError) as caught:
        open_database(url, create=True)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("password", ["x@S3cret-42", "x@S3cret-42/y", "x@S3cret:42", "@@"])
def test_an_at_sign_in_a_password_is_to_be_quoted(password: str) -> None:
    """SQLAlchemy takes what follows the first one for the host: "failed to resolve host" says nothing of the cause."""
    with pytest.raises(StorageError, match=r"postgresql://me:\*\*\*@host/db'\. Write %40 for each @") as caught:
        open_database(f"postgresql://me:{password}@host/db", create=True)
    assert password not in str(caught.value)
    quoted, _ = absolute(f"postgresql://me:{quote(password, safe='')}@host/db")
    assert make_url(quoted).password == password
