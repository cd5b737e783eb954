"""Data packets of the Python SDK: reliable in order to all, lossy, and to the named ones only."""

import asyncio

from livekit import rtc

from guest import Guest, until
from scenario import check, play

PACKETS = 100


async def scenario() -> None:
    async with Guest("ada") as ada, Guest("bob") as bob, Guest("cid") as cid:
        await until("ada knows both", lambda: len(ada.room.remote_participants) == 2)
        me = ada.room.local_participant
        for index in range(PACKETS):
            await me.publish_data(f"all {index}", topic="count")
        for who in (bob, cid):
            await until(f"{who.identity} gets {PACKETS}", lambda: len(who.data) >= PACKETS, lambda: len(who.data))
            check([packet.data.decode() for packet in who.data] == [f"all {index}" for index in range(PACKETS)], f"{who.identity}: order or content is wrong")
            check(all(packet.participant and packet.participant.identity == "ada" and packet.topic == "count" for packet in who.data), f"{who.identity}: sender or topic is wrong")
        await me.publish_data("for cid", destination_identities=["cid"])
        await me.publish_data("for all")
        await until("both get the last", lambda: all(who.data[-1].data == b"for all" for who in (bob, cid)))
        check(any(packet.data == b"for cid" for packet in cid.data), "cid did not get its packet")
        check(not any(packet.data == b"for cid" for packet in bob.data), "bob got what was for cid only")

        # Lossy packets may be lost, so that it is sent again until one has come.
        def lossy() -> bool:
            return any(packet.data == b"maybe" and packet.kind == rtc.DataPacketKind.KIND_LOSSY for packet in bob.data)

        for _ in range(100):
            if lossy():
                break
            await me.publish_data("maybe", reliable=False)
            await asyncio.sleep(0.05)
        check(lossy(), "none of a hundred lossy packets came")
        check(not ada.data, "ada got her own packets back")


play(scenario)
