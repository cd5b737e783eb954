"""An encoder: ffmpeg pushes the known picture and a tone over RTMP, or by WHIP, as a creator would."""

import asyncio
import contextlib
import os
import signal
import time

import imageio_ffmpeg
from livekit import api

from pattern import Picture

KEYFRAME_SECONDS = 1


class Ingresses:
    """The server's ingresses as an app's back end sees them."""

    def __init__(self, port: int | None = None) -> None:
        self._api = api.LiveKitAPI(f"http://127.0.0.1:{port or os.environ['THALWEG_PORT']}", "devkey", "secret")

    async def __aenter__(self) -> "Ingresses":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._api.aclose()

    async def create(self, identity: str = "obs", room: str = "river", **more: object) -> api.IngressInfo:
        given = {"input_type": api.IngressInput.RTMP_INPUT, **more}
        request = api.CreateIngressRequest(name="stage", room_name=room, participant_identity=identity, **given)
        return await self._api.ingress.create_ingress(request)

    async def one(self, ingress_id: str) -> api.IngressInfo | None:
        listed = await self._api.ingress.list_ingress(api.ListIngressRequest(ingress_id=ingress_id))
        return listed.items[0] if listed.items else None

    async def delete(self, ingress_id: str) -> None:
        await self._api.ingress.delete_ingress(api.DeleteIngressRequest(ingress_id=ingress_id))


class Encoder:
    """`async with Encoder(url, key):` pushes until the end of the block."""

    def __init__(
        self,
        url: str,
        key: str,
        width: int = 640,
        height: int = 360,
        fps: int = 15,
        hertz: int = 440,
        video: tuple[str, ...] = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-bf", "0"),
        audio: tuple[str, ...] = ("-c:a", "libopus"),
        muxer: str = "flv",
        keyframe_seconds: int = KEYFRAME_SECONDS,
    ) -> None:
        self._picture, self._fps = Picture(width, height), fps
        self._command = [
            imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "warning", "-nostdin",
            *("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{width}x{height}", "-r", str(fps), "-i", "pipe:0"),
            *("-re", "-f", "lavfi", "-i", f"sine=frequency={hertz}:sample_rate=48000,volume=12dB"),
            *video, "-pix_fmt", "yuv420p", "-g", str(fps * keyframe_seconds), *audio, "-ac", "2",
            *(("-f", "flv", f"{url}/{key}") if muxer == "flv" else ("-f", muxer, "-authorization", key, url)),
        ]
        self.words = ""
        self._tasks: list[asyncio.Task] = []

    async def __aenter__(self) -> "Encoder":
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stderr=pipe)
        self._tasks = [asyncio.create_task(self._paint()), asyncio.create_task(self._listen())]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Ends as a creator does who presses the button."""
        for task in self._tasks[:1]:
            task.cancel()
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        # It hears the signal only when it waits for no picture.
        self.process.stdin.close()
        try:
            await asyncio.wait_for(self.process.wait(), 10)
        except asyncio.TimeoutError:
            self.process.kill()
            await self.process.wait()

    def kill(self) -> None:
        self.process.kill()

    async def ended(self, seconds: float = 15) -> int:
        """Waits until it ends by itself; its exit status."""
        status = await asyncio.wait_for(self.process.wait(), seconds)
        await self._tasks[1]
        return status

    async def _paint(self) -> None:
        begun, number = time.monotonic(), 0
        with contextlib.suppress(ConnectionError, BrokenPipeError):
            while True:
                self.process.stdin.write(bytes(self._picture.paint(number)))
                await self.process.stdin.drain()
                number += 1
                await asyncio.sleep(max(0.0, begun + number / self._fps - time.monotonic()))

    async def _listen(self) -> None:
        while line := await self.process.stderr.readline():
            self.words += line.decode(errors="replace")
