#!/bin/bash
# Builds the base of all runtime images: Python with its whole standard library, the C libraries it loads, and nothing else.
# deploy/runtimes/build.py makes the images of runtimes from it, that of `python` included.
#
# Made of Debian packages only (debootstrap, signatures checked), so it needs no container registry. The tree that is imported
# holds no shell, no package manager, no setuid file and no account but root and nobody.
#
# Usage: build-image.sh [--force] [--print-hash]
#   --force       builds even when an image with the same build hash is there
#   --print-hash  prints the build hash and stops
#
# Environment:
#   ZONA_BASE_IMAGE  name of the image                   (zona/runtime-base:3.11)
#   ZONA_CACHE_DIR   where downloaded packages are kept  (~/.cache/zona)
#   DEBIAN_MIRROR    archive                             (http://deb.debian.org/debian)
#   DEBIAN_SECURITY  security archive; empty skips it    (http://deb.debian.org/debian-security)
#
# Labels: zona.build (hash of this script and the probe), zona.layout (what a sandbox root holds, as JSON),
#         zona.python (major.minor.micro), zona.packages (Debian packages and versions, as JSON).
set -euo pipefail
export LC_ALL=C

readonly SUITE=bookworm
readonly PYTHON=/usr/bin/python3.11
readonly IMAGE="${ZONA_BASE_IMAGE:-zona/runtime-base:3.11}"
readonly CACHE="${ZONA_CACHE_DIR:-${HOME:-/root}/.cache/zona}"
readonly MIRROR="${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
readonly SECURITY="${DEBIAN_SECURITY-http://deb.debian.org/debian-security}"
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
readonly HERE
readonly PROBE="$HERE/../../crates/sandbox-protocol/src/probe_layout.py"

