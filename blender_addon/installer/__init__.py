"""Making the worker's environment: a program of its own, outside Blender, in any Python from 3.11, needing nothing.

    python -I blender_addon/installer install --help

A runtime is a folder below `<cache>/runtimes`. It is made as `*.staging`, from wheels of which each has the hash that
a lock in `locks/` names; it becomes a runtime by one rename, after `platewright doctor` was content inside it. So there
is a whole one or none, whatever is killed when. Wheels that have arrived stay until then: who begins again goes on.

    main            the command line: one line of JSON for each thing that happens
    install         the story
    bundle          the same wheels in a folder, for machines without a network
    fetch           wheels arriving, batch after batch
    pip             pip as a child process, and what its failures mean
    salvage         packages of another runtime that are whole are linked, not fetched
    places          where runtimes are, what is in them, who may work on them
    machine         which lock suits this machine, which Python can make an environment
    locks           reading a lock
    trouble         what can go wrong

Nothing here says `bpy` or imports anything of Platewright's core, and nothing opens a connection: pip does.
"""
