"""The wire between the hosts of a test: carries IPv4 packets from the TUN device of one network
namespace to that of another, with delay, jitter, reordering, loss, a rate, or not at all.

relay.py PLAN.json: {"control": socket, "owner": pid, "ports": [{"name", "namespace", "address",
"segment", "isGateway"}]}. A packet goes to the port of its segment that has its address, else to
the segment's gateway. Conditions come as JSON lines over the control socket, each answered by a
line. Ends on SIGTERM, or with its owner; the devices go with it, and then the namespaces.
"""

import ctypes
import fcntl
import heapq
import json
import os
import random
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI, CLONE_NEWNET = 0x400454CA, 0x0001, 0x1000, 0x40000000
BURST = 64  # packets of one port before the others are looked at
QUEUE_BYTES = 1 << 20  # what waits on a link with a rate; more is dropped, as a router does
PERFECT = {
    "delayMs": 0,
    "jitterMs": 0,
    "reorderPercent": 0,
    "lossPercent": 0,
    "megabits": 0,
    "isCut": False,
}


class Line:
    """One direction of a host's link."""

    def __init__(self):
        self.last_due = self.free_at = 0.0

    def due(self, now, size, link):
        """When a packet that comes now leaves; None when it is lost."""
        if link["isCut"] or random.random() * 100 < link["lossPercent"]:
            return None
        if link["megabits"]:
            per_second = link["megabits"] * 125_000
            if (self.free_at - now) * per_second > QUEUE_BYTES:
                return None
            self.free_at = now = max(now, self.free_at) + size / per_second
        due = now + (link["delayMs"] + random.random() * link["jitterMs"]) / 1000
        if random.random() * 100 < link["reorderPercent"]:
            return due + (link["delayMs"] + link["jitterMs"] + 5) / 1000
        self.last_due = max(due, self.last_due)
        return self.last_due


class Port:
    """A host's device."""

    def __init__(self, plan):
        self.name, self.segment = plan["name"], plan["segment"]
        self.is_gateway, self.address = plan["isGateway"], socket.inet_aton(plan["address"])
        self.link, self.outward, self.inward = dict(PERFECT), Line(), Line()
        self.device = open_tun(plan["namespace"], plan["device"])


def open_tun(namespace, name):
    with open(f"/run/netns/{namespace}") as place:
        if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"Cannot enter {namespace}")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


class Relay:
    def __init__(self, plan):
        self.ports = [Port(each) for each in plan["ports"]]
        self.by_name = {}
        for port in self.ports:
            self.by_name.setdefault(port.name, []).append(port)
        self.waiting, self.count = [], 0

    def way(self, source, packet):
        others = [each for each in self.ports if each.segment == source.segment]
        target = packet[16:20]
        for port in others:
            if port.address == target:
                return port
        return next((each for each in others if each.is_gateway), None)

    def take(self, source):
        for _ in range(BURST):
            try:
                packet = os.read(source.device, 65536)
            except BlockingIOError:
                return
            target = self.way(source, packet) if packet[0] >> 4 == 4 else None
            if target is None or target is source:
                continue
            due = source.outward.due(time.monotonic(), len(packet), source.link)
            if due is not None:
                due = target.inward.due(due, len(packet), target.link)
            if due is not None:
                self.count += 1
                heapq.heappush(self.waiting, (due, self.count, target, packet))

    def give(self):
        """Sends what is due; seconds until the next is."""
        while self.waiting:
            left = self.waiting[0][0] - time.monotonic()
            if left > 0:
                return left
            _, _, target, packet = heapq.heappop(self.waiting)
            if not target.link["isCut"]:
                try:
                    os.write(target.device, packet)
                except OSError:
                    pass  # The host's device is down, or full: a packet is lost.
        return None

    def command(self, text):
        order = json.loads(text)
        for port in self.by_name[order["host"]]:
            port.link = {**PERFECT, **order["link"]}
        return "ok"


def serve(relay, plan):
    ready = selectors.DefaultSelector()
    stop, stopping = os.pipe()
    os.set_blocking(stopping, False)
    signal.set_wakeup_fd(stopping, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    ready.register(stop, selectors.EVENT_READ, "end")
    ready.register(os.pidfd_open(plan["owner"]), selectors.EVENT_READ, "end")
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    control.bind(plan["control"])
    control.listen(8)
    ready.register(control, selectors.EVENT_READ, "control")
    for port in relay.ports:
        ready.register(port.device, selectors.EVENT_READ, port)
    while True:
        for key, _ in ready.select(relay.give()):
            if key.data == "end":
                return
            if key.data == "control":
                answer(relay, control)
            else:
                relay.take(key.data)


def answer(relay, control):
    connection, _ = control.accept()
    with connection, connection.makefile("rw") as lines:
        try:
            said = relay.command(lines.readline())
        except Exception as error:
            said = repr(error)
        lines.write(f"{said}\n")


def main():
    with open(sys.argv[1]) as file:
        plan = json.load(file)
    try:
        serve(Relay(plan), plan)
    finally:
        for name in {port["namespace"] for port in plan["ports"]}:
            subprocess.run([plan["ip"], "netns", "delete", name], check=False)


main()
