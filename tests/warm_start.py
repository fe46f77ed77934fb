"""Runs `seqmap …` and `python -c …` in forks of one warm process: importing torch takes seconds.

    warm_start.py SOCKET                  serves
    warm_start.py SOCKET seqmap …         runs the command there, with this terminal and folder
    warm_start.py SOCKET python CODE

Only the tests of the documentation use it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path


def serve(place: str) -> None:
    """Answer each connection by a fork that has everything imported."""
    import sklearn.linear_model  # noqa: F401

    import seqmap.commands.evaluate
    import seqmap.commands.train
    import seqmap.estimators  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(place + ".new")
        door.listen()
        os.rename(place + ".new", place)
        while True:
            line, _ = door.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                door.close()
                answer(line)
            line.close()


def answer(line: socket.socket) -> None:
    """Take over the caller's folder, environment and files, run, and send the exit code back."""
    text, files, _, _ = socket.recv_fds(line, 1 << 20, 3)
    request = json.loads(text)
    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    code = 1
    try:
        code = run(request["arguments"])
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        line.sendall(bytes([code]))
        os._exit(0)


def run(arguments: list[str]) -> int:
    """Run the command line or a piece of Python."""
    if arguments[0] == "python":
        import warnings

        warnings.simplefilter("error")
        exec(compile(arguments[1], "<docs>", "exec"), {"__name__": "__main__"})
        return 0
    from seqmap.cli import main

    sys.argv = arguments
    main()
    return 0


def call(place: str, arguments: list[str]) -> int:
    """Have a command run by the server."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(place)
        request = {
            "folder": str(Path.cwd()),
            "environment": dict(os.environ),
            "arguments": arguments,
        }
        socket.send_fds(line, [json.dumps(request).encode()], [0, 1, 2])
        code = line.recv(1)
    return code[0] if code else 1


if __name__ == "__main__":
    if len(sys.argv) == 2:
        serve(sys.argv[1])
    sys.exit(call(sys.argv[1], sys.argv[2:]))
