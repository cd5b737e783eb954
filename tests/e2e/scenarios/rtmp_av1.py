"""Enhanced RTMP: AV1 goes through untouched."""

from encoder import Encoder, Ingresses
from guest import Guest
from scenario import check, play


async def scenario() -> None:
    video = ("-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "pred-struct=1:lookahead=0")
    async with Ingresses() as ingresses, Guest("ada") as ada:
        ingress = await ingresses.create()
        async with Encoder(ingress.url, ingress.stream_key, video=video):
            await ada.sees("obs", frames=20, width=640, seconds=40)
            state = (await ingresses.one(ingress.ingress_id)).state
            check(state.video.mime_type == "video/AV1", f"told as {state.video}")


play(scenario)
