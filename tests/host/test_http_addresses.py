"""Where a durable HTTP call may go: a table of addresses in every spelling, and names that resolve to them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dfcli.host.addresses import AddressPolicy, AddressRefused

NEVER = [
    "225.1.2.3",
    "232.0.0.1",
    "fe80::ffff:1",
    "ff05::2",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.0.1",
    "169.254.255.255",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "0.0.0.0",
    "0.1.2.3",
    "224.0.0.1",
    "239.255.255.255",
    "255.255.255.255",
    "240.0.0.1",
    "250.1.2.3",
    "fe80::1",
    "fe80::a9fe:a9fe",
    "febf::1",
    "fd00:ec2::254",
    "::",
    "ff02::1",
    "ff0e::1",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::ffff:0.0.0.0",
    "::ffff:224.0.0.1",
    "::ffff:255.255.255.255",
    "::169.254.169.254",
    "64:ff9b::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2002:a9fe:a9fe:1::",
    "2001:0:a9fe:a9fe::5601:5601",
    "2001:0:1:2::5601:5601",
    "2002:e000:1::1",
    "64:ff9b::e000:1",
    "64:ff9b::0.0.0.0",
]
PRIVATE = [
    "127.255.255.254",
    "10.1.2.3",
    "172.20.0.1",
    "192.168.100.1",
    "100.127.255.255",
    "fdff::1",
    "::ffff:172.16.0.1",
    "127.0.0.1",
    "127.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.255.255",
    "100.64.0.1",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:192.168.1.1",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "2002:7f00:1::1",
    "2002:c0a8:1::1",
    "::127.0.0.1",
]
PUBLIC = [
    "9.9.9.9",
    "52.1.2.3",
    "128.0.0.1",
    "191.255.255.255",
    "203.0.112.1",
    "2a00:1450:4001:829::200e",
    "2620:fe::fe",
    "93.184.216.34",
    "8.8.8.8",
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.167.0.1",
    "11.0.0.1",
    "223.255.255.1",
    "2606:2800:220:1:248:1893:25c8:1946",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]


def resolving(**names: str) -> AddressPolicy:
    return AddressPolicy(resolve=lambda host, _: names[host].split())


def literal(host: str, _: int) -> Sequence[str]:
    return [host]


def verdict(address: str, **options: object) -> bool:
    policy = AddressPolicy(resolve=literal, **options)  # type: ignore[arg-type]
    try:
        policy.addresses(address, 80, "/")
    except AddressRefused:
        return False
    return True


def test_the_table_is_as_long_as_it_should_be() -> None:
    assert len({*NEVER, *PRIVATE, *PUBLIC}) >= 80


@pytest.mark.parametrize("address", NEVER)
def test_what_is_never_called_is_refused_even_when_the_settings_allow_it(address: str) -> None:
    assert not verdict(address)
    assert not verdict(address, allow=[address, "0.0.0.0/0", "::/0"])


@pytest.mark.parametrize("address", PRIVATE)
def test_loopback_and_private_networks_are_called_unless_strict(address: str) -> None:
    assert verdict(address)
    assert not verdict(address, strict=True)
    assert verdict(address, strict=True, allow=[address])
    assert not verdict(address, deny=[address])


@pytest.mark.parametrize("address", PUBLIC)
def test_everybody_elses_addresses_are_called(address: str) -> None:
    assert verdict(address)
    assert verdict(address, strict=True)
    assert not verdict(address, deny=["0.0.0.0/0", "::/0"])


@pytest.mark.parametrize("spelt", ["2130706433", "0177.0.0.1", "0x7f.0.0.1", "127.1", "0x7f000001"])
def test_other_spellings_of_a_number_are_what_the_system_takes_them_for(spelt: str) -> None:
    (address,) = AddressPolicy().addresses(spelt, 80, "/")
    assert address == "127.0.0.1"
    with pytest.raises(AddressRefused):
        AddressPolicy(strict=True).addresses(spelt, 80, "/")


@pytest.mark.parametrize("spelt", ["2852039166", "0251.0376.0251.0376", "0xa9.0xfe.0xa9.0xfe", "169.254.43518"])
def test_the_metadata_service_is_found_in_any_spelling(spelt: str) -> None:
    with pytest.raises(AddressRefused, match="metadata"):
        AddressPolicy().addresses(spelt, 80, "/latest/meta-data")


def test_a_name_is_judged_by_every_address_it_has() -> None:
    policy = resolving(good="8.8.8.8 1.1.1.1", mixed="8.8.8.8 169.254.169.254")
    assert policy.addresses("good", 80, "/") == ["8.8.8.8", "1.1.1.1"]
    with pytest.raises(AddressRefused, match=r"169\.254\.169\.254"):
        policy.addresses("mixed", 80, "/")


def test_a_name_that_changes_its_address_is_asked_once_and_what_was_judged_is_connected_to() -> None:
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])
    policy = AddressPolicy(strict=True, resolve=lambda *_: next(answers))
    assert policy.addresses("rebinding", 80, "/") == ["8.8.8.8"]
    with pytest.raises(AddressRefused):
        policy.addresses("rebinding", 80, "/")


def test_names_can_be_denied_and_allowed() -> None:
    policy = AddressPolicy(deny=["Evil.Example."], resolve=lambda *_: ["8.8.8.8"])
    for spelt in ("evil.example", "EVIL.example", "evil.example."):
        with pytest.raises(AddressRefused, match="denied"):
            policy.addresses(spelt, 80, "/")
    friend = AddressPolicy(strict=True, allow=["nas.local"], resolve=lambda *_: ["192.168.1.9"])
    assert friend.addresses("nas.local", 80, "/") == ["192.168.1.9"]


@pytest.mark.parametrize(
    "path", ["/runtime/webhooks/durabletask", "/RUNTIME/x", "/%72untime/x", "/admin", "/dfcli/v1", "/rpc/t"]
)
def test_this_hosts_own_management_api_is_refused_and_its_functions_are_not(path: str) -> None:
    policy = AddressPolicy(own_port=lambda: 7071, resolve=literal)
    for address in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"):
        with pytest.raises(AddressRefused, match="management API"):
            policy.addresses(address, 7071, path)
        assert policy.addresses(address, 7071, "/api/greet") == [address]
        assert policy.addresses(address, 7072, path) == [address]
