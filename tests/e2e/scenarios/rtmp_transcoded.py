"""What browsers cannot show as it is: B-frames and AAC, as OBS sends them by default."""

from encoder import Encoder, Ingresses
from guest import Guest
from scenario import check, play


async def scenario() -> None:
    video = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "2")
    async with Ingresses() as ingresses, Guest("ada") as ada:
        ingress = await ingresses.create()
        async with Encoder(ingress.url, ingress.stream_key, video=video, audio=("-c:a", "aac", "-ar", "44100")):
            await ada.sees("obs", frames=30, seconds=40)
            await ada.hears("obs", 440, seconds=40)
            state = (await ingresses.one(ingress.ingress_id)).state
            check("transcoding" in state.error, f"nothing is said about it: {state.error!r}")
            check(state.audio.mime_type == "audio/aac", f"told as {state.audio}")
            # Sizes that nobody watches are given up after five seconds: this one is watched.
            await ada.sees("obs", frames=90, seconds=40)


play(scenario)
