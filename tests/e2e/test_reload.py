"""Reload inside the worker: what it keeps, what it changes, what it refuses.  Issue: nothing is lost."""
import os
import re
import signal
import socket
import threading

import pytest

from peers import Client, echo_handler, get, wait_until

BASE = """
    global
        stats socket @dir@/sock level admin
        {globals}
    defaults
        mode http
        timeout connect 1s
        timeout client 5s
        timeout server 5s
    frontend web
        bind 127.0.0.1:@web@
        {front}
        default_backend app
    backend app
        {back}
        server s1 127.0.0.1:@o@ {server}
"""


def config(globals="nbthread 1", front="", back="", server="", more=""):
    return BASE.format(globals=globals, front=front, back=back, server=server) + more


class Gate:
    """An origin's handler that answers only while it is open."""

    def __init__(self):
        self.event = threading.Event()
        self.event.set()
        self.pause, self.resume = self.event.clear, self.event.set

    def __call__(self, request):
        self.event.wait(5)
        return echo_handler(request)


def reload_ok(lb, text):
    """Writes and reloads; the answer's messages."""
    lb.write(text)
    answer = lb.cli("reload")
    assert answer.startswith("Success=1\n--\n"), answer
    return answer


def reload_refused(lb, text):
    lb.write(text)
    answer = lb.cli("reload")
    assert answer.startswith("Success=0\n--\n"), answer
    return answer


def generations(lb):
    return re.findall(r"^generation (\d+):", lb.cli("show reload"), re.M)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_signal_reloads(ballast, origin, threads):
    lb = ballast(config(f"nbthread {threads}"), o=origin())
    assert get(lb.port["web"]).field("x-generation") is None
    lb.write(config(f"nbthread {threads}", front="http-response set-header X-Generation 2"))
    lb.kill(signal.SIGHUP)
    lb.wait_log("generation 2 serves")
    assert get(lb.port["web"]).field("x-generation") == "2"


def test_a_client_meets_the_new_configuration_with_its_next_request(ballast, origin, client):
    lb = ballast(config(), o=origin())
    c = client(lb.port["web"])
    assert c.request().field("x-generation") is None
    reload_ok(lb, config(front="http-response set-header X-Generation 2"))
    assert c.request().field("x-generation") == "2"


def test_an_exchange_ends_as_it_began(ballast, origin, client):
    gate = Gate()
    o = origin(gate)
    lb = ballast(config(front="http-response set-header X-Generation 1"), o=o)
    gate.pause()
    c = client(lb.port["web"])
    c.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
    o.wait_requests(1)
    reload_ok(lb, config(front="http-response set-header X-Generation 2"))
    assert generations(lb) == ["2", "1"]
    gate.resume()
    assert c.response().field("x-generation") == "1"
    assert c.request().field("x-generation") == "2"
    wait_until(lambda: generations(lb) == ["2"])


def test_counters_go_on(ballast, origin):
    lb = ballast(config(), o=origin())
    for _ in range(3):
        get(lb.port["web"])
    reload_ok(lb, config(back="balance leastconn"))
    for _ in range(2):
        get(lb.port["web"])
    assert lb.stat("web", "FRONTEND")["req_tot"] == "5"
    assert lb.stat("app")["stot"] == "5"
    assert lb.stat("app", "s1")["stot"] == "5"


def test_idle_server_connections_are_used_again(ballast, origin, client):
    o = origin()
    lb = ballast(config(back="http-reuse always"), o=o)
    get(lb.port["web"])
    reload_ok(lb, config(back="http-reuse always", front="http-response set-header X-Generation 2"))
    get(lb.port["web"])
    assert o.connections == 1


def test_a_server_that_moved_gets_new_connections(ballast, origin):
    first, second = origin(), origin()
    lb = ballast(config(back="http-reuse always"), o=first)
    get(lb.port["web"])
    reload_ok(lb, config(back="http-reuse always").replace("@o@", str(second.port)))
    get(lb.port["web"])
    assert len(second.requests) == 1


def test_what_the_operator_changed_stays(ballast, origin):
    lb = ballast(config(server="weight 10"), o=origin())
    lb.cli("set weight app/s1 7; set server app/s1 state drain; set maxconn frontend web 77")
    reload_ok(lb, config(server="weight 10", front="http-response set-header X-Generation 2"))
    row = lb.stat("app", "s1")
    assert (row["weight"], row["status"]) == ("7", "DRAIN")
    assert lb.stat("web", "FRONTEND")["slim"] == "77"


