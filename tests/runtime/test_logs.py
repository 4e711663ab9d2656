"""What a run writes down while it trains, where that cannot be written."""

import errno
import threading
import time

import pytest
from tensorboard.summary.writer.record_writer import RecordWriter

from gencc.runtime.errors import UserError
from gencc.runtime.training.logs import Log


def test_a_disk_without_room_for_curves_ends_in_words_alone(tmp_path, monkeypatch):
    heard = []
    monkeypatch.setattr(threading, "excepthook", heard.append)
    log = Log(tmp_path, 10, 0, True)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RecordWriter, "write", full)
    monkeypatch.setattr(RecordWriter, "flush", full)
    with pytest.raises(
        UserError, match=r"the log cannot be written \(No space left on device\); the checkpoints"
    ):
        for step in range(1000):
            log.write("train", step, {"x": 1.0})
            time.sleep(0.01)
    assert not heard
    other = threading.Thread(target=full)
    other.start()
    other.join()
    assert [failure.thread for failure in heard] == [other]
    log.close()
    assert threading.excepthook == heard.append
