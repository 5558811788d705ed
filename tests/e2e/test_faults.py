"""The server under a kernel that fails: system calls and allocations that fail or move less than asked (tests/fault)."""
import os
import random
import shutil
import subprocess
import threading

import pytest

from peers import Client, chunked, get, response, wait_until

SOURCE = os.path.join(os.path.dirname(__file__), "..", "fault", "fault.c")
SEEDS = range(1, 1 + int(os.environ.get("FAULT_SEEDS", "2")))
ERRORS = "again=100,intr=50,nobufs=10,accept=200,socket=100,connect=100,epoll=20,pipe=500"


@pytest.fixture(scope="session")
def fault_env(tmp_path_factory):
    """fault_env("short=500") is the environment under which such faults happen."""
    cc = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not cc:
        pytest.skip("no C compiler")
    library = tmp_path_factory.mktemp("fault") / "fault.so"
    subprocess.run([cc, "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    return lambda faults: {"LD_PRELOAD": str(library), "FAULTS": faults,
                           "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:verify_asan_link_order=0:"
                                           "allocator_may_return_null=1"}


def sizes(seed):
    pick = random.Random(seed)
    return [pick.choice([0, 1, 100, 3000, 20000, 70000, 300000]) for _ in range(40)]


def answer(request):
    """The token, and a body of the size that the target names; chunked where it says so."""
    size = int(request.target.split("/")[1])
    token = request.field("X-Token", "none")
    data = (token.encode() * (size // len(token) + 1))[:size]
    fields = [("X-Token", token), ("X-Got", str(len(request.body)))]
    if request.target.endswith("/c"):
        head = "".join(f"{n}: {v}\r\n" for n, v in fields)
        return f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{head}\r\n".encode() + chunked(*([data] if data else []))
    return response(200, data, fields)


def run_requests(port, seed, results, may_fail):
    """Requests of many kinds, on connections that are kept while they live; each answer is verified."""
    c = None
    for i, size in enumerate(sizes(seed)):
        kind = "c" if i % 3 == 0 else "l"
        body = b"b" * sizes(seed + 1)[i] if i % 2 else None
        try:
            c = c or Client(port, timeout=10)
            r = c.request("POST" if body else "GET", f"/{size}/{kind}", body=body)
        except TimeoutError:
            results.append(f"request {i} of {seed} hangs")
            return
        except OSError:
            r = None
        if r is not None and r.status == 200 and r.complete:
            token = r.field("X-Token")
            assert r.body == (token.encode() * (size // 16 + 1))[:size]
            assert r.field("X-Got") == str(len(body or b""))
            results.append("ok")
        elif may_fail:
            results.append("shed")
        else:
            results.append(f"request {i} of {seed}: {r and (r.status, r.complete, len(r.body))}")
        if c and (r is None or not r.complete or r.field("Connection") == "close"):
            c.close()
            c = None
    if c:
        c.close()


def storm(port, seed, may_fail, clients=4):
    """What came of all requests of some clients."""
    results, threads = [], []

    def run(n):
        try:
            run_requests(port, n, results, may_fail)
        except BaseException as e:  # noqa: B902
            results.append(repr(e))
    for n in range(clients):
        threads.append(threading.Thread(target=run, args=(seed * 100 + n * 2,)))
        threads[-1].start()
    for t in threads:
        t.join()
    return results


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


CONFIG = """
    global
        nbthread {threads}
    defaults
        mode http
        timeout connect 300ms
        timeout client 3s
        timeout server 3s
        timeout queue 1s
        retries 2
        option splice-auto
        option redispatch
    frontend web
        bind 127.0.0.1:@web@
        default_backend app
    backend app
        server s1 127.0.0.1:@o@ maxconn 3
        server s2 127.0.0.1:@o@
"""


TCP = """
    global
        nbthread 1
    defaults
        mode tcp
        timeout connect 300ms
        timeout client 3s
        timeout server 3s
        retries 2
    listen web
        bind 127.0.0.1:@web@
        server s1 127.0.0.1:@o@
"""


@pytest.mark.parametrize("faults", ["short=1000,bytes=3000", "short=500,bytes=20000,again=200,intr=100"])
def test_short_counts_change_nothing(ballast, origin, fault_env, faults):
    lb = ballast(CONFIG.replace("{threads}", "1"), env=fault_env(faults), o=origin(answer))
    results = storm(lb.port["web"], 1, may_fail=False)
    assert set(results) == {"ok"}


def test_byte_by_byte_changes_nothing(ballast, origin, fault_env):
    lb = ballast(CONFIG.replace("{threads}", "1"), env=fault_env("short=1000,bytes=1"), o=origin(answer))
    with Client(lb.port["web"]) as c:
        for target in ("/0/l", "/1/c", "/700/l", "/700/c"):
            for body in (None, b"x" * 500):
                r = c.request("POST" if body else "GET", target, body=body)
                assert r.status == 200 and r.complete and len(r.body) == int(target.split("/")[1])


@pytest.mark.parametrize("faults", ["short=500,bytes=20000,again=200,intr=100", "pipe=1000,short=300,bytes=3000"])
def test_short_counts_change_nothing_in_a_tcp_session(ballast, origin, fault_env, faults):
    lb = ballast(TCP, env=fault_env(faults), o=origin(answer))
    assert set(storm(lb.port["web"], 1, may_fail=False)) == {"ok"}


def check_shedding(lb, o, seed):
    start = descriptors(lb.pid)
    results = storm(lb.port["web"], seed, may_fail=True)
    assert set(results) <= {"ok", "shed"}
    assert results.count("ok") > len(results) // 4
    o.stop()
    wait_until(lambda: descriptors(lb.pid) <= start + 64, 5, "descriptors given back")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("faults", [ERRORS, "malloc=100", ERRORS + ",malloc=10,short=100,bytes=5000"])
@pytest.mark.parametrize("config", [CONFIG.replace("{threads}", "1"), CONFIG.replace("{threads}", "3"), TCP],
                         ids=["http", "threads", "tcp"])
def test_what_fails_is_shed_and_nothing_else(ballast, origin, fault_env, seed, faults, config):
    """No crash, no hang, no wrong byte, no descriptor lost; and good service wherever nothing failed."""
    o = origin(answer)
    check_shedding(ballast(config, env=fault_env(f"seed={seed},{faults}"), o=o), o, seed)


LISTS = """
    global
        nbthread 2
        stats socket @dir@/sock level admin
    defaults
        mode http
        timeout connect 1s
        timeout client 3s
        timeout server 3s
    frontend web
        bind 127.0.0.1:@web@
        http-request return status 200 hdr A %[hdr(k),map_beg(@map@)] hdr B %[hdr(k),map_sub(@map@)] hdr C %[hdr(k),map_reg(@map@)]
"""


def look_up(port, seed, stop):
    pick = random.Random(seed)
    while not stop.is_set():
        try:
            with Client(port) as c:
                for _ in range(50):
                    c.request("GET", "/", fields=[("K", f"k{pick.randrange(30)}")])
        except OSError:
            pass


@pytest.mark.parametrize("seed", SEEDS)
def test_lists_change_while_memory_is_short(ballast, fault_env, seed, tmp_path):
    """A change happens or is refused; nothing that a look-up comes by was freed."""
    path = tmp_path / "map"
    path.write_text("".join(f"k{i} v{i}\n" for i in range(20)))
    # what is retired while memory is out is lost, as grace.h says
    env = {k: v.replace("detect_leaks=1", "detect_leaks=0") for k, v in fault_env(f"seed={seed},malloc=200").items()}
    lb = ballast(LISTS, env=env, map=str(path))
    stop, pick = threading.Event(), random.Random(seed)
    threads = [threading.Thread(target=look_up, args=(lb.port["web"], seed + n, stop)) for n in range(2)]
    for t in threads:
        t.start()
    for _ in range(150):
        command = pick.choice(["set map {} {} w", "del map {} {}", "add map {} {} q", "clear map {}"])
        try:
            lb.cli(command.format(path, f"k{pick.randrange(25)}"))
        except OSError:
            assert lb.process.poll() is None, lb.log()
    stop.set()
    for t in threads:
        t.join()


RELOADS = """
    global
        nbthread 2
        stats socket @dir@/sock level admin
    defaults
        mode http
        timeout connect 1s
        timeout client 3s
        timeout server 3s
    frontend web
        bind 127.0.0.1:@web@
        http-request track-sc0 src table first
        http-request return status 200
    backend first
        stick-table type ip size 100 store http_req_cnt
    backend second
        stick-table type string size 100 store gpc0
"""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_reload_that_finds_no_memory_changes_nothing(ballast, fault_env, seed):
    lb = ballast(RELOADS, env=fault_env(f"seed={seed},malloc=4"))
    answers = set()
    for _ in range(80):
        try:
            get(lb.port["web"])
            answers.add(lb.cli("reload").split("\n")[0])
        except OSError:  # the connection was shed
            assert lb.process.poll() is None, lb.log()
    assert {"Success=0", "Success=1"} <= answers
