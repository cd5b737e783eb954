"""OBS itself, 1080p30 with B-frames and AAC, as its defaults are: transcoded, seen and heard; stopped and started again,
at 60 pictures a second and without B-frames; its key changed while it streams."""
# deadline: 240

import asyncio
import json
import os
import time
import urllib.request

from livekit import api

from encoder import Ingresses
from guest import Guest, until
from obs import Obs
from scenario import check, play


async def shows(ada: Guest, fresh: int = 10) -> None:
    """Waits for so many different pictures of the clip, whose bars are right. OBS repeats pictures, and more of them on a busy
    machine, so that their number tells less."""
    first = len(ada.sights["obs"].numbers) if "obs" in ada.sights else 0

    def seen() -> tuple[int, str | None]:
        sight = ada.sights.get("obs")
        return (len(set(sight.numbers[first:])), sight.fault) if sight else (0, "no picture")

    await until(f"ada sees {fresh} pictures of the clip", lambda: seen()[0] >= fresh and seen()[1] is None, seen, seconds=60)


async def rate(ingresses: Ingresses, ingress_id: str) -> float:
    """The most pictures a second that are told within ten seconds: OBS leaves some out while it starts."""
    most = 0.0
    for _ in range(20):
        most = max(most, (await ingresses.one(ingress_id)).state.video.framerate)
        if most > 50:
            break
        await asyncio.sleep(0.5)
    return most


def rotate(ingress_id: str) -> str:
    """Another key for an ingress; LiveKit's SDKs do not know this request."""
    token = api.AccessToken("devkey", "secret").with_grants(api.VideoGrants(ingress_admin=True)).to_jwt()
    request = urllib.request.Request(
        f"http://127.0.0.1:{os.environ['THALWEG_PORT']}/twirp/livekit.Ingress/RotateStreamKey",
        json.dumps({"ingress_id": ingress_id}).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["stream_key"]


async def scenario() -> str:
    video = api.IngressVideoOptions(preset=api.IngressVideoEncodingPreset.H264_720P_30FPS_1_LAYER)
    async with Ingresses() as ingresses, Guest("ada") as ada:
        ingress = await ingresses.create(video=video)
        async with Obs(ingress.url, ingress.stream_key):
            began = time.monotonic()
            await until("a picture of OBS comes", lambda: ada.sights.get("obs") and ada.sights["obs"].frames > 0, seconds=60)
            first = time.monotonic() - began
            await shows(ada)
            check(ada.sights["obs"].width == 1280, f"seen {ada.sights['obs'].width} wide")
            await ada.hears("obs", 660, seconds=40)
            state = (await ingresses.one(ingress.ingress_id)).state
            check((state.video.width, state.video.height) == (1920, 1080), f"told as {state.video}")
            check(state.audio.mime_type == "audio/aac", f"told as {state.audio}")
            check("transcoding" in state.error, f"nothing is said of it: {state.error!r}")
        await until("it leaves", lambda: "obs" not in ada.room.remote_participants)
        async with Obs(ingress.url, ingress.stream_key, hertz=440, bframes=0, audio_rate=44_100, fps=60):
            await shows(ada)
            await ada.hears("obs", 440, seconds=40)
            # Told, not judged: few machines paint and encode 1080p60 without a graphics card.
            told = await rate(ingresses, ingress.ingress_id)
            key = rotate(ingress.ingress_id)
            check(key != ingress.stream_key, "the key is the same")
            await until("it is cut off", lambda: "obs" not in ada.room.remote_participants)
        check((await ingresses.one(ingress.ingress_id)).state.status == api.IngressState.ENDPOINT_INACTIVE, "it is not inactive")
        return f"first picture {first:.1f} s after OBS was started; of 60 pictures a second {told:.0f} were sent"


play(scenario)
