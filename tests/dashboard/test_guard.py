"""Who may ask the dashboard for what."""

from __future__ import annotations

import json

import pytest
from asking import LAN, LOCAL, OURS, TOKEN, ask

from tuner.dashboard import Guard, login_attempts

LOCAL_HOSTS = ("127.0.0.1:8080", "localhost:8080", "LOCALHOST:9000", "localhost", "[::1]:8080", "127.0.0.2")
FOREIGN_HOSTS = (
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example:8080",
    "127.0.0.1.evil.example",
    "192.168.1.5:8080",
    "localhost:8080, evil.example",
    "user@localhost:8080",
    "localhost:8080/",
    "",
)
FOREIGN_ORIGINS = (
    "http://evil.example",
    "http://evil.example:8080",
    "http://127.0.0.1:3000",
    "http://localhost:8080",
    "https://127.0.0.1:8080",
    "http://127.0.0.1:8080.evil.example",
    "null",
    "",
)


@pytest.mark.parametrize("host", LOCAL_HOSTS)
def test_our_own_names_are_answered(guarded, host):
    assert ask(guarded(), "GET", "/api/studies", host=host).status == 200


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_foreign_host_is_refused(guarded, host):
    answer = ask(guarded(allow_edit=True), "GET", "/api/studies", host=host)
    assert answer.status == 403
    assert b"small" not in answer.body


def test_a_request_without_host_is_refused(guarded):
    app = guarded()

    def without_host(environ, start_response):
        del environ["HTTP_HOST"]
        return app(environ, start_response)

    assert ask(without_host, "GET", "/api/studies").status == 403


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "DELETE"])
def test_a_foreign_origin_is_refused(guarded, origin, method):
    assert ask(guarded(allow_edit=True), method, "/api/studies/1", origin=origin).status == 403


def test_our_own_origin_may_read(guarded):
    assert ask(guarded(), "GET", "/api/studies", origin=OURS).status == 200


def test_behind_an_ssh_tunnel_the_port_is_another(guarded):
    answer = ask(guarded(), "GET", "/api/studies", host="localhost:9000", origin="http://localhost:9000")
    assert answer.status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_scripts_and_images_of_other_pages_are_refused(guarded, site):
    answer = ask(guarded(), "GET", "/api/studies", sec_fetch_site=site, sec_fetch_mode="no-cors")
    assert answer.status == 403


@pytest.mark.parametrize(("site", "mode"), [("cross-site", "navigate"), ("none", "navigate"), ("same-origin", "cors")])
def test_links_to_the_dashboard_are_followed(guarded, site, mode):
    assert ask(guarded(), "GET", "/dashboard", sec_fetch_site=site, sec_fetch_mode=mode).status == 200


def test_a_form_of_another_page_cannot_post(guarded):
    answer = ask(
        guarded(allow_edit=True), "POST", "/api/studies", sec_fetch_site="cross-site", sec_fetch_mode="navigate"
    )
    assert answer.status == 403


def test_forwarding_headers_are_not_believed():
    seen = []

    def app(environ, start_response):
        seen.append(environ)
        start_response("200 OK", [])
        return []

    ask(Guard(app, LOCAL, None, False), "GET", "/", x_forwarded_host="evil.example", x_forwarded_proto="https")
    assert "evil.example" not in seen[0].values()
    assert not [name for name in seen[0] if "FORWARDED" in name]


def test_a_refusal_says_what_to_do_where_the_page_shows_it(guarded):
    answer = ask(guarded(), "DELETE", "/api/studies/1", origin=OURS)
    assert answer.status == 403
    assert "--allow-edit" in json.loads(answer.body)["reason"]
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_no_token_no_answer(guarded):
    app = guarded(LAN, TOKEN)
    answer = ask(app, "GET", "/api/studies")
    assert answer.status == 401
    assert b"small" not in answer.body
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/", "/dashboard", "/static/bundle.js", "/favicon.ico", "/csv/1", "/api/meta"])
def test_nothing_at_all_is_served_without_token(guarded, path):
    assert ask(guarded(LAN, TOKEN), "GET", path).status == 401


