"""Probes for the kernel's own code: what is not asked cannot be broken."""

import mmap

PAGE = ctypes.create_string_buffer(4096)


@probe
def mount():
    raw(165, b"none", b"/tmp", b"tmpfs", 0, None)
    return "mounted a file system"


@probe
def new_mount_interface():
    # open_tree, which needs no privilege; fsopen; move_mount.
    return first([lambda: surface(428, -100, b"/", 0), lambda: surface(430, None, 0), lambda: surface(429, -1, b"", -1, b"", 0)], "refused")


@probe
def unshare_namespaces():
    raw(272, 0x10000000)
    return "made a user namespace"


@probe
def clone_into_namespaces():
    # CLONE_NEWUSER | CLONE_FS, which the kernel refuses as a contradiction.
    return surface(56, 0x10000000 | 0x200 | 17, 0, 0, 0, 0)


@probe
def clone3():
    return surface(435, None, 0)


@probe
def enter_namespaces():
    return surface(308, -1, 0)


@probe
def bpf():
    return surface(321, 9999, PAGE, 8)


@probe
def io_uring():
    return surface(425, 8, None)


@probe
def keyrings():
    return first([lambda: surface(250, 0, -3, 0), lambda: surface(248, b"user", b"zona", b"x", 1, -3)], "refused")


@probe
def perf_events():
    return surface(298, None, 0, -1, -1, 0)


@probe
def userfaultfd():
    return surface(323, 1)


@probe
def anonymous_files():
    return surface(319, b"zona", 0)


@probe
def shared_memory_segments():
    return surface(29, 0, 4096, 0o1600)


@probe
def message_queues():
    return surface(240, b"zona", 0o102, 0o600, None)


@probe
def kernel_timers():
    return surface(222, 0, None, None)


@probe
def splice():
    return surface(278, -1, None, 0, 0)


@probe
def personality():
    return surface(135, -1)


@probe
def segment_descriptors():
    return surface(154, 0, PAGE, 16)


@probe
def process_attributes():
    # PR_GET_DUMPABLE
    return surface(157, 3, 0, 0, 0, 0)


@probe
def more_filters():
    return surface(317, 99, 0, None)


@probe
def pipe_sizes():
    # F_SETPIPE_SZ on stdout, which is a pipe: its pages count against a whole user.
    return surface(72, 1, 1031, 65536)


@probe
def terminal_input():
    # TIOCSTI
    return surface(16, 0, 0x5412, PAGE)


@probe
def kernel_modules():
    # finit_module, init_module, delete_module
    return first([lambda: surface(313, -1, b"", 0), lambda: surface(175, None, 0, b""), lambda: surface(176, b"zona", 0)], "refused")


@probe
def another_kernel():
    # kexec_load with a flag that there is not: without a segment it would put away a kernel that was loaded.
    return surface(246, 0, 0, None, 0x4000)


@probe
def reboot():
    # With wrong magic numbers, which is asked about after the capability.
    return surface(169, 0, 0, 0, None)


@probe
def host_name():
    raw(170, b"zona-probe", 10)
    return "changed the host name"


@probe
def kernel_log():
    return surface(103, 99, PAGE, 16)


@probe
def call_through_x32():
    # getpid with the bit of the x32 ABI: a filter that looks at plain numbers lets it through.
    return "survived: " + surface_or_error(0x40000000 + 39)


@probe
def call_through_the_32_bit_gate():
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    # mov eax, 20 (getpid); int 0x80; ret
    page.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return "survived: %d" % ctypes.CFUNCTYPE(ctypes.c_int)(address)()


def surface_or_error(number):
    try:
        return str(raw(number))
    except OSError as error:
        return str(error)


@probe
def flush_to_disk():
    # fsync, fdatasync
    return first([lambda: unmade(74, -1), lambda: unmade(75, -1)], "nothing is flushed")


@probe
def flush_ranges():
    # sync_file_range, syncfs
    return first([lambda: surface(277, -1, 0, 0, 0), lambda: surface(306, -1)], "refused")


@probe
def flush_mappings():
    # msync of an address that is no page's.
    return unmade(26, 1, 0, 0)


@probe
def cache_advice():
    # fadvise64 with POSIX_FADV_DONTNEED, readahead
    return first([lambda: unmade(221, -1, 0, 0, 4), lambda: surface(187, -1, 0, 0)], "advice is not passed on")


@probe
def cached_pages():
    # mincore, cachestat
    return first([lambda: surface(27, 1, 1, None), lambda: surface(451, -1, None, None, 0)], "what is cached cannot be asked")


@probe
def reads_without_waiting():
    # preadv2 with RWF_NOWAIT, which fails where a page is not cached.
    return surface(327, -1, None, 0, 0, 0, 8)


@probe
def synchronous_writes():
    # pwritev2 with RWF_SYNC
    return surface(328, -1, None, 0, 0, 0, 4)


def futex(operation):
    word = ctypes.c_uint32(0)
    other = ctypes.c_uint32(0)
    return surface(202, ctypes.addressof(word), operation, 0, None, ctypes.addressof(other), 0)


@probe
def shared_futexes():
    # FUTEX_WAKE, FUTEX_WAKE_BITSET without bits: a wake reaches whoever maps the same page of a file.
    return first([lambda: futex(1), lambda: futex(10)], "only a program's own locks")


@probe
def priority_inheritance():
    # FUTEX_TRYLOCK_PI, for all and private.
    return first([lambda: futex(8), lambda: futex(8 | 128)], "refused")


@probe
def requeued_waiters():
    # FUTEX_REQUEUE, for all and private.
    return first([lambda: futex(3), lambda: futex(3 | 128)], "refused")


@probe
def urgent_data():
    # recvfrom and sendto with MSG_OOB
    return first([lambda: surface(45, -1, PAGE, 1, 1, None), lambda: surface(44, -1, PAGE, 1, 1, None)], "refused")


@probe
def error_queues():
    # recvfrom with MSG_ERRQUEUE
    return surface(45, -1, PAGE, 1, 0x2000, None)


@probe
def pages_sent_in_place():
    # sendto with MSG_ZEROCOPY
    return surface(44, -1, PAGE, 1, 0x4000000, None)


@probe
def peer_descriptors():
    # getsockopt with SO_PEERPIDFD, SO_PEERCRED
    return first([lambda: surface(55, -1, 1, 77, PAGE, PAGE), lambda: surface(55, -1, 1, 17, PAGE, PAGE)], "a socket tells of itself alone")


def advised(advice):
    with mmap.mmap(-1, mmap.PAGESIZE) as page:
        held = ctypes.c_char.from_buffer(page)
        address = ctypes.addressof(held)
        try:
            return surface(28, address, mmap.PAGESIZE, advice)
        finally:
            del held


@probe
def merged_pages():
    # MADV_MERGEABLE: how long a write takes then tells whether another program has the same page.
    return advised(12)


@probe
def paged_out_memory():
    # MADV_PAGEOUT
    return advised(21)


@probe
def processor_state():
    # arch_prctl with ARCH_GET_FS, ARCH_GET_CPUID
    return first([lambda: surface(158, 0x1003, PAGE), lambda: surface(158, 0x1011, 0)], "refused")


@probe
def memory_barriers():
    # membarrier with MEMBARRIER_CMD_QUERY; others of its commands interrupt every processor.
    return surface(324, 0, 0)


@probe
def thread_registration():
    # set_robust_list and rseq, with lengths that neither has: the kernel walks both when a process ends.
    return first([lambda: surface(273, 0, 0), lambda: surface(334, None, 0, 0, 0)], "refused")
