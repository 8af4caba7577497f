"""Become another program: one that ends with its parent, as an unprivileged user if asked.

    python -I -S launch.py PARENT_PID DEATH_SIGNAL IDENTITY [PROGRAM [ARGUMENT ...]]

A program of its own instead of a `preexec_fn`, which is unsafe in a process with threads. The pid
stays the same. IDENTITY is one of:

same    nothing changes
setuid  root becomes nobody, but keeps CAP_DAC_OVERRIDE, so that a data folder below /root stays
        reachable without opening it to anyone
userns  a user namespace in which we are called nobody: for containers whose root may not change
        its uid, and for uids without a passwd entry, which initdb refuses
"""

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_SET_SECUREBITS = 1, 8, 28
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
SECBIT_NO_SETUID_FIXUP = 4  # else access(2) would ignore the capability
CAP_DAC_OVERRIDE = 1
LINUX_CAPABILITY_VERSION_3 = 0x20080522
CLONE_NEWUSER = 0x10000000

ON_LINUX = sys.platform.startswith("linux")


def unprivileged_user() -> pwd.struct_passwd:
    """Nobody, or whoever comes first after root: initdb needs a user with a name."""
    users = sorted(pwd.getpwall(), key=lambda user: (user.pw_name != "nobody", user.pw_uid))
    for user in users:
        if user.pw_uid:
            return user
    raise OSError("this system has no user but root")


def become_nobody() -> None:
    user = unprivileged_user()
    libc = ctypes.CDLL(None, use_errno=True)
    if ON_LINUX:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
        libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    if ON_LINUX:
        _keep_only(libc, CAP_DAC_OVERRIDE)


def _keep_only(libc: ctypes.CDLL, capability: int) -> None:
    mask = 1 << capability
    header = (ctypes.c_uint32 * 2)(LINUX_CAPABILITY_VERSION_3, 0)
    # Effective, permitted, inheritable; then the same for the upper 32 capabilities.
    sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "the capability is denied to us")
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def enter_user_namespace() -> None:
    user = unprivileged_user()
    uid, gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "no user namespace")
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{user.pw_uid} {uid} 1"),
        ("gid_map", f"{user.pw_gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write(line)


def end_with_parent(parent: int, death_signal: int) -> None:
    if not ON_LINUX:
        return  # the keeper alone does it there
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)  # it died before we could ask to be told


def main() -> None:
    parent, death_signal, identity, *command = sys.argv[1:]
    if identity == "setuid":
        become_nobody()
    elif identity == "userns":
        enter_user_namespace()
    if identity != "same":
        os.umask(0o077)
    # Last, because a change of identity clears it.
    end_with_parent(int(parent), int(death_signal))
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if command:
        os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()
