"""The process: how it starts, runs as a daemon or under a master, gives up privileges, and ends."""
import contextlib
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from peers import Client, free_port, get, listening_ports, response, wait_until
from server import program

PROXY = """
    defaults
        mode http
        timeout client 30s
        timeout server 30s
        timeout connect 5s
    frontend web
        bind 127.0.0.1:@web@
        default_backend app
    backend app
        server s 127.0.0.1:@o@
"""
SMALL = """
    global
        {0}
    defaults
        mode http
        timeout client 30s
        timeout server 30s
        timeout connect 5s
    frontend web
        bind 127.0.0.1:@web@
        http-request return status 200 content-type text/plain string hello
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def pid_in(path):
    with open(path, encoding="ascii") as f:
        return int(f.read())


def status_of(pid, field):
    """A field of /proc/PID/status; None where that process is gone."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="ascii") as f:
        return re.search(rf"^{field}:[ \t]*(.*?)[ \t]*$", f.read(), re.M)[1]


def alive(pid):
    state = status_of(pid, "State")
    return state is not None and state[0] != "Z"


def wait_gone(pid, timeout=5.0):
    wait_until(lambda: not alive(pid), timeout, f"the end of {pid}")


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), 2).close()
        return False
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # the socket was closed with this connection in its queue
        return False


def worker_of(lb):
    """The one worker of a master."""
    workers = [p for p in lb.processes() if p != lb.pid and status_of(p, "PPid") == str(lb.pid)]
    return workers[0] if len(workers) == 1 else None


def slow_origin(origin, seconds):
    return origin(lambda request: [seconds, response(200, b"late", [("X-Token", request.field("X-Token", ""))])])


class HeldOrigin:
    """An origin that answers once release() was called."""

    def __init__(self, origin):
        self.event = threading.Event()
        self.origin = origin(self._answer)
        self.port = self.origin.port

    def _answer(self, _request):
        self.event.wait(20)
        return response(200, b"late")

    def wait_requests(self, count):
        self.origin.wait_requests(count)

    def release(self):
        self.event.set()


# ---- start ----

def test_a_port_in_use_is_named_and_nothing_starts(ballast):
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    for args in ([], ["-W"], ["-D"], ["-D", "-W"]):
        lb = ballast(SMALL.format("").replace("bind 127.0.0.1:@web@", f"bind 127.0.0.1:{port}\n        bind 127.0.0.1:@other@"),
                     args=args, wait=False)
        assert lb.wait_exit() == 1
        assert f"127.0.0.1:{port}" in lb.log() and "Address already in use" in lb.log()
        assert "lb.cfg:10:" in lb.log()
        assert lb.processes() == []
        lb.process = None
    taken.close()


def threads_of(lb):
    return [int(t) for t in os.listdir(f"/proc/{lb.pid}/task")]


def test_threads_are_as_many_as_asked_for(ballast):
    two, four = (ballast(SMALL.format(f"nbthread {n}")) for n in (2, 4))
    # a sanitizer may have one of its own
    wait_until(lambda: len(threads_of(four)) - len(threads_of(two)) == 2, 2, "two threads more")


def test_threads_are_bound_to_their_cpus(ballast):
    cpu = min(os.sched_getaffinity(0))
    lb = ballast(SMALL.format(f"nbthread 2\n        cpu-map 1/1-2 {cpu}"))
    assert get(lb.port["web"]).status == 200
    wait_until(lambda: sum(os.sched_getaffinity(t) == {cpu} for t in threads_of(lb)) >= 2, 2, "two threads on one CPU")


def test_the_file_limit_follows_maxconn(ballast):
    lb = ballast(SMALL.format("maxconn 1000"))
    with open(f"/proc/{lb.pid}/limits", encoding="ascii") as f:
        soft = int(re.search(r"Max open files\s+(\d+)", f.read())[1])
    assert 2000 < soft < 2400


def test_the_command_line_overrides_maxconn(ballast):
    lb = ballast(SMALL.format("maxconn 1000\n        stats socket @dir@/sock"), args=["-n", "77"])
    assert re.search(r"^Maxconn: 77$", lb.cli("show info"), re.M)


def test_maxconn_follows_the_file_limit(ballast):
    lb = ballast(SMALL.format("ulimit-n 3000\n        stats socket @dir@/sock"), args=["-V"])
    maxconn = int(re.search(r"^Maxconn: (\d+)$", lb.cli("show info"), re.M)[1])
    assert 1400 <= maxconn < 1500
    assert f"setting global.maxconn to {maxconn}." in lb.log()


