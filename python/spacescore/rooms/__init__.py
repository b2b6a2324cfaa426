"""The rules of a space: commands in, facts out, and the state as a fold over the facts.

    facts = decide(room, command, by, now)   # refuses, or says what is to be written down
    room = room.after(fact, at)              # what is written down has happened

`commands` are what people ask for, `facts` what has happened, `room` what follows from the
facts, `rules` who is granted what, `standing` who they are, `passing` what time does. Nothing here
waits, draws a number or looks at a clock, and nothing assumes one process: two that decide at once
on the same version both come to an answer, and the store takes one of them. The other reads on, and
decides again.
"""
