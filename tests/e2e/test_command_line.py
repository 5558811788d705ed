"""The command line: what each option answers, and with which status."""
import pytest

from peers import free_port, get, listening_ports, wait_until

VALID = """
    defaults
        mode http
        timeout client 5s
        timeout server 5s
        timeout connect 5s
    frontend f
        bind 127.0.0.1:1
        http-request return status 200
"""
MESSAGE = "Configuration file is valid\n"


def test_version_is_told(run_ballast):
    done = run_ballast("-v")
    assert done.returncode == 0
    assert done.stdout.startswith("Ballast version ")


def test_build_tells_libraries_features_and_algorithms(run_ballast):
    done = run_ballast("-vv")
    assert done.returncode == 0
    for word in ("Feature list :", "+EPOLL", "jansson ", "xxHash ", "  roundrobin ", "  leastconn ", "SIMD : ", "CFLAGS"):
        assert word in done.stdout
    assert ("+PCRE2 " in done.stdout) == ("  PCRE2 10." in done.stdout)


def test_help_names_every_option_that_is_taken(run_ballast):
    done = run_ballast("--help")
    assert done.returncode == 0 and done.stderr == ""
    for flag in ("-f", "--", "-c", "-cc", "-V", "-q", "-v", "-vv", "-L", "-n", "-p", "-C", "-D", "-W", "-d", "-db", "-dM",
                 "-dI", "-dK", "-dS", "-dW", "-x", "-sf", "-st"):
        assert f"\n  {flag}" in done.stdout


def test_the_words_of_each_class_are_listed(run_ballast):
    listed = run_ballast("-dKall")
    assert listed.returncode == 0 and listed.stderr == ""
    for line in ("maxconnrate <number>  # global: client connections a second", "roundrobin  # each server in turn",
                 "server ... tcp-ut <time>  # ", "show info [", ".q... path() -> str  # ", "lower(): str -> str  # "):
        assert line in listed.stdout, line
    only = run_ballast("-dKalg,cnv").stdout
    assert "# alg:" in only and "# cnv:" in only and "# cfg:" not in only
    assert "  smp " in run_ballast("-dKhelp").stdout
    wrong = run_ballast("-dKalg,foo")
    assert wrong.returncode == 1 and "-dK: there is no class 'foo'" in wrong.stderr


def test_without_options_the_help_is_shown(run_ballast):
    done = run_ballast()
    assert done.returncode == 1
    assert "Usage: ballast" in done.stderr and "-cc CONDITION" in done.stderr


@pytest.mark.parametrize("args, message", [
    (["--hlep"], "unknown option '--hlep'; did you mean '--help'?"),
    (["-zz"], "unknown option '-zz'"),
    (["-qc", "-f", "x"], "unknown option '-qc'"),
    (["-dp", "-f", "x"], "option '-dp' is not supported by Ballast (yet)"),
    (["-Ws", "-f", "x"], "option '-Ws' is not supported by Ballast (yet)"),
    (["lb.cfg"], "'lb.cfg' is not an option; a configuration file needs -f before it"),
    (["-f"], "option '-f' needs an argument: FILE|DIR"),
    (["-c"], "no configuration: name a file or directory with -f"),
    (["-n", "many", "-f", "x"], "-n: 'many' is not a number"),
    (["-n", "0", "-f", "x"], "-n: '0' is not a number from 1"),
    (["-dM300", "-f", "x"], "-dM: '300' is not a number from 0 to 255"),
    (["-sf", "12", "x", "-f", "x"], "-sf: 'x' is not a number"),
])
def test_wrong_options_are_refused(run_ballast, args, message):
    done = run_ballast(*args)
    assert done.returncode == 1
    assert message in done.stderr and "Usage: ballast" in done.stderr
    assert done.stdout == ""


def test_a_valid_configuration_is_valid(run_ballast):
    done = run_ballast("-c", config=VALID)
    assert (done.returncode, done.stdout, done.stderr) == (0, MESSAGE, "")


