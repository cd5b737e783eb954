"""Ingresses of URLs: FLV over HTTP, behind a redirect, that breaks off once and comes to its end; beside it the same film as HLS of
both kinds, live and over TLS too, and as MP4 whose index is at its end. Addresses that are not of the public internet are pulled only
where the operator lets them, also when a playlist names them, and what is not understood is refused by name."""

import asyncio
import contextlib
import os
import re
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

import imageio_ffmpeg

from livekit import api

from encoder import Ingresses
from guest import RATE, Guest, token, until
from own_server import OwnServer
from pusher import film
from scenario import check, play

SECONDS = 3
NOWHERE = "http://169.254.169.254/latest/meta-data"


MASTER = """#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=9000000,CODECS="hvc1.1.6.L93,mp4a.40.2"
/page
#EXT-X-STREAM-INF:BANDWIDTH=500000,RESOLUTION=320x180,CODECS="avc1.42c00c,mp4a.40.2"
"""
KEY = '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI="key"\n#EXTINF:1,\na.ts\n'


def packaged(film: bytes) -> dict[str, bytes]:
    """The film as other servers hand it out, by path."""
    forms = {
        "/ts/index.m3u8": "-f hls -hls_time 1 -hls_list_size 0 -hls_segment_filename {}/%d.ts",
        "/cmaf/index.m3u8": "-f hls -hls_time 1 -hls_list_size 0 -hls_segment_type fmp4 -hls_segment_filename {}/%d.m4s",
        "/film.mp4": "-f mp4",
    }
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "film.flv").write_bytes(film)
        for path, form in forms.items():
            file = Path(folder + path)
            file.parent.mkdir(exist_ok=True)
            command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-nostdin", "-i", f"{folder}/film.flv", "-c", "copy"]
            subprocess.run([*command, *form.format(file.parent).split(), str(file)], check=True)
        files = {f"/{it.relative_to(folder)}": it.read_bytes() for it in Path(folder).rglob("*") if it.is_file()}
    return files | {
        "/master.m3u8": f"{MASTER}ts/index.m3u8\n".encode(),
        "/locked.m3u8": KEY.encode(),
        "/lured.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{NOWHERE}\n#EXT-X-ENDLIST\n".encode(),
    }


def certificate(folder: str) -> tuple[str, str]:
    """Of this machine, which is its own authority: where it stands, and its key."""
    cert, key = f"{folder}/cert.pem", f"{folder}/key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )
    return cert, key


class Origin:
    """A server of files and of what strangers' servers do."""

    def __init__(self, data: bytes, tls: ssl.SSLContext) -> None:
        self._data, self._tls, self.asked = data, tls, []
        self._files: dict[str, bytes] = packaged(data)

    async def __aenter__(self) -> "Origin":
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self._secure = await asyncio.start_server(self._answer, "127.0.0.1", 0, ssl=self._tls)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self.secure = f"https://127.0.0.1:{self._secure.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._secure.close()

    def _live(self) -> bytes:
        """The film's playlist as it would be while it is made: a piece more each second, from when it is first asked for."""
        begun = self.__dict__.setdefault("_begun", time.monotonic())
        shown = 1 + int(time.monotonic() - begun)
        lines = self._files["/ts/index.m3u8"].decode().replace("#EXT-X-PLAYLIST-TYPE:VOD\n", "").splitlines()
        ends = [at + 1 for at, line in enumerate(lines) if line.endswith(".ts")]
        return ("\n".join(lines if shown > len(ends) else lines[: ends[shown - 1]]) + "\n").encode()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = request.split()[1]
        self.asked.append(path)
        whole = len(self._data)
        redirects = {"/moved": "live.flv?token=1", "/round": "/round", "/inside": NOWHERE}
        kinds = {"/page": b"<!doctype html>", "/webm": b"\x1a\x45\xdf\xa3 and so on"}
        if path in redirects:
            head, body = f"302 Found\r\nLocation: {redirects[path]}\r\nContent-Length: 0", b""
        elif path in kinds:
            head, body = f"200 OK\r\nContent-Length: {len(kinds[path])}", kinds[path]
        elif path in self._files or path == "/ts/live.m3u8":
            head, body = "200 OK", self._live() if path == "/ts/live.m3u8" else self._files[path]
            if found := re.search(r"Range: bytes=(\d+)-", request, re.IGNORECASE):
                first = int(found[1])
                head, body = f"206 Partial Content\r\nContent-Range: bytes {first}-{len(body) - 1}/{len(body)}", body[first:]
            head += f"\r\nContent-Length: {len(body)}"
        elif path.startswith("/live.flv"):
            # The first time it breaks off in the middle.
            part = whole // 2 if self.asked.count(path) == 1 else whole
            head, body = f"200 OK\r\nContent-Type: video/x-flv\r\nContent-Length: {whole}", self._data[:part]
        else:
            head, body = "404 Not Found\r\nContent-Length: 0", b""
        writer.write(f"HTTP/1.1 {head}\r\n\r\n".encode() + body)
        # Who has what it wanted of a file goes before its end.
        with contextlib.suppress(ConnectionError):
            await writer.drain()
            writer.close()


