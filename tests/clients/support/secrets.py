"""No answer and no log line of a gateway may hold a secret: what secrets.mjs is for the other suites, for those in Python.

The bytes of every answer that the SDKs' HTTP client reads are kept, and searched when all tests of a module have ended.
"""

import base64
import json
import os
import urllib.parse
import urllib.request

import httpx2

KNOWN = {"aoaSIM-": "an access token", "aorSIM-": "a rotated refresh token"}
HEARD = []
SHORTEST = 8


def know(name, secret):
    if secret and len(secret) >= SHORTEST:
        KNOWN.setdefault(secret, name)


def hear(place, parts, said=b""):
    HEARD.append((place, parts, said))
    return parts


def found():
    return sorted({f"{name} is in {place}" for place, parts, said in HEARD for secret, name in KNOWN.items() if holds(b"".join(parts), secret) and secret.encode() not in said})


def holds(data, secret):
    return any(form in data for form in forms(secret))


def forms(secret):
    """In the open, percent-encoded, and as base64, where it depends on the two bytes before it."""
    yield secret.encode()
    yield urllib.parse.quote(secret, safe="").encode()
    for before in range(3):
        packed = base64.b64encode(b"\0" * before + secret.encode()).rstrip(b"=")
        # Characters that bytes before or behind have a part in tell nothing.
        yield packed[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]


def check():
    """For a module's end: fails by the names of the secret and of the place, and shows neither."""
    with urllib.request.urlopen(f"{os.environ['SIM_URL']}/_sim/config") as answer:
        for account in json.load(answer)["accounts"]:
            know(f"the secret of {account['label']}", account["secret"])
            know(f"the client secret of {account['label']}", account["kind"].get("client_secret"))
    assert HEARD, "nothing was heard"
    assert not found(), f"secrets that a gateway told: {found()}"


def _heard(response):
    """The parts of what a response says, to be filled while it is read."""
    request = response.request
    try:
        said = request.content
    except httpx2.RequestNotRead:
        said = b""
    head = "\n".join(f"{name}: {value}" for name, value in response.headers.items()).encode()
    return hear(f"an answer {response.status_code} to {request.method} {request.url.path}", [head, b"\n"], said)


def _iterate(read):
    def listening(response, *args, **kwargs):
        parts = _heard(response)
        for part in read(response, *args, **kwargs):
            parts.append(part)
            yield part

    return listening


def _iterate_async(read):
    async def listening(response, *args, **kwargs):
        parts = _heard(response)
        async for part in read(response, *args, **kwargs):
            parts.append(part)
            yield part

    return listening


# Decompressed: a platform may compress what it sends.
httpx2.Response.iter_bytes = _iterate(httpx2.Response.iter_bytes)
httpx2.Response.aiter_bytes = _iterate_async(httpx2.Response.aiter_bytes)
