"""Wrong keys, keys in use, deleted ingresses: who pushes hears why, and the room is left."""

from livekit import api

from encoder import Encoder, Ingresses
from guest import Guest, until
from scenario import check, play


async def scenario() -> None:
    async with Ingresses() as ingresses, Guest("ada") as ada:
        ingress = await ingresses.create()
        async with Encoder(ingress.url, "guess") as guesser:
            check(await guesser.ended() != 0, "a wrong key was taken")
            check("not known" in guesser.words, f"the reason is not told: {guesser.words!r}")
        async with Encoder(ingress.url, ingress.stream_key) as first:
            await ada.sees("obs", frames=5)
            async with Encoder(ingress.url, ingress.stream_key) as second:
                check(await second.ended() != 0, "a key in use was taken again")
                check("in use" in second.words, f"the reason is not told: {second.words!r}")
            await ada.sees("obs", frames=5)
            await ingresses.delete(ingress.ingress_id)
            await until("it leaves", lambda: "obs" not in ada.room.remote_participants)
            await first.ended()
        check(await ingresses.one(ingress.ingress_id) is None, "a deleted ingress is listed")
        try:
            await ingresses.delete(ingress.ingress_id)
        except api.TwirpError as error:
            check(error.code == "not_found", f"deleting it again says {error.code}")
        else:
            raise AssertionError("deleting it again is taken")


play(scenario)