async def ends(ingresses: Ingresses, ingress_id: str, status: int, words: str = "") -> None:
    for _ in range(400):
        state = (await ingresses.one(ingress_id)).state
        if state.status == status and words in state.error:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{words or status} is told as {state}")


async def all_forms(ingresses: Ingresses, origin: Origin) -> None:
    """Each in a room of its own, so that no viewer needs more than one path bears from the beginning."""
    forms = {
        "hls": f"{origin.url}/master.m3u8",
        "cmaf": f"{origin.url}/cmaf/index.m3u8",
        "live": f"{origin.url}/ts/live.m3u8",
        "mp4": f"{origin.url}/film.mp4",
        "secure": f"{origin.secure}/ts/index.m3u8",
    }

    async def shows(name: str, url: str) -> None:
        viewer = await Guest(f"{name}-viewer", judge=False).join(token(f"{name}-viewer", name))
        made = await ingresses.create(name, name, input_type=api.IngressInput.URL_INPUT, url=url)
        await viewer.sees(name, frames=15 * SECONDS // 2, width=320)
        await ends(ingresses, made.ingress_id, api.IngressState.ENDPOINT_COMPLETE)
        sound = viewer.sounds[name]
        check(sound.samples > RATE * (SECONDS - 1) and abs(sound.tone()[0] - 440) < 3, f"{name}: {sound.samples} at {sound.tone()}")
        check(viewer.sights[name].gap < 1.5, f"{name} stood still: {viewer.sights[name]}")
        await viewer.leave()

    await asyncio.gather(*(shows(*form) for form in forms.items()))


async def scenario() -> None:
    data = await film(
        *("-f", "lavfi", "-i", "smptebars=size=320x180:rate=15", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"),
        *("-t", str(SECONDS), "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "15", "-pix_fmt", "yuv420p", "-c:a", "aac"),
    )
    url = {"input_type": api.IngressInput.URL_INPUT}
    folder = tempfile.TemporaryDirectory()
    cert, key = certificate(folder.name)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(cert, key)
    # Where the server's TLS looks for authorities.
    os.environ["SSL_CERT_FILE"] = cert
    async with Origin(data, tls) as origin:
        async with Ingresses() as careful:
            kept_out = await careful.create(**url, url=f"{origin.url}/live.flv")
            await ends(careful, kept_out.ingress_id, api.IngressState.ENDPOINT_ERROR, "not one of the public internet")
            check(not origin.asked, f"a private address was asked for {origin.asked}")
            await careful.delete(kept_out.ingress_id)
        with OwnServer("--ingress.url_private") as server:
            os.environ["THALWEG_PORT"] = str(server.port)
            async with Ingresses() as ingresses, Guest("ada", judge=False) as ada:
                pulled = await ingresses.create("film", **url, url=f"{origin.url}/moved")
                check((pulled.stream_key, pulled.reusable) == ("", False), f"it is {pulled}")
                forms = asyncio.create_task(all_forms(ingresses, origin))
                await ada.sees("film", frames=10, width=320)
                others = {
                    "/page": "a page cannot be pulled",
                    "/webm": "WebM cannot be pulled",
                    "/none": "404",
                    "/round": "redirect",
                    "/inside": "not one of the public internet",
                    "/locked.m3u8": "encrypted",
                    "/lured.m3u8": "not one of the public internet",
                }
                for path, words in others.items():
                    other = await ingresses.create(path[1:], **url, url=f"{origin.url}{path}")
                    await ends(ingresses, other.ingress_id, api.IngressState.ENDPOINT_ERROR, words)
                # What broke off is asked for again, redirect and all, and the viewer sees the same participant.
                await ada.sees("film", frames=15 * SECONDS // 2)
                await ends(ingresses, pulled.ingress_id, api.IngressState.ENDPOINT_COMPLETE, "")
                await forms
                check(origin.asked.count("/film.mp4") == 3, f"the index and then the film are asked for: {origin.asked}")
                check(origin.asked.count("/moved") == 2, f"asked for {origin.asked}")
                await until("it leaves", lambda: "film" not in ada.room.remote_participants)
                check(ada.events.count("participant_connected") == 1, f"events {ada.events}")
                for wrong in ("srt://127.0.0.1:9000", "http://ann:secret@127.0.0.1/", "no URL"):
                    try:
                        await ingresses.create(**url, url=wrong)
                    except api.TwirpError as refused:
                        check(refused.code == "invalid_argument", f"{wrong} is answered {refused}")
                    else:
                        raise AssertionError(f"{wrong} is taken")


play(scenario, empty=False)