def test_a_maxconn_that_cannot_be_had_is_refused(ballast):
    lb = ballast(SMALL.format("maxconn 2000000000"), wait=False)
    assert lb.wait_exit() == 1
    assert "cannot raise the file limit" in lb.log()
    lb.process = None


def test_a_file_limit_below_maxconn_is_refused(ballast):
    lb = ballast(SMALL.format("maxconn 1000\n        ulimit-n 1500"), wait=False)
    assert lb.wait_exit() == 1
    assert "`ulimit-n`" in lb.log() and "maxconn 1000" in lb.log()
    lb.process = None


def test_debug_shows_every_log_line(ballast):
    lb = ballast(SMALL.format("daemon"), args=["-d"])
    assert get(lb.port["web"], "/seen").status == 200
    lb.wait_log(r"^Connect from 127\.0\.0\.1:\d+ to .*\(web/HTTP\)$")


def test_poisoned_buffers_change_nothing(ballast, origin):
    lb = ballast(PROXY, args=["-dM"], o=origin())
    assert get(lb.port["web"], "/x").text.startswith("GET /x ")


def test_quiet_says_nothing(ballast):
    lb = ballast(SMALL.format("quiet"), args=["-W"])
    assert get(lb.port["web"]).status == 200
    lb.stop()
    assert lb.log() == ""


# ---- privileges ----

@needs_root
def test_user_group_and_chroot_are_given_up_after_binding(ballast):
    lb = ballast(SMALL.format("user nobody\n        group nogroup\n        chroot @dir@"),
                 env={"ASAN_OPTIONS": "detect_leaks=0:exitcode=99"})  # which looks into /proc
    assert status_of(lb.pid, "Uid").split() == ["65534"] * 4
    assert status_of(lb.pid, "Gid").split() == ["65534"] * 4
    assert status_of(lb.pid, "Groups") in ("", "65534")
    assert int(status_of(lb.pid, "CapEff"), 16) == 0 and int(status_of(lb.pid, "CapPrm"), 16) == 0
    assert status_of(lb.pid, "NoNewPrivs") == "1"
    assert os.readlink(f"/proc/{lb.pid}/root") == lb.dir
    assert os.readlink(f"/proc/{lb.pid}/cwd") == lb.dir
    assert get(lb.port["web"]).text == "hello"


@needs_root
def test_a_master_keeps_what_its_worker_gives_up(ballast):
    lb = ballast(SMALL.format("user nobody\n        group nogroup"), args=["-W"])
    lb.wait_log("Loading success")
    worker = wait_until(lambda: worker_of(lb))
    assert status_of(worker, "Uid").split()[0] == "65534"
    assert status_of(lb.pid, "Uid").split()[0] == "0"
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: worker_of(lb) not in (None, worker))
    assert get(lb.port["web"]).text == "hello"


@needs_root
def test_a_chroot_that_does_not_exist_is_fatal(ballast):
    lb = ballast(SMALL.format("chroot /nonexistent\n        stats socket @dir@/sock"), wait=False)
    assert lb.wait_exit() == 1
    assert "cannot chroot to /nonexistent" in lb.log()
    assert not os.path.exists(lb.dir + "/sock")
    lb.process = None


