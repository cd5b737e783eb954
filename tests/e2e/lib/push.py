"""An encoder for scenarios with browsers.

    push.py IDENTITY ROOM HERTZ [PROFILE [SECONDS [HEIGHT FPS]]]

Makes an ingress and pushes the known picture and a tone of HERTZ until its standard input ends; prints one JSON line when
it pushes and one when it has stopped. PROFILE is an x264 profile (baseline) or `obs`: B-frames and AAC; SECONDS is the time
from one key frame to the next.
"""

import asyncio
import json
import sys

from encoder import Encoder, Ingresses


async def main(identity: str, room: str, hertz: str, profile: str = "baseline", seconds: str = "1", height: str = "360", fps: str = "15") -> None:
    x264 = ("-c:v", "libx264", "-preset", "veryfast")
    if profile == "obs":
        video, audio = (*x264, "-bf", "2"), ("-c:a", "aac")
    else:
        video, audio = (*x264, "-bf", "0", "-profile:v", profile), ("-c:a", "libopus")
    size = {"width": int(height) * 16 // 9, "height": int(height), "fps": int(fps), "keyframe_seconds": int(seconds)}
    async with Ingresses() as ingresses:
        ingress = await ingresses.create(identity, room)
        async with Encoder(ingress.url, ingress.stream_key, hertz=int(hertz), video=video, audio=audio, **size):
            print(json.dumps({"pushes": identity}), flush=True)
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(json.dumps({"left": True}), flush=True)


asyncio.run(main(*sys.argv[1:]))
