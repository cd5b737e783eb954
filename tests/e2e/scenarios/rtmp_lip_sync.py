"""Lips and sound stay together: a source flashes and beeps at the same instant, and a viewer of another make finds both within 40 ms
of each other on the clock that sender reports tell. Passed through and transcoded; 44.1 and 48 kHz, stereo and mono."""

import asyncio

from encoder import Ingresses
from lips import delays, flashes, offsets, watch
from pusher import Pusher
from scenario import check, play
from watcher import Watcher

# What an eye does not notice.
OFFSET_MAX = 0.040
FLASHES = 4
PASSED = ("-preset", "ultrafast", "-tune", "zerolatency", "-g", "30", "-bf", "0")
CODED = ("-preset", "veryfast", "-g", "30", "-bf", "2")


async def case(ingresses: Ingresses, name: str, rate: int, channels: int, video: tuple[str, ...], late: float = 0) -> str:
    ingress = await ingresses.create(room=name)
    tags = await flashes(20, "320x180", 30, rate, channels, video, late)
    async with Pusher(ingress.url, ingress.stream_key) as pusher:
        playing = asyncio.create_task(pusher.play(tags))
        async with Watcher(name) as watcher:
            await watch(watcher, FLASHES)
            found = offsets(watcher)
            pictures, sounds = delays(watcher, pusher)
        playing.cancel()
    check(len(found) >= FLASHES - 2, f"{name}: {len(found)} flashes have a beep")
    worst = max((offset - late for offset in found), key=abs)
    check(abs(worst) <= OFFSET_MAX, f"{name}: a beep lies {worst * 1000:.0f} ms from where it should: {found}")
    return f"{name}: sound {worst * 1000:+.1f} ms, delay {middle(pictures)} and {middle(sounds)} ms"


def middle(delays: list[float]) -> str:
    return f"{sorted(delays)[len(delays) // 2] * 1000:.0f}" if delays else "?"


async def scenario() -> str:
    async with Ingresses() as ingresses:
        return "; ".join(await asyncio.gather(
            case(ingresses, "passed", 44_100, 2, PASSED),
            case(ingresses, "coded", 48_000, 1, CODED),
            # A source that is wrong itself by more than is allowed: the eye of this test is good enough to see it.
            case(ingresses, "late", 44_100, 1, PASSED, late=0.1),
        ))


play(scenario)