def test_an_invalid_configuration_is_told_in_full(run_ballast):
    done = run_ballast("-c", config=VALID.replace("bind", "bnid").replace("mode http", "mode htp"))
    assert done.returncode == 1 and done.stdout == ""
    assert "lb.cfg:3:" in done.stderr and "lb.cfg:8:" in done.stderr


def test_quiet_leaves_the_status_only(run_ballast):
    done = run_ballast("-c", "-q", config=VALID.replace("bind", "bnid"))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    done = run_ballast("-c", "-q", config=VALID)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = run_ballast("-c", "-q", "-V", config=VALID)
    assert (done.returncode, done.stdout, done.stderr) == (0, MESSAGE, "")


def test_a_configuration_that_binds_nothing_is_told_apart(run_ballast):
    config = "defaults\n mode http\n timeout server 1s\n timeout connect 1s\nbackend b\n"
    done = run_ballast("-c", config=config)
    assert done.returncode == 2
    assert "no listener" in done.stdout
    done = run_ballast(config=config)
    assert done.returncode == 1
    assert "No enabled listener found" in done.stderr


WARNING = VALID + '    global\n        .if 1\n        .warning "mind this"\n        .endif\n'


def test_warnings_are_told_and_stop_nothing(run_ballast):
    done = run_ballast("-c", config=WARNING)
    assert (done.returncode, done.stdout) == (0, "Warnings were found.\n" + MESSAGE)
    assert "mind this" in done.stderr


def test_warnings_are_errors_with_zero_warning(run_ballast):
    for args, config in ((["-dW"], WARNING), ([], WARNING + "        zero-warning\n")):
        done = run_ballast("-c", *args, config=config)
        assert (done.returncode, done.stdout) == (1, "")
        assert "zero-warning is set" in done.stderr and "mind this" in done.stderr
    assert run_ballast("-c", "-dW", config=VALID).returncode == 0


@pytest.mark.parametrize("condition, status", [
    ("1", 0), ("0", 1), ("streq(a,a)", 0), ("!streq(a,a)", 1), ("defined(PATH) && feature(EPOLL)", 0), ("streq(", 2),
    ("nonsense(a)", 2), ("version_atleast(3.4)", 0), ("version_atleast(99.0)", 1),
])
def test_a_condition_is_told_by_the_status(run_ballast, condition, status):
    done = run_ballast("-cc", condition)
    assert done.returncode == status
    assert bool(done.stderr) == (status == 2)


def test_directories_are_read_in_order_and_only_configurations(run_ballast, tmp_path):
    folder = tmp_path / "conf"
    folder.mkdir()
    (folder / "10-defaults.cfg").write_text("defaults\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n")
    (folder / "20-front.cfg").write_text("frontend f\n bind 127.0.0.1:1\n http-request return status 200\n")
    (folder / "notes.txt").write_text("this is no configuration\n")
    (folder / ".hidden.cfg").write_text("neither is this\n")
    assert run_ballast("-c", "-f", str(folder)).returncode == 0
    (folder / "30-bad.cfg").write_text("frontend g\n bnid\n")
    done = run_ballast("-c", "-f", str(folder))
    assert done.returncode == 1 and "30-bad.cfg:2:" in done.stderr


def test_files_follow_a_double_dash(run_ballast, tmp_path):
    parts = VALID.split("    frontend")
    (tmp_path / "a").write_text(parts[0])
    (tmp_path / "-b").write_text("frontend" + parts[1])
    assert run_ballast("-c", "--", "a", "-b", folder=tmp_path).returncode == 0
    assert run_ballast("-c", "-f", "a", "--", "-b", folder=tmp_path).returncode == 0
    assert run_ballast("-c", "-f", "a", "--", folder=tmp_path).returncode == 2


def test_a_configuration_comes_from_standard_input(run_ballast):
    assert run_ballast("-c", "-f", "-", stdin=VALID).returncode == 0
    done = run_ballast("-c", "-f", "-", stdin="nonsense\n")
    assert done.returncode == 1 and "<stdin>:1:" in done.stderr


