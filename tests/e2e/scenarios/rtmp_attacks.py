"""What no encoder does: silence, other protocols, floods of connections and of wrong keys. A real stream never notices."""

import asyncio
import json
import os
import urllib.request
from urllib.parse import urlsplit

from encoder import Encoder, Ingresses
from guest import Guest, until
from scenario import check, play


def metric(name: str) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{os.environ['THALWEG_PORT']}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith(name + " ")), 0)


async def ends(reader: asyncio.StreamReader, seconds: float) -> bytes:
    """All that comes until the other side closes."""
    try:
        return await asyncio.wait_for(reader.read(1 << 20), seconds)
    except ConnectionError:
        return b""


async def scenario() -> None:
    async with Ingresses() as ingresses, Guest("ada") as ada:
        ingress = await ingresses.create()
        host, port = urlsplit(ingress.url).hostname, urlsplit(ingress.url).port
        async with Encoder(ingress.url, ingress.stream_key):
            await ada.sees("obs", frames=5)
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            check(await ends(reader, 5) == b"", "HTTP is answered on the RTMP port")
            stalled = [await asyncio.open_connection(host, port) for _ in range(40)]
            for _, writer in stalled:
                writer.write(b"\x03" + b"x" * 100)
            await until("the crowd of one address is cut", lambda: metric("thalweg_rtmp_refused_total") >= 9)
            check(metric("thalweg_rtmp_connections") <= 32, "more connections than one address may have")
            silent = await asyncio.gather(*(ends(reader, 10) for reader, _ in stalled))
            check(all(answer == b"" for answer in silent), "half a handshake is answered")
            await until("stalled handshakes are forgotten", lambda: metric("thalweg_rtmp_connections") == 1)
            # A handshake, and then chunks of a message of 16 MB on chunk stream 3.
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"\x03" + bytes(2 * 1536) + b"\x03\0\0\0\xff\xff\xff\x14\0\0\0\0")
            answer = await ends(reader, 5)
            check(len(answer) <= 1 + 2 * 1536, f"{len(answer)} bytes of answer")
            await ada.sees("obs", frames=15)
            with urllib.request.urlopen(f"http://127.0.0.1:{os.environ['THALWEG_PORT']}/debug/counts") as counts:
                check(json.load(counts)["participants"] == 2, "the room noticed")


play(scenario)
