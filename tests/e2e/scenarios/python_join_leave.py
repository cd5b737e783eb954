"""Twenty joins and leaves with picture and sound leave nothing behind."""

from guest import Guest, until
from scenario import play

# deadline: 180
TIMES = 20


async def scenario() -> None:
    async with Guest("host") as host:
        await host.show(width=320, height=180)
        for time in range(TIMES):
            async with Guest("visitor", single_peer_connection=time % 2 == 0) as visitor:
                await visitor.sing(440)
                await visitor.sees("host", frames=3)
                await host.hears("visitor", 440)
            await until("the visitor is gone", lambda: not host.room.remote_participants)
            host.sounds.clear()


play(scenario)
