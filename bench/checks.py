#!/usr/bin/env python3
"""What health checks cost: CPU of Ballast (and of HAProxy, where it is given) with many servers checked all the time.

    bench/checks.py build/release/src/ballast [/usr/sbin/haproxy]

The servers are one process on loopback that accepts and answers at once; only the checking process is measured, over
SECONDS, once all servers were seen.  Loopback makes it dear: the kernel does both ends' work of a packet in the sender.
"""
import os
import select
import socket
import subprocess
import sys
import tempfile
import time

SERVERS, INTER_S, SECONDS = 1000, 2, 10
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

CONFIG = """
global
    nbthread 1
    maxconn 100
    stats socket {folder}/sock level admin
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
    timeout check 1s
frontend web
    bind 127.0.0.1:{web}
    default_backend app
backend app
{lines}
"""

KINDS = {
    "connect": ("", ""),
    "HTTP": ("    option httpchk GET /health HTTP/1.1\n    http-check send hdr Host a.example\n", ""),
    "HTTP, check-reuse-pool": ("    option httpchk GET /health HTTP/1.1\n    http-check send hdr Host a.example\n",
                               " check-reuse-pool"),
}


def origin(listener):
    """Answers whatever comes; each connection stays until the other side ends it."""
    poll, socks = select.epoll(), {}
    listener.setblocking(False)
    poll.register(listener, select.EPOLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd == listener.fileno():
                try:
                    sock = listener.accept()[0]
                except OSError:
                    continue
                sock.setblocking(False)
                socks[sock.fileno()] = sock
                poll.register(sock, select.EPOLLIN)
                continue
            try:
                data = socks[fd].recv(4096)
                if data:
                    socks[fd].send(ANSWER)
            except OSError:
                data = b""
            if not data:
                poll.unregister(fd)
                socks.pop(fd).close()


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def measure(program, kind, port):
    lines, words = KINDS[kind]
    servers = "".join(f"    server s{i} 127.0.0.{i % 250 + 1}:{port} check inter {INTER_S}s{words}\n"
                      for i in range(SERVERS))
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/lb.cfg"
        with open(path, "w") as f:
            f.write(CONFIG.format(folder=folder, web=free_port(), lines=lines + servers))
        run = subprocess.Popen([program, "-db", "-f", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(2 * INTER_S + 1)
        begin, at = cpu_s(run.pid), time.monotonic()
        time.sleep(SECONDS)
        used, passed = cpu_s(run.pid) - begin, time.monotonic() - at
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(folder + "/sock")
            s.sendall(b"show stat\n")
            text = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        run.terminate()
        run.wait()
    up = sum(1 for l in text.splitlines() if l.startswith("app,s") and ",UP," in l)
    return 100 * used / passed, used / passed / (SERVERS / INTER_S) * 1e6, up


def main():
    listener = socket.create_server(("0.0.0.0", 0), backlog=1024)
    port = listener.getsockname()[1]
    child = os.fork()
    if child == 0:
        origin(listener)
    try:
        for program in sys.argv[1:]:
            for kind in KINDS:
                if "reuse" in kind and "haproxy" in program and "ballast" not in program:
                    continue
                percent, each_us, up = measure(program, kind, port)
                print(f"{os.path.basename(program)}: {SERVERS} servers every {INTER_S} s, {kind}: {percent:.1f} % of a "
                      f"core, {each_us:.0f} us a check, {up} up", flush=True)
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
