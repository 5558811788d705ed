"""Limits: queues in front of servers, connections beyond maxconn, descriptors that run out."""
import os
import resource
import socket
import threading
import time

import pytest

from peers import Client, get, response, wait_until

HEAD = """
    global
        log 127.0.0.1:@log@ local0
        stats socket @dir@/sock level admin
"""
DEFAULTS = """
    defaults
        mode http
        log global
        option httplog
        timeout connect 1s
        timeout client 5s
        timeout server 5s
"""


class Gate:
    """An origin's handler that holds requests for /hold until release(), others for some ms; tells how many it has."""

    def __init__(self):
        self.lock, self.held, self.most = threading.Lock(), 0, 0
        self.free = threading.Semaphore(0)

    def __call__(self, request):
        with self.lock:
            self.held += 1
            self.most = max(self.most, self.held)
        if request.target.startswith("/hold"):
            self.free.acquire(timeout=5)
        else:
            time.sleep(0.003)
        with self.lock:
            self.held -= 1
        return response(200, request.target)

    def release(self, count=1000):
        self.free.release(count)

    def wait(self, count):
        wait_until(lambda: self.held == count, what=f"{count} requests held by the origin (there are {self.held})")


def ask(port, target="/hold"):
    return Client(port).send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")


def finish(clients, status=200):
    for c in clients:
        assert c.response().status == status
        c.close()


@pytest.fixture
def queued(ballast, origin, syslog):
    """queued("lines", [server options]) gives (lb, gates): a `listen web` whose origins hold /hold."""
    def start(lines, servers, head="", **more):
        gates = [Gate() for _ in servers]
        names = {f"o{i}": origin(g) for i, g in enumerate(gates)}
        body = "".join(f"        {l.strip()}\n" for l in lines.strip().splitlines())
        body += "".join(f"        server s{i} 127.0.0.1:@o{i}@ {options}\n" for i, options in enumerate(servers))
        lb = ballast(HEAD + head + DEFAULTS + "    listen web\n        bind 127.0.0.1:@web@\n" + body, log=syslog, **names,
                     **more)
        lb.syslog = syslog
        return lb, gates
    return start


# ---- queues ----

def test_requests_beyond_maxconn_wait_and_are_served_in_order(queued):
    lb, (gate,) = queued("", ["maxconn 2"])
    clients = []
    for i in range(6):
        clients.append(ask(lb.port["web"], f"/hold{i}"))
        wait_until(lambda: len(lb.syslog.lines) >= 0 and int(lb.stat("web", "BACKEND")["scur"]) == i + 1)
    gate.wait(2)
    assert int(lb.stat("web")["qcur"]) == 4
    for _ in range(6):
        gate.release(1)
    finish(clients)
    assert gate.most == 2
    assert int(lb.stat("web")["qmax"]) == 4


def test_the_log_tells_what_waited_before(queued):
    lb, (gate,) = queued("", ["maxconn 1"])
    first = ask(lb.port["web"])
    gate.wait(1)
    second = ask(lb.port["web"], "/second")
    wait_until(lambda: lb.stat("web")["qcur"] == "1")
    time.sleep(0.05)
    gate.release(1)
    finish([first, second])
    line = lb.syslog.wait("GET /second ")[0]
    timers = line.split("web web/s0 ")[1].split(" ")[0].split("/")
    assert int(timers[1]) >= 40, f"Tw in {line}"
    assert " 0/0 {" not in line and (" 0/1 " in line or " 1/0 " in line or " 0/0 " in line)


def test_a_queued_request_times_out(queued):
    lb, (gate,) = queued("timeout queue 100ms", ["maxconn 1"])
    first = ask(lb.port["web"])
    gate.wait(1)
    assert get(lb.port["web"], "/late").status == 503
    assert " 503 " in lb.syslog.wait("GET /late")[0] and " sQ-- " in lb.syslog.wait("GET /late")[0]
    gate.release()
    finish([first])


