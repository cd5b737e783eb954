"""A collector of OpenTelemetry is sent what took how long: requests, joins with their phases, webhooks, sessions of WHIP and WHEP, pulled
URLs. It reads what comes with OpenTelemetry's own definitions of the messages."""

import asyncio
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aiohttp
from google.protobuf import json_format
from livekit import api
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from encoder import Ingresses
from guest import Guest, token, until
from own_server import OwnServer
from scenario import check, play

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Collector(BaseHTTPRequestHandler):
    """Takes traces apart, and webhooks as they are."""

    spans: list[Span] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/v1/traces":
            check(self.headers["x-team"] == "blue", "the header of the configuration is missing")
            # OTLP has ids in hexadecimal where protobuf's JSON has base64: read here as base64 they have other bytes, as many for each.
            request = json_format.Parse(body, ExportTraceServiceRequest())
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    self.spans.extend(scope.spans)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        """There is nothing to pull."""
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


def named(name: str) -> Iterator[Span]:
    return (span for span in Collector.spans if span.name == name)


def notes(span: Span) -> dict[str, str]:
    return {note.key: note.value.string_value or str(note.value.int_value) for note in span.attributes}


async def scenario() -> str:
    collector = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{collector.server_port}"
    with OwnServer("--telemetry.otlp.endpoint", address, "--telemetry.otlp.headers", "x-team=blue", "--webhook.urls", f"{address}/hook", "--ingress.url_private") as server:
        os.environ["THALWEG_PORT"] = str(server.port)
        async with Guest("ada") as ada:
            await ada.sing(440)
            async with api.LiveKitAPI(f"http://127.0.0.1:{server.port}", "devkey", "secret") as admin:
                await admin.room.list_rooms(api.ListRoomsRequest())
            await until("the join, a request and a webhook are there", lambda: all(any(named(name)) for name in ("join", "first track", "POST /twirp/{service}/{method}", "webhook")))
        join = next(named("join"))
        check(notes(join) == {"thalweg.room": "river", "thalweg.participant": "ada"}, f"the join is of {notes(join)}")
        request = next(span for span in Collector.spans if span.span_id == join.parent_span_id)
        check(request.name.startswith("GET /rtc") and notes(request)["http.response.status_code"] == "101", f"above the join is {request.name} {notes(request)}")
        phases = [span for span in Collector.spans if span.parent_span_id == join.span_id]
        check([phase.name for phase in phases] == ["token", "room", "ice", "dtls", "first track"], f"its phases are {[phase.name for phase in phases]}")
        check(all(before.end_time_unix_nano <= after.start_time_unix_nano + 1_000_000 for before, after in zip(phases, phases[1:])), "phases overlap")
        check(all(span.trace_id == join.trace_id for span in [request, *phases]), "one join is more than one trace")
        check("room_started" in [notes(span)["thalweg.event"] for span in named("webhook")], "no webhook tells of the room")
        await strangers(server.port)
        await sessions(server.port)
        await pulls(server.port, address)
    took = " ".join(f"{phase.name} {(phase.end_time_unix_nano - phase.start_time_unix_nano) / 1e6:.1f} ms" for phase in phases)
    return took


async def strangers(port: int) -> None:
    """Who may not join has a trace, too; and a trace that the app began goes on."""
    refused = await asyncio.create_subprocess_exec(
        "curl", "-s", "-o", "/dev/null", "-H", f"traceparent: 00-{TRACE}-00f067aa0ba902b7-01", "-H", "connection: upgrade", "-H", "upgrade: websocket",
        "-H", "sec-websocket-version: 13", "-H", "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==", f"http://127.0.0.1:{port}/rtc?access_token={token('eve', secret='wrong')}",
    )
    await refused.wait()
    await until("the refusal is there", lambda: any(span.status.code == Status.STATUS_CODE_ERROR for span in named("join")))
    join = next(span for span in named("join") if span.status.code == Status.STATUS_CODE_ERROR)
    check("token" in join.status.message or "signature" in join.status.message, f"it says {join.status.message}")
    above = next(span for span in Collector.spans if span.span_id == join.parent_span_id)
    check(notes(above)["http.response.status_code"] == "401", f"it was answered with {notes(above)}")
    # Read as base64, see above.
    ours = json_format.ParseDict({"traceId": TRACE}, Span()).trace_id
    check(above.trace_id == ours == join.trace_id, "the app's trace does not go on")


def offer(direction: str) -> str:
    """Of one sound, by a client that never connects."""
    fingerprint = ":".join(["AB"] * 32)
    return "\r\n".join(
        f"""v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
a=mid:0
a=rtcp-mux
a={direction}
a=rtpmap:111 opus/48000/2
""".splitlines() + [""]
    )


async def sessions(port: int) -> None:
    """From the offer to the end, below the request with the offer."""
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        for name, direction in (("whip", "sendonly"), ("whep", "recvonly")):
            headers = {"authorization": f"Bearer {token(name)}", "content-type": "application/sdp"}
            async with client.post(f"/{name}", data=offer(direction), headers=headers) as made:
                check(made.status == 201, f"{name} is answered with {made.status} {await made.text()}")
            check(not any(named(name)), f"{name} has ended before its end")
            async with client.delete(made.headers["location"]) as ended:
                check(ended.status == 200, f"its end is answered with {ended.status}")
    await until("both sessions are there", lambda: any(named("whip")) and any(named("whep")))
    for span in (*named("whip"), *named("whep")):
        who = notes(span)
        check(who["thalweg.room"] == "river" and who["thalweg.participant"].startswith(span.name), f"{span.name} is of {who}")
        check(span.status.code != Status.STATUS_CODE_ERROR, f"{span.name} has failed: {span.status.message}")
        above = next(it for it in Collector.spans if it.span_id == span.parent_span_id)
        check(above.name == f"POST /{span.name}" and notes(above)["http.response.status_code"] == "201", f"above it is {above.name} {notes(above)}")


async def pulls(port: int, address: str) -> None:
    """A URL without anything behind it: the try and the whole say so."""
    async with Ingresses(port) as ingresses:
        await ingresses.create(input_type=api.IngressInput.URL_INPUT, url=f"{address}/none")
    await until("the pull is there", lambda: any(named("ingress")) and any(named("pull")))
    whole, tried = next(named("ingress")), next(named("pull"))
    check(tried.parent_span_id == whole.span_id and tried.trace_id == whole.trace_id, "the try is not below the whole")
    check(notes(tried)["server.address"] == "127.0.0.1", f"it asked {notes(tried)}")
    check(notes(whole)["thalweg.room"] == "river" and notes(whole)["thalweg.participant"] == "obs", f"it is of {notes(whole)}")
    check(all(it.status.code == Status.STATUS_CODE_ERROR and "404" in it.status.message for it in (whole, tried)), f"they say {tried.status} {whole.status}")


play(scenario, empty=False)
