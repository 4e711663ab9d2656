"""The command, and programs that it emitted, each started in a process of its own as its users start it."""

import subprocess
import sys


def gencc(*arguments, cwd, **options):
    """The finished process of ``gencc ARGUMENTS``."""
    command = [sys.executable, "-m", "gencc.compiler.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, **options)


def program(path, *arguments, status=0, cwd=None, timeout=180):
    """The finished process of an emitted program on one thread; fails unless it ends with ``status``."""
    command = [sys.executable, str(path), "--threads", "1", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == status, done.stderr
    return done