def processes_max(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        return re.search(r"Max processes\s+(\S+)", f.read())[1]


def is_sanitized():
    """AddressSanitizer makes a process of its own when it looks for leaks."""
    with open(program(), "rb") as f:
        return b"__asan_init" in f.read()


@pytest.mark.skipif(is_sanitized(), reason="not with AddressSanitizer")
def test_no_further_process_can_be_made_unless_allowed(ballast):
    lb = ballast(SMALL.format(""))
    wait_until(lambda: processes_max(lb.pid) == "0", 2, "a limit of no processes")
    lb = ballast(SMALL.format(""), args=["-dI"])
    assert get(lb.port["web"]).text == "hello"
    assert processes_max(lb.pid) != "0"


# ---- signals ----

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_hard_stop_is_at_once(ballast, origin, client, number):
    lb = ballast(PROXY, o=slow_origin(origin, 20))
    c = client(lb.port["web"])
    c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    idle = client(lb.port["web"])
    time.sleep(0.3)
    start = time.monotonic()
    lb.kill(number)
    assert lb.wait_exit(5) == 128 + number
    assert time.monotonic() - start < 3
    assert idle.closed()
    lb.process = None


def test_a_soft_stop_lets_requests_finish(ballast, origin, client):
    o = HeldOrigin(origin)
    lb = ballast(PROXY, o=o)
    c = client(lb.port["web"])
    c.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    o.wait_requests(1)
    lb.kill(signal.SIGUSR1)
    lb.wait_log(r"Proxy web stopped \(cumulated conns: FE: 1, BE: 0\)")
    wait_until(lambda: refused(lb.port["web"]), 2, "a refused connection")
    o.release()
    r = c.response()
    assert (r.status, r.body, r.complete) == (200, b"late", True)
    assert r.field("Connection", "").lower() == "close"
    assert lb.wait_exit(5) == 0
    lb.process = None


def test_a_soft_stop_ends_connections_that_wait_for_another_request(ballast, client):
    lb = ballast(SMALL.format(""))
    fresh, used = client(lb.port["web"]), client(lb.port["web"])
    assert used.request().status == 200
    lb.kill(signal.SIGUSR1)
    assert used.closed()
    assert fresh.silent()  # its first request may be on the way
    r = fresh.request()
    assert (r.text, r.field("Connection", "").lower()) == ("hello", "close")
    assert fresh.closed()
    assert lb.wait_exit(5) == 0
    lb.process = None


def test_a_soft_stop_waits_for_tcp_sessions(ballast, origin, client):
    def echo(sock, _):
        while data := sock.recv(1000):
            sock.sendall(data)
    lb = ballast(PROXY.replace("mode http", "mode tcp"), o=origin(connection=echo))
    c = client(lb.port["web"])
    assert c.send("one").stream.exactly(3) == b"one"
    lb.kill(signal.SIGUSR1)
    wait_until(lambda: refused(lb.port["web"]), 2, "a refused connection")
    time.sleep(0.3)
    assert c.send("two").stream.exactly(3) == b"two"
    assert lb.process.poll() is None
    c.close()
    assert lb.wait_exit(5) == 0
    lb.process = None


def test_clients_that_do_not_read_do_not_hold_up_the_end(ballast, client):
    lb = ballast(SMALL.format("").replace("string hello", "string " + 8000 * "x"))
    stuck = client(lb.port["web"])
    with contextlib.suppress(TimeoutError):
        stuck.sock.settimeout(0.5)
        while True:
            stuck.send(100 * "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    lb.kill(signal.SIGTERM)
    assert lb.wait_exit(5) == 143
    assert "Sanitizer" not in lb.log()
    lb.process = None


def test_hard_stop_after_ends_a_soft_stop(ballast, origin, client):
    o = slow_origin(origin, 20)
    lb = ballast("global\n hard-stop-after 500ms\n" + PROXY, o=o)
    c = client(lb.port["web"])
    c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    o.wait_requests(1)
    start = time.monotonic()
    lb.kill(signal.SIGUSR1)
    assert lb.wait_exit(6) == 0
    assert 0.4 < time.monotonic() - start < 4
    assert "soft-stop running for too long, performing a hard-stop." in lb.log()
    lb.process = None


def test_a_hard_stop_follows_a_soft_one(ballast, origin, client):
    o = slow_origin(origin, 20)
    lb = ballast(PROXY, o=o)
    client(lb.port["web"]).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    o.wait_requests(1)
    lb.kill(signal.SIGUSR1)
    lb.kill(signal.SIGUSR1)
    lb.wait_log("Proxy web stopped")
    lb.kill(signal.SIGTERM)
    lb.kill(signal.SIGTERM)
    assert lb.wait_exit(5) == 143
    lb.process = None


def test_states_are_told_on_sigquit(ballast, origin):
    lb = ballast(PROXY, o=origin())
    lb.kill(signal.SIGQUIT)
    lb.wait_log("SIGQUIT received, dumping servers states.")
    lb.wait_log(r"SIGQUIT: Server app/s is .*Conn: 0 act, 0 pend, 0 tot\.")
    assert get(lb.port["web"]).status == 200


@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGPIPE, signal.SIGCHLD])
def test_other_signals_do_no_harm(ballast, number):
    lb = ballast(SMALL.format(""))
    lb.kill(number)
    time.sleep(0.2)
    assert get(lb.port["web"]).text == "hello"