def test_a_missing_file_is_named(run_ballast):
    done = run_ballast("-c", "-f", "/nonexistent/lb.cfg")
    assert done.returncode == 1
    assert "/nonexistent/lb.cfg" in done.stderr and "No such file" in done.stderr


def test_the_directory_is_changed_before_files_are_read(run_ballast, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "lb.cfg").write_text(VALID)
    assert run_ballast("-C", str(tmp_path / "in"), "-c", "-f", "lb.cfg").returncode == 0
    done = run_ballast("-C", "/nonexistent", "-c", "-f", "lb.cfg")
    assert done.returncode == 1
    assert "Could not change to directory /nonexistent" in done.stderr


def test_lines_can_ask_about_the_command_line(run_ballast):
    config = VALID + """
        .if streq("$HAPROXY_LOCALPEER",here)
            nonsense-local
        .endif
        .if defined(HAPROXY_MWORKER)
            nonsense-master
        .endif
    """
    assert run_ballast("-c", config=config).returncode == 0
    assert "nonsense-local" in run_ballast("-c", "-L", "here", config=config).stderr
    assert "nonsense-master" in run_ballast("-c", "-W", config=config).stderr


def test_diagnostics_speak_when_asked(run_ballast):
    config = VALID + '    global\n        .diag "look here"\n'
    assert "look here" not in run_ballast("-c", config=config).stderr
    assert "look here" in run_ballast("-c", "-dD", config=config).stderr


SHORT = ["--listen", ":8080", "--backend", "127.0.0.1:9001", "--backend", "127.0.0.1:9002,weight=2,backup"]


def test_a_balancer_on_the_command_line_is_a_configuration(run_ballast, tmp_path):
    done = run_ballast(*SHORT, "--strategy", "uri whole", "--health", "/healthz", "--tls", "my cert.pem", "--sticky",
                       "--print-config")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == """\
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend web
    bind :8080 ssl crt 'my cert.pem'
    default_backend app
backend app
    balance uri whole
    option httpchk GET /healthz
    cookie SRV insert indirect nocache httponly
    server s1 127.0.0.1:9001 check cookie s1
    server s2 127.0.0.1:9002 check cookie s2 weight 2 backup
"""
    printed = run_ballast(*SHORT, "--print-config").stdout
    assert run_ballast("-c", config=printed).stdout == run_ballast("-c", *SHORT).stdout == MESSAGE


@pytest.mark.parametrize("args, message", [
    (["--listen", ":80"], "a balancer on the command line needs --backend"),
    (["--backend", ":80"], "a balancer on the command line needs --listen:"),
    (["--print-config"], "a balancer on the command line needs --listen and --backend"),
    (["--health", "healthz"], "--health: 'healthz' is neither a path (/healthz) nor 'connect'"),
    (["--backend", "h:1,=2"], "--backend: a keyword is written KEYWORD or KEYWORD=VALUE"),
    (["--listne", ":80"], "unknown option '--listne'; did you mean '--listen'?"),
])
def test_a_wrong_balancer_on_the_command_line_is_refused(run_ballast, args, message):
    done = run_ballast(*args)
    assert done.returncode == 1 and done.stdout == "" and message in done.stderr


def test_mistakes_in_a_balancer_on_the_command_line_have_a_place(run_ballast):
    done = run_ballast("-c", "--listen", ":8080", "--backend", "127.0.0.1:1,wieght=2", "--strategy", "leastcon")
    assert done.returncode == 1
    assert "<command line>:10:13: error: unknown balancing algorithm 'leastcon'" in done.stderr
    assert "<command line>:11:27: error: unknown keyword 'wieght' of 'server'" in done.stderr


def test_a_balancer_on_the_command_line_serves_and_reloads(ballast, origin):
    o, port = origin(), free_port()
    lb = ballast("global\n    stats socket @dir@/sock mode 600 level admin\n",
                 args=["--listen", f"127.0.0.1:{port}", "--backend", f"127.0.0.1:{o.port},maxconn=10"])
    wait_until(lambda: port in listening_ports())
    assert get(port, "/x").text == "GET /x "
    assert "Success=1" in lb.cli("reload")
    assert get(port, "/y").text == "GET /y "
