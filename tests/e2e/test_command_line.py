"""The command line, as far as no proxy needs to run."""


def test_version_is_told(run_ballast):
    done = run_ballast("-v")
    assert done.returncode == 0
    assert done.stdout.startswith("Ballast version ")
