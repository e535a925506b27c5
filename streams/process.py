"""What a process is called where it has partitions of the log: to people, and to the brokers."""

import os
import platform


def this_process() -> str:
    """Host and process id."""
    return f"{platform.node()}:{os.getpid()}"
