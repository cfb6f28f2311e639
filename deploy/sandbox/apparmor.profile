# AppArmor profile of a sandbox's container, for hosts whose docker-default profile denies mounts, or that strip user namespaces of
# their rights. Load it on the Docker daemon's host with `apparmor_parser -r apparmor.profile`, and name it in the server's
# configuration: sandbox.apparmor = "zona-sandbox". AppArmor 3 knows neither of the two lines marked so: take them out there.
#
# Tests parse it and see that containers ask for it. No host with AppArmor has enforced it yet: run `zona doctor --attack` there
# before you rely on it.
#
# The agent builds the sandbox's root by mounting, inside a user namespace of its own; that is what this profile allows beyond
# docker-default. What user code may do is decided by the seal (namespaces, no capabilities, system call filter), not here.
abi <abi/4.0>, # AppArmor 4
include <tunables/global>

profile zona-sandbox flags=(attach_disconnected,mediate_deleted) {
  include <abstractions/base>

  userns, # AppArmor 4
  mount,
  umount,
  pivot_root,
  file,
  unix,
  signal (send, receive) peer=zona-sandbox,

  # Only effective inside the sandbox's own user namespace: the container itself holds no capability.
  capability sys_admin,
  capability setpcap,
  capability net_admin,
  capability sys_resource,

  # No address family of a network is ever needed.
  deny network inet,
  deny network inet6,
  deny network netlink,
  deny network packet,
  deny network vsock,

  # Where sandbox.children = "restored", the agent has to trace its own children: exchange the line below for
  #   ptrace (trace, read, tracedby, readby) peer=zona-sandbox,
  # As it is, each process runs one program.
  deny ptrace,
  deny @{PROC}/sys/** w,
  deny @{PROC}/sysrq-trigger rwklx,
  deny @{PROC}/kcore rwklx,
  deny /sys/** wklx,
}
