"""Answers leave in one write each, in a row at the end of the loop's turn."""

import asyncio
from typing import Any

from infra.joined_writes import HELD_BYTES_MAX, TOGETHER, JoinedWrites, Sending


class Socket(asyncio.Transport):
    """Notes what was written to it in a list that it may share with others."""

    def __init__(self, name: str, sent: list[tuple[str, bytes]]) -> None:
        super().__init__()
        self._name = name
        self._sent = sent
        self.closed = False

    def write(self, data: Any) -> None:
        assert not self.closed
        self._sent.append((self._name, data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


Sent = list[tuple[str, bytes]]


def connected(count: int) -> tuple[list[JoinedWrites], list[Socket], Sent]:
    """Connections of one server, their sockets, and what is sent on these."""
    sent: Sent = []
    sockets = [Socket(str(number), sent) for number in range(count)]
    sending = Sending()
    return [JoinedWrites(socket, sending) for socket in sockets], sockets, sent


def answer(connection: JoinedWrites) -> None:
    connection.write(b"head ")
    connection.write(b"body")


async def test_an_answer_leaves_in_one_write_when_its_turn_is_over() -> None:
    (one,), _, sent = connected(1)

    answer(one)
    during = list(sent)
    await asyncio.sleep(0)

    assert (during, sent) == ([], [("0", b"head body")])


async def test_answers_of_one_turn_leave_in_their_order_some_at_a_time() -> None:
    connections, _, sent = connected(2 * TOGETHER + 1)

    counts = []
    for one in connections:
        answer(one)
        counts.append(len(sent))
    await asyncio.sleep(0)

    assert counts == [0] * TOGETHER + [TOGETHER] * TOGETHER + [2 * TOGETHER]
    assert sent == [(str(number), b"head body") for number in range(len(connections))]


async def test_a_turn_after_a_full_one_is_sent_too() -> None:
    connections, _, sent = connected(TOGETHER + 1)
    for one in connections:
        answer(one)
    await asyncio.sleep(0)
    sent.clear()

    answer(connections[0])
    await asyncio.sleep(0)

    assert sent == [("0", b"head body")]


async def test_of_a_long_body_in_parts_only_some_is_held() -> None:
    (one,), _, sent = connected(1)
    part = b"x" * (HELD_BYTES_MAX // 4)

    for _ in range(6):
        one.write(part)
    during = [len(data) for _, data in sent]
    await asyncio.sleep(0)

    assert during == [5 * len(part)]
    assert b"".join(data for _, data in sent) == 6 * part


async def test_the_others_are_sent_where_a_client_has_gone() -> None:
    (gone, there), (socket, _), sent = connected(2)
    answer(gone)
    answer(there)
    socket.closed = True

    await asyncio.sleep(0)

    assert sent == [("1", b"head body")]


async def test_what_is_held_is_sent_before_it_closes() -> None:
    (one,), (socket,), sent = connected(1)

    answer(one)
    one.close()

    assert (sent, socket.closed) == ([("0", b"head body")], True)
    await asyncio.sleep(0)
    assert len(sent) == 1
