"""Probes for privileges: having some, or gaining some."""

INNER_ID = 1000
OVERFLOW_ID = 65534


@probe
def capabilities():
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()
    raw(125, header, sets)
    if not any(sets):
        raise Stopped("every set is empty")
    return "effective %#x, permitted %#x" % (sets[0], sets[1])


@probe
def raise_capabilities():
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)(1 << 21, 1 << 21)
    raw(126, header, sets)
    return "took CAP_SYS_ADMIN"


@probe
def gain_privileges():
    # PR_GET_NO_NEW_PRIVS
    if raw(157, 39, 0, 0, 0, 0) == 1:
        raise Stopped("no_new_privs is set")
    return "programs may grant privileges"


@probe
def become_root():
    return first([lambda: surface(105, 0), lambda: surface(117, 0, 0, 0), lambda: surface(113, 0, 0)], "refused")


@probe
def become_the_root_group():
    return first([lambda: surface(106, 0), lambda: surface(119, 0, 0, 0)], "refused")


@probe
def identity_of_the_host():
    if os.getuid() == os.geteuid() == INNER_ID and os.getgid() == INNER_ID:
        raise Stopped("user %d of a user namespace of its own" % INNER_ID)
    return "user %d, group %d" % (os.getuid(), os.getgid())


@probe
def groups_of_the_host():
    groups = set(os.getgroups()) - {INNER_ID}
    if not groups:
        raise Stopped("no supplementary group")
    return "groups %s" % sorted(groups)


@probe
def name_of_the_host():
    name = os.uname().nodename
    if name == "zona":
        raise Stopped("the host is called zona here")
    return "the host is called " + name
