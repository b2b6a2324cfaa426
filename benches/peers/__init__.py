"""What a listener and a join cost a server's CPU and memory: spacescore beside Janus and aiortc.

Every server is a process of its own at one end of a virtual cable (`ground`), fed with the same
Opus packets of 20 ms and listened to by the same virtual listeners at the other end. The machine
is shared, so peers take turns, in several rounds; a ratio is of one round's figures, and what is
shown is the median of the rounds with their least and greatest. CPU is the process' own time in
user mode and kernel, less what it takes idle; on loopback, where no cable can be laid, that
includes what the kernel does to deliver a datagram.

A room has costs of its own, here a decoder, a mixer and an encoder, so the figure per listener
falls with their number. The fair one to compare is what one more listener costs: the slope
between two sizes. Both are shown.

    make bench-peers
"""
