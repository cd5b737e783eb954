"""A server of a Python scenario's own, with flags that the suite's server does not have."""

import os
import re
import subprocess


class OwnServer:
    """`with OwnServer("--webhook.urls", url) as server:` starts it on free ports and stops it by its own pid; `within` is a
    program that becomes it."""

    def __init__(self, *flags: str, within: list[str] | None = None) -> None:
        self._flags = flags
        self._within = within or []

    def __enter__(self) -> "OwnServer":
        log = open(f"{os.environ['THALWEG_LOG']}.own", "wb")
        flags = ["--dev", "--port", "0", "--rtc.udp_port", "0", "--ingress.rtmp_port", "0", "--shutdown.grace", "1s", "--room.departure_timeout", "1", "--room.empty_timeout", "1"]
        # What the suite tells a scenario in variables is no configuration.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("THALWEG_")}
        command = [*self._within, os.environ["THALWEG_BIN"], *flags, *self._flags]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        self.pid = self._process.pid
        for line in self._process.stdout:
            if found := re.search(r"listening http=\S+:(\d+)", line):
                self.port = int(found[1])
                return self
        raise AssertionError("the server ended before it listened; see its log")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
