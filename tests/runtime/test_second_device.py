"""Every golden program keeps to the device that it is moved to, and its visits never wait for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from emitted import PROCESSES

TESTS = Path(__file__).resolve().parents[1]
PARTS = 3
ENDS_ON_CONVERGENCE = "loops_drawn: a visit reads the device: aten::_local_scalar_dense\n"


def found(*cases):
    """What the cases say that do not keep to it; in a process of its own, since a device is of the whole process."""
    path = os.pathsep.join([str(TESTS), *sys.path])
    done = subprocess.run(
        [sys.executable, TESTS / "second_device.py", *cases],
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("part", range(PARTS))
def test_programs_keep_to_their_device_and_visits_do_not_read_it(part):
    cases = [case for case in PROCESSES[part::PARTS] if case != "loops_drawn"]
    assert found(*cases) == ""


def test_a_loop_that_ends_on_convergence_reads_the_device():
    """That a read is noticed; this one is meant (`until`), and `--capture` refuses it."""
    assert found("loops_drawn") == ENDS_ON_CONVERGENCE