def test_the_file_wins_where_it_changed(ballast, origin):
    lb = ballast(config(server="weight 10"), o=origin())
    lb.cli("set weight app/s1 7")
    reload_ok(lb, config(server="weight 20"))
    assert lb.stat("app", "s1")["weight"] == "20"


def test_a_disabled_frontend_stays_disabled(ballast, origin):
    lb = ballast(config(), o=origin())
    lb.cli("disable frontend web")
    reload_ok(lb, config(front="http-response set-header X-Generation 2"))
    with pytest.raises(OSError):
        get(lb.port["web"])
    lb.cli("enable frontend web")
    wait_until(lambda: serves(lb.port["web"]))


def serves(port):
    try:
        return get(port).status == 200
    except OSError:
        return False


def test_health_goes_on(ballast, origin):
    lb = ballast(config(server="check inter 100ms fall 1"), o=1)
    wait_until(lambda: lb.stat("app", "s1")["status"] == "DOWN")
    reload_ok(lb, config(server="check inter 100ms fall 1", front="http-response set-header X-Generation 2"))
    assert lb.stat("app", "s1")["status"].startswith("DOWN")
    assert get(lb.port["web"]).status == 503


def test_servers_come_and_go(ballast, origin):
    first, second = origin(), origin()
    lb = ballast(config(), o=first)
    get(lb.port["web"])
    reload_ok(lb, config(more=f"        server s2 127.0.0.1:{second.port}\n"))
    for _ in range(4):
        get(lb.port["web"])
    assert len(second.requests) == 2
    reload_ok(lb, config().replace("server s1 127.0.0.1:@o@", f"server s2 127.0.0.1:{second.port}"))
    for _ in range(3):
        get(lb.port["web"])
    assert len(second.requests) == 5
    assert lb.stat("app", "s2")["stot"] == "5"


def test_an_exchange_may_outlive_its_server_and_backend(ballast, origin, client):
    gate = Gate()
    o = origin(gate)
    lb = ballast(config(), o=o)
    gate.pause()
    c = client(lb.port["web"])
    c.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
    o.wait_requests(1)
    reload_ok(lb, config().replace("backend app", "backend other").replace("default_backend app",
                                                                             "default_backend other"))
    gate.resume()
    assert c.response().status == 200
    assert c.request().status == 200
    wait_until(lambda: generations(lb) == ["2"])


@pytest.mark.parametrize("server", ["s1", "s2"])
def test_a_connection_that_an_older_exchange_leaves_its_client_is_of_the_newest(ballast, origin, client, server):
    gate = Gate()
    o = origin(gate)
    lb = ballast(config(back="http-reuse never"), o=o)
    gate.pause()
    c = client(lb.port["web"])
    c.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
    o.wait_requests(1)
    reload_ok(lb, config(back="http-reuse never").replace("server s1", f"server {server}"))
    gate.resume()
    assert c.response().status == 200
    wait_until(lambda: generations(lb) == ["2"])
    for _ in range(2):
        assert c.request().status == 200
        assert o.connections == (1 if server == "s1" else 2)
        reload_ok(lb, config(back="http-reuse never").replace("server s1", f"server {server}"))


@pytest.mark.parametrize("server", ["s1", "s2"])
def test_the_last_server_of_an_older_exchange_is_of_the_newest(ballast, origin, client, server):
    back = "option prefer-last-server\n        timeout connect 300ms"
    lb = ballast(config(back=back))
    c = client(lb.port["web"])
    c.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_until(lambda: lb.stat("app")["wretr"] == "1")
    reload_ok(lb, config(back=back).replace("server s1", f"server {server}"))
    origin(port=lb.port["o"])
    assert c.response().status == 200
    wait_until(lambda: generations(lb) == ["2"])
    for _ in range(2):
        assert c.request().status == 200
        reload_ok(lb, config(back=back).replace("server s1", f"server {server}"))


@pytest.mark.parametrize("server", ["s1", "s2"])
def test_an_error_of_an_older_generation_is_shown_with_the_newest(ballast, client, origin, server):
    gate = threading.Event()

    def bad(request):
        gate.wait(5)
        return b"nonsense\r\n\r\n"
    o = origin(bad)
    lb = ballast(config(), o=o)
    c = client(lb.port["web"])
    c.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
    o.wait_requests(1)
    reload_ok(lb, config().replace("server s1", f"server {server}"))
    gate.set()
    assert c.response().status == 502
    wait_until(lambda: generations(lb) == ["2"])
    shown = lb.cli("show errors")
    assert "backend app" in shown and ("server s1" if server == "s1" else "server <NONE>") in shown
    reload_ok(lb, config())
    assert "backend app" in lb.cli("show errors")


