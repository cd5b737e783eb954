"""An encoder that hangs keeps its key for three seconds; then another one with the key takes its place."""

import signal
import time

from encoder import Encoder, Ingresses
from guest import Guest, until
from scenario import check, play


async def scenario() -> str:
    async with Ingresses() as ingresses, Guest("ada") as ada:
        ingress = await ingresses.create()
        async with Encoder(ingress.url, ingress.stream_key) as hung:
            await ada.sees("obs", frames=5)
            hung.process.send_signal(signal.SIGSTOP)
            began, before = time.monotonic(), ada.events.count("participant_connected")
            while time.monotonic() < began + 15:
                async with Encoder(ingress.url, ingress.stream_key) as second:
                    came = lambda: ada.events.count("participant_connected") > before
                    await until("it is refused or comes in", lambda: second.process.returncode is not None or came())
                    if not came():
                        continue
                    await ada.sees("obs", frames=10)
                    took = time.monotonic() - began
                    hung.process.send_signal(signal.SIGCONT)
                    check(await hung.ended() != 0, "the hung one went on")
                    return f"after {took:.1f} s"
            raise AssertionError("the key was never given up")


play(scenario)
