"""What is sent for errors: pages of sections, redirections, answers that are made; and unique ids."""
import re

import pytest

from peers import exchange, get, response

DEFAULTS = """
    defaults
        mode http
        timeout connect 1s
        timeout client 5s
        timeout server 5s
        timeout queue 50ms
"""


@pytest.fixture
def files(tmp_path):
    for name in "a", "b":
        (tmp_path / f"{name}.http").write_text(f"HTTP/1.1 503 Gone\r\nX-From: {name}\r\n\r\npage {name}\n")
    (tmp_path / "lf.txt").write_text("for %[path]\n")
    return tmp_path


def test_pages_of_sections_are_imported(ballast, files):
    lb = ballast(DEFAULTS + f"""
    frontend web
        bind 127.0.0.1:@web@
        errorfiles site
        errorloc 404 /lost
        errorloc303 429 /slow
        http-request return status 404 errorfiles site if {{ path /ret }}
        http-request return status 503 errorfiles other if {{ path /other }}
        http-request deny deny_status 404 if {{ path /404 }}
        http-request deny deny_status 429 if {{ path /429 }}
        http-request deny deny_status 403 if {{ path /403 }}
    frontend part
        bind 127.0.0.1:@part@
        errorfile 503 {files}/b.http
        errorfiles site 404 503
    http-errors site
        errorfile 503 {files}/a.http
    http-errors other
        errorfile 503 {files}/b.http
    """)
    assert get(lb.port["web"]).text == "page a\n"
    assert get(lb.port["part"]).text == "page a\n"
    assert get(lb.port["web"], "/other").text == "page b\n"
    assert get(lb.port["web"], "/403").status == 403
    r = get(lb.port["web"], "/404")
    assert (r.status, r.field("Location"), r.body) == (302, "/lost", b"")
    assert get(lb.port["web"], "/ret").status == 302
    r = get(lb.port["web"], "/429")
    assert (r.status, r.field("Location")) == (303, "/slow")


def test_answers_for_errors_are_made_when_needed(ballast, files):
    lb = ballast(DEFAULTS + f"""
        http-error status 403 content-type text/plain string "default"
    frontend web
        bind 127.0.0.1:@web@
        http-error status 503 content-type application/json lf-string "{{\\"path\\":\\"%[path]\\"}}" hdr X-Id %[unique-id] hdr Retry-After 3
        http-error status 404 content-type text/plain lf-file {files}/lf.txt
        http-error status 410
        http-error status 400 content-type text/plain lf-string "bad %[path] from %[src]"
        unique-id-format "%[path]"
        http-request deny deny_status 404 if {{ path /404 }}
        http-request deny deny_status 410 if {{ path /410 }}
        http-request deny if {{ path /403 }}
        use_backend app if {{ path_beg /app }}
    backend app
        http-error status 503 default-errorfiles
        http-request deny deny_status 503
    """)
    port = lb.port["web"]
    r = get(port, "/x")
    assert (r.status, r.text, r.field("Content-Type")) == (503, '{"path":"/x"}', "application/json")
    assert (r.field("X-Id"), r.field("Retry-After")) == ("/x", "3")
    assert get(port, "/app").text == '{"path":"/app"}'
    assert get(port, "/404").text == "for /404\n"
    assert (get(port, "/410").status, get(port, "/410").body) == (410, b"")
    assert get(port, "/403").text == "default"
    bad = exchange(port, b"GET /x\x01 HTTP/1.1\r\n\r\n")
    assert bad.startswith(b"HTTP/1.1 400 ") and b"\r\n\r\nbad " in bad


@pytest.mark.parametrize("lines,message", [
    ("errorfiles nothing", "there is no section 'http-errors nothing'"),
    ("errorfiles site 418", "there is no error page for status 418"),
    ("errorloc 418 /x", "there is no error page for status 418"),
    ("errorloc 404", "a URL behind the status"),
    ("errorloc 404 'a b'", "cannot hold spaces"),
    ("http-error", "expects 'status'"),
    ("http-error status 418", "there is no error page for status 418"),
    ("http-error status 404 string x", "needs a 'content-type'"),
    ("http-error status 404 if TRUE", "takes no condition"),
    ("http-request return errorfiles nothing", "has no error page|there is no section"),
    ("unique-id-header 'a b'", "cannot be the name"),
    ("unique-id-format %[nothing]", "unknown fetch"),
])
def test_wrong_words_are_refused(run_ballast, lines, message):
    done = run_ballast("-c", config=DEFAULTS + f"""
    http-errors site
    frontend web
        bind 127.0.0.1:8080
        {lines}
    """)
    assert done.returncode == 1 and re.search(message, done.stderr), done.stderr


def test_unique_ids_are_sent_and_logged(ballast, origin, syslog):
    o = origin(lambda r: response(200, r.field("X-Unique-ID", "none")))
    lb = ballast(DEFAULTS + """
    frontend web
        bind 127.0.0.1:@web@
        log 127.0.0.1:@log@ local0
        log-format "id=%ID %[unique-id]"
        unique-id-format "%{+X}o %ci:%cp_%fi:%fp_%Ts_%rt:%pid"
        unique-id-header X-Unique-ID
        default_backend app
    backend app
        server s1 127.0.0.1:@o@
    """, o=o, log=syslog)
    first, second = (get(lb.port["web"]).text for _ in range(2))
    assert re.fullmatch(r"7F000001:[0-9A-F]{4}_7F000001:[0-9A-F]{4}_[0-9A-F]{8}_[0-9A-F]{4}:[0-9A-F]+", first), first
    assert first != second
    assert syslog.wait(f"id={first} {first}")
