"""The host's end of the wire: one worker process, any number of jobs, nothing that blocks Blender.

Standard library only; runs inside Blender 4.2 to 5.2 and in any Python from 3.11.

How an add-on uses it::

    worker = client.Worker(python, core_path, log_dir)     # nothing runs yet; no thread, no process
    handle = worker.submit(job, folder)                    # main thread only: starts the process if there is none
    ...
    for event in worker.poll(0.005):                       # from a timer every 0.1 s while `worker.any_running`
        ...                                                # protocol events, progress already coalesced
    worker.cancel(handle.id)                               # show `handle.cancelling` at once
    worker.close()                                         # in unregister() and atexit

Without a timer (background mode, scripts) the same worker is pumped by the caller::

    ending = worker.wait(handle.id, on_event=print)        # Finished or Failed

`python`     the interpreter of the worker's own environment: a real one, not a script that wraps it.
`core_path`  what goes in front of that interpreter's `sys.path`: the core's wheel file as the extension ships it
             (`<extension>/wheels/platewright...whl`), or the `core` folder of a checkout. Never Blender's shared
             site-packages: other extensions' libraries live there.
`log_dir`    gets `worker-<pid of this process>.log`, the worker's stderr; a temporary folder if it cannot be written.
`environment` adds variables for the worker (`{"HF_HUB_OFFLINE": "1"}`); the rest is this process's own, scrubbed.

`Worker`
    start()                    start the process ahead of need, or again after trouble. Raises WorkerMissing.
    submit(job, folder, resume=False) -> JobHandle
                               writes `folder/job.json`, queues the job. Raises WorkerMissing (no such Python),
                               RequestError (the id is taken), OSError never: PlateError E_JOB_FOLDER instead.
    poll(seconds) -> [Event]   applies what arrived and returns it; never blocks and never raises. Restarts the worker
                               for queued jobs, at most three times a minute.
    cancel(job_id)             idempotent. Message, after 5 s SIGTERM to the process group, then SIGKILL.
    wait(job_id, timeout=None, on_event=None) -> Finished | Failed
                               pumps `poll` until the job ended. Raises WorkerError E_TIMEOUT.
    close()                    ends the process (and every running job as cancelled); takes at most 3 s, usually 0.1 s.
    jobs                       dict of id -> JobHandle, in order of submission.
    state                      "stopped", "starting", "idle", "busy", "not responding", "failed".
    failure                    the WorkerError behind "failed" (WorkerMismatch, WorkerDied, ...), else None.
    any_running                some job is queued or running.
    log_path, log_tail()       where stderr goes, and its last lines.
`JobHandle` (plain data for a panel; no bpy)
    id, job, folder, state     state: "queued", "running", "done", "failed", "cancelled", "lost".
    ended, cancelling          bools.
    stage, detail, done, total the latest progress; stage is one of protocol.Stage's.
    frames                     dict of frame number -> path of the frame under its final name.
    warnings                   list of Warned.
    answer                     the dict of Finished, or None.
    failure                    the Failed event (code, message, hint, exit_code), or None. A worker that died:
                               E_WORKER_DIED with the exit code in words; state "lost". Cancelled: E_CANCELLED.
`read_record(folder)`          what `state.json` says of a job, also after Blender crashed: a job whose host is gone
                               reads as "lost".
"""
