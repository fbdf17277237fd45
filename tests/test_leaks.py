"""The search for secrets that other tests are followed by finds them."""

from __future__ import annotations

import base64

from tests.leaks import leaks


def test_a_secret_is_found_in_each_of_its_disguises() -> None:
    secret = "0123456789abcdef"
    texts = [b"Token %b", b"\x00%b\x00"]
    left = {str(n): text % secret.encode() for n, text in enumerate(texts)}
    left["hex"] = secret.encode().hex().encode()
    left |= {f"64 {n}": base64.b64encode(b"x" * n + secret.encode() + b"y") for n in range(4)}
    assert leaks({secret}, {**left, "none": b"0123456789abcdeF"}) == list(left)