def test_a_foreign_host_is_refused_also_with_the_token(guarded):
    answer = ask(guarded(LAN, TOKEN), "GET", "/", host="evil.example", authorization=f"Bearer {TOKEN}")
    assert answer.status == 403


def test_the_token_in_the_address_becomes_a_cookie(guarded):
    app = guarded(LAN, TOKEN)
    answer = ask(app, "GET", f"/dashboard/studies/1?token={TOKEN}")
    assert answer.status == 200
    cookie, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert set(attributes) == {"Path=/", "HttpOnly", "SameSite=Strict"}
    assert b'content="0;url=/dashboard/studies/1"' in answer.body
    assert TOKEN.encode() not in answer.body
    assert ask(app, "GET", "/api/studies", cookie=f"other=1; {cookie}").status == 200


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", '/"><script>'])
def test_the_page_behind_the_token_leads_nowhere_else(guarded, path):
    body = ask(guarded(LAN, TOKEN), "GET", f"{path}?token={TOKEN}").body
    assert b"url=/" in body
    assert b"url=//" not in body
    assert b"\\" not in body
    assert b"<script" not in body


def test_a_program_sends_the_token_as_a_header(guarded):
    assert ask(guarded(LAN, TOKEN), "GET", "/api/studies", authorization=f"Bearer {TOKEN}").status == 200


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("token=", {}),
        (f"token={TOKEN[:-1]}", {}),
        (f"token={TOKEN}x", {}),
        (f"nekot={TOKEN}", {}),
        ("", {"authorization": TOKEN}),
        ("", {"authorization": f"Basic {TOKEN}"}),
        ("", {"authorization": f"Bearer {TOKEN.upper()}"}),
        ("", {"authorization": "Bearer \xff\xfe"}),
        ("", {"cookie": f"tuner_dashboard_8080={TOKEN[:-1]}"}),
        ("", {"cookie": f"tuner_dashboard_8080={TOKEN}"}),  # a cookie is no way to try tokens
        ("", {"cookie": f"tuner_dashboard_9090={TOKEN}"}),
        ("", {"cookie": "; =; tuner_dashboard_8080"}),
    ],
)
def test_another_token_is_refused(guarded, query, headers):
    assert ask(guarded(LAN, TOKEN), "GET", f"/api/studies?{query}", **headers).status == 401


def test_a_token_in_the_address_allows_no_edit(guarded):
    app = guarded(LAN, TOKEN, allow_edit=True)
    assert ask(app, "DELETE", f"/api/studies/1?token={TOKEN}", origin=OURS).status == 401


def signed_in(app) -> str:
    """The cookie of a visitor who has brought the token."""
    return ask(app, "GET", f"/?token={TOKEN}").headers["Set-Cookie"].partition(";")[0]


def test_malformed_cookies_of_other_programs_do_no_harm(guarded):
    app = guarded(LAN, TOKEN)
    cookie = f'bad[]="unclosed; {signed_in(app)}; {{json}}'
    assert ask(app, "GET", "/api/studies", cookie=cookie).status == 200


def test_the_cookie_is_another_secret_for_each_dashboard(guarded):
    first, second = guarded(LAN, TOKEN), guarded(LAN, TOKEN)
    assert TOKEN not in signed_in(first)
    assert ask(second, "GET", "/api/studies", cookie=signed_in(first)).status == 401


