"""A viewer of another make, aiortc by WHEP: it keeps the RTP time of all that comes, when it came, and what sender reports say of
it."""

import asyncio
import os
import time
from dataclasses import dataclass, field

import aiohttp
import aiortc
import aiortc.rtcrtpreceiver
import numpy as np
from aiortc.rtp import RtcpSrPacket

from guest import token

DECODER_OF = aiortc.rtcrtpreceiver.get_decoder
HERTZ = {"audio": 48_000, "video": 90_000}


@dataclass
class Line:
    """One medium as it comes. RTP times are as in the packets, which in a test do not wrap twice."""

    kind: str
    # The RTP time of a moment on the sender's clock in seconds, from the last sender report.
    report: tuple[int, float] | None = None
    # When the last packet of an RTP time came.
    came: dict[int, float] = field(default_factory=dict)
    bytes: int = 0
    # Pictures: RTP time, mean luma of the upper left corner and size. Sounds: RTP time and samples.
    frames: list = field(default_factory=list)

    def moment(self, rtp: int) -> float:
        """The sender's clock at an RTP time, seconds (RFC 3550 section 6.4.1)."""
        told, seconds = self.report
        return seconds + signed(rtp - told) / HERTZ[self.kind]


def signed(difference: int) -> int:
    """A difference of RTP times, which wrap."""
    return (difference + (1 << 31)) % (1 << 32) - (1 << 31)


class _Unmapped:
    """Leaves RTP times as they are; aiortc would count them from the first."""

    def map(self, timestamp: int) -> int:
        return timestamp


class _Undecoded:
    """A decoder for those who only count."""

    def decode(self, _: object) -> list:
        return []


class Watcher:
    """`async with Watcher(room) as watcher:` watches one picture and one sound of a room. Without `decode` it costs little."""

    def __init__(self, room: str, decode: bool = True) -> None:
        self._room = room
        self.video, self.audio = Line("video"), Line("audio")
        aiortc.rtcrtpreceiver.TimestampMapper = _Unmapped
        aiortc.rtcrtpreceiver.get_decoder = DECODER_OF if decode else lambda _: _Undecoded()
        self._tasks: list[asyncio.Task] = []

    async def __aenter__(self) -> "Watcher":
        self._peer = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
        for line in (self.audio, self.video):
            self._spy(self._peer.addTransceiver(line.kind, direction="recvonly").receiver, line)
        self._peer.on("track", self._follow)
        await self._peer.setLocalDescription(await self._peer.createOffer())
        base = f"http://127.0.0.1:{os.environ['THALWEG_PORT']}"
        headers = {"Authorization": f"Bearer {token('viewer', self._room)}", "Content-Type": "application/sdp"}
        async with aiohttp.ClientSession() as http:
            async with http.post(f"{base}/whep/{self._room}", data=self._peer.localDescription.sdp, headers=headers) as answer:
                text = await answer.text()
                if answer.status != 201:
                    raise AssertionError(f"WHEP says {answer.status}: {text}")
                self._session = base + answer.headers["Location"]
        await self._peer.setRemoteDescription(aiortc.RTCSessionDescription(text, "answer"))
        return self

    async def __aexit__(self, *_: object) -> None:
        async with aiohttp.ClientSession() as http:
            await http.delete(self._session)
        for task in self._tasks:
            task.cancel()
        await self._peer.close()

    def _spy(self, receiver: aiortc.RTCRtpReceiver, line: Line) -> None:
        on_rtp, on_rtcp = receiver._handle_rtp_packet, receiver._handle_rtcp_packet

        async def rtp(packet, arrival_time_ms: int) -> None:
            line.came[packet.timestamp] = time.monotonic()
            line.bytes += len(packet.payload)
            await on_rtp(packet, arrival_time_ms)

        async def rtcp(packet) -> None:
            if isinstance(packet, RtcpSrPacket):
                line.report = packet.sender_info.rtp_timestamp, packet.sender_info.ntp_timestamp / (1 << 32)
            await on_rtcp(packet)

        receiver._handle_rtp_packet, receiver._handle_rtcp_packet = rtp, rtcp

    def _follow(self, track: aiortc.MediaStreamTrack) -> None:
        self._tasks.append(asyncio.create_task(self._pictures(track) if track.kind == "video" else self._sounds(track)))

    async def _pictures(self, track: aiortc.MediaStreamTrack) -> None:
        while True:
            frame = await track.recv()
            plane = frame.planes[0]
            luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height // 8, : frame.width // 8]
            self.video.frames.append((frame.pts, float(luma.mean()), (frame.width, frame.height)))

    async def _sounds(self, track: aiortc.MediaStreamTrack) -> None:
        while True:
            frame = await track.recv()
            samples = frame.to_ndarray().reshape(-1, 2).mean(axis=1)
            self.audio.frames.append((frame.pts, samples))
