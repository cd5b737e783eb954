"""An agents' worker registers, is offered the room that begins, joins as an agent and speaks; one with a name works where the API
asks for it, and ends when that is taken back. Without the grant nobody registers."""

import asyncio
import os

import aiohttp
from livekit import api, rtc
from livekit.protocol import agent as wire

from guest import Guest, token, until
from scenario import check, play

HTTP = f"http://127.0.0.1:{os.environ['THALWEG_PORT']}"


class Worker:
    """A worker as its library makes one, but for its own decisions."""

    def __init__(self, session: aiohttp.ClientSession, agent_name: str = "") -> None:
        self._session, self._name = session, agent_name
        self.told: list[wire.ServerMessage] = []

    async def register(self) -> "Worker":
        jwt = api.AccessToken("devkey", "secret").with_grants(api.VideoGrants(agent=True)).to_jwt()
        self._socket = await self._session.ws_connect(f"{HTTP}/agent?protocol=1", headers={"Authorization": f"Bearer {jwt}"})
        await self.say(register=wire.RegisterWorkerRequest(type=0, agent_name=self._name, version="1", ping_interval=30))
        self._task = asyncio.create_task(self._listen())
        await self.message("register")
        return self

    async def say(self, **message: object) -> None:
        await self._socket.send_bytes(wire.WorkerMessage(**message).SerializeToString())

    async def _listen(self) -> None:
        async for frame in self._socket:
            message = wire.ServerMessage()
            message.ParseFromString(frame.data)
            self.told.append(message)

    async def message(self, kind: str) -> object:
        """Waits for a message of this kind and takes it."""
        await until(f"the worker is told {kind}", lambda: any(each.WhichOneof("message") == kind for each in self.told))
        found = next(each for each in self.told if each.WhichOneof("message") == kind)
        self.told.remove(found)
        return getattr(found, kind)

    async def accept(self, identity: str) -> wire.JobAssignment:
        offer = await self.message("availability")
        await self.say(availability=wire.AvailabilityResponse(job_id=offer.job.id, available=True, participant_identity=identity, participant_name=identity))
        return await self.message("assignment")

    async def leave(self) -> None:
        await self._socket.close()
        await self._task


async def scenario() -> str:
    async with aiohttp.ClientSession() as session:
        for bearer in ({}, {"Authorization": f"Bearer {token('ada')}"}):
            answer = await session.get(f"{HTTP}/agent", headers=bearer)
            check(answer.status == 401, f"/agent answered {answer.status} without the grant")
        worker = await Worker(session).register()
        await worker.say(ping=wire.WorkerPing(timestamp=7))
        check((await worker.message("pong")).last_timestamp == 7, "the pong tells another time")
        async with Guest("ada") as ada:
            assignment = await worker.accept("helper")
            check(assignment.job.room.name == "river", f"the job is in {assignment.job.room.name}")
            helper = Guest("helper")
            await helper.join(assignment.token)
            await helper.sing(440)
            await ada.hears("helper", 440)
            seen = ada.room.remote_participants["helper"]
            check(seen.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT, f"the helper is of kind {seen.kind}")
            await by_name(session, ada)
            await helper.leave()
        await worker.leave()
    return "heard the helper"


async def by_name(session: aiohttp.ClientSession, ada: Guest) -> None:
    echo = await Worker(session, "echo").register()
    async with api.LiveKitAPI(HTTP, "devkey", "secret") as admin:
        made = await admin.agent_dispatch.create_dispatch(api.CreateAgentDispatchRequest(agent_name="echo", room="river", metadata="hello"))
        assignment = await echo.accept("echo-1")
        check((assignment.job.agent_name, assignment.job.metadata) == ("echo", "hello"), f"the job is {assignment.job}")
        listed = await admin.agent_dispatch.list_dispatch("river")
        check(made.id in [each.id for each in listed], f"{made.id} is not among {[each.id for each in listed]}")
        jobs = next(each for each in listed if each.id == made.id).state.jobs
        check([job.id for job in jobs] == [assignment.job.id], f"its jobs are {[job.id for job in jobs]}")
        await admin.agent_dispatch.delete_dispatch(made.id, "river")
        check((await echo.message("termination")).job_id == assignment.job.id, "another job is ended")
        check(made.id not in [each.id for each in await admin.agent_dispatch.list_dispatch("river")], "the dispatch is still there")
    await echo.leave()


play(scenario)