def test_listeners_come_and_go(ballast, origin):
    lb = ballast(config(front="bind 127.0.0.1:@extra@"), o=origin())
    assert get(lb.port["extra"]).status == 200
    reload_ok(lb, config())
    wait_until(lambda: not serves(lb.port["extra"]))
    reload_ok(lb, config(front="bind 127.0.0.1:@extra@"))
    wait_until(lambda: serves(lb.port["extra"]))
    assert get(lb.port["web"]).status == 200


def reload_twice(lb, text):
    """Until what the first of them brought is reclaimed: so would be what is older, and not in use."""
    reload_ok(lb, text)
    reload_ok(lb, text)
    wait_until(lambda: generations(lb)[:2] in (["3"], ["3", "1"]), what="generation 2 is gone")


def test_a_client_outlives_its_listener(ballast, origin, client):
    lb = ballast(config(front="bind 127.0.0.1:@extra@ maxconn 5"), o=origin())
    c = client(lb.port["extra"])
    assert c.request().status == 200
    reload_twice(lb, config(front="http-response set-header X-Generation 2"))
    assert generations(lb) == ["3", "1"]
    assert c.request().field("x-generation") == "2"
    c.close()
    wait_until(lambda: generations(lb) == ["3"])


def test_a_client_outlives_its_frontend_and_leaves_the_listener_to_its_heir(ballast, origin, client):
    second = """
    frontend {}
        bind 127.0.0.1:@second@ maxconn 2
        http-response set-header X-Frontend %[fe_name]
        default_backend app
    """.rstrip(" ")
    lb = ballast(config(more=second.format("two")), o=origin())
    waiting = [client(lb.port["second"]) for _ in range(2)]
    wait_until(lambda: lb.stat("two", "FRONTEND")["scur"] == "2")
    reload_twice(lb, config(more=second.format("three")))
    reload_ok(lb, config())
    wait_until(lambda: generations(lb) == ["4", "1"])
    reload_ok(lb, config(more=second.format("three")))
    others = [client(lb.port["second"]) for _ in range(2)]
    assert [c.request().field("x-frontend") for c in others] == ["three"] * 2
    assert [c.request().field("x-frontend") for c in waiting] == ["two"] * 2
    for c in waiting:
        c.close()
    wait_until(lambda: generations(lb) == ["5"])


def test_a_frontend_that_is_gone_ends_its_clients_with_their_answer(ballast, origin, client):
    gate = Gate()
    o = origin(gate)
    more = """
    frontend second
        bind 127.0.0.1:@second@
        default_backend app
    """
    lb = ballast(config(more=more), o=o)
    idle, busy = client(lb.port["second"]), client(lb.port["second"])
    assert idle.request().status == 200
    gate.pause()
    busy.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
    o.wait_requests(2)
    reload_ok(lb, config())
    assert idle.closed()
    gate.resume()
    answer = busy.response()
    assert answer.status == 200
    assert answer.field("connection") == "close"
    wait_until(lambda: generations(lb) == ["2"])


def test_stick_tables_keep_their_entries(ballast, origin):
    table = "stick-table type ip size 100 store http_req_cnt\n        http-request track-sc0 src"
    lb = ballast(config(front=table), o=origin())
    get(lb.port["web"])
    reload_ok(lb, config(front=table + "\n        http-response set-header X-Count %[sc0_http_req_cnt]"))
    assert get(lb.port["web"]).field("x-count") == "2"


def test_what_a_session_follows_goes_on(ballast, origin, client):
    table = "stick-table type ip size 100 store conn_cur,http_req_cnt\n        tcp-request session track-sc0 src"
    lb = ballast(config(front=table), o=origin())
    c = client(lb.port["web"])
    c.request()
    reload_ok(lb, config(front=table, back="balance leastconn"))
    c.request()
    assert "conn_cur=1 http_req_cnt=2" in lb.cli("show table web")
    reload_ok(lb, config(front=table.replace("type ip", "type string")))
    c.request()
    reload_ok(lb, config())
    c.request()
    c.close()
    wait_until(lambda: lb.stat("web", "FRONTEND")["scur"] == "0")


def test_a_table_of_another_kind_begins_empty_and_says_so(ballast, origin):
    lb = ballast(config(front="stick-table type ip size 100 store gpc0"), o=origin())
    answer = reload_ok(lb, config(front="stick-table type string size 100 store gpc0"))
    assert "begins empty" in answer


