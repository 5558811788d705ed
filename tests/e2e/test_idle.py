"""A server that has nothing to do does nothing: states in which a loop could spin; and what an idle connection costs."""
import os
import re
import resource
import socket
import time

import pytest

from peers import Client, get, wait_until

MEASURE_S = 0.5
MOST_CPU_S = 0.03  # clock ticks are 10 ms; housekeeping wakes a thread once a second
IDLE_CONNECTIONS = 8000
MOST_KIB_EACH = 0.4

CONFIG = """
    global
        nbthread 1
        stats socket @dir@/sock level admin
        {maxconn}
    defaults
        mode http
        timeout connect 5s
        timeout client 20s
        timeout server 20s
        timeout queue 20s
    frontend web
        bind 127.0.0.1:@web@
        default_backend app
    backend app
        server s1 127.0.0.1:@o@ {server}
"""


def config(maxconn="", server=""):
    return CONFIG.replace("{maxconn}", maxconn).replace("{server}", server)


def cpu_seconds(pid):
    """User and system time of the process so far."""
    with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
        field = f.read().rsplit(")", 1)[1].split()
    return (int(field[11]) + int(field[12])) / os.sysconf("SC_CLK_TCK")


def assert_at_rest(lb):
    time.sleep(0.05)  # what has just happened is still worked on
    before = cpu_seconds(lb.pid)
    time.sleep(MEASURE_S)
    assert cpu_seconds(lb.pid) - before <= MOST_CPU_S


def forever(sock, o):
    """Reads what comes, never answers."""
    while sock.recv(65536):
        pass


def silent(sock, o):
    """Neither reads nor answers."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    time.sleep(3)


def test_idle_clients(ballast, origin, client):
    lb = ballast(config(), o=origin())
    clients = [client(lb.port["web"]) for _ in range(20)]
    for c in clients[:10]:
        c.request()
    assert_at_rest(lb)


def test_half_a_request(ballast, origin, client):
    lb = ballast(config(), o=origin())
    client(lb.port["web"]).send("GET / HT")
    client(lb.port["web"]).send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
    assert_at_rest(lb)


@pytest.mark.parametrize("request_text", ["", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                                          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"])
def test_half_closed_clients(ballast, origin, client, request_text):
    lb = ballast(config(), o=origin(connection=forever))
    for _ in range(5):
        client(lb.port["web"]).send(request_text).shutdown()
    assert_at_rest(lb)


def test_maxconn_reached_by_clients_that_wait(ballast, origin, client):
    lb = ballast(config("maxconn 4"), o=origin())
    clients = [client(lb.port["web"]) for _ in range(10)]
    for c in clients[:4]:
        assert c.request().status == 200
    clients[9].send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert_at_rest(lb)
    for c in clients[:4]:
        c.close()
    assert clients[4].request().status == 200


def test_descriptors_used_up(ballast, origin, client):
    lb = ballast(config(), o=origin())
    open_now = len(os.listdir(f"/proc/{lb.pid}/fd"))
    resource.prlimit(lb.pid, resource.RLIMIT_NOFILE, (open_now + 4, open_now + 4))
    clients = [client(lb.port["web"]) for _ in range(12)]
    assert_at_rest(lb)
    for c in clients[:8]:
        c.close()
    for c in clients[8:]:
        c.close()
    wait_until(lambda: get(lb.port["web"]).status == 200, 3, "service again")


def test_all_servers_down(ballast, client):
    lb = ballast(config(server="check inter 10s fall 1"), o=1)
    wait_until(lambda: lb.stat("app", "s1")["status"] == "DOWN", 5, "the server down")
    c = client(lb.port["web"])
    assert c.request().status == 503
    assert_at_rest(lb)


def test_requests_that_queue(ballast, origin, client):
    o = origin(connection=forever)
    lb = ballast(config(server="maxconn 1"), o=o)
    for _ in range(10):
        client(lb.port["web"]).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_until(lambda: lb.stat("app")["qcur"] == "9", 3, "nine in the queue")
    assert_at_rest(lb)


def test_queued_clients_that_half_closed(ballast, origin, client):
    o = origin(connection=forever)
    lb = ballast(config(server="maxconn 1"), o=o)
    for _ in range(10):
        client(lb.port["web"]).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").shutdown()
    wait_until(lambda: lb.stat("app")["qcur"] == "9", 3, "nine in the queue")
    assert_at_rest(lb)


def test_client_that_does_not_read(ballast, origin, client):
    big = b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n" + b"x" * 50_000_000
    lb = ballast(config(), o=origin(lambda r: big))
    client(lb.port["web"]).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    time.sleep(0.2)
    assert_at_rest(lb)


def test_server_that_does_not_read(ballast, origin, client):
    lb = ballast(config(), o=origin(connection=silent))
    c = client(lb.port["web"], timeout=0.2)
    with pytest.raises(TimeoutError):
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n" + b"x" * 49_000_000)
    assert_at_rest(lb)


def test_paused_listener(ballast, origin, client):
    lb = ballast(config(), o=origin())
    c = client(lb.port["web"])
    assert c.request().status == 200
    lb.cli("disable frontend web")
    assert_at_rest(lb)
    lb.cli("enable frontend web")
    assert wait_until(lambda: answers(lb.port["web"])) == 200 # each thread obeys at its next turn


def answers(port):
    try:
        return get(port).status
    except ConnectionRefusedError:
        return None


def test_tunnel_at_rest_and_half_closed(ballast, origin, client):
    lb = ballast(config().replace("mode http", "mode tcp"), o=origin(connection=forever))
    client(lb.port["web"]).send("hello")
    client(lb.port["web"]).send("hello").shutdown()
    assert_at_rest(lb)


def pss_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M)[1])


def test_memory_of_idle_keep_alive_connections(ballast, origin):
    """Each has had its request and waits for the next. Kernel memory of sockets is not the process's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < IDLE_CONNECTIONS + 500:
        pytest.skip("not enough descriptors")
    lb = ballast("""
        global
            nbthread 1
            maxconn 8200
        defaults
            mode http
            timeout client 60s
        frontend web
            bind 127.0.0.1:@web@ backlog 4096
            http-request return status 200 content-type text/plain string hello
    """)
    with open(lb.process.args[0], "rb") as f:
        if re.search(rb"__[at]san_init", f.read()):
            pytest.skip("a sanitizer's allocator is not measured")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    socks = []
    try:
        with Client(lb.port["web"]) as c:
            c.request()
        before = pss_kib(lb.pid)
        for i in range(IDLE_CONNECTIONS):
            s = socket.create_connection(("127.0.0.1", lb.port["web"]))
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert s.recv(4096).startswith(b"HTTP/1.1 200")
            socks.append(s)
        each = (pss_kib(lb.pid) - before) / IDLE_CONNECTIONS
        assert each <= MOST_KIB_EACH
    finally:
        for s in socks:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
