"""The same bars in H.264, and with two peer connections on one side."""

from livekit import rtc

from guest import Guest
from scenario import play


async def scenario() -> None:
    async with Guest("ada") as ada, Guest("bob", single_peer_connection=False) as bob:
        await ada.show(video_codec=rtc.VideoCodec.H264)
        await bob.show(video_codec=rtc.VideoCodec.H264)
        await ada.sees("bob", width=640)
        await bob.sees("ada", width=640)


play(scenario)
