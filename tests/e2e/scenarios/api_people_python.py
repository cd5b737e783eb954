"""livekit-api (protobuf) against a room with real participants: tracks are muted and unsubscribed, rights withdrawn, calls made."""

import os

import aiohttp
from livekit import api, rtc
from livekit.protocol.room import PerformRpcRequest, PerformRpcResponse

from guest import Guest, token, until
from scenario import check, play

HTTP = f"http://127.0.0.1:{os.environ['THALWEG_PORT']}"


async def stands_still(guest: Guest, identity: str, what: str) -> None:
    """Waits until no frame has come for a second."""
    sight, still, last = guest.sights[identity], 0, -1

    def met() -> bool:
        nonlocal still, last
        still = still + 1 if sight.frames == last else 0
        last = sight.frames
        return still >= 20

    await until(what, met, lambda: sight.frames)


async def call(callee: str, method: str, payload: str = "", timeout_ms: int = 0) -> tuple[int, str]:
    """PerformRpc, which no released server SDK has yet; status and payload or error text."""
    request = PerformRpcRequest(room="river", destination_identity=callee, method=method, payload=payload, response_timeout_ms=timeout_ms)
    jwt = api.AccessToken("devkey", "secret").with_grants(api.VideoGrants(room_admin=True, room="river")).to_jwt()
    headers = {"Authorization": f"Bearer {jwt}", "Content-Type": "application/protobuf"}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{HTTP}/twirp/livekit.RoomService/PerformRpc", data=request.SerializeToString(), headers=headers) as answer:
            body = await answer.read()
            return answer.status, PerformRpcResponse.FromString(body).payload if answer.status == 200 else body.decode()


async def scenario() -> None:
    rooms = api.LiveKitAPI(HTTP, "devkey", "secret")
    room = await rooms.room.create_room(api.CreateRoomRequest(name="river", max_participants=2, metadata="m"))
    check(room.metadata == "m" and room.max_participants == 2, f"create_room: {room}")
    ada, bob = await Guest("ada").join(), await Guest("bob", judge=False).join()
    withdrawn: list[str] = []
    ada.room.on("local_track_unpublished", lambda publication: withdrawn.append(publication.sid))
    picture = await ada.show()
    await bob.sees("ada", frames=10)

    muted = await rooms.room.mute_published_track(api.MuteRoomTrackRequest(room="river", identity="ada", track_sid=picture.sid, muted=True))
    check(muted.track.muted, "the answer does not say that the track is muted")
    await stands_still(bob, "ada", "the picture stops when it is muted from outside")
    try:
        await rooms.room.mute_published_track(api.MuteRoomTrackRequest(room="river", identity="ada", track_sid=picture.sid, muted=False))
        check(False, "a track was unmuted from outside")
    except api.TwirpError as error:
        check(error.code == "failed_precondition", f"unmuting: {error.code} {error.message}")
    picture.track.unmute()
    await bob.sees("ada", frames=10)

    update = api.UpdateSubscriptionsRequest(room="river", identity="bob", track_sids=[picture.sid], subscribe=False)
    await rooms.room.update_subscriptions(update)
    await stands_still(bob, "ada", "the picture stops when bob is unsubscribed from outside")
    update.subscribe = True
    await rooms.room.update_subscriptions(update)
    await bob.sees("ada", frames=10)

    deaf = api.ParticipantPermission(can_publish=True, can_subscribe=False, can_publish_data=True)
    await rooms.room.update_participant(api.UpdateParticipantRequest(room="river", identity="bob", permission=deaf))
    await stands_still(bob, "ada", "the picture stops when bob may not receive")
    whole = api.ParticipantPermission(can_publish=True, can_subscribe=True, can_publish_data=True)
    await rooms.room.update_participant(api.UpdateParticipantRequest(room="river", identity="bob", permission=whole))
    await bob.sees("ada", frames=10)

    @bob.room.local_participant.register_rpc_method("greet")
    async def greet(data: rtc.RpcInvocationData) -> str:
        return f"hello {data.payload}"

    @bob.room.local_participant.register_rpc_method("fail")
    async def fail(_: rtc.RpcInvocationData) -> str:
        raise rtc.RpcError(101, "no", "why")

    check(await call("bob", "greet", "server") == (200, "hello server"), "PerformRpc was not answered")
    status, text = await call("bob", "fail")
    check(status == 500 and "RpcError 101: no" in text, f"a failing method: {status} {text}")
    status, text = await call("bob", "nothing")
    check(status == 400 and "RpcError 1400" in text, f"an unknown method: {status} {text}")
    check((await call("nobody", "greet"))[0] == 404, "a call to nobody")

    silent = api.ParticipantPermission(can_publish=False, can_subscribe=True, can_publish_data=True)
    info = await rooms.room.update_participant(api.UpdateParticipantRequest(room="river", identity="ada", permission=silent))
    check(not info.tracks and not info.permission.can_publish, f"update_participant: {info}")
    await stands_still(bob, "ada", "the picture stops when ada may not publish")
    await until("bob knows of no track", lambda: not bob.room.remote_participants["ada"].track_publications)

    await rooms.room.delete_room(api.DeleteRoomRequest(room="river"))
    await until("both are sent away", lambda: "disconnected" in ada.events and "disconnected" in bob.events)
    check(not (await rooms.room.list_rooms(api.ListRoomsRequest())).rooms, "a deleted room is listed")
    await rooms.aclose()
    await ada.leave()
    await bob.leave()


play(scenario)
