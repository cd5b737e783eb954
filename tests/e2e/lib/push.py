"""An encoder for scenarios with browsers.

    push.py IDENTITY ROOM HERTZ [PROFILE]

Makes an ingress and pushes the known picture and a tone of HERTZ until its standard input ends; prints one JSON line when
it pushes and one when it has stopped. PROFILE is an x264 profile (baseline) or `obs`: B-frames and AAC.
"""

import asyncio
import json
import sys

from encoder import Encoder, Ingresses


async def main(identity: str, room: str, hertz: str, profile: str = "baseline") -> None:
    x264 = ("-c:v", "libx264", "-preset", "veryfast")
    if profile == "obs":
        video, audio = (*x264, "-bf", "2"), ("-c:a", "aac")
    else:
        video, audio = (*x264, "-bf", "0", "-profile:v", profile), ("-c:a", "libopus")
    async with Ingresses() as ingresses:
        ingress = await ingresses.create(identity, room)
        async with Encoder(ingress.url, ingress.stream_key, hertz=int(hertz), video=video, audio=audio):
            print(json.dumps({"pushes": identity}), flush=True)
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(json.dumps({"left": True}), flush=True)


asyncio.run(main(*sys.argv[1:]))
