"""An encoder of our own: it sends FLV tags that were made beforehand, each at its time or when it is told to, and knows when it
sent which. What ffmpeg cannot do by order: stall, change its picture's size, cost no CPU."""

import asyncio
import contextlib
import os
import struct
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import imageio_ffmpeg

AUDIO, VIDEO = 8, 9
# The largest piece of a message; one that is larger than every message saves cutting it up.
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Tag:
    """One message of a stream."""

    kind: int
    ms: int
    body: bytes

    @property
    def is_config(self) -> bool:
        """Whether it tells the form of what follows (AVC and AAC)."""
        return len(self.body) > 1 and self.body[1] == 0

    @property
    def shown_ms(self) -> int:
        """When it is shown or heard."""
        offset = int.from_bytes(self.body[2:5], "big", signed=True) if self.kind == VIDEO else 0
        return self.ms + offset


async def clip(*arguments: str) -> list[Tag]:
    """What ffmpeg makes of these arguments: audio and video, without what it says of itself."""
    return list(tags(await film(*arguments)))


async def film(*arguments: str) -> bytes:
    """What ffmpeg makes of these arguments, an FLV file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin", *arguments, "-f", "flv", "pipe:1"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    data, _ = await process.communicate()
    if process.returncode != 0:
        raise AssertionError(f"ffmpeg does not make a clip: {' '.join(arguments)}")
    return data


def tags(data: bytes):
    """The media in a file (FLV 10.1, annex E)."""
    at = int.from_bytes(data[5:9], "big") + 4
    while at + 11 <= len(data):
        kind, size = data[at] & 31, int.from_bytes(data[at + 1 : at + 4], "big")
        ms = int.from_bytes(data[at + 4 : at + 7], "big") | data[at + 7] << 24
        if kind in (AUDIO, VIDEO) and size > 0:
            yield Tag(kind, ms, data[at + 11 : at + 11 + size])
        at += 11 + size + 4


def later(stream: list[Tag], ms: int) -> list[Tag]:
    """The same, so much later."""
    return [Tag(tag.kind, tag.ms + ms, tag.body) for tag in stream]


class Pusher:
    """`async with Pusher(url, key) as pusher:` publishes; `await pusher.play(tags)` sends."""

    def __init__(self, url: str, key: str) -> None:
        address = urlsplit(url)
        self._host, self._port, self._app, self._url, self._key = address.hostname, address.port, address.path.strip("/"), url, key
        # When each picture was sent, by the time at which it is shown, and each piece of sound, by its time.
        self.sent: dict[int, float] = {}
        self.heard: dict[int, float] = {}
        self.closed = asyncio.Event()

    async def __aenter__(self) -> "Pusher":
        self._begun: float | None = None
        reader, self._writer = await asyncio.open_connection(self._host, self._port)
        self._writer.write(b"\x03" + bytes(8) + os.urandom(1528))
        answer = await reader.readexactly(1 + 2 * 1536)
        self._writer.write(answer[1:1537])
        self._message(2, 1, 0, 0, struct.pack(">I", CHUNK_BYTES), chunk=128)
        self._message(3, 20, 0, 0, amf("connect", 1.0, {"app": self._app, "type": "nonprivate", "tcUrl": self._url}))
        self._message(3, 20, 0, 0, amf("createStream", 2.0, None))
        self._message(4, 20, 0, 1, amf("publish", 3.0, None, self._key, "live"))
        heard = b""
        while b"NetStream.Publish.Start" not in heard:
            more = await asyncio.wait_for(reader.read(4096), 10)
            if not more or b"NetStream.Publish.Bad" in heard:
                raise AssertionError(f"the server does not let it publish: {heard[-200:]!r}")
            heard += more
        self._listening = asyncio.create_task(self._listen(reader))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.cancel()
        self._message(3, 20, 0, 0, amf("deleteStream", 4.0, None, 1.0))
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def play(self, stream: list[Tag]) -> None:
        """Sends each tag at its time, counted from the first that was ever played."""
        for tag in stream:
            now = time.monotonic()
            self._begun = now - tag.ms / 1000 if self._begun is None else self._begun
            if (wait := self._begun + tag.ms / 1000 - now) > 0:
                await asyncio.sleep(wait)
            await self.send(tag)

    async def send(self, tag: Tag) -> None:
        if not tag.is_config:
            (self.sent if tag.kind == VIDEO else self.heard)[tag.shown_ms] = time.monotonic()
        self._message(6 if tag.kind == VIDEO else 5, tag.kind, tag.ms, 1, tag.body)
        await self._writer.drain()

    def _message(self, chunk_stream: int, kind: int, ms: int, stream: int, body: bytes, chunk: int = CHUNK_BYTES) -> None:
        """One message in as few chunks as may be (RTMP 1.0 section 5.3.1)."""
        time_ = min(ms, 0xFFFFFF)
        extended = struct.pack(">I", ms) if time_ == 0xFFFFFF else b""
        head = struct.pack(">BI", chunk_stream, time_ << 8 | len(body) >> 16) + struct.pack(">HB", len(body) & 0xFFFF, kind)
        out = [head, struct.pack("<I", stream), extended, body[:chunk]]
        for at in range(chunk, len(body), chunk):
            out += [bytes([0xC0 | chunk_stream]), extended, body[at : at + chunk]]
        self._writer.write(b"".join(out))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while await reader.read(4096):
                pass
        self.closed.set()


def amf(*values: object) -> bytes:
    """AMF0."""
    return b"".join(map(_amf, values))


def _amf(value: object) -> bytes:
    match value:
        case None:
            return b"\x05"
        case float():
            return b"\0" + struct.pack(">d", value)
        case str():
            return b"\x02" + _name(value)
        case dict():
            return b"\x03" + b"".join(_name(name) + _amf(it) for name, it in value.items()) + b"\0\0\x09"
    raise TypeError(value)


def _name(text: str) -> bytes:
    return struct.pack(">H", len(text.encode())) + text.encode()
