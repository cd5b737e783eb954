"""A picture that changes its size in mid-stream, passed through and transcoded, and an encoder that stalls: the participant stays, and
its ingress says what is the matter."""

import asyncio

from encoder import Ingresses
from guest import Guest, until
from pusher import Pusher, Tag, clip, later
from scenario import check, play

SECONDS = 3


async def bars(width: int, height: int, bframes: int) -> list[Tag]:
    return await clip(
        *("-f", "lavfi", "-i", f"smptebars=size={width}x{height}:rate=15", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"),
        *("-t", str(SECONDS), "-c:v", "libx264", "-preset", "ultrafast", "-bf", str(bframes), "-g", "15", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", "-ac", "1"),
    )


async def changes(ingresses: Ingresses, ada: Guest, identity: str, bframes: int, widths: tuple[int, int]) -> None:
    ingress = await ingresses.create(identity)

    async def says(what: str, right) -> None:
        for _ in range(100):
            state = (await ingresses.one(ingress.ingress_id)).state
            if right(state):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{what}: {identity} is told as {state}")

    large, small = await bars(640, 360, bframes), await bars(320, 180, bframes)
    async with Pusher(ingress.url, ingress.stream_key) as pusher:
        plays = asyncio.create_task(pusher.play(large + later(small, SECONDS * 1000)))
        await ada.sees(identity, frames=10, width=widths[0])
        await ada.sees(identity, frames=10, width=widths[1])
        await says("its size", lambda state: state.video.width == 320)
        await plays
        await says("a stall", lambda state: "nothing came for" in state.error)
        # The clock goes on where it would be had it not stalled.
        plays = asyncio.create_task(pusher.play(later(small, 3 * SECONDS * 1000)))
        await ada.sees(identity, frames=5)
        plays.cancel()
        check(not pusher.closed.is_set(), "it was cut off")
    await until(f"{identity} leaves", lambda: identity not in ada.room.remote_participants)


async def scenario() -> None:
    async with Ingresses() as ingresses, Guest("ada", judge=False) as ada:
        await asyncio.gather(
            changes(ingresses, ada, "passed", 0, (640, 320)),
            changes(ingresses, ada, "coded", 2, (640, 320)),
        )
        check(ada.events.count("participant_connected") == 2, f"events {ada.events}")


play(scenario)
