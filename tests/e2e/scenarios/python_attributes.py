"""Name, metadata and attributes that a participant sets are told to the others."""

from guest import Guest, token, until
from scenario import play


async def scenario() -> None:
    bob = await Guest("bob").join()
    ada = await Guest("ada").join(token("ada", can_update_own_metadata=True))
    await until("bob knows ada", lambda: "ada" in bob.room.remote_participants)
    seen = bob.room.remote_participants["ada"]
    await ada.room.local_participant.set_attributes({"team": "blue"})
    await ada.room.local_participant.set_metadata("hello")
    await ada.room.local_participant.set_name("Ada L.")
    await until(
        "bob is told",
        lambda: seen.attributes.get("team") == "blue" and seen.metadata == "hello" and seen.name == "Ada L.",
        lambda: (seen.attributes, seen.metadata, seen.name),
    )
    await ada.leave()
    await bob.leave()


play(scenario)
