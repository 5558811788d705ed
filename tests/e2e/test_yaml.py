"""YAML instead of lb.cfg: served from, mixed with the dialect's files, reloaded and watched."""
import json
import os
import signal
import subprocess

import pytest

from peers import free_port, get, listening_ports, response, wait_until
from server import program
from test_tls import ca  # noqa: F401

EXAMPLES = os.path.join(os.path.dirname(__file__), "..", "..", "examples")

QUIET = """
    global
        stats socket @dir@/sock mode 600 level admin
"""

FULL = """
defaults:
  mode: http
  timeout: {{connect: 2s, client: 5s, server: 5s}}
frontends:
  web:
    - bind: 127.0.0.1:{port}
    - http-request: {rule}
    - default_backend: app
backends:
  app:
    server: {{a: '127.0.0.1:{origin}'}}
"""


def has_yaml():
    return "+YAML" in subprocess.run([program(), "-vv"], capture_output=True, text=True, check=True).stdout


pytestmark = pytest.mark.skipif(not has_yaml(), reason="built without libyaml")


def write(path, text):
    with open(str(path) + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(str(path) + ".new", path)
    return str(path)


@pytest.fixture
def served(ballast, tmp_path):
    """served(text, name=, args=): a Ballast of lb.cfg and a YAML file; `port` must be listened on."""
    def start(text, port, name="lb.yaml", args=(), folder=False):
        path = write(tmp_path / name, text)
        lb = ballast(QUIET, args=["-f", os.path.dirname(path) if folder else path, *args])
        lb.yaml = path
        wait_until(lambda: port in listening_ports())
        return lb
    return start


def test_a_file_in_yaml_is_served(served, origin):
    o, port = origin(), free_port()
    served(FULL.format(port=port, origin=o.port, rule="set-header X-From 'yaml file'"), port)
    assert get(port, "/x").text == "GET /x "
    assert o.requests[0].field("X-From") == "yaml file"


def test_a_folder_has_files_of_both_forms(ballast, origin, tmp_path):
    o, port = origin(), free_port()
    folder = tmp_path / "conf.d"
    folder.mkdir()
    write(folder / "10-web.cfg", f"""
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
frontend web
    bind 127.0.0.1:{port}
    default_backend app
""")
    write(folder / "20-app.yml", f"backends:\n  app: {{mode: http, server: a 127.0.0.1:{o.port}}}\n")
    ballast(QUIET, args=["-f", str(folder)])
    wait_until(lambda: port in listening_ports())
    assert get(port, "/both").text == "GET /both "


def test_the_short_form_balances_and_keeps_clients(served, origin):
    a, b, port = origin(lambda r: response(body=b"a")), origin(lambda r: response(body=b"b")), free_port()
    served(f"""
listen: 127.0.0.1:{port}
strategy: roundrobin
health_check: /healthz
sticky: true
backends:
  - {{host: 127.0.0.1, port: {a.port}}}
  - {{host: 127.0.0.1, port: {b.port}, weight: 1}}
""", port)
    wait_until(lambda: any(r.target == "/healthz" for r in a.requests) and any(r.target == "/healthz" for r in b.requests))
    first = get(port, "/")
    cookie = first.field("Set-Cookie").split(";")[0]
    assert cookie in ("SRV=s1", "SRV=s2")
    assert {get(port, "/", fields=[("Cookie", cookie)]).text for _ in range(4)} == {first.text}
    assert {get(port, "/").text for _ in range(4)} == {"a", "b"}


def test_a_reload_reads_yaml_anew(served, origin):
    o, port = origin(), free_port()
    lb = served(FULL.format(port=port, origin=o.port, rule="return status 201"), port)
    assert get(port).status == 201
    write(lb.yaml, FULL.format(port=port, origin=o.port, rule="return status 202"))
    lb.process.send_signal(signal.SIGHUP)
    wait_until(lambda: get(port).status == 202)


def test_a_reload_of_yaml_with_an_error_changes_nothing(served, origin):
    o, port = origin(), free_port()
    lb = served(FULL.format(port=port, origin=o.port, rule="return status 201"), port)
    write(lb.yaml, FULL.format(port=port, origin=o.port, rule="return statsu 202"))
    answer = lb.cli("reload")
    assert "lb.yaml:8:28: error:" in answer and "'statsu'" in answer, answer
    assert get(port).status == 201
    write(lb.yaml, "frontends: {web: [")
    answer = lb.cli("reload")
    assert "lb.yaml:1:19: error: a value was expected here" in answer, answer
    assert get(port).status == 201


def test_yaml_that_changes_reloads_by_itself(served, origin):
    o, port = origin(), free_port()
    lb = served(FULL.format(port=port, origin=o.port, rule="return status 201"), port, args=["--watch"])
    assert get(port).status == 201
    write(lb.yaml, FULL.format(port=port, origin=o.port, rule="return status 202"))
    wait_until(lambda: get(port).status == 202)


def test_a_check_tells_place_and_hint(run_ballast, tmp_path):
    path = write(tmp_path / "bad.yaml", "frontends:\n  web:\n    bnid: 127.0.0.1:80\n")
    done = run_ballast("-c", "-f", path)
    assert done.returncode == 1
    assert f"{path}:3:5: error: unknown directive 'bnid'\n        bnid: 127.0.0.1:80\n        ^~~~\n" in done.stderr
    assert "did you mean 'bind'?" in done.stderr


def test_a_converted_file_serves_as_its_other_form(run_ballast, served, origin, tmp_path):
    o, port = origin(), free_port()
    first = write(tmp_path / "first.yaml", FULL.format(port=port, origin=o.port, rule="set-header X-From 'a b'"))
    cfg = run_ballast("convert", first)
    assert cfg.returncode == 0 and f"    server a 127.0.0.1:{o.port}\n" in cfg.stdout
    again = run_ballast("convert", write(tmp_path / "second.cfg", cfg.stdout))
    assert again.returncode == 0, again.stderr
    served(again.stdout, port)
    assert get(port, "/x").text == "GET /x "
    assert o.requests[0].field("X-From") == "a b"


def test_every_example_is_valid_in_its_other_form(run_ballast, ca, tmp_path):  # noqa: F811
    for name in sorted(os.listdir(EXAMPLES)):
        done = run_ballast("convert", os.path.join(EXAMPLES, name))
        assert done.returncode == 0, name + done.stderr
        other = write(tmp_path / (name + (".cfg" if name.endswith(".yaml") else ".yaml")), done.stdout)
        done = run_ballast("-c", "-f", other, env={"CERTS": ca.dir})
        assert done.returncode == 0 and "warning" not in done.stderr.lower(), name + done.stderr


def test_what_cannot_be_converted_is_told(run_ballast, tmp_path):
    done = run_ballast("convert", write(tmp_path / "bad.yaml", "global: {\n"))
    assert done.returncode == 1 and "bad.yaml:2:1: error: a value was expected here" in done.stderr
    assert run_ballast("convert").returncode == 1


def test_the_schema_knows_the_directives(run_ballast):
    done = run_ballast("schema")
    assert done.returncode == 0
    schema = json.loads(done.stdout)
    web = schema["$defs"]["frontend"]["anyOf"][1]["properties"]
    assert "bind" in web and "timeout client" in web and "server" not in web
    assert web["option"]["anyOf"][1]["properties"]["httplog"]["description"].startswith("httplog [clf]: ")
