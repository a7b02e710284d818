"""A worker that misbehaves on request. Standard library only, and nothing of ours: an independent witness of the wire.

    fake_worker.py SCRIPT CORE_PATH HOST_PID LOG_PATH

SCRIPT, and the prompt of every job, are words of this language, done in order. Without a script: `hello`.

    hello  hello=PROTO          say hello (protocol 1, or PROTO)
    delay=SECONDS               wait, heart beating
    freeze=SECONDS              wait without a beat, as if a library held the interpreter
    stage=NAME  progress=N      N of N, one message each
    frame=NUMBER                a frame in the job's folder;  frame-at=PATH  one elsewhere
    say=JSON                    any line (no spaces);  flood=N  N warnings of a job nobody knows
    junk=N                      N lines of rubbish;  cut  half a line;  bigline=BYTES  a line that does not end in time
    die=CODE                    exit, or by signal when negative;  stop  SIGSTOP;  mute  close stdout and live on
    deaf                        stop reading stdin;  ignore-cancel;  ignore-term
    obey                        wait until cancelled, then say so
    grandchild                  start a process that sleeps; its pid comes as the warning W_PID
    shout=BYTES                 that much on stderr
    assert=NAME                 die with code 1 if this variable is in the environment
    done  done=TIMES            finished;  oom  failed for want of memory, then exit 12
    first=WORD                  do that word (`oom`, `die:12`) in a job's first try, nothing when it is resumed
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from typing import Any

BEAT_SECONDS = 0.05


class Fake:
    def __init__(self) -> None:
        self.job = ""
        self.is_resumed = False
        self.out = ""
        self.orders: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.cancelled: set[str] = set()
        self.is_deaf = self.ignores_cancel = self.is_frozen = False

    def say(self, what: str, **fields: Any) -> None:
        self.write(json.dumps({"say": what, **fields}).encode() + b"\n")

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(1, data) :]

    def listen(self) -> None:
        buffered = b""
        while chunk := os.read(0, 65536):
            while self.is_deaf:
                time.sleep(0.05)
            *lines, buffered = (buffered + chunk).split(b"\n")
            for line in lines:
                order = json.loads(line)
                if order["verb"] == "cancel":
                    self.cancelled.add(order["job"])
                elif order["verb"] == "exit":
                    os._exit(0)
                else:
                    self.orders.put(order)
        os._exit(3)

    def beat(self) -> None:
        for number in range(1, 10**9):
            time.sleep(BEAT_SECONDS)
            if not self.is_frozen:
                self.say("beat", beat=number)

    def serve(self) -> None:
        while True:
            order = self.orders.get()
            with open(order["job_path"], encoding="utf-8") as file:
                job = json.load(file)
            self.job, self.out, self.is_resumed = order["job"], job["out"], order["resume"]
            self.act(job["request"]["prompt"])

    def act(self, script: str) -> None:
        for word in script.split():
            name, _, value = word.partition("=")
            if self.job in self.cancelled and not self.ignores_cancel:
                self.fail("E_CANCELLED", 130)
                return
            getattr(self, "do_" + name.replace("-", "_"))(value)

    def fail(self, code: str, exit_code: int) -> None:
        self.say("failed", job=self.job, code=code, message=code, hint="", exit_code=exit_code)

    # The language ---------------------------------------------------------------------------------

    def do_hello(self, proto: str) -> None:
        self.say("hello", protocol=int(proto or 1), core="fake", pid=os.getpid())
        threading.Thread(target=self.beat, daemon=True).start()
        threading.Thread(target=self.listen, daemon=True).start()

    def do_delay(self, seconds: str) -> None:
        time.sleep(float(seconds))

    def do_freeze(self, seconds: str) -> None:
        self.is_frozen = True
        time.sleep(float(seconds))
        self.is_frozen = False

    def do_stage(self, name: str) -> None:
        self.say("stage", job=self.job, stage=name, detail="")

    def do_progress(self, total: str) -> None:
        for done in range(1, int(total) + 1):
            self.say("progress", job=self.job, stage="sampling", done=done, total=int(total))

    def do_frame(self, number: str) -> None:
        self.do_frame_at(os.path.join(self.out, "shot_v001", f"shot_v001.{number}.exr"), int(number))

    def do_frame_at(self, path: str, number: int = 1001) -> None:
        self.say("frame", job=self.job, frame=number, path=path, sha256="0" * 64)

    def do_say(self, line: str) -> None:
        self.write(line.replace("JOB", self.job).encode() + b"\n")

    def do_flood(self, count: str) -> None:
        for _ in range(int(count)):
            self.say("warned", job="nobody", code="W", message="")

    def do_junk(self, count: str) -> None:
        self.write(b"".join([b"\xff\xfe nonsense\n", b"[1]\n", b"{\n", b"\n"][i % 4] for i in range(int(count))))

    def do_cut(self, _: str) -> None:
        self.write(b'{"say": "finished", "job')

    def do_bigline(self, size: str) -> None:
        self.write(b"x" * int(size) + b"\n")

    def do_die(self, code: str) -> None:
        if int(code) < 0:
            os.kill(os.getpid(), -int(code))
            time.sleep(60)
        os._exit(int(code))

    def do_stop(self, _: str) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    def do_mute(self, _: str) -> None:
        os.close(1)
        self.is_frozen = True
        time.sleep(60)

    def do_deaf(self, _: str) -> None:
        self.is_deaf = True

    def do_ignore_cancel(self, _: str) -> None:
        self.ignores_cancel = True

    def do_ignore_term(self, _: str) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def do_obey(self, _: str) -> None:
        while self.job not in self.cancelled:
            time.sleep(0.005)
        self.fail("E_CANCELLED", 130)

    def do_grandchild(self, _: str) -> None:
        sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdin=subprocess.DEVNULL)
        self.say("warned", job=self.job, code="W_PID", message=str(sleeper.pid))

    def do_shout(self, size: str) -> None:
        for _ in range(int(size) // 1000):
            os.write(2, b"\xff\x00" + b"x" * 997 + b"\n")

    def do_assert(self, name: str) -> None:
        if name in os.environ:
            os._exit(1)

    def do_done(self, times: str) -> None:
        for _ in range(int(times or 1)):
            self.say("finished", job=self.job, answer={"plate": self.out})

    def do_first(self, word: str) -> None:
        if not self.is_resumed:
            self.act(word.replace(":", "="))

    def do_oom(self, _: str) -> None:
        self.fail("E_OOM", 4)
        os._exit(12)


if __name__ == "__main__":
    fake = Fake()
    fake.act(sys.argv[1] or "hello")
    fake.serve()
