"""A gateway of one's own with its own simulated service, for tests that would spoil the shared ones."""

import contextlib
import json
import os
import subprocess
import tempfile

from support import secrets


@contextlib.contextmanager
def gateway():
    """Starts both, gives the gateway's URL and key, and ends them."""
    with tempfile.TemporaryDirectory(prefix="kiro2api-own-", ignore_cleanup_errors=True) as folder:
        platform = ["--lambda"] if os.environ["KIRO2API_PLATFORM"] == "lambda" else []
        command = [os.environ["KIRO2API_XTASK"], "serve", *platform, "--no-build", "--json", "--verbose", "--persist", folder]
        log = tempfile.TemporaryFile()
        # A person's own list of accounts is not for test runs, by hand either.
        env = {"KIRO2API_HOME": "/nonexistent/kiro2api", **os.environ}
        with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True) as program:
            ready = next((line for line in program.stdout if line.startswith('{"event":"ready"')), None)
            if not ready:
                code = program.wait()
                log.seek(0)
                raise AssertionError(f"the gateway ended with {code}: {log.read().decode()}")
            try:
                yield json.loads(ready)["url"], json.loads(ready)["key"]
            finally:
                program.stdin.close()
                program.wait()
                log.seek(0)
                secrets.hear("a log line of a gateway", [log.read()])