def test_listeners_pause_and_resume(ballast):
    lb = ballast(SMALL.format(""))
    lb.kill(signal.SIGTTOU)
    lb.wait_log("Paused frontend web")
    wait_until(lambda: refused(lb.port["web"]), 2, "a refused connection")
    lb.kill(signal.SIGTTIN)
    wait_until(lambda: not refused(lb.port["web"]), 2, "an accepted connection")
    assert get(lb.port["web"]).text == "hello"


# ---- daemon ----

def end_daemon(pid, number=signal.SIGTERM):
    os.kill(pid, number)
    wait_gone(pid)


@pytest.mark.parametrize("how", ["-D", "daemon"])
def test_a_daemon_returns_once_it_serves(ballast, how):
    lb = ballast(SMALL.format("daemon" if how == "daemon" else ""), args=(["-D"] if how == "-D" else []) + ["-p", "pid"],
                 wait=False)
    assert lb.wait_exit() == 0
    pid = pid_in(os.path.join(lb.dir, "pid"))
    assert get(lb.port["web"]).text == "hello"
    assert pid != lb.pid and os.getsid(pid) == pid
    assert {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)} == {"/dev/null"}
    end_daemon(pid)


def test_a_daemon_with_a_master_writes_the_masters_number(ballast):
    lb = ballast(SMALL.format("pidfile @dir@/pid"), args=["-D", "-W"], wait=False)
    assert lb.wait_exit() == 0
    pid = pid_in(os.path.join(lb.dir, "pid"))
    assert get(lb.port["web"]).text == "hello"
    assert len(lb.processes()) == 2
    for p in lb.processes():
        assert {os.readlink(f"/proc/{p}/fd/{fd}") for fd in range(3)} == {"/dev/null"}
    end_daemon(pid)


def test_a_foreground_option_overrides_daemon_and_master(ballast):
    lb = ballast(SMALL.format("daemon\n        master-worker"), args=["-db"])
    assert get(lb.port["web"]).text == "hello"
    assert lb.processes() == [lb.pid]


def test_a_pid_file_that_cannot_be_written_stops_a_daemon_only(ballast):
    lb = ballast(SMALL.format(""), args=["-D", "-p", "/nonexistent/pid"], wait=False)
    assert lb.wait_exit() == 1
    assert "cannot write the pid file /nonexistent/pid" in lb.log()
    lb.process = None
    lb = ballast(SMALL.format(""), args=["-p", "/nonexistent/pid"])
    assert "cannot write the pid file" in lb.log()


# ---- one process after the other ----

def test_a_new_process_tells_the_old_one_to_finish(ballast, origin, client):
    o = HeldOrigin(origin)
    old = ballast(PROXY, o=o)
    port = old.port["web"]
    c = client(port)
    c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    o.wait_requests(1)
    new = ballast(PROXY.replace("@web@", str(port)), args=["-sf", str(old.pid)], o=origin())
    old.wait_log("Proxy web stopped")
    assert get(port, "/new").text == "GET /new "
    o.release()
    assert c.response().body == b"late"
    assert old.wait_exit() == 0
    old.process = None
    assert new.process.poll() is None


OTHER_BALANCER = """
import signal, socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
def told(number, _):
    print(signal.Signals(number).name, flush=True)
    if number == signal.SIGTTOU and sys.argv[2] == "obeys":
        listener.close()
    if number == signal.SIGUSR1:
        sys.exit(0)
for number in (signal.SIGTTOU, signal.SIGTTIN, signal.SIGUSR1):
    signal.signal(number, told)
print("ready", flush=True)
time.sleep(20)
"""


@pytest.mark.parametrize("how, signals", [("obeys", ["SIGTTOU", "SIGUSR1"]), ("refuses", ["SIGTTOU", "SIGTTIN"])])
def test_an_old_process_that_does_not_share_its_port_is_asked_to_pause(ballast, how, signals):
    port = free_port()
    with subprocess.Popen([sys.executable, "-c", OTHER_BALANCER, str(port), how], stdout=subprocess.PIPE, text=True) as old:
        assert old.stdout.readline() == "ready\n"
        lb = ballast(SMALL.format("").replace("@web@", str(port)), args=["-sf", str(old.pid)], wait=False)
        assert [old.stdout.readline().strip() for _ in signals] == signals
        if how == "refuses":
            assert lb.wait_exit() == 1
            assert lb.log().count("Address already in use") == 1
            lb.process = None
        else:
            wait_until(lambda: not refused(port), 5, "a listener")
            assert get(port).text == "hello"
        old.kill()