def test_maps_keep_what_was_changed_until_their_file_changes(ballast, origin, tmp_path):
    path = tmp_path / "m.map"
    path.write_text("a 1\n")
    front = f"http-response set-header X-Map %[str(a),map({path})]"
    lb = ballast(config(front=front), o=origin())
    lb.cli(f"set map {path} a 2")
    reload_ok(lb, config(front=front, back="balance leastconn"))
    assert get(lb.port["web"]).field("x-map") == "2"
    path.write_text("a 33\n")
    reload_ok(lb, config(front=front))
    assert get(lb.port["web"]).field("x-map") == "33"


def test_a_tunnel_lives_through_many_reloads(ballast, origin):
    server = socket.create_server(("127.0.0.1", 0))
    lb = ballast("""
        global
            stats socket @dir@/sock level admin
        defaults
            mode tcp
            timeout connect 1s
            timeout client 5s
            timeout server 5s
        listen t
            bind 127.0.0.1:@t@
            server s 127.0.0.1:@o@
    """, o=server.getsockname()[1])
    with socket.create_connection(("127.0.0.1", lb.port["t"])) as c:
        s, _ = server.accept()
        with s:
            for i in range(10):
                assert "Success=1" in lb.cli("reload")
                c.sendall(b"x")
                assert s.recv(1) == b"x"
                s.sendall(b"y")
                assert c.recv(1) == b"y"
            wait_until(lambda: generations(lb) == ["11", "1"])
        assert c.recv(1) == b""
    wait_until(lambda: generations(lb) == ["11"])
    server.close()


