"""kill -9 of the codecs' processes: a short freeze, and the picture goes on; the room never notices."""

import os
import signal
import subprocess
import time

from encoder import Encoder, Ingresses
from guest import Guest, until
from scenario import check, play


def children() -> list[int]:
    found = subprocess.run(["pgrep", "-P", os.environ["THALWEG_PID"]], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


async def scenario() -> str:
    video = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2")
    async with Ingresses() as ingresses, Guest("ada") as ada:
        ingress = await ingresses.create()
        async with Encoder(ingress.url, ingress.stream_key, video=video, audio=("-c:a", "aac")):
            await ada.sees("obs", frames=10, seconds=40)
            killed = children()
            check(len(killed) == 2, f"codec processes: {killed}")
            began = time.monotonic()
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
            await until("others take their place", lambda: len(children()) == 2 and not set(children()) & set(killed))
            again = time.monotonic() - began
            await ada.sees("obs", frames=20)
            check(ada.events.count("participant_disconnected") == 0, f"events {ada.events}")
        await until("it leaves", lambda: "obs" not in ada.room.remote_participants)
        await until("its codecs end", lambda: not children())
        return f"others after {again:.2f} s"


play(scenario)
