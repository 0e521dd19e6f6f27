"""Where the dashboard listens, and what the messages say where it cannot."""

from __future__ import annotations

import re
import socket

import pytest
from asking import LAN, LOCAL

from tuner.dashboard import Address, Token, listen
from tuner.errors import UsageError


def test_port_0_picks_a_free_one():
    address, bound = listen("127.0.0.1", 0)
    with bound:
        assert address.port > 0
        assert address.url == f"http://127.0.0.1:{address.port}/"
        assert address.loopback


def test_a_taken_port_names_the_next_free_one():
    address, bound = listen("127.0.0.1", 0)
    with bound, pytest.raises(UsageError, match=rf"127\.0\.0\.1 port {address.port}\. Use --port (\d+)") as error:
        listen("127.0.0.1", address.port)
    named = int(re.findall(r"--port (\d+)", str(error.value))[0])
    assert named > address.port
    listen("127.0.0.1", named)[1].close()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 300, "192.0.2.1"])
def test_a_host_that_is_not_ours_is_explained(host):
    with pytest.raises(UsageError, match=r"--host .*127\.0\.0\.1"):
        listen(host, 0)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.2"])
def test_loopback_is_loopback(host):
    address, bound = listen(host, 0)
    bound.close()
    assert address.loopback
    assert address.ip.startswith("127.")


def test_all_addresses_are_not_loopback_and_have_a_name():
    assert not LAN.loopback
    assert LAN.url == f"http://{socket.gethostname()}:8080/"
    assert LAN.means_us(f"{socket.gethostname()}:8080")
    assert LAN.means_us("192.168.1.5:8080")
    assert not LAN.means_us("evil.example")


def test_one_address_of_the_network_is_that_address_only():
    address = Address("192.168.1.5", "192.168.1.5", 8080)
    assert address.means_us("192.168.1.5:8080")
    assert not address.means_us("192.168.1.6:8080")
    assert Address("gpu.lab.example", "192.168.1.5", 8080).means_us("GPU.lab.example")


def test_ipv6_is_written_in_brackets():
    address = Address("::1", "::1", 8080)
    assert address.url == "http://[::1]:8080/"
    assert address.means_us("[::1]:8080")
    assert LOCAL.means_us("[::1]")


def test_no_name_server_is_asked_about_a_foreign_name(monkeypatch):
    """Eight such requests held all threads for seconds, before the token was looked at."""

    def asked(*arguments):
        raise AssertionError(arguments)

    address = Address("0.0.0.0", "0.0.0.0", 8080, name="gpu.lab.example")
    for name in ("getfqdn", "getaddrinfo", "gethostbyname", "gethostbyaddr", "gethostbyname_ex", "getnameinfo"):
        monkeypatch.setattr(socket, name, asked)
    assert not address.means_us("no-such-name.example")
    assert address.means_us("GPU.lab.example:8080")


def test_the_full_name_of_the_machine_is_looked_up_once(monkeypatch):
    monkeypatch.setattr(socket, "getfqdn", lambda: "gpu.lab.example")
    address, bound = listen("0.0.0.0", 0)
    bound.close()
    assert address.means_us("gpu.lab.example")


WEAK = ["", "short", "has spaces in between", "semi;colon;semi;colon", "x" * 513, "a" * 16, "1234567" * 3]


@pytest.mark.parametrize("secret", WEAK)
def test_a_weak_token_is_refused_without_showing_it(secret):
    with pytest.raises(UsageError, match="16 to 512 of the characters") as error:
        Token(secret, 1)
    assert not secret or secret not in str(error.value)


def test_made_tokens_differ_and_are_long():
    made = {Token.make(1).secret for _ in range(5)}
    assert len(made) == 5
    assert min(map(len, made)) >= 43
