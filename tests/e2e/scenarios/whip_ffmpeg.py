"""ffmpeg publishes by WHIP with a stream key; a viewer sees and hears it like anybody."""

from livekit import api

from encoder import Encoder, Ingresses
from guest import Guest, until
from scenario import check, play


async def scenario() -> None:
    async with Ingresses() as ingresses, Guest("ada") as ada:
        ingress = await ingresses.create(input_type=api.IngressInput.WHIP_INPUT)
        async with Encoder(ingress.url, ingress.stream_key, muxer="whip"):
            await ada.sees("obs", frames=20)
            await ada.hears("obs", 440)
            state = (await ingresses.one(ingress.ingress_id)).state
            check(state.status == api.IngressState.ENDPOINT_PUBLISHING, f"its state is {state.status} {state.error}")
        await until("it leaves", lambda: "obs" not in ada.room.remote_participants)


play(scenario)