def test_who_waits_in_a_queue_goes_on(ballast, origin, client):
    gate = Gate()
    o = origin(gate)
    lb = ballast(config(server="maxconn 1"), o=o)
    gate.pause()
    clients = [client(lb.port["web"]) for _ in range(3)]
    for i, c in enumerate(clients):
        c.send(f"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_until(lambda: lb.stat("app")["qcur"] == "2" or lb.stat("app", "s1")["qcur"] == "2")
    reload_ok(lb, config(server="maxconn 1", front="http-response set-header X-Generation 2"))
    o.wait_requests(1)
    assert len(o.requests) == 1
    gate.resume()
    assert [c.response().status for c in clients] == [200, 200, 200]
    wait_until(lambda: lb.stat("app", "s1")["scur"] == "0")


@pytest.mark.parametrize("wrong, told", [
    ("http-response set-haeder X 1", "did you mean"),
    ("use_backend nowhere", "nowhere"),
    ("bind 127.0.0.1:1:1", "lb.cfg"),
])
def test_a_wrong_file_changes_nothing(ballast, origin, wrong, told):
    lb = ballast(config(), o=origin())
    answer = reload_refused(lb, config(front=wrong))
    assert told in answer
    assert "lb.cfg:" in answer
    assert get(lb.port["web"]).status == 200
    assert "1 refused" in lb.cli("show reload")
    lb.wait_log("the running configuration stays")
    assert generations(lb) == ["1"]
    reload_ok(lb, config(front="http-response set-header X-Generation 2"))
    assert get(lb.port["web"]).field("x-generation") == "2"


def test_an_address_that_is_taken_refuses_all(ballast, origin):
    lb = ballast(config(), o=origin())
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        answer = reload_refused(lb, config(front=f"bind 127.0.0.1:{other.getsockname()[1]}"))
    assert "cannot bind" in answer
    assert get(lb.port["web"]).status == 200


def test_a_missing_file_changes_nothing(ballast, origin):
    lb = ballast(config(), o=origin())
    os.unlink(lb.config_path)
    answer = lb.cli("reload")
    assert answer.startswith("Success=0")
    assert get(lb.port["web"]).status == 200


def test_what_needs_a_restart_is_named(ballast, origin):
    lb = ballast(config(), o=origin())
    answer = reload_ok(lb, config("nbthread 2\n        tune.bufsize 32768"))
    assert "'nbthread' takes effect at a restart" in answer
    assert "'tune.bufsize' takes effect at a restart" in answer


def test_a_master_passes_the_signal_on(ballast, origin):
    lb = ballast(config(), args=["-W"], o=origin())
    before = lb.processes()
    lb.write(config(front="http-response set-header X-Generation 2"))
    lb.kill(signal.SIGHUP)
    lb.wait_log("generation 2 serves")
    assert get(lb.port["web"]).field("x-generation") == "2"
    assert sorted(lb.processes()) == sorted(before)


def test_a_worker_that_dies_is_replaced_by_one_of_the_present_files(ballast, origin):
    lb = ballast(config(), args=["-W"], o=origin())
    lb.write(config(front="bind 127.0.0.1:@extra@\n        http-response set-header X-Generation 2"))
    lb.kill(signal.SIGHUP)
    lb.wait_log("generation 2 serves")
    worker, = [p for p in lb.processes() if p != lb.pid]
    os.kill(worker, signal.SIGKILL)
    lb.wait_log("The new worker serves")
    assert get(lb.port["web"]).field("x-generation") == "2"
    assert get(lb.port["extra"]).field("x-generation") == "2"


WATCHED = "nbthread 1\n        config-watch"


def test_a_file_that_changes_reloads(ballast, origin):
    lb = ballast(config(WATCHED), o=origin())
    lb.write(config(WATCHED, front="http-response set-header X-Generation 2"))
    wait_until(lambda: get(lb.port["web"]).field("x-generation") == "2")
    assert "(config-watch)" in lb.cli("show reload")


def test_a_file_written_in_place_reloads_too(ballast, origin):
    lb = ballast(config(), args=["--watch"], o=origin())
    text = lb.fill(BASE.format(globals="", front="http-response set-header X-Generation 2", back="", server=""))
    with open(lb.config_path, "w", encoding="utf-8") as f:
        for line in text.splitlines(True):
            f.write(line)
            f.flush()
    wait_until(lambda: get(lb.port["web"]).field("x-generation") == "2")


def test_a_symbolic_link_that_is_swapped_reloads(ballast, origin, tmp_path):
    """As a mounted ConfigMap does: lb.cfg -> ..data/lb.cfg, ..data -> a folder of its version."""
    lb = ballast(config(WATCHED), o=origin())
    for version, front in ((1, ""), (2, "http-response set-header X-Generation 2")):
        folder = os.path.join(lb.dir, f"..v{version}")
        os.mkdir(folder)
        with open(folder + "/lb.cfg", "w", encoding="utf-8") as f:
            f.write(lb.fill(BASE.format(globals=WATCHED, front=front, back="", server="")))
    os.symlink("..v1", lb.dir + "/..data")
    os.symlink("..data/lb.cfg", lb.dir + "/new")
    os.rename(lb.dir + "/new", lb.config_path)
    wait_until(lambda: "1 done" in lb.cli("show reload"))
    os.symlink("..v2", lb.dir + "/..new")
    os.rename(lb.dir + "/..new", lb.dir + "/..data")
    wait_until(lambda: get(lb.port["web"]).field("x-generation") == "2")


def test_a_map_that_changes_reloads(ballast, origin, tmp_path):
    path = tmp_path / "m.map"
    path.write_text("a 1\n")
    lb = ballast(config(WATCHED, front=f"http-response set-header X-Map %[str(a),map({path})]"), o=origin())
    assert get(lb.port["web"]).field("x-map") == "1"
    path.write_text("a 22\n")
    wait_until(lambda: get(lb.port["web"]).field("x-map") == "22")


def test_a_wrong_file_is_told_once(ballast, origin):
    lb = ballast(config(WATCHED), o=origin())
    lb.write(config(WATCHED, front="nonsense"))
    lb.wait_log("the running configuration stays")
    with open(os.path.join(lb.dir, "something-else"), "w", encoding="utf-8") as f:
        f.write("x")
    lb.write(config(WATCHED, front="http-response set-header X-Generation 2"))
    wait_until(lambda: get(lb.port["web"]).field("x-generation") == "2")
    assert "1 done, 1 refused" in lb.cli("show reload")


@pytest.mark.parametrize("threads", [1, 3])
def test_nothing_is_lost_under_load(ballast, origin, threads):
    o = origin()
    lb = ballast(config(f"nbthread {threads}"), o=o)
    done, failures, counts = threading.Event(), [], []

    def load():
        n = 0
        try:
            with Client(lb.port["web"]) as c:
                while not done.is_set():
                    if c.request().status != 200:
                        failures.append("status")
                    n += 1
        except (OSError, AssertionError) as e:
            failures.append(repr(e))
        counts.append(n)
    workers = [threading.Thread(target=load) for _ in range(6)]
    for t in workers:
        t.start()
    for i in range(20):
        extra = "bind 127.0.0.1:@extra@" if i % 2 else ""
        reload_ok(lb, config(f"nbthread {threads}", front=f"{extra}\n        http-response set-header X-Generation {i}",
                             server=f"weight {i + 1}"))
    done.set()
    for t in workers:
        t.join()
    assert not failures
    assert lb.stat("web", "FRONTEND")["req_tot"] == str(sum(counts))
    wait_until(lambda: generations(lb) == ["21"])