say() { printf 'build-image: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

build_hash() { cat "${BASH_SOURCE[0]}" "$PROBE" | sha256sum | cut -c1-32; }

label_of() { docker image inspect --format "{{index .Config.Labels \"$2\"}}" "$1" 2>/dev/null || true; }

# The packages, with Debian's security updates on top.
bootstrap() {
  local root="$1"
  mkdir -p "$CACHE/debs"
  say "bootstrapping $SUITE from $MIRROR"
  debootstrap --variant=minbase --include=python3,tzdata --cache-dir="$CACHE/debs" "$SUITE" "$root" "$MIRROR" \
    >"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; die "debootstrap failed"; }
  [ -n "$SECURITY" ] || return 0
  say "applying updates from $SECURITY"
  printf 'deb %s %s main\ndeb %s %s-security main\n' "$MIRROR" "$SUITE" "$SECURITY" "$SUITE" >"$root/etc/apt/sources.list"
  DEBIAN_FRONTEND=noninteractive chroot "$root" sh -c 'apt-get -qq update && apt-get -qqy upgrade' \
    >>"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; die "the security updates failed; DEBIAN_SECURITY= skips them"; }
}

# Copies the files of python3, tzdata and what they need from the bootstrapped system to a tree of their own. Runs with the
# bootstrapped interpreter, inside its root.
collect() {
  chroot "$1" "$PYTHON" -I - "$2" <<'PYTHON'
import json, os, re, shutil, stat, subprocess, sys

target = sys.argv[1]
# Needed to install a package, not to run Python; nothing is followed through them.
INSTALLERS = {"dpkg", "debconf", "debconf-2.0", "install-info", "perl-base", "libc-bin", "ucf"}
UNWANTED = re.compile(r"^/usr/share/(doc|man|info|lintian|locale|bug|pixmaps|applications|binfmts|python3/runtime\.d)(/|$)"
                      r"|^/usr/s?bin/(?!python3)|^/s?bin/|^/etc/|^/var/|/__pycache__(/|$)")

packages = {}
for block in open("/var/lib/dpkg/status", encoding="utf-8").read().split("\n\n"):
    fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", block, re.M))
    if fields.get("Status", "").endswith(" installed"):
        packages[fields["Package"]] = fields

wanted, pending = {}, ["python3", "tzdata"]
while pending:
    name = pending.pop()
    if name in wanted or name in INSTALLERS or name not in packages:
        continue
    fields = packages[name]
    wanted[name] = fields["Version"]
    for relation in ", ".join(filter(None, [fields.get("Pre-Depends"), fields.get("Depends")])).split(","):
        pending += [re.split(r"[ (:]", choice.strip())[0] for choice in relation.split("|")]

def place(path):
    # /lib and /lib64 are links to /usr: what lies behind a linked directory is stored where it really is.
    real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    copy = target + real
    if os.path.lexists(copy):
        return
    mode = os.lstat(path).st_mode
    if stat.S_ISDIR(mode):
        os.makedirs(copy, exist_ok=True)
    elif stat.S_ISLNK(mode) or stat.S_ISREG(mode):
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        shutil.copy2(path, copy, follow_symlinks=False)
        if stat.S_ISREG(mode):
            os.chmod(copy, stat.S_IMODE(mode) & 0o755)

for name in wanted:
    for path in subprocess.run(["dpkg-query", "-L", name], check=True, capture_output=True, text=True).stdout.splitlines():
        if path.startswith("/") and path != "/." and os.path.lexists(path) and not UNWANTED.search(path):
            place(path)
for link in ("lib", "lib64"):
    if not os.path.lexists(os.path.join(target, link)):
        os.symlink("usr/" + link, os.path.join(target, link))
with open(os.path.join(target, ".packages"), "w") as out:
    json.dump(dict(sorted(wanted.items())), out, separators=(",", ":"))
PYTHON
}

# Accounts, mount points and byte code. Byte code is `unchecked-hash`: no source is looked at or compared when a module loads.
finish() {
  local root="$1" tree="$2"
  mkdir -p "$tree"/{dev,etc,proc,run,sys,tmp}
  chmod 1777 "$tree/tmp"
  printf 'root:x:0:0:root:/:/nonexistent\nnobody:x:65534:65534:nobody:/nonexistent:/nonexistent\n' >"$tree/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$tree/etc/group"
  printf 'passwd: files\ngroup: files\nhosts: files\n' >"$tree/etc/nsswitch.conf"
  chroot "$root" "$PYTHON" -I -m compileall -q -j 2 --invalidation-mode unchecked-hash \
    -s /tree -p / /tree/usr/lib/python3.11 /tree/usr/lib/python3 >&2
  local leaks
  leaks="$(find "$tree" -xdev \( -perm /6000 -o \( -type f -perm /022 \) \) -print)"
  [ -z "$leaks" ] || die "setuid or writable files: $leaks"
}

import_tree() { # TREE, then arguments of `docker import`
  local tree="$1"; shift
  tar -C "$tree" --exclude=./.packages --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -c . | docker import "$@"
}

main() {
  local force=no
  for argument in "$@"; do
    case "$argument" in
      --force) force=yes ;;
      --print-hash) build_hash; return ;;
      *) die "unknown argument: $argument" ;;
    esac
  done
  [ -r "$PROBE" ] || die "missing $PROBE"
  mkdir -p "$CACHE"
  exec 9>"$CACHE/image.lock"
  flock 9
  local hash
  hash="$(build_hash)"
  if [ "$force" = no ] && [ "$(label_of "$IMAGE" zona.build)" = "$hash" ]; then
    say "$IMAGE is up to date ($hash)"
    return
  fi
  [ "$(id -u)" = 0 ] || die "needs root: debootstrap makes a root file system"
  command -v debootstrap >/dev/null || die "needs debootstrap: apt-get install debootstrap"

  WORK="$(mktemp -d "${TMPDIR:-/var/tmp}/zona-image.XXXXXX")"
  trap 'rm -rf "$WORK"; [ -z "${DRAFT:-}" ] || docker image rm -f "$DRAFT" >/dev/null 2>&1 || true' EXIT
  local root="$WORK/system" tree="$WORK/system/tree"
  mkdir -p "$root"
  bootstrap "$root"
  mkdir -p "$tree"
  collect "$root" /tree
  finish "$root" "$tree"

  say "asking the interpreter where it lies"
  DRAFT="$(import_tree "$tree" -)"
  local run=(docker run --rm -i --network none --read-only --cap-drop ALL --security-opt no-new-privileges --user 65534:65534 "$DRAFT" "$PYTHON" -I)
  local layout version packages
  layout="$("${run[@]}" - <"$PROBE")"
  version="$("${run[@]}" -c 'import platform; print(platform.python_version())')"
  "${run[@]}" -c 'import asyncio, bz2, ctypes, decimal, hashlib, json, lzma, sqlite3, ssl, uuid, xml.etree.ElementTree, zlib, zoneinfo; zoneinfo.ZoneInfo("Europe/Vienna")'
  packages="$(cat "$tree/.packages")"
  local previous
  previous="$(docker image inspect --format '{{.Id}}' "$IMAGE" 2>/dev/null || true)"
  case "$layout$packages" in *\'*) die "a quote in the layout or the packages: $layout $packages" ;; esac

  import_tree "$tree" \
    --change "LABEL zona.build=$hash" \
    --change "LABEL zona.python=$version" \
    --change "LABEL zona.layout='$layout'" \
    --change "LABEL zona.packages='$packages'" \
    --change 'ENV LANG=C.UTF-8' \
    --change 'USER 65534:65534' \
    --change "ENTRYPOINT [\"$PYTHON\", \"-I\"]" \
    --message "zona runtime $version" - "$IMAGE" >/dev/null
  # The image that lost its name goes, unless a container still uses it.
  if [ -n "$previous" ] && [ "$previous" != "$(docker image inspect --format '{{.Id}}' "$IMAGE")" ]; then
    docker image rm "$previous" >/dev/null 2>&1 || true
  fi
  say "$IMAGE: Python $version, $(du -sm "$tree" | cut -f1) MiB, build $hash"
}

main "$@"
