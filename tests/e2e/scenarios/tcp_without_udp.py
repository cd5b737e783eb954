"""Where no UDP gets through at all, two Python participants see and hear each other over TCP (RFC 6544), both ways.

It runs itself again in a network namespace of its own, whose one rule drops UDP, and starts its server there.
"""

import os
import sys
import urllib.request

from guest import Guest
from own_server import OwnServer
from scenario import check, play

INSIDE = "THALWEG_E2E_WITHOUT_UDP"
# The SDK passes over loopback interfaces: the namespace needs another, and a route by it.
COMMANDS = [
    "ip link set lo up",
    "ip link add one type veth peer name two",
    "ip address add 10.77.0.1/24 dev one",
    "ip link set one up",
    "ip link set two up",
    "ip route add default dev one",
    # Routing by protocol comes before the table of local addresses, which has the first place by default.
    "ip rule add pref 10 lookup local",
    "ip rule del pref 0",
    "ip rule add pref 1 ipproto udp blackhole",
]


async def scenario() -> str:
    with OwnServer() as server:
        os.environ["THALWEG_PORT"] = str(server.port)
        async with Guest("ada") as ada, Guest("bob") as bob:
            await ada.show()
            await bob.show()
            await ada.sing(440)
            await bob.sees("ada", frames=60, width=640)
            await ada.sees("bob", frames=60, width=640)
            await bob.hears("ada", 440)
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=5) as answer:
            lines = [line.split() for line in answer.read().decode().splitlines() if not line.startswith("#")]
        told = {line[0]: int(line[1]) for line in lines}
        over_udp, over_tcp = told["thalweg_net_bytes_in_total"], told["thalweg_net_tcp_bytes_in_total"]
        check(over_udp == 0, f"{over_udp} bytes came by UDP: the namespace lets it through")
        check(told["thalweg_net_tcp_dropped_total"] == 0, "datagrams were dropped at a quick TCP reader")
        return f"{over_tcp // 1000} kB by TCP"


def enter() -> None:
    """Becomes this program again in a fresh namespace, which ends with it."""
    here = " && ".join([*COMMANDS, 'exec "$0" -u "$@"'])
    os.environ[INSIDE] = "1"
    # Who is not root is so in a namespace of users.
    spaces = ["--net"] if os.geteuid() == 0 else ["--net", "--user", "--map-root-user"]
    os.execvp("unshare", ["unshare", *spaces, "sh", "-ec", here, sys.executable, *sys.argv])


if INSIDE in os.environ:
    play(scenario, empty=False)
else:
    enter()