def test_a_start_without_standard_files_is_a_start(ballast):
    lb = ballast(SMALL.format(""))
    lb.stop()
    starter = f"exec {program()} -f {lb.config_path} <&- >&- 2>&-"
    with subprocess.Popen(["/bin/sh", "-c", starter]) as p:
        wait_until(lambda: not refused(lb.port["web"]), 5, "a listener")
        assert get(lb.port["web"]).text == "hello"
        p.terminate()


def test_a_new_process_ends_the_old_one(ballast):
    old = ballast(SMALL.format(""))
    new = ballast(SMALL.format("").replace("@web@", str(old.port["web"])), args=["-W", "-st", str(old.pid)])
    assert old.wait_exit() == 143
    old.process = None
    assert get(old.port["web"]).text == "hello"
    assert new.process.poll() is None


def test_a_process_that_is_gone_is_no_error(ballast):
    lb = ballast(SMALL.format(""), args=["-sf", "4194303"])
    assert get(lb.port["web"]).text == "hello"
    assert "cannot send" not in lb.log()


def hammer(port, until, refusals, served, lost):
    """New connections one after the other, until told to stop."""
    while not until.is_set():
        try:
            with Client(port) as c:
                r = c.request()
                if r and r.complete:
                    served.append(r.text)
                else:
                    lost.append(r)
        except ConnectionRefusedError as e:
            refusals.append(e)
        except OSError as e:
            lost.append(e)


def give_sockets(path, sockets):
    """An old process that hands its listening sockets over, once."""
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen()
        c, _ = s.accept()
        with c:
            assert c.recv(100) == b"_getsocks\n"
            c.sendall(struct.pack("i", len(sockets)))
            for sock in sockets:
                socket.send_fds(c, [b"\0\0" + struct.pack("i", 0)], [sock.fileno()])
                assert c.recv(4) == b"\0\0\0\0"


def test_listening_sockets_are_taken_over_with_what_waits_in_them(ballast, tmp_path):
    ports = [free_port(), free_port()]
    old = [socket.create_server(("127.0.0.1", p)) for p in ports]
    waiting = Client(ports[0])
    giver = threading.Thread(target=give_sockets, args=(str(tmp_path / "give"), old))
    giver.start()
    wait_until(lambda: os.path.exists(tmp_path / "give"))
    lb = ballast(SMALL.format("nbthread 1").replace("@web@", str(ports[0])), args=["-x", str(tmp_path / "give")], wait=False)
    giver.join(5)
    for s in old:
        s.close()
    assert waiting.request().text == "hello"
    waiting.close()
    assert refused(ports[1])  # nobody wanted it
    assert lb.process.poll() is None


def test_no_connection_is_lost_while_sockets_are_handed_over(ballast):
    config = SMALL.format("stats socket @dir@/sock level admin expose-fd listeners")
    old = ballast(config)
    done, failures, served, lost = threading.Event(), [], [], []
    threads = [threading.Thread(target=hammer, args=(old.port["web"], done, failures, served, lost)) for _ in range(4)]
    for t in threads:
        t.start()
    config = config.replace("@web@", str(old.port["web"]))
    for _ in range(3):
        wait_until(lambda: len(served) > 20, 5, "requests served")
        new = ballast(config, args=["-x", old.dir + "/sock", "-sf", str(old.pid)])
        assert old.wait_exit() == 0
        old.process, old = None, new
        served.clear()
    wait_until(lambda: len(served) > 20, 5, "requests served by the last process")
    done.set()
    for t in threads:
        t.join(10)
    assert (failures, lost) == ([], [])


def test_sockets_that_cannot_be_taken_over_stop_the_start(ballast):
    lb = ballast(SMALL.format(""), args=["-x", "/nonexistent"], wait=False)
    assert lb.wait_exit() == 1
    assert "cannot take the listening sockets over from '/nonexistent'" in lb.log()
    lb.process = None
    lb = ballast(SMALL.format(""), args=["-x", "/dev/null"])
    assert get(lb.port["web"]).text == "hello"


# ---- master and worker ----