def test_the_log_names_the_server_that_was_waited_for(queued):
    lb, (gate,) = queued("balance uri\ntimeout queue 50ms", ["maxconn 1"])
    first = ask(lb.port["web"])
    gate.wait(1)
    assert get(lb.port["web"], "/late").status == 503
    assert " web/s0 " in lb.syslog.wait("GET /late")[0]
    gate.release()
    finish([first])


def test_a_queued_request_whose_client_leaves_is_dropped(queued):
    lb, (gate,) = queued("option abortonclose\ntimeout queue 5s", ["maxconn 1"])
    first = ask(lb.port["web"])
    gate.wait(1)
    ask(lb.port["web"], "/gone").close()
    line = lb.syslog.wait("GET /gone")[0]
    assert " CQ-- " in line, line
    gate.release()
    finish([first])


def test_a_full_server_is_passed_over(queued):
    lb, gates = queued("balance roundrobin", ["maxconn 1", "maxconn 3"])
    clients = [ask(lb.port["web"]) for _ in range(4)]
    gates[0].wait(1)
    gates[1].wait(3)
    for g in gates:
        g.release()
    finish(clients)


@pytest.mark.parametrize("algorithm", ["uri", "source", "uri\n        hash-type consistent"])
def test_a_key_waits_for_its_server(queued, algorithm):
    lb, gates = queued(f"balance {algorithm}", ["maxconn 1", "maxconn 1"])
    first = ask(lb.port["web"])
    wait_until(lambda: sum(g.held for g in gates) == 1)
    busy = next(i for i, g in enumerate(gates) if g.held)
    second = ask(lb.port["web"])
    wait_until(lambda: lb.stat("web", f"s{busy}")["qcur"] == "1")
    gates[busy].release(2)
    finish([first, second])
    assert gates[1 - busy].most == 0


def test_a_full_queue_sends_a_key_elsewhere(queued):
    lb, gates = queued("balance uri", ["maxconn 1 maxqueue 1", "maxconn 1 maxqueue 1"])
    clients = [ask(lb.port["web"])]
    wait_until(lambda: sum(g.held for g in gates) == 1)
    busy = next(i for i, g in enumerate(gates) if g.held)
    clients.append(ask(lb.port["web"]))
    wait_until(lambda: lb.stat("web", f"s{busy}")["qcur"] == "1")
    clients.append(ask(lb.port["web"]))
    gates[1 - busy].wait(1)
    for g in gates:
        g.release()
    finish(clients)


def test_who_waits_for_the_backend_takes_whatever_server_is_free_first(queued):
    lb, gates = queued("", ["maxconn 1", "maxconn 1"])
    clients = [ask(lb.port["web"]) for _ in range(2)]
    gates[0].wait(1)
    gates[1].wait(1)
    waiting = ask(lb.port["web"], "/next")
    wait_until(lambda: lb.stat("web")["qcur"] == "1")
    gates[1].release(1)
    finish([waiting])
    assert "web/s1 " in lb.syslog.wait("GET /next")[0]
    gates[0].release()
    finish(clients)


def test_minconn_grows_with_the_load(queued):
    lb, (gate,) = queued("fullconn 10", ["minconn 1 maxconn 5"])
    clients = [ask(lb.port["web"]) for _ in range(2)]
    gate.wait(1)
    time.sleep(0.05)
    assert gate.held == 1, "a fifth of fullconn allows a fifth of maxconn"
    clients += [ask(lb.port["web"]) for _ in range(8)]
    gate.wait(5)
    gate.release()
    finish(clients)
    assert gate.most == 5


def test_without_fullconn_a_tenth_of_the_frontends_maxconn_is_full_load(queued):
    """The fixture's listen has no maxconn, so the process's counts: 100, whose tenth is 10."""
    lb, (gate,) = queued("", ["minconn 1 maxconn 5"], head="maxconn 100")
    assert lb.stat("web")["slim"] == "10"
    clients = [ask(lb.port["web"]) for _ in range(2)]
    gate.wait(1)
    wait_until(lambda: int(lb.stat("web")["qcur"]) + int(lb.stat("web", "s0")["qcur"]) == 1)
    assert gate.held == 1
    gate.release()
    finish(clients)


