"""A clock for tests, in seconds: it stands still unless it is told to go on."""


class Clock:
    """To be given where `time.monotonic` would be; `now` is what it shows."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
