"""GStreamer's `rtmp2sink`, with and without B-frames."""
# deadline: 120

import asyncio
import signal

from encoder import Ingresses
from guest import Guest, until
from scenario import check, play


async def pushes(url: str, key: str, bframes: int) -> asyncio.subprocess.Process:
    size = "video/x-raw,format=I420,width=640,height=360,framerate=15/1"
    return await asyncio.create_subprocess_exec(
        "gst-launch-1.0", "-q", "-e",
        *f"videotestsrc is-live=true pattern=smpte75 ! {size} ! x264enc bframes={bframes} key-int-max=15 speed-preset=ultrafast".split(),
        *"! h264parse ! video/x-h264,stream-format=avc ! flvmux streamable=true name=mux ! rtmp2sink".split(), f"location={url}/{key}",
        *"audiotestsrc is-live=true freq=440 volume=0.5 ! audio/x-raw,rate=44100,channels=2 ! audioconvert ! avenc_aac ! aacparse ! mux.".split(),
    )


async def scenario() -> None:
    async with Ingresses() as ingresses, Guest("ada", judge=False) as ada:
        for bframes in (0, 2):
            ingress = await ingresses.create()
            process = await pushes(ingress.url, ingress.stream_key, bframes)
            sight = await ada.sees("obs", frames=20, seconds=40)
            check((sight.width, sight.height) == (640, 360), f"seen as {sight.width}x{sight.height}")
            await ada.hears("obs", 440, seconds=40)
            process.send_signal(signal.SIGINT)
            await asyncio.wait_for(process.wait(), 10)
            await until("it leaves", lambda: "obs" not in ada.room.remote_participants)


play(scenario)