def test_maxqueue_of_a_server_is_never_overrun(queued):
    """Three at a time in all: one is served, what else comes waits for the backend, not for the server."""
    lb, (gate,) = queued("timeout queue 2s", ["maxconn 1 maxqueue 1"])
    clients = [ask(lb.port["web"]) for _ in range(4)]
    gate.wait(1)
    wait_until(lambda: int(lb.stat("web")["qcur"]) + int(lb.stat("web", "s0")["qcur"]) == 3)
    assert int(lb.stat("web", "s0")["qcur"]) <= 1
    for _ in clients:
        gate.release(1)
    finish(clients)


def test_a_place_is_given_on_when_a_server_comes_up(queued):
    lb, (gate,) = queued("timeout queue 5s", ["maxconn 1"])
    first = ask(lb.port["web"])
    gate.wait(1)
    second = ask(lb.port["web"], "/second")
    wait_until(lambda: lb.stat("web")["qcur"] == "1")
    lb.cli("set maxconn server web/s0 2")
    finish([second])
    gate.release()
    finish([first])


def test_a_hundred_clients_share_three_places(queued):
    lb, gates = queued("timeout queue 10s", ["maxconn 1", "maxconn 2"])
    done = []

    def run():
        with Client(lb.port["web"], timeout=20) as c:
            for i in range(5):
                done.append(c.request(target=f"/{i}").status)
    threads = [threading.Thread(target=run) for _ in range(40)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert done == [200] * 200
    assert lb.stat("web")["qcur"] == "0" and lb.stat("web", "s0")["scur"] == "0" and lb.stat("web", "s1")["scur"] == "0"
    assert [g.most for g in gates] == [1, 2]


# ---- connections ----

def idle(port, count):
    """Connections that were accepted, or wait in the backlog."""
    return [Client(port) for _ in range(count)]


@pytest.mark.parametrize("where", ["frontend", "bind", "global"])
def test_connections_beyond_maxconn_wait_in_the_backlog(queued, where):
    limit = "maxconn 3"
    lb, _ = queued({"frontend": limit, "bind": "bind 127.0.0.1:@limited@ " + limit}.get(where, ""), [""],
                   head=f"        {limit}\n" if where == "global" else "")
    port = lb.port["limited" if where == "bind" else "web"]
    inside = idle(port, 3)
    for c in inside:
        assert c.request().status == 200
    outside = ask(port, "/waits")
    assert outside.silent(0.15)
    inside.pop().close()
    assert outside.response().status == 200
    outside.close()
    for c in inside:
        assert c.request().status == 200
        c.close()


def test_many_more_than_maxconn_are_all_served(queued):
    lb, (gate,) = queued("maxconn 4", [""])
    statuses = []

    def run():
        for _ in range(3):
            statuses.append(get(lb.port["web"], timeout=20).status)
    threads = [threading.Thread(target=run) for _ in range(24)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert statuses == [200] * 72
    assert gate.most <= 4


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
        part = f.read().rsplit(")", 1)[1].split()
    return (int(part[11]) + int(part[12])) / os.sysconf("SC_CLK_TCK")


def test_a_full_frontend_does_not_spin(queued):
    lb, _ = queued("maxconn 2", [""])
    inside = idle(lb.port["web"], 2)
    assert [c.request().status for c in inside] == [200, 200]
    outside = [ask(lb.port["web"]) for _ in range(20)]
    before = cpu_seconds(lb.pid)
    time.sleep(0.4)
    assert cpu_seconds(lb.pid) - before < 0.15
    for c in inside + outside:
        c.close()


def limit_files(lb, count):
    resource.prlimit(lb.pid, resource.RLIMIT_NOFILE, (count, count))


def test_running_out_of_descriptors_sheds_and_recovers(queued):
    """Of 100 idle clients only some find a descriptor: it neither spins nor dies, and serves when they go."""
    lb, _ = queued("", [""], head="        nbthread 2\n")
    port = lb.port["web"]
    limit_files(lb, 60)
    clients = idle(port, 100)
    time.sleep(0.1)
    before = cpu_seconds(lb.pid)
    time.sleep(0.5)
    assert cpu_seconds(lb.pid) - before < 0.2
    assert lb.process.poll() is None
    for c in clients:
        c.close()
    for _ in range(5):
        r = get(port)
        assert r is not None and r.status == 200


def test_no_descriptor_for_a_server_is_503_and_logged(queued):
    lb, (gate,) = queued("retries 0", [""], head="        nbthread 1\n")
    port = lb.port["web"]
    used = len(os.listdir(f"/proc/{lb.pid}/fd"))
    limit_files(lb, used + 3)
    first = ask(port)  # two descriptors
    gate.wait(1)
    second = get(port)
    assert second.status == 503
    assert " RC-- " in lb.syslog.wait(" 503 ")[0] or " SC-- " in lb.syslog.wait(" 503 ")[0]
    gate.release()
    finish([first])
    assert get(port).status == 200


def test_connections_take_turns_over_a_range_of_ports(ballast, origin):
    """Each open connection has a port of its own; without one left the request is refused; a port given back is used."""
    gate = threading.Event()
    o = origin(lambda q: (gate.wait(5), response(200, b"ok"))[1])
    low = 20000 + os.getpid() % 10000 * 3
    lb = ballast(f"""
    defaults
        mode http
        retries 0
        timeout connect 200ms
        timeout client 5s
        timeout server 5s
    listen web
        bind 127.0.0.1:@web@
        http-reuse never
        server s1 127.0.0.1:@o@ source 127.0.0.9:{low}-{low + 2} tcp-ut 10s
    """, o=o)
    clients = [Client(lb.port["web"]).send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") for _ in range(3)]
    o.wait_requests(3)
    assert sorted(s.getpeername() for s in o.open) == [("127.0.0.9", low + i) for i in range(3)]
    assert get(lb.port["web"]).status == 503
    gate.set()
    for c in clients:
        assert c.response().status == 200
        c.close()
    wait_until(lambda: get(lb.port["web"]).status == 200)


def test_connections_beyond_the_rate_wait_for_the_next_second(ballast, origin):
    o = origin(lambda q: response(200, b"ok"))
    lb = ballast("""
    global
        nbthread 1
        stats socket @dir@/sock level admin
        maxconnrate 1000
    defaults
        mode http
        timeout connect 1s
        timeout client 5s
        timeout server 5s
    listen web
        bind 127.0.0.1:@web@
        rate-limit sessions 1000
        server s1 127.0.0.1:@o@
    """, o=o)
    info = lambda name: dict(l.split(": ", 1) for l in lb.cli("show info").splitlines() if ": " in l)[name]  # noqa: E731
    assert info("ConnRateLimit") == "1000" and lb.stat("web", "FRONTEND")["rate_lim"] == "1000"
    assert get(lb.port["web"]).status == 200
    assert lb.cli("set rate-limit sessions global 3") == "\n"
    assert info("SessRateLimit") == "3"
    begun = time.monotonic()
    assert [get(lb.port["web"]).status for _ in range(7)] == [200] * 7
    assert time.monotonic() - begun > 1
    # three in each second of the clock; one of the wall may see two of those, and the first request
    assert int(info("MaxSessRate")) <= 7
    lb.cli("set rate-limit sessions global 0")
    begun = time.monotonic()
    assert [get(lb.port["web"]).status for _ in range(20)] == [200] * 20
    assert time.monotonic() - begun < 5, "with the limit it would take six seconds"


def test_administrators_beyond_stats_maxconn_wait(ballast):
    lb = ballast("""
    global
        stats socket @dir@/sock level admin
        stats socket @dir@/other level admin
        stats maxconn 2
    frontend web
        mode http
        timeout client 1s
        bind 127.0.0.1:@web@
    """)
    wait_until(lambda: os.path.exists(lb.dir + "/other"))
    held = [Client(0, lb.dir + "/sock", family=socket.AF_UNIX).send("prompt\n") for _ in range(2)]
    for c in held:
        assert c.sock.recv(100)
    third = Client(0, lb.dir + "/other", family=socket.AF_UNIX).send("show version\n")
    third.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        third.sock.recv(100)
    held[0].close()
    third.sock.settimeout(3)
    assert third.sock.recv(100)
    held[1].close()
    third.close()
