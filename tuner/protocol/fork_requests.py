"""Requests to the process that forks workers, over a `SOCK_SEQPACKET` socket: one JSON object a packet.

From the coordinator: `{"id", "folder"}`, with three file descriptors that become the standard streams of a worker;
`{"kill": id}`.
To the coordinator: `{"id", "pid"}` when it is forked, `{"id", "exit_code"}` when it has ended, or could not be forked.
"""

from __future__ import annotations

PACKET_BYTES = 2**16
"""A longer packet is cut; the path of a folder has 4,096 bytes at most."""
STREAMS = 3
"""Standard input, output and error."""
