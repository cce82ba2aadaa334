"""Where a durable HTTP call may go: every address that a name stands for is judged, whatever way it is written.

Never: link-local and cloud metadata addresses, unspecified, multicast, broadcast and reserved ones, and this host's own
management API. Loopback and private networks are allowed, since this is a developer's machine, unless `strict`.
Addresses that carry another one inside (IPv4-mapped, NAT64, 6to4, Teredo) are judged by that one too.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias
from urllib.parse import unquote

Address: TypeAlias = IPv4Address | IPv6Address
Resolve: TypeAlias = Callable[[str, int], Sequence[str]]

_METADATA = frozenset(
    ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254")
)
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_UNSPECIFIED = IPv4Network("0.0.0.0/8")
_SHARED = IPv4Network("100.64.0.0/10")
_OWN_PATHS = frozenset({"runtime", "admin", "dfcli", "rpc"})


class AddressRefused(Exception):
    """The call may not go there; the text says why."""


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system resolves it. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))


class AddressPolicy:
    """`allow` and `deny` hold host names, addresses and networks; `deny` wins, and `allow` overrides `strict` only."""

    def __init__(
        self,
        *,
        strict: bool = False,
        allow: Iterable[str] = (),
        deny: Iterable[str] = (),
        own_port: Callable[[], int | None] = lambda: None,
        resolve: Resolve = resolve,
    ) -> None:
        self._strict = strict
        self._allowed_names, self._allowed = _split(allow)
        self._denied_names, self._denied = _split(deny)
        self._own_port = own_port
        self._resolve = resolve

    def addresses(self, host: str, port: int, path: str) -> list[str]:
        """The addresses to connect to, resolved once and all of them judged. Raises AddressRefused, OSError."""
        name = host.rstrip(".").lower()
        if name in self._denied_names:
            raise AddressRefused(f"{host} is denied by the settings")
        found = list(self._resolve(name.strip("[]"), port))
        if not found:
            raise OSError(f"{host} has no address")
        for text in found:
            why = self._fault(ip_address(text), name, port, path)
            if why:
                raise AddressRefused(f"{host} is {text}, {why}" if text != name else f"{host} is {why}")
        return found

    def _fault(self, address: Address, name: str, port: int, path: str) -> str:
        """What is wrong with going there; empty for nothing."""
        forms = list(_forms(address))
        for form in forms:
            if any(form in network for network in self._denied if form.version == network.version):
                return "an address that the settings deny"
            why = _never(form)
            if why:
                return why
        local = any(form.is_loopback for form in forms)
        if local and port == self._own_port() and _first_segment(path) in _OWN_PATHS:
            return "the management API of this very host"
        if not self._strict or name in self._allowed_names:
            return ""
        if any(form in network for form in forms for network in self._allowed if form.version == network.version):
            return ""
        private = any(form.is_private or (form.version == 4 and form in _SHARED) for form in forms)
        return "a private address, which a public host does not call" if local or private else ""


def _never(address: Address) -> str:
    if address in _METADATA:
        return "a cloud's metadata service, which is never called"
    if address.is_link_local:
        return "a link-local address, which is never called"
    if address.is_unspecified or (isinstance(address, IPv4Address) and address in _UNSPECIFIED):
        return "an unspecified address, which is never called"
    if address.is_multicast:
        return "a multicast address, which is never called"
    if isinstance(address, IPv4Address) and address.is_reserved:
        return "a reserved or broadcast address, which is never called"
    return ""


def _forms(address: Address) -> Iterator[Address]:
    """The address, and the IPv4 addresses that it carries."""
    yield address
    if isinstance(address, IPv4Address):
        return
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif int(address) >> 32 == 0 and int(address) > 1:
        yield low  # IPv4-compatible, as old programs wrote it
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if any(address in network for network in _NAT64):
        yield low


def _first_segment(path: str) -> str:
    return unquote(path.lstrip("/").partition("/")[0].partition("?")[0]).lower()


def _split(entries: Iterable[str]) -> tuple[set[str], list[IPv4Network | IPv6Network]]:
    names: set[str] = set()
    networks: list[IPv4Network | IPv6Network] = []
    for entry in entries:
        try:
            networks.append(ip_network(entry.strip(), strict=False))
        except ValueError:
            names.add(entry.strip().rstrip(".").lower())
    return names, networks
