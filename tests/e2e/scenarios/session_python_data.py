"""Data of the Python SDK beyond packets: remote calls, text and byte streams, a data track."""

import asyncio

from livekit import rtc

from guest import Guest, until
from scenario import check, play

LONG = "long " * 20_000


async def scenario() -> None:
    async with Guest("ada") as ada, Guest("bob") as bob:
        await until("they know each other", lambda: ada.room.remote_participants and bob.room.remote_participants)
        me, other = ada.room.local_participant, bob.room.local_participant

        other.register_rpc_method("upper", lambda call: upper(call))
        check(await me.perform_rpc(destination_identity="bob", method="upper", payload="thalweg") == "THALWEG", "the call's answer is wrong")
        try:
            await me.perform_rpc(destination_identity="bob", method="nothing", payload="")
            check(False, "a method that is not there answered")
        except rtc.RpcError as error:
            check(error.code == 1400, f"the wrong error: {error.code}")

        texts: list[str] = []
        streams: list[asyncio.Task] = []
        bob.room.register_text_stream_handler("talk", lambda reader, sender: streams.append(asyncio.create_task(keep(reader, sender, texts))))
        await me.send_text(LONG, topic="talk")
        await until("bob gets the long text", lambda: texts == [f"ada:{LONG}"], lambda: [len(text) for text in texts])

        frames: list[bytes] = []
        bob.room.on("data_track_published", lambda track: streams.append(asyncio.create_task(watch(track, frames))))
        track = await me.publish_data_track(name="pose")
        for index in range(200):
            if len(frames) >= 20:
                break
            track.try_push(rtc.DataTrackFrame(payload=bytes(10)))
            await asyncio.sleep(0.02)
        check(len(frames) >= 20, f"only {len(frames)} frames came")
        await track.unpublish()
        for task in streams:
            task.cancel()


async def upper(call: rtc.RpcInvocationData) -> str:
    return call.payload.upper()


async def keep(reader: rtc.TextStreamReader, sender: str, texts: list[str]) -> None:
    texts.append(f"{sender}:{await reader.read_all()}")


async def watch(track: rtc.RemoteDataTrack, frames: list[bytes]) -> None:
    async for frame in track.subscribe():
        frames.append(frame.payload)


play(scenario)
