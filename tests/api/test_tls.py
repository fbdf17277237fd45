"""Requests over TLS: the certificate is checked, a connection is used again, and a proxy is asked for a tunnel."""

from __future__ import annotations

import datetime
import ipaddress
import selectors
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from picsellia_ingest.api import lines, transport
from picsellia_ingest.api.connection import Traffic
from picsellia_ingest.errors import NetworkError

ADDRESS = "127.0.0.2"
"""Not one of those for which the environment says nothing."""
BODIES = [b"a", b"b" * 500_000, None, b"c"]
Serve = Callable[[socket.socket], None]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for the address, with its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "host.test")])
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(alternative, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "host.pem"
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *form) + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def listen() -> Iterator[Callable[[str, Serve], int]]:
    """Starts a server that does with each connection what it is told; gives its port."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(address: str, serve: Serve) -> int:
        listener = socket.create_server((address, 0))
        listeners.append(listener)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connection.settimeout(20)
                    threads.append(threading.Thread(target=handle, args=(connection,)))
                    threads[-1].start()

        def handle(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                serve(connection)

        threads.append(threading.Thread(target=accept))
        threads[-1].start()
        return int(listener.getsockname()[1])

    yield start
    lines.close_all()
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join()


class Host:
    """Answers over TLS with the length of what came, and counts the connections."""

    def __init__(self, certificate: Path) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.connections = 0

    def serve(self, connection: socket.socket) -> None:
        with self.context.wrap_socket(connection, server_side=True) as secured:
            self.connections += 1
            while head := self._head(secured):
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line[:15] == b"Content-Length:"), 0
                )
                left = length - len(head.partition(b"\r\n\r\n")[2])
                while left > 0:
                    left -= len(secured.recv(1 << 16))
                said = b"%d" % length
                secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said))

    def _head(self, secured: ssl.SSLSocket) -> bytes:
        found = b""
        while b"\r\n\r\n" not in found:
            piece = secured.recv(1 << 16)
            if not piece:
                return b""
            found += piece
        return found


def sent(port: int) -> list[bytes]:
    """What the host says of each of the bodies."""
    url = f"https://{ADDRESS}:{port}/x"
    return [transport.send(Traffic(), "PUT", url, {}, body).body for body in BODIES]


LENGTHS = [str(len(body or b"")).encode() for body in BODIES]


def test_requests_share_a_connection_whose_certificate_is_good(
    certificate: Path, listen: Callable[[str, Serve], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    host = Host(certificate)
    assert sent(listen(ADDRESS, host.serve)) == LENGTHS
    assert host.connections == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(
    certificate: Path, listen: Callable[[str, Serve], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    with pytest.raises(NetworkError, match="its TLS certificate cannot be verified"):
        sent(listen(ADDRESS, Host(certificate).serve))


def test_a_proxy_is_asked_for_a_tunnel_once(
    certificate: Path, listen: Callable[[str, Serve], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    def tunnel(connection: socket.socket) -> None:
        asked.append(connection.recv(1 << 16).split(b"\r\n")[0])
        with socket.create_connection((ADDRESS, port), timeout=20) as other:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            # Not select(), which knows no file with a number above 1,024: other tests of this process may have many open.
            with selectors.DefaultSelector() as ready:
                for end, opposite in ((connection, other), (other, connection)):
                    ready.register(end, selectors.EVENT_READ, (end, opposite))
                while True:
                    for key, _ in ready.select(20):
                        end, opposite = key.data
                        if not (piece := end.recv(1 << 16)):
                            return
                        opposite.sendall(piece)

    host = Host(certificate)
    port = listen(ADDRESS, host.serve)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{listen('127.0.0.1', tunnel)}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert sent(port) == LENGTHS
    assert [line.rpartition(b" ")[0] for line in asked] == [f"CONNECT {ADDRESS}:{port}".encode()]
    assert host.connections == 1
