"""An encoder without B-frames and with Opus: its pictures go through as they are, and viewers see an ordinary participant."""

import time

from livekit import api, rtc

from encoder import Encoder, Ingresses
from guest import Guest, until
from scenario import check, play


async def scenario() -> str:
    async with Ingresses() as ingresses, Guest("ada") as ada:
        ingress = await ingresses.create(participant_name="The stage")
        began = time.monotonic()
        async with Encoder(ingress.url, ingress.stream_key):
            await until("a picture comes", lambda: ada.sights.get("obs") and ada.sights["obs"].frames > 0, pause=0.01)
            first = time.monotonic() - began
            sight = await ada.sees("obs", frames=30, width=640)
            await ada.hears("obs", 440)
            obs = ada.room.remote_participants["obs"]
            check(obs.name == "The stage", f"its name is {obs.name!r}")
            check(obs.kind == rtc.ParticipantKind.PARTICIPANT_KIND_INGRESS, f"its kind is {obs.kind}")
            sources = sorted(it.source for it in obs.track_publications.values())
            check(sources == sorted([rtc.TrackSource.SOURCE_CAMERA, rtc.TrackSource.SOURCE_MICROPHONE]), f"sources {sources}")
            video = next(it for it in obs.track_publications.values() if it.source == rtc.TrackSource.SOURCE_CAMERA)
            check((video.width, video.height) == (640, 360), f"told as {video.width}x{video.height}")
            check(sight.fault is None, f"the picture is wrong: {sight.fault}")
            state = (await ingresses.one(ingress.ingress_id)).state
            check(state.status == api.IngressState.ENDPOINT_PUBLISHING, f"its state is {state.status} {state.error}")
            check((state.video.width, state.video.mime_type) == (640, "video/H264"), f"told as {state.video}")
        await until("it leaves", lambda: "obs" not in ada.room.remote_participants)
        state = (await ingresses.one(ingress.ingress_id)).state
        check(state.status == api.IngressState.ENDPOINT_INACTIVE, f"its state is {state.status} afterwards")
        return f"first picture after {first:.2f} s"


play(scenario)
