"""A receiver of the Python SDK that fails at first: every event comes again, verified, and in order all the same."""

import asyncio
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from livekit import api

from guest import Guest, until
from own_server import OwnServer
from scenario import check, play

EVENTS = ["room_started", "participant_joined", "participant_left", "room_finished"]


class Hooks(BaseHTTPRequestHandler):
    receiver = api.WebhookReceiver(api.TokenVerifier("devkey", "secret"))
    taken: list[str] = []
    tried: list[str] = []
    faults: list[str] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        status = 200
        try:
            event = self.receiver.receive(body, self.headers["Authorization"])
            # The first try of each of the first two events fails, in two ways.
            status = {"room_started": 500, "participant_joined": 429}.get(event.event, 200) if event.id not in self.tried else 200
            self.tried.append(event.id)
            if status == 200:
                self.taken.append(event.event)
        except Exception as error:  # whatever the SDK raises is a fault of the webhook
            self.faults.append(f"{error!r} in {body}")
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


async def scenario() -> None:
    back_end = ThreadingHTTPServer(("127.0.0.1", 0), Hooks)
    threading.Thread(target=back_end.serve_forever, daemon=True).start()
    with OwnServer("--webhook.urls", f"http://127.0.0.1:{back_end.server_port}/hook", "--webhook.api_key", "devkey") as server:
        os.environ["THALWEG_PORT"] = str(server.port)
        async with Guest("ada"):
            await until("ada's coming is told", lambda: "participant_joined" in Hooks.taken, lambda: [Hooks.taken, Hooks.faults])
        await until("the room's end is told", lambda: "room_finished" in Hooks.taken, lambda: [Hooks.taken, Hooks.faults])
    check(Hooks.taken == EVENTS, f"the order is {Hooks.taken}")
    check(not Hooks.faults, f"at fault: {Hooks.faults}")
    check(len(Hooks.tried) == len(EVENTS) + 2, f"{len(Hooks.tried)} tries")


play(scenario, empty=False)
