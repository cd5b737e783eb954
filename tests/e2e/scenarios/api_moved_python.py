"""MoveParticipant moves a Python client with its picture, too."""

import os

from livekit import api

from guest import Guest, token, until
from scenario import check, play


async def scenario() -> None:
    rooms = api.LiveKitAPI(f"http://127.0.0.1:{os.environ['THALWEG_PORT']}", "devkey", "secret")
    ada, bob = await Guest("ada").join(), await Guest("bob", judge=False).join()
    cid = await Guest("cid", judge=False).join(token("cid", room="lake"))
    await ada.show()
    await bob.sees("ada", frames=10)
    await rooms.room.move_participant(api.MoveParticipantRequest(room="river", identity="ada", destination_room="lake"))
    await cid.sees("ada", frames=10)
    await until("bob is told", lambda: "ada" not in bob.room.remote_participants)
    await until("ada knows cid", lambda: "cid" in ada.room.remote_participants and "bob" not in ada.room.remote_participants, lambda: list(ada.room.remote_participants))
    people = await rooms.room.list_participants(api.ListParticipantsRequest(room="lake"))
    check(sorted(each.identity for each in people.participants) == ["ada", "cid"], f"in the lake: {people}")
    await rooms.aclose()
    for guest in (ada, bob, cid):
        await guest.leave()


play(scenario)
