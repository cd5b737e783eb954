"""RTMPS: an encoder that checks the certificate pushes over TLS. The port without a certificate is refused at the start, by name."""

import json
import os
import re
import ssl
import subprocess
import tempfile
import urllib.request

from livekit import api

from encoder import Encoder
from guest import until
from own_server import OwnServer
from scenario import check, play


def ask(port: int, method: str, **words: object) -> dict:
    """A request to the server API over TLS; the certificate is made up for this run."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    token = api.AccessToken("devkey", "secret").with_grants(api.VideoGrants(ingress_admin=True)).to_jwt()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"https://127.0.0.1:{port}/twirp/livekit.Ingress/{method}", json.dumps(words).encode(), headers)
    with urllib.request.urlopen(request, context=context) as answer:
        return json.load(answer)


async def scenario() -> None:
    bare = subprocess.run(
        [os.environ["THALWEG_BIN"], "--dev", "--port", "0", "--ingress.rtmps_port", "0"],
        capture_output=True, text=True, timeout=20, env={"PATH": os.environ["PATH"]},
    )
    check(bare.returncode != 0 and "tls.cert_file" in bare.stderr, f"no certificate is taken: {bare}")
    with tempfile.TemporaryDirectory() as folder:
        cert, key = f"{folder}/cert.pem", f"{folder}/key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
            check=True, capture_output=True,
        )
        with OwnServer("--tls.cert_file", cert, "--tls.key_file", key, "--ingress.rtmps_port", "0") as server:
            # The plain port is open, too, and told first; the other stands in the log.
            with open(f"{os.environ['THALWEG_LOG']}.own") as log:
                told = re.search(r'rtmps="(rtmps://127\.0\.0\.1:\d+/live)"', log.read())
            check(told, "the log does not tell the address of RTMPS")
            ingress = ask(server.port, "CreateIngress", room_name="river", participant_identity="obs")

            def state() -> dict:
                return ask(server.port, "ListIngress", ingress_id=ingress["ingress_id"])["items"][0]["state"]

            # Where the encoder's TLS looks for authorities: it checks whom it speaks to.
            os.environ["SSL_CERT_FILE"] = cert
            async with Encoder(told[1], ingress["stream_key"]):
                await until("it is published", lambda: state()["status"] == "ENDPOINT_PUBLISHING" and (state()["video"] or {}).get("width") == 640, state, pause=0.2)
            await until("it is over", lambda: state()["status"] == "ENDPOINT_INACTIVE", state, pause=0.2)


play(scenario, empty=False)