@pytest.mark.parametrize("number, status", [(signal.SIGTERM, 0), (signal.SIGINT, 130), (signal.SIGUSR1, 0)])
def test_a_master_ends_with_its_worker(ballast, number, status):
    lb = ballast(SMALL.format(""), args=["-W"])
    assert get(lb.port["web"]).text == "hello"
    lb.wait_log("Loading success.")
    lb.kill(number)
    assert lb.wait_exit() == status
    assert f"All workers exited. Exiting... ({status})" in lb.log()
    assert lb.processes() == []
    lb.process = None


def test_a_master_ends_where_its_worker_was_told_to(ballast):
    lb = ballast(SMALL.format(""), args=["-W"])
    os.kill(wait_until(lambda: worker_of(lb)), signal.SIGTERM)
    assert lb.wait_exit() == 0
    lb.process = None


def test_a_soft_stop_of_a_master_lets_requests_finish(ballast, origin, client):
    o = HeldOrigin(origin)
    lb = ballast(PROXY, args=["-W"], o=o)
    c = client(lb.port["web"])
    c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    o.wait_requests(1)
    lb.kill(signal.SIGUSR1)
    wait_until(lambda: refused(lb.port["web"]), 2, "a refused connection")
    o.release()
    assert c.response().body == b"late"
    assert lb.wait_exit() == 0
    lb.process = None


def test_a_worker_does_not_outlive_its_master(ballast):
    lb = ballast(SMALL.format(""), args=["-W"])
    worker = wait_until(lambda: worker_of(lb))
    lb.wait_log("Loading success.")
    lb.kill(signal.SIGKILL)
    wait_gone(worker)
    assert lb.wait_exit() == -signal.SIGKILL
    lb.process = None


def test_workers_that_die_in_a_row_are_replaced_ever_more_slowly(ballast):
    lb = ballast(SMALL.format(""), args=["-W"])
    for delay in (0, 100, 200):
        worker = wait_until(lambda: worker_of(lb))
        assert get(lb.port["web"]).text == "hello"
        os.kill(worker, signal.SIGABRT if delay == 100 else signal.SIGKILL)
        wait_gone(worker)
        lb.wait_log(rf"a new one takes its place in {delay} ms")
    assert "exited with code 137 (Killed)" in lb.log()
    assert get(lb.port["web"]).text == "hello"


def test_the_file_of_a_unix_socket_stays_with_the_master(ballast, client):
    lb = ballast(SMALL.format("").replace("bind 127.0.0.1:@web@", "bind @dir@/web"), args=["-W"])
    path = lb.dir + "/web"
    worker = wait_until(lambda: os.path.exists(path) and worker_of(lb))
    lb.wait_log("Loading success.")
    os.kill(worker, signal.SIGKILL)
    waits = client(0, path, family=socket.AF_UNIX)  # in the queue, whoever will serve it
    assert waits.request().text == "hello"
    lb.stop()
    assert not os.path.exists(path)


def test_no_connection_is_refused_while_a_killed_worker_is_replaced(ballast):
    lb = ballast(SMALL.format("nbthread 2"), args=["-W"])
    done, failures, served, lost = threading.Event(), [], [], []
    threads = [threading.Thread(target=hammer, args=(lb.port["web"], done, failures, served, lost)) for _ in range(4)]
    for t in threads:
        t.start()
    for _ in range(3):
        worker = wait_until(lambda: worker_of(lb))
        count = len(served)
        wait_until(lambda: len(served) > count + 20, 5, "requests served")
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: worker_of(lb) not in (None, worker), 5, "a new worker")
    count = len(served)
    wait_until(lambda: len(served) > count + 20, 5, "requests served by the last worker")
    done.set()
    for t in threads:
        t.join(10)
    assert failures == []  # what a killed process carried is lost, but nobody is refused
    assert set(served) == {"hello"}
    assert lb.port["web"] in listening_ports()


def test_a_server_that_goes_down_is_told_on_standard_error(ballast):
    lb = ballast("""
        defaults
            mode http
            timeout client 1s
            timeout server 1s
            timeout connect 1s
        listen a
            bind 127.0.0.1:@web@
            server s1 127.0.0.1:@nobody@ check inter 50ms fall 1
    """)
    lb.wait_log("backend a has no server available!")
    assert "[WARNING]" in lb.log() and "Server a/s1 is DOWN" in lb.log()
