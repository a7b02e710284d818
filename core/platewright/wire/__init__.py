"""How one worker process is started, spoken with, watched and ended. Standard library only.

    lines    bytes <-> messages, and what is refused
    child    the process: command, environment, log, group, exit codes
    link     the two threads that speak with it
    service  the watch over it: hello, beats, patience, verdict
"""