def test_wrong_tokens_are_counted_slowed_and_logged(guarded, monkeypatch, caplog):
    now = 1000.0
    monkeypatch.setattr(login_attempts.time, "monotonic", lambda: now)
    app = guarded(LAN, TOKEN)
    visitor = signed_in(app)

    def tried(token: str, address: str = "10.0.0.9", **more: str):
        return ask(app, "GET", "/api/studies", authorization=f"Bearer {token}", remote_addr=address, **more)

    assert [tried("wrong").status for _ in range(11)] == [401] * 10 + [429]
    answer = tried(TOKEN)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "2"), "else the refusals would slow nobody"
    assert ask(app, "GET", f"/?token={TOKEN}", remote_addr="10.0.0.9").status == 429
    assert tried(TOKEN, "10.0.0.10").status == 200
    assert tried("wrong", cookie=visitor).status == 200
    now += 2.0
    assert tried(TOKEN).status == 200
    assert [tried("wrong").status, tried("wrong").status] == [401, 429]
    now += 3600
    assert [tried("wrong").status for _ in range(11)] == [401] * 10 + [429]
    assert [record.getMessage() for record in caplog.records] == [
        "Wrong token from 10.0.0.9 (1 so far).",
        "Wrong token from 10.0.0.9 (10 so far).",
    ]
    assert TOKEN not in caplog.text


def test_all_addresses_of_a_network_of_ipv6_count_as_one(guarded):
    app = guarded(LAN, TOKEN)
    tries = [
        ask(app, "GET", "/?token=wrong", remote_addr=f"2001:db8:0:1::{number:x}").status for number in range(1, 12)
    ]
    assert tries == [401] * 10 + [429]
    assert ask(app, "GET", "/?token=wrong", remote_addr="2001:db8:0:2::1").status == 401


def test_no_more_addresses_are_remembered_than_fit(monkeypatch):
    monkeypatch.setattr(login_attempts, "_ADDRESSES", 3)
    tried = login_attempts.Attempts()
    for number in range(9):
        tried.wrong(f"10.0.0.{number}")
    assert len(tried._tries) == 3


def test_who_brings_nothing_is_not_counted(guarded):
    app = guarded(LAN, TOKEN)
    stale = {"cookie": "tuner_dashboard_8080=of-yesterday"}
    assert {ask(app, "GET", "/api/studies", remote_addr="10.0.0.9", **stale).status for _ in range(30)} == {401}
    assert ask(app, "GET", f"/?token={TOKEN}", remote_addr="10.0.0.9").status == 200


@pytest.mark.parametrize("after", ["inf", "x", "-5", "", "%zz", "9" * 30])
def test_a_query_that_means_nothing_is_a_bad_request(guarded, after):
    assert ask(guarded(), "GET", f"/api/studies/1?after={after}").status == 400


@pytest.mark.parametrize("length", ["x", "-1", "1e3", "9" * 30])
def test_a_length_that_is_no_number_is_a_bad_request(guarded, length):
    app = guarded()

    def with_length(environ, start_response):
        environ["CONTENT_LENGTH"] = length
        return app(environ, start_response)

    assert ask(with_length, "GET", "/api/studies/1?after=0").status == 400


@pytest.mark.parametrize("path", ["/favicon.ico", "/static/bundle.js", "/static/../server.py"])
def test_no_header_is_needed(guarded, path):
    """Without Accept-Encoding optuna-dashboard answers 500."""
    app = guarded()

    def without(environ, start_response):
        del environ["HTTP_ACCEPT_ENCODING"]
        return app(environ, start_response)

    assert ask(without, "GET", path).status in (200, 403, 404)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"5", b'"text"', b"\xff"])
def test_an_edit_without_an_object_is_a_bad_request(guarded, body):
    app = guarded(allow_edit=True)
    for path in ("/api/studies", "/api/studies/1/rename", "/api/trials/1/tell", "/api/artifacts/1"):
        assert ask(app, "POST", path, body, origin=OURS).status == 400
    assert ask(app, "PUT", "/api/studies/1/note", body, origin=OURS).status == 400


@pytest.mark.parametrize("header", ["accept_encoding", "user_agent", "cookie", "if_modified_since"])
def test_bytes_in_a_header_do_no_harm(guarded, header):
    assert ask(guarded(), "GET", "/favicon.ico", **{header: "\xff\xfe"}).status == 200
