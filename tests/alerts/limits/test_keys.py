"""Which network an address belongs to, and which mailbox."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.limits import Client, find_client, name_network
from alerts.mail import fold_address


@pytest.mark.parametrize(
    "host",
    [
        "192.0.2.7",
        "192.0.2.255",
        "192.0.2.7:4711",  # with the port, as some proxies name it
        "[::ffff:192.0.2.7]:4711",
        "::ffff:192.0.2.7",  # IPv4-mapped
        "::ffff:c000:207",
        "::ffff:0:192.0.2.7",  # of a stateless translator
        "64:ff9b::192.0.2.7",  # NAT64
        "64:ff9b::c000:2fe",
        "64:ff9b:1:c000:2:700::",  # NAT64 with a prefix of its own: 48 bits
        "64:ff9b:1:fffe::192.0.2.7",  # 96 bits
        "2002:c000:207::1",  # 6to4
        "2001:0:4136:e378:8000:63bf:3fff:fdf8",  # Teredo: 192.0.2.7, inverted
    ],
)
def test_an_ipv4_client_is_itself_however_it_comes(host: str) -> None:
    assert find_client(host) == Client("192.0.2.0/24")


@pytest.mark.parametrize(
    ("host", "network", "site"),
    [
        ("2001:db8:1:2:3::1", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("::1", "::/64", "::/48"),
        ("fe80::1%eth0", "fe80::/64", "fe80::/48"),
    ],
)
def test_an_ipv6_client_has_a_64_and_a_48(host: str, network: str, site: str) -> None:
    assert find_client(host) == Client(network, site)


@pytest.mark.parametrize("host", [None, "", "unknown", "client", "1.2.3", "a:80", "[", "::g"])
def test_what_is_no_address_is_one_network(host: str | None) -> None:
    assert find_client(host) == Client("unknown")


@given(st.ip_addresses(v=6))
def test_every_address_has_a_network(address: IPv6Address) -> None:
    client = find_client(str(address))
    assert client.network
    assert (client.site is None) == ("." in client.network)


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:{}", "64:ff9b::{}", "::ffff:0:{}"]))
def test_translated_addresses_count_with_the_plain_one(address: IPv4Address, form: str) -> None:
    assert find_client(form.format(address)) == find_client(str(address))
    assert name_network(form.format(address)) == str(address)


@pytest.mark.parametrize(
    ("spellings", "mailbox"),
    [
        (
            ["victim@demo.example", "Victim+7@Demo.Example", '"victim"@demo.example'],
            "victim@demo.example",
        ),
        (
            ["v.i.ctim@gmail.com", "victim+a+b@googlemail.com", "VICTIM@gmail.com."],
            "victim@gmail.com",
        ),
        (["vic-tim@proton.me", "victim+x@pm.me", "vic.tim@protonmail.com"], "victim@proton.me"),
        (["victim@icloud.com", "victim+x@me.com"], "victim@icloud.com"),
        (["victim-shop@yahoo.co.uk", "victim@yahoo.co.uk"], "victim@yahoo.co.uk"),
        (["shop@victim.fastmail.com", "victim+a@fastmail.com"], "victim@fastmail.com"),
    ],
)
def test_spellings_of_one_mailbox_count_together(spellings: list[str], mailbox: str) -> None:
    assert {fold_address(one) for one in spellings} == {mailbox}


@pytest.mark.parametrize("address", ["a.b@demo.example", "a-b@demo.example", "+x@demo.example"])
def test_other_addresses_stay_apart(address: str) -> None:
    assert fold_address(address) == address


@given(st.text(max_size=40))
def test_folding_is_done_once(text: str) -> None:
    assert fold_address(fold_address(text)) == fold_address(text)
