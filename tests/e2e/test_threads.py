"""Two threads under a mixed load: no error, nothing lost, nothing swapped between clients."""
import random
import shutil
import subprocess
import threading

import pytest

from peers import Client, get, response

CONFIG = """
    global
        nbthread 2
        stats socket @dir@/sock level admin
    defaults
        mode http
        timeout connect 2s
        timeout client 10s
        timeout server 10s
        timeout queue 10s
        timeout http-keep-alive 10s
    frontend web
        bind 127.0.0.1:@web@
        http-request return status 200 content-type text/plain lf-string "own %[path]" if { path_beg /own }
        http-request pause 10ms if { path_beg /pause }
        use_backend limited if { path_beg /limited }
        use_backend never if { path_beg /never }
        default_backend app
    backend app
        balance leastconn
        option redispatch
        server s1 127.0.0.1:@a@
        server s2 127.0.0.1:@b@
    backend limited
        http-reuse always
        server s1 127.0.0.1:@a@ maxconn 3
        server s2 127.0.0.1:@b@ minconn 1 maxconn 4 pool-purge-delay 100ms
    backend never
        http-reuse never
        balance random
        server s1 127.0.0.1:@a@
        server s2 127.0.0.1:@b@
    backend own
        http-request return status 200
"""


def test_a_mixed_load_from_many_clients(ballast, origin):
    """Keep-alive, bodies both ways, queues, own answers, pauses; the weight of a server changes meanwhile."""
    def answer(q):
        token = [("X-Token", v) for v in q.all("X-Token")]
        return response(200, q.target.encode() + b" " + q.body, token)
    lb = ballast(CONFIG, a=origin(answer), b=origin(answer))
    failures, count = [], [0]

    def run(seed):
        rnd = random.Random(seed)
        try:
            for _ in range(4):
                with Client(lb.port["web"], timeout=20) as c:
                    for _ in range(12):
                        path = rnd.choice(["/x", "/own/y", "/limited", "/never", "/pause"]) + f"/{rnd.random()}"
                        body = rnd.choice([None, b"small", b"B" * 70000])
                        r = c.request("POST" if body else "GET", path, body=body)
                        if path.startswith("/own"):
                            assert r.text == "own " + path
                        else:
                            assert r.body == path.encode() + b" " + (body or b"")
                        count[0] += 1
                        if r.field("Connection") == "close":
                            break
        except Exception as e:  # pylint: disable=broad-except
            failures.append(repr(e))
    threads = [threading.Thread(target=run, args=(i,)) for i in range(24)]
    for t in threads:
        t.start()
    for i in range(20):
        lb.cli(f"set weight app/s{i % 2 + 1} {i % 5 + 1}; show stat; show sess; show servers state")
        lb.cli(f"set maxconn server limited/s1 {i % 3 + 2}; show info")
    for t in threads:
        t.join()
    assert not failures
    assert count[0] > 500
    for proxy in ("app", "limited", "never"):
        row = lb.stat(proxy)
        assert row["scur"] == "0" and row["qcur"] == "0", row
        assert row["econ"] == "0" and row["eresp"] == "0", row


@pytest.mark.skipif(not shutil.which("wrk"), reason="no wrk")
@pytest.mark.parametrize("path", ["/a", "/limited", "/never", "/own"])
def test_wrk_sees_no_error(ballast, nginx, path):
    n = nginx(server="location / { return 200 ok; }")
    lb = ballast(CONFIG, a=n, b=n)
    done = subprocess.run(["wrk", "-t2", "-c32", "-d1s", f"http://127.0.0.1:{lb.port['web']}{path}"],
                          capture_output=True, text=True, timeout=30, check=True)
    assert "Non-2xx" not in done.stdout and "Socket errors" not in done.stdout, done.stdout
    assert int(done.stdout.split(" requests in")[0].split()[-1]) > 100, done.stdout
    assert get(lb.port["web"], path).status == 200
